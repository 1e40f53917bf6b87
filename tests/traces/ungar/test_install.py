"""UNGAR is optional: where it is missing, one line says how to get it."""

from __future__ import annotations

import sys

import pytest

from traces.errors import TracesError
from traces.ungar.install import COMMIT, INSTALL, ungar_commit, ungar_version
from traces.ungar.play import load_spec


def test_missing_it_is_no_version_and_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ungar", None)
    assert ungar_version() is None
    with pytest.raises(TracesError) as refused:
        load_spec("gin_rummy")
    assert str(refused.value) == f"UNGAR is not installed; `{INSTALL}`"


def test_a_game_that_it_does_not_have_is_named() -> None:
    with pytest.raises(TracesError, match="game 'chess': not one of high_card_duel, spades_mini, gin_rummy"):
        load_spec("chess")


@pytest.mark.ungar
def test_the_installed_one_is_the_commit_that_the_docs_name() -> None:
    assert ungar_version() == "0.1.0"
    assert ungar_commit() == COMMIT
