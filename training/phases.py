"""Say what a long step is doing, and every few seconds that it still works."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

SILENCE_S = 8.0


@contextmanager
def phase(text: str) -> Iterator[None]:
    """Print `text`, and while the block runs, every `SILENCE_S` seconds how long it has run."""
    print(text, flush=True)
    ended, began = Event(), time.monotonic()

    def tell() -> None:
        while not ended.wait(SILENCE_S):
            print(f"{text}: {time.monotonic() - began:.0f} s so far", flush=True)

    teller = Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        ended.set()
        teller.join()
