"""A public path prefix: which prefixes the service accepts, and how a request below one finds its route."""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from traces.errors import WrongUse

# Only characters that no proxy and no client encodes, so that a prefix has one spelling. No segment is `.` or `..`.
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)+")


def read_prefix(given: str) -> str:
    """The prefix in `--root-path`, without the slash at its end; empty for none.

    Raises:
        WrongUse: it cannot be a prefix.
    """
    prefix = given.removesuffix("/")
    if prefix and not _PREFIX.fullmatch(prefix):
        raise WrongUse(
            f"--root-path {given!r}: expected a path such as /datasets or /tools/datasets, "
            "of letters, digits, `.`, `_`, `~` and `-`"
        )
    return prefix


def index_redirect(prefix: str, routes: Sequence[BaseRoute]) -> Route:
    """The route that sends `/datasets` to `/datasets/`, which the page's relative addresses need.

    Raises:
        WrongUse: one of `routes` answers at `prefix`, so a request for it could mean either.
    """
    if _answers(routes, prefix):
        raise WrongUse(f"--root-path {prefix}: the service has an address of its own there; choose another prefix")

    def redirect(_request: Request) -> RedirectResponse:
        # Relative, so that neither the host nor the scheme of a proxy matters.
        return RedirectResponse(f"{prefix.rpartition('/')[2]}/", status_code=307)

    return Route(prefix, redirect, include_in_schema=False)


class Prefix:
    """An ASGI middleware that removes the prefix from a request's path, if a proxy has passed it on.

    If a route matches the unchanged path, the path stays unchanged. So the service also answers a proxy that removes
    the prefix, and a client that uses no proxy. It reads no header, because any client can set `X-Forwarded-Prefix`.
    """

    def __init__(self, app: ASGIApp, prefix: str, routes: Sequence[BaseRoute]) -> None:
        self.app, self.prefix, self.routes = app, prefix, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http":
            path: str = scope["path"]
            if path.startswith(f"{self.prefix}/") and not _answers(self.routes, path):
                scope = {**scope, "path": path.removeprefix(self.prefix)}
        await self.app(scope, receive, send)


def _answers(routes: Sequence[BaseRoute], path: str) -> bool:
    """Whether a route has this path, by any method."""
    scope = {"type": "http", "method": "GET", "path": path}
    return any(route.matches(scope)[0] is not Match.NONE for route in routes)
