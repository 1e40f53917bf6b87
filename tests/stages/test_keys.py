"""128-bit keys: their order is that of the text that they stand for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stages.keys import halves, id_halves, id_text


@given(st.uuids(), st.uuids())
def test_an_id_comes_back_and_keeps_its_place(one: object, other: object) -> None:
    assert id_text(*id_halves(str(one))) == str(one)
    assert (id_halves(str(one)) < id_halves(str(other))) == (str(one) < str(other))


def test_a_hash_is_cut_to_128_bits() -> None:
    assert halves("0" * 15 + "1" + "f" * 16 + "9" * 32) == (1, 2**64 - 1)
