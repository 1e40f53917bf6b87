"""Who may ask, how often, and how much: looked at before anything else is done with a request."""

from __future__ import annotations

import asyncio
import hmac
import json
import math
import time
from collections.abc import Iterable
from contextlib import suppress

from limits import RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.settings import TOKEN, Settings, is_loopback

Refusal = tuple[int, str, Iterable[tuple[bytes, bytes]]]  # status, detail, headers
READS = ("GET", "HEAD", "OPTIONS")
_DRAINED_BYTES = 2 * 1024 * 1024
_DRAIN_S = 10
# Nothing of this service belongs into another page, and its own page loads nothing from elsewhere.
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Guard:
    """An ASGI middleware: a known name, the token where it is needed, not too often and not too much.

    It looks at the size of bodies itself, since Starlette's own limit answers in plain text.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings
        self.limiter = FixedWindowRateLimiter(MemoryStorage())
        self.reads = RateLimitItemPerSecond(settings.limits.reads_a_second)
        self.writes = RateLimitItemPerMinute(settings.limits.writes_a_minute)
        # Apart: who has no token uses up nothing of who has.
        self.refused = RateLimitItemPerMinute(settings.limits.writes_a_minute, namespace="REFUSED")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is refused, and pass on what is not."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            await self.app(scope, self._limited(receive), guarded)
            return
        if "expect" not in Headers(scope=scope):  # otherwise the client asks before it sends a body
            await _drain(receive)
        status, detail, headers = refusal
        body = json.dumps({"detail": detail}).encode()
        held = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers]
        await guarded({"type": "http.response.start", "status": status, "headers": held})
        await guarded({"type": "http.response.body", "body": body})

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers = Headers(scope=scope)
        if scope["app"].state.connections() >= self.settings.limits.connections:
            return (
                503,
                "too many connections are open; try again in 1 s",
                [(b"retry-after", b"1"), (b"connection", b"close")],
            )
        if _name(headers.get("host", "")).lower() not in self.settings.hosts:
            return 421, "this service is not known by that name; --allow-host NAME makes it so", ()
        reading = scope["method"] in READS
        refusal = None if reading and self._may_read(scope["path"]) else self._without_token(headers)
        client = scope["client"][0] if scope["client"] else ""
        rate = self.refused if refusal else self.reads if reading else self.writes
        if not self.limiter.hit(rate, client):
            wait = max(1, math.ceil(self.limiter.get_window_stats(rate, client).reset_time - time.time()))
            return 429, f"too many requests; try again in {wait} s", [(b"retry-after", str(wait).encode())]
        length = headers.get("content-length", "")
        if refusal is None and length.isdecimal() and int(length) > self.settings.limits.body_bytes:
            return 413, self._too_large, ()
        return refusal

    def _limited(self, receive: Receive) -> Receive:
        """The body of a request, as far as it may go: a chunked one does not say how long it is."""
        left = self.settings.limits.body_bytes

        async def limited() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, self._too_large)
            return message

        return limited

    @property
    def _too_large(self) -> str:
        return f"the request's body is over {self.settings.limits.body_bytes} bytes"

    def _without_token(self, headers: Headers) -> Refusal | None:
        if self.settings.token is None:
            return 403, f"nothing can be written: this service was started without {TOKEN}", ()
        given = headers.get("authorization", "")
        if not _is_token(given, self.settings.token):
            said = "this is not" if given else "a bearer token is needed:"
            return 401, f"{said} the service's {TOKEN}", [(b"www-authenticate", b"Bearer")]
        return None

    def _may_read(self, path: str) -> bool:
        return not self.settings.reads_need_token or self._is_page(path)

    def _is_page(self, path: str) -> bool:
        """Whether it is the page, which holds nothing and asks for the token; not for who is elsewhere."""
        index = ("/", self.settings.root_path or "/")  # the second sends to the first
        return is_loopback(self.settings.host) and (path in index or path.startswith("/page/"))


async def _drain(receive: Receive) -> None:
    """Read what is left of a body. If the server closes a connection with unread data, the client loses the answer.

    A proxy then answers 502. What is larger than nginx passes on, or comes too slowly, is not read to its end.
    """
    left = _DRAINED_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body"):
                    return


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    return host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host


def _is_token(authorization: str, token: str) -> bool:
    scheme, _, given = authorization.partition(" ")
    # In constant time: how long it takes says nothing of how much was right.
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())
