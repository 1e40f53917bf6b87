"""The command in a workspace of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.support import Command


@pytest.fixture
def traces(workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    return Command(monkeypatch, capsys)
