"""What is made of commits, which never change: once, by a process of its own, and kept as a file."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from service.processes import run_module
from service.room import require_room
from service.settings import Settings
from service.shown import shown_lines
from stages.runtime.memo import CODE, code_hash
from traces.errors import TracesError

KEPT = Path(".cache/service/made")
PATIENCE_S = 900
_AT_A_TIME = 2
_FAILED = 2  # the exit code of a module whose last line on stderr is for a person


@dataclass
class Maker:
    """Makes files, a few at a time, and none twice. They hold what the server need not: it loads no DuckDB."""

    settings: Settings
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_A_TIME))
    locks: dict[Path, asyncio.Lock] = field(default_factory=dict)

    async def make(self, name: str, module: str, *arguments: str) -> Path:
        """The file at `name` below what is kept, which `python -m MODULE ARGUMENTS TARGET` writes where it is missing.

        Raises:
            TracesError: it cannot be made; with what the module said.
            NoRoomError: the disk is nearly full.
        """
        target = self.settings.root / KEPT / _code() / name
        try:
            async with self.locks.setdefault(target, asyncio.Lock()):
                if not await asyncio.to_thread(target.is_file):
                    require_room(self.settings)
                    async with self.room:
                        await self._run(module, *arguments, str(target))
        finally:
            self.locks.pop(target, None)
        return target

    async def _run(self, *command: str) -> None:
        try:
            ended = await run_module(self.settings.root, PATIENCE_S, *command)
        except TimeoutError:
            raise TracesError(f"it was not made in {PATIENCE_S} s") from None
        if ended.code:
            said = list(shown_lines(ended.err.decode(errors="replace")))
            known = ended.code == _FAILED and said
            raise TracesError(said[-1] if known else "it could not be made; the service's machine may tell")


@lru_cache(maxsize=1)
def _code() -> str:
    """What this code makes is kept apart from what other code made."""
    return code_hash(packages=("commands", "service", *CODE))[:16]


def fail(error: TracesError) -> None:
    """End a module that `make` runs."""
    print(str(error), file=sys.stderr)
    sys.exit(_FAILED)
