"""The application: its routes, what guards them, and the queue that runs beside them."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib import metadata
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from service.datasets.making import Maker
from service.datasets.shards import end_fetches
from service.guard import Guard
from service.jobs.queue import Queue
from service.prefix import Prefix, index_redirect
from service.room import NoRoomError
from service.routes import datasets, difference, files, jobs, page, report, status, ungar
from service.settings import Settings
from service.shown import shown_lines
from service.status import StatusBoard
from stages.addresses.objects import open_objects
from traces.errors import TracesError, WrongUse

HELD = Path(".cache/service/lock")


def create_app(settings: Settings) -> FastAPI:
    """The service of the repository in `settings.root`, which is the working directory.

    Raises:
        WrongUse: the public path prefix is an address of the service itself.
    """

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        app.state.queue.load()
        work = [asyncio.create_task(app.state.queue.run()), asyncio.create_task(app.state.board.run())]
        try:
            yield
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            await end_fetches()

    app = FastAPI(
        title="trace-datasets",
        description="Build, watch and stream datasets of reasoning traces. Each is a DVC experiment of one repository.",
        version=metadata.version("trace-datasets"),
        lifespan=running,
        # Both would load a page's parts from elsewhere.
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        # Its redirects would name the scheme and host as this process sees them, and no prefix.
        redirect_slashes=False,
        # An absolute path: tools that read the document may resolve a relative one wrongly.
        servers=[{"url": settings.root_path}] if settings.root_path else None,
    )
    app.state.settings = settings
    app.state.connections = lambda: 0  # how many are open: only the server knows
    app.state.objects = open_objects()
    app.state.queue = Queue(settings)
    app.state.board = StatusBoard(settings)
    app.state.maker = Maker(settings)
    app.state.recording = asyncio.Lock()
    for routes in (datasets, files, difference, report, jobs, status, ungar, page):
        app.include_router(routes.router)
    app.add_middleware(Guard, settings=settings)
    if settings.root_path:
        app.router.routes.append(index_redirect(settings.root_path, app.routes))
        app.add_middleware(Prefix, prefix=settings.root_path, routes=app.routes)
    app.add_exception_handler(TracesError, _fault)
    app.add_exception_handler(NoRoomError, _no_room)
    app.add_exception_handler(RequestValidationError, _unfit)
    app.add_exception_handler(Exception, _failed)
    return app


async def _fault(_request: Request, error: Exception) -> JSONResponse:
    """What a person can mend, of this repository: not the caller's fault, and without what is of this machine."""
    return JSONResponse({"detail": " ".join(shown_lines(str(error)))}, 409)


async def _no_room(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 507)


async def _failed(_request: Request, _error: Exception) -> JSONResponse:
    """A fault of the service's own, which the server logs with its traceback."""
    return JSONResponse({"detail": "the service failed at this; what it wrote to stderr says why"}, 500)


async def _unfit(request: Request, error: Exception) -> JSONResponse:
    """A request that is not as it must be, by itself or together with params.yaml: each field with what is wrong."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    if not _is_json(request) and any(one["loc"] == ("body",) for one in found):
        found = [{"loc": ("body",), "msg": "send JSON, as Content-Type: application/json", "type": "content_type"}]
    faults = [
        {"loc": list(one["loc"]), "msg": one["msg"].removeprefix("Value error, "), "type": one["type"]} for one in found
    ]
    return JSONResponse({"detail": faults}, 422)


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower().endswith("json")


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """One service a repository: two would begin each other's jobs.

    Raises:
        WrongUse: there is one.
    """
    path = root / HELD
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WrongUse("another service is running in this repository; stop it, or ask it") from None
        yield
