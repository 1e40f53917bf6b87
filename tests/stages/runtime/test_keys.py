"""128-bit keys: their order is that of the text that they stand for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stages.runtime.keys import halves, id_halves, id_text


def key(trace_id: str) -> tuple[int, int]:
    (high,), (low,) = id_halves([trace_id])
    return int(high), int(low)


@given(st.uuids(), st.uuids())
def test_an_id_comes_back_and_keeps_its_place(one: object, other: object) -> None:
    assert id_text(*key(str(one))) == str(one)
    assert (key(str(one)) < key(str(other))) == (str(one) < str(other))


def test_a_hash_is_cut_to_128_bits() -> None:
    high, low = halves(["0" * 15 + "1" + "f" * 16 + "9" * 32, "f" * 64])
    assert high.tolist() == [1, 2**64 - 1]
    assert low.tolist() == [2**64 - 1] * 2
