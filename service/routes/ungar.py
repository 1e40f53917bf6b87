"""Recording games with UNGAR."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from service.models import Fault, Recorded
from service.processes import run_module
from service.recording import CANNOT_WRITE, NOT_INSTALLED
from service.room import require_room
from service.routes.common import GUARDED, NO_ROOM, SettingsPart, Token
from service.shown import shown_lines
from stages.params.values import WHOLE

router = APIRouter(prefix="/api/ungar", tags=["ungar"])
Game = Literal["high_card_duel", "spades_mini", "gin_rummy"]
PATIENCE_S = 1800


class RecordRequest(BaseModel):
    """How many games, and with which seed: game k is played with `seed` + k."""

    model_config = ConfigDict(extra="forbid")

    count: Annotated[int, Field(ge=1, le=10_000), WHOLE]
    seed: Annotated[int, Field(ge=0, lt=2**31), WHOLE]


@router.post(
    "/{game}/record",
    status_code=201,
    dependencies=[Token],
    responses={
        **GUARDED,
        **NO_ROOM,
        409: {"model": Fault, "description": "The store cannot be written"},
        501: {"model": Fault, "description": "UNGAR is not installed; the answer says how it is"},
    },
)
async def record(game: Game, wanted: RecordRequest, settings: SettingsPart, request: Request) -> Recorded:
    """Play games with random moves, and keep them as traces in the store; `traces pin` takes them in."""
    require_room(settings)
    recording: asyncio.Lock = request.app.state.recording
    if recording.locked():
        raise HTTPException(429, "games are being recorded; try again when they are", {"Retry-After": "10"})
    try:
        async with recording:
            ended = await run_module(
                settings.root, PATIENCE_S, "service.recording", game, str(wanted.count), str(wanted.seed)
            )
    except TimeoutError:
        raise HTTPException(409, f"the games were not recorded in {PATIENCE_S} s; ask for fewer") from None
    said = list(shown_lines(ended.err.decode(errors="replace")))
    if ended.code == NOT_INSTALLED:
        raise HTTPException(501, said[-1])
    if ended.code == CANNOT_WRITE:
        raise HTTPException(409, said[-1])
    if ended.code:
        raise HTTPException(409, "the games could not be recorded")
    return Recorded(**json.loads(ended.out))
