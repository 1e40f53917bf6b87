"""Ids: UUIDs with hyphens in lower case, whatever the store's own form."""

from __future__ import annotations

import pytest

from traces.ids import derived_id, is_id, normalise_id

PLAIN = "6f1d1c9a-54d5-5a0e-9d0b-0f2f6c2b7c11"


@pytest.mark.parametrize(
    "form", [PLAIN, PLAIN.replace("-", ""), PLAIN.upper(), f"{{{PLAIN}}}", f"urn:uuid:{PLAIN}", f" {PLAIN}\n"]
)
def test_every_common_form_of_a_uuid_becomes_one(form: str) -> None:
    assert normalise_id(form) == PLAIN
    assert is_id(normalise_id(form))


@pytest.mark.parametrize("text", ["", "7", "x" * 36, PLAIN[:-1], PLAIN + "0"])
def test_other_text_stays_as_it_is_and_is_no_id(text: str) -> None:
    assert normalise_id(text) == text
    assert not is_id(text)


def test_a_derived_id_follows_from_the_content_alone() -> None:
    # A literal: ids that were given once must never change.
    assert derived_id(b'{"a":1}') == "f1cf8802-2412-5f47-aa43-e40c7de6b3f0"
    assert derived_id(b'{"a":1}') != derived_id(b'{"a":2}')
