"""The `traces` command, run in this process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from commands.app import main
from tests.support.samples import row, write_jsonl


class Command:
    """Runs `traces` and keeps what it printed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        """Run it; its exit code."""
        self.monkeypatch.setattr(sys, "argv", ["traces", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
            sys.exit(0)
        self.out, self.err = self.capsys.readouterr()
        code = ended.value.code
        return code if isinstance(code, int) else 0 if code is None else 1


def record_rows(*numbers: int, name: str = "rows") -> None:
    """Put rows into data/recorded/."""
    write_jsonl(Path(f"data/recorded/{name}.jsonl.gz"), [row(n) for n in numbers])
