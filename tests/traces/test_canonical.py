"""Canonical JSON: the same text that PostgreSQL's jsonb would print, whichever store the value came from."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traces.canonical import MAX_DIGITS, encode_canonical, plain_number

NUMBERS = ["1.50", "1e3", "-0.0", "-0.00", "1.50e1", "1.5e-3", "-1E2", "0e5", "100e-2", "0.10", "-0e1", "1e4299"]


@pytest.mark.parametrize(
    ("given_text", "plain"),
    [("1.50", "1.50"), ("1e3", "1000"), ("-0.0", "0.0"), ("1.5e-3", "0.0015"), ("-1E2", "-100"), ("0e5", "0")],
)
def test_a_number_is_written_in_plain_decimal_notation_with_its_digits(given_text: str, plain: str) -> None:
    assert bytes(plain_number(given_text)).decode() == plain


def test_numbers_are_written_as_jsonb_writes_them(postgres: str) -> None:
    with psycopg.connect(postgres) as connection:
        for text in NUMBERS:
            (printed,) = connection.execute("SELECT (%s::jsonb)::text", [text]).fetchone() or ("",)
            assert bytes(plain_number(text)).decode() == printed, text


@pytest.mark.parametrize(
    "text", [f"1e{MAX_DIGITS}", f"1e-{MAX_DIGITS}", "1e999999999999", f"0.{'1' * MAX_DIGITS}", f"-1e{MAX_DIGITS - 1}"]
)
def test_a_number_with_too_many_digits_is_refused_before_it_is_written_out(text: str) -> None:
    with pytest.raises(ValueError, match="more than 4300 digits"):
        plain_number(text)


@pytest.mark.parametrize("text", [f"1e{MAX_DIGITS - 1}", f"-1e{MAX_DIGITS - 2}", f"-0.{'1' * (MAX_DIGITS - 1)}"])
def test_the_longest_number_is_read_again(text: str) -> None:
    assert msgspec.json.Decoder(float_hook=Decimal).decode(plain_number(text)) == Decimal(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_a_plain_number_has_the_value_that_it_had(number: object) -> None:
    text = f"{number:e}"  # type: ignore[str-bytes-safe]
    assert Decimal(bytes(plain_number(text)).decode()) == Decimal(text)


def test_keys_are_sorted_and_only_what_must_be_is_escaped() -> None:
    value = msgspec.json.decode('{"b": 1, "a": "é \\u0001 / \\u2028 \\" ", "b": 2}')
    assert encode_canonical(value) == '{"a":"é \\u0001 / \u2028 \\" ","b":2}'.encode()


@pytest.mark.parametrize("integer", [2**53 + 1, 2**64, -(2**64) - 1, 10**400])
def test_integers_are_exact_at_any_size(integer: int) -> None:
    assert encode_canonical(msgspec.json.decode(str(integer))) == str(integer).encode()
