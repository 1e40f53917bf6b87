"""What the service works with: looked up now and then by a process of its own, and told at once to whoever asks."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from service.models import Part, PinStatus, Status, StoreStatus
from service.settings import Settings, without_token

LOOK_S = 15  # between two looks
PATIENCE_S = 60


@dataclass
class StatusBoard:
    """The last look. A store may take seconds to answer, and whoever asks for the status should not."""

    settings: Settings
    facts: dict[str, Any] | None = None
    looked: float = 0.0
    due: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Look, for as long as the service runs."""
        while True:
            await self._look()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.due.wait(), LOOK_S)
            self.due.clear()

    async def _look(self) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "service.lookup",
            cwd=self.settings.root,
            env=without_token(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            out, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
            self.facts, self.looked = json.loads(out), time.monotonic()
        except (TimeoutError, ValueError):
            self.facts = self.facts or None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    def status(self) -> Status:
        """What is known."""
        writes = self.settings.token is not None
        if self.facts is None:
            unknown = Part(available=False, version=None, install="")
            return Status(
                store=StoreStatus(available=False, error="not looked at yet"),
                pin=PinStatus(state="unknown"),
                ungar=unknown,
                tunix=unknown,
                remotes=[],
                versions={},
                writes=writes,
                as_of=-1,
            )
        return Status(**self.facts, writes=writes, as_of=int(time.monotonic() - self.looked))
