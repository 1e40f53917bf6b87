"""What the service works with: looked up now and then by a process of its own, and told at once to whoever asks."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from service.models import Part, PinStatus, Status, StoreStatus
from service.processes import run_module
from service.settings import Settings

LOOK_S = 15  # between two looks
PATIENCE_S = 60
FIRST_S = 5  # that whoever asks waits for the first look
_log = logging.getLogger(__name__)


@dataclass
class StatusBoard:
    """The last look. A store may take seconds to answer, and whoever asks for the status should not."""

    settings: Settings
    facts: dict[str, Any] | None = None
    looked: float = 0.0
    first: asyncio.Event = field(default_factory=asyncio.Event)  # set when it was looked at for the first time

    async def run(self) -> None:
        """Look, for as long as the service runs."""
        while True:
            await self._look()
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        try:
            ended = await run_module(self.settings.root, PATIENCE_S, "service.lookup")
            self.facts, self.looked = json.loads(ended.out), time.monotonic()
        except (TimeoutError, ValueError, OSError):
            _log.warning("the store could not be looked at; what is known stays")
        self.first.set()

    async def status(self) -> Status:
        """What is known; just after the start it is waited for, for a while."""
        if not self.first.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self.first.wait(), FIRST_S)
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
