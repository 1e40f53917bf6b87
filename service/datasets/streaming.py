"""Shards as the body of an answer: a piece at a time, so that memory does not grow with the export or slow clients."""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import Protocol

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from service.datasets.shards import Shards

PIECE = 256 * 1024  # bytes: of larger ones a core's cache has no room for many, and smaller ones are more calls
Pieces = AsyncGenerator[bytes, None]
_NO_WAIT = getattr(os, "RWF_NOWAIT", 0)  # Linux


class Streamed(StreamingResponse):
    """An answer whose body comes piece by piece; whoever goes away ends it.

    Starlette's own leaves no turn to others between two pieces that a socket takes at once, and so lets a client that
    reads fast enough have the whole service.
    """

    def __init__(self, pieces: Pieces, status: int, headers: dict[str, str], media_type: str) -> None:
        super().__init__(pieces, status, headers, media_type)
        self.pieces = pieces

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        # What is sent to somebody who has gone vanishes: only here a server says that they have.
        gone = asyncio.create_task(_gone(receive))
        try:
            async with aclosing(self.pieces):
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                async for piece in self.pieces:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    await asyncio.sleep(0)
                    if gone.done():
                        return
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def read_shards(shards: Shards, first: int, end: int) -> Pieces:
    """The bytes from `first` up to `end` of the shards, laid end to end.

    What the kernel holds in memory is read at once, and what it has to fetch by a thread.
    """
    before = 0
    for shard in shards.shards:
        start, stop = max(first - before, 0), min(end - before, shard.size)
        before += shard.size
        if start >= stop:
            continue
        with _opened(shard.path) as handle:
            while start < stop:
                size = min(PIECE, stop - start)
                if _is_near(handle, start + size - 1):
                    piece = os.pread(handle, size, start)
                else:
                    piece = await asyncio.to_thread(os.pread, handle, size, start)
                if not piece:
                    raise OSError(f"{shard.path}: shorter than it was")
                start += len(piece)
                yield piece


@contextmanager
def _opened(path: os.PathLike[str]) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


def _is_near(handle: int, place: int) -> bool:
    """Whether the kernel has a byte in memory: then, as files are read ahead, it has those before it."""
    try:
        return bool(_NO_WAIT and os.preadv(handle, [bytearray(1)], place, _NO_WAIT))
    except OSError:
        return False


class Encoder(Protocol):
    """What zlib and zstandard have in common."""

    def compress(self, data: bytes, /) -> bytes:
        """What can be told of the encoded data so far."""

    def flush(self) -> bytes:
        """The rest of it."""


def encoder(name: str) -> Encoder:
    """A `gzip` or `zstd` encoder. Fast levels: the network is seldom slower."""
    if name == "gzip":
        return zlib.compressobj(1, zlib.DEFLATED, 31)  # 31: with gzip's header, which has no time in it
    import zstandard

    return zstandard.ZstdCompressor(level=1).compressobj()


async def encoded(pieces: Pieces, name: str) -> AsyncGenerator[bytes]:
    """The pieces, encoded."""
    held = encoder(name)
    async with aclosing(pieces):
        async for piece in pieces:
            if data := await asyncio.to_thread(held.compress, piece):
                yield data
    yield await asyncio.to_thread(held.flush)
