"""What the service works with."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from service.models import Status
from service.routes.common import GUARDED
from service.status import StatusBoard

router = APIRouter(prefix="/api", tags=["status"])


@router.head("/status", include_in_schema=False)
@router.get("/status", response_model=Status, responses=GUARDED)
async def status(request: Request) -> Response:
    """Store, pin, UNGAR, Tunix, remotes and versions, as of a few seconds ago. Always 200."""
    board: StatusBoard = request.app.state.board
    return Response((await board.status()).model_dump_json(), media_type="application/json")
