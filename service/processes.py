"""Modules of ours run in processes of their own: what they load, and how long they take, the server does not mind."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

from service.settings import without_token

_GRACE_S = 5  # to remove what it wrote so far


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it said."""

    code: int
    out: bytes
    err: bytes


async def run_module(root: Path, patience_s: float, *command: str) -> Ended:
    """Run `python -m COMMAND` in `root`, without the service's token; it ends with whoever waits for it.

    Raises:
        TimeoutError: it took longer than `patience_s` seconds.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *command),
        cwd=root,
        env=without_token(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), patience_s)
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _GRACE_S)
            except TimeoutError:
                process.kill()
                await process.wait()
    return Ended(process.returncode or 0, out, err)
