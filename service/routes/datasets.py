"""Datasets: which there are, what each is, and its records as a stream."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse

from service.datasets.catalog import Dataset, all_datasets, find_dataset
from service.datasets.shards import find_shards
from service.datasets.streaming import Streamed, encoded, read_shards
from service.models import DatasetAnswer, Datasets, Fault
from service.routes.common import GUARDED, NO_ROOM, UNBUFFERED, ObjectsPart, SettingsPart
from service.routes.encodings import encoding_of
from service.routes.ranges import UnsatisfiableError, names_tag, range_of
from stages.params.values import FormatName

router = APIRouter(prefix="/api", tags=["datasets"])
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": Fault, "description": "There is no such dataset"}}
_LINES: dict[str, Any] = {"application/jsonl": {"schema": {"type": "string"}}}


@router.get("/datasets", responses=GUARDED)
def datasets() -> Datasets:
    """The datasets that branches, tags and experiments of the repository have."""
    return Datasets(datasets=[short(dataset) for dataset in all_datasets()])


@router.get("/datasets/{dataset_id}", responses={**GUARDED, **_UNKNOWN})
def dataset(dataset_id: str) -> dict[str, Any]:
    """A dataset's manifest."""
    return find(dataset_id).manifest


@router.head("/datasets/{dataset_id}/export.jsonl", include_in_schema=False)
@router.get(
    "/datasets/{dataset_id}/export.jsonl",
    response_class=Response,
    responses={
        **GUARDED,
        **NO_ROOM,
        200: {"content": _LINES, "description": "The records, a line each, byte for byte as exported"},
        206: {"content": _LINES, "description": "Some of the bytes"},
        304: {"description": "What the caller has is the same"},
        404: {"model": Fault, "description": "There is no such dataset, or it has not that format"},
        409: {"model": Fault, "description": "Its objects are neither in the cache nor in a remote"},
        416: {"model": Fault, "description": "No byte is in that range"},
    },
)
async def export(
    dataset_id: str,
    request: Request,
    settings: SettingsPart,
    objects: ObjectsPart,
    format_name: Annotated[FormatName, Query(alias="format", description="an exported format")] = "tunix_sft",
    split: Annotated[Literal["train", "validation", "test"] | None, Query(description="one split, not all")] = None,
    accept_encoding: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
    if_range: Annotated[str | None, Header()] = None,
    wanted_range: Annotated[str | None, Header(alias="range")] = None,
) -> Response:
    """A dataset's records, streamed from DVC's cache: the shards one after the other, by split and time."""
    found = await asyncio.to_thread(find, dataset_id)
    if format_name not in found.manifest["exports"]:
        has = ", ".join(found.manifest["exports"])
        raise HTTPException(404, f"this dataset was not exported as {format_name}; it has {has}")
    shards = await find_shards(settings, objects, found, format_name, split)
    if request.method == "HEAD":
        wanted_range = None  # it is of GET alone
    encoding = None if wanted_range else encoding_of(accept_encoding)
    tag = f'"{shards.digest}{f"-{encoding}" if encoding else ""}"'
    name = "-".join(filter(None, (dataset_id, format_name, split)))
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Vary": "Accept-Encoding",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'attachment; filename="{name}.jsonl"',
    }
    if names_tag(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    try:
        part = range_of(wanted_range, shards.size) if if_range in (None, tag) else None
    except UnsatisfiableError:
        told = JSONResponse({"detail": f"no byte is in that range: there are {shards.size}"}, 416)
        told.headers["Content-Range"] = f"bytes */{shards.size}"
        return told
    first, end = part or (0, shards.size)
    if part:
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{shards.size}"
    status = 206 if part else 200
    if encoding:
        headers["Content-Encoding"] = encoding
    else:
        headers["Content-Length"] = str(end - first)
    if request.method == "HEAD":
        head = Response(status_code=status, headers=headers, media_type="application/jsonl")
        if encoding:
            del head.headers["content-length"]  # which nobody knows yet
        return head
    pieces = read_shards(shards, first, end)
    body = encoded(pieces, encoding) if encoding else pieces
    return Streamed(body, status, headers | UNBUFFERED, "application/jsonl")


def find(dataset_id: str) -> Dataset:
    """The dataset with this id."""
    found = find_dataset(dataset_id)
    if found is None:
        raise HTTPException(404, "there is no such dataset; GET /api/datasets lists those there are")
    return found


def short(dataset: Dataset) -> DatasetAnswer:
    """A dataset in short."""
    manifest = dataset.manifest
    return DatasetAnswer(
        dataset_id=dataset.dataset_id,
        name=manifest["dataset_name"],
        version=manifest["dataset_version"],
        commit=dataset.commit,
        names=list(dataset.names),
        exported_at=manifest["exported_at"],
        traces=manifest["counts"]["selected"],
        exports={name: entry["records"] for name, entry in manifest["exports"].items()},
        hashes={name: entry["md5"] for name, entry in manifest["exports"].items()},
    )
