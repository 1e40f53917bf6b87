"""What routes share: the service's parts, and the answers that all of them may give."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from service.datasets.making import Maker
from service.jobs.queue import Queue
from service.models import Fault
from service.settings import Settings
from stages.addresses.objects import Objects

# Checked by service.guard before any route; here it is only said, in the OpenAPI document.
Token = Depends(HTTPBearer(auto_error=False, description="the service's TRACES_SERVE_TOKEN"))
GUARDED: dict[int | str, dict[str, Any]] = {
    400: {"model": Fault, "description": "The body cannot be read"},
    401: {"model": Fault, "description": "The token is missing or wrong"},
    403: {"model": Fault, "description": "The service has no token, so nothing can be written"},
    413: {"model": Fault, "description": "The body is too large"},
    421: {"model": Fault, "description": "The service is not known by the name that it was asked under"},
    429: {"model": Fault, "description": "Too many requests; Retry-After says when to try again"},
    500: {"model": Fault, "description": "The service failed"},
    503: {"model": Fault, "description": "Too many connections are open; Retry-After says when to try again"},
}
# Without it, nginx writes a download that is read slowly to its disk, and its gzip holds events back to the end.
UNBUFFERED = {"X-Accel-Buffering": "no"}
NO_ROOM: dict[int | str, dict[str, Any]] = {507: {"model": Fault, "description": "The disk is nearly full"}}


def settings_of(request: Request) -> Settings:
    """The service's settings."""
    held: Settings = request.app.state.settings
    return held


def queue_of(request: Request) -> Queue:
    """The service's queue."""
    held: Queue = request.app.state.queue
    return held


def objects_of(request: Request) -> Objects:
    """DVC's cache."""
    held: Objects = request.app.state.objects
    return held


def maker_of(request: Request) -> Maker:
    """What makes reports and differences."""
    held: Maker = request.app.state.maker
    return held


SettingsPart = Annotated[Settings, Depends(settings_of)]
QueuePart = Annotated[Queue, Depends(queue_of)]
ObjectsPart = Annotated[Objects, Depends(objects_of)]
MakerPart = Annotated[Maker, Depends(maker_of)]
