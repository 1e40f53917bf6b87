"""A dataset's files by their hashes, to hold a download against its manifest."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter

from service.datasets.shards import find_shards
from service.models import Fault, FileAnswer, Files, FormatFiles
from service.routes.common import GUARDED, NO_ROOM, ObjectsPart, SettingsPart
from service.routes.datasets import find

router = APIRouter(prefix="/api", tags=["datasets"])
_FAULTS: dict[int | str, dict[str, Any]] = {
    404: {"model": Fault, "description": "There is no such dataset"},
    409: {"model": Fault, "description": "Its objects are neither in the cache nor in a remote"},
}


@router.get("/datasets/{dataset_id}/files", responses={**GUARDED, **NO_ROOM, **_FAULTS})
async def files(dataset_id: str, settings: SettingsPart, objects: ObjectsPart) -> Files:
    """The files of each exported format, in the order in which `export.jsonl` lays them end to end.

    A folder's md5 is that of `[{"md5": ..., "relpath": NAME}, ...]`, sorted by name and written as Python's
    `json.dumps(..., sort_keys=True)` does, with `.dir` behind.
    """
    found = await asyncio.to_thread(find, dataset_id)
    formats = {}
    for name, entry in found.manifest["exports"].items():
        shards = await find_shards(settings, objects, found, name, None)
        held = [
            FileAnswer(name=one.name, md5=one.md5, size=one.size, split=one.name.partition("-")[0])
            for one in shards.shards
        ]
        formats[name] = FormatFiles(md5=entry["md5"], size=entry["size"], records=entry["records"], files=held)
    return Files(dataset_id=dataset_id, formats=formats)
