"""What differs between two datasets."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter

from service.models import Difference, Fault
from service.routes.common import GUARDED, NO_ROOM, MakerPart
from service.routes.datasets import find

router = APIRouter(prefix="/api", tags=["datasets"])
_FAULTS: dict[int | str, dict[str, Any]] = {
    404: {"model": Fault, "description": "There is no such dataset"},
    409: {"model": Fault, "description": "They cannot be compared: an object is not in DVC's cache"},
}


@router.get("/datasets/{dataset_id}/diff/{other_id}", responses={**GUARDED, **NO_ROOM, **_FAULTS})
async def difference(dataset_id: str, other_id: str, maker: MakerPart) -> Difference:
    """What `traces diff` says of two datasets: why they differ, and what became of the records."""
    before, after = [(await asyncio.to_thread(find, one)).commit for one in (dataset_id, other_id)]
    made = await maker.make(f"differences/{before}-{after}.json", "service.datasets.difference", before, after)
    return Difference.model_validate_json(await asyncio.to_thread(made.read_bytes))
