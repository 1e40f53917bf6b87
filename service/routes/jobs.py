"""Building datasets: jobs asked for, watched and cancelled."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic import ValidationError

from service.datasets.catalog import manifest_of
from service.jobs.journal import Job
from service.jobs.log import end_of
from service.jobs.progress import done_share, stage_of
from service.jobs.queue import Queue, QueueFullError
from service.jobs.request import BuildRequest
from service.models import BuiltAnswer, Fault, JobAnswer, Jobs
from service.routes.common import GUARDED, NO_ROOM, UNBUFFERED, QueuePart, Token
from service.shown import shown_lines

router = APIRouter(prefix="/api", tags=["jobs"])
_TEXT = {"type": "string"}
_EVENT = {"type": "object", "properties": {"event": {"enum": ["job", "line"]}, "data": _TEXT, "id": _TEXT}}
QUIET_S = 15  # after which a comment keeps the connection open
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": Fault, "description": "There is no such job"}}


def find(job_id: str, queue: QueuePart) -> Job:
    """The job with this id."""
    found = queue.jobs.get(job_id)
    if found is None:
        raise HTTPException(404, "there is no such job; GET /api/jobs lists those there are")
    return found


FoundJob = Annotated[Job, Depends(find)]


@router.post(
    "/datasets/build",
    status_code=202,
    dependencies=[Token],
    response_model=JobAnswer | BuiltAnswer,
    responses={
        **GUARDED,
        **NO_ROOM,
        200: {"model": BuiltAnswer, "description": "The same was asked for before, and is there"},
        201: {"model": BuiltAnswer, "description": "Built, where `wait` was asked for"},
        409: {
            "model": JobAnswer | Fault,
            "description": "It was waited for, and failed, or the repository is at fault",
        },
        429: {"model": Fault, "description": "Too many requests, or as many jobs wait as may"},
    },
)
async def build(
    request: BuildRequest,
    response: Response,
    queue: QueuePart,
    wait: Annotated[bool, Query(description="answer when it is built")] = False,
) -> JobAnswer | BuiltAnswer:
    """Build a dataset: a DVC experiment with these params, beside the workspace. The same again is the same dataset."""
    try:
        job, is_new = await asyncio.to_thread(queue.ask, request)
    except ValidationError as error:  # together with params.yaml
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from None
    except QueueFullError:
        raise HTTPException(429, "as many jobs wait as may; try again later", {"Retry-After": "60"}) from None
    if not is_new and job.state == "succeeded":
        response.status_code = 200
        return await asyncio.to_thread(built, job)
    # Relative to this request's own address, which only the client knows: a proxy may have a prefix.
    response.headers["Location"] = f"../jobs/{job.id}"
    if not wait:
        return await asyncio.to_thread(answer, job)
    state = await queue.wait(job)
    if state == "succeeded":
        response.status_code = 201
        return await asyncio.to_thread(built, job)
    response.status_code = 409
    return await asyncio.to_thread(answer, job)


@router.get("/jobs", responses=GUARDED)
def jobs(queue: QueuePart) -> Jobs:
    """All jobs, the newest first."""
    return Jobs(jobs=[answer(job) for job in reversed([*queue.jobs.values()])])


@router.get("/jobs/{job_id}", responses={**GUARDED, **_UNKNOWN})
def job(found: FoundJob) -> JobAnswer:
    """A job, and how far it is."""
    return answer(found)


@router.delete(
    "/jobs/{job_id}",
    status_code=202,
    dependencies=[Token],
    responses={**GUARDED, **_UNKNOWN, 409: {"model": Fault, "description": "It has ended already"}},
)
def cancel(found: FoundJob, queue: QueuePart) -> JobAnswer:
    """Cancel a job: one that waits at once, one that runs as soon as it can be stopped."""
    if not queue.cancel(found):
        raise HTTPException(409, f"job {found.id} has ended: {found.state}")
    return answer(found)


@router.get(
    "/jobs/{job_id}/events",
    response_class=StreamingResponse,
    responses={**GUARDED, **_UNKNOWN, 200: {"content": {"text/event-stream": {"itemSchema": _EVENT}}}},
)
def events(
    found: FoundJob, queue: QueuePart, last_event_id: Annotated[str | None, Header()] = None
) -> StreamingResponse:
    """What happens to a job, as server-sent events: `job` where it stands, `line` what is said; ends when it does."""
    told = _events(found, queue, _place(last_event_id))
    return StreamingResponse(told, media_type="text/event-stream", headers={"Cache-Control": "no-store", **UNBUFFERED})


async def _events(job: Job, queue: Queue, start: int) -> AsyncIterator[bytes]:
    last: JobAnswer | None = None
    said = time.monotonic()
    place = start
    async for lines in queue.log(job, start):
        for place, text in lines:
            for line in shown_lines(text):
                yield format_sse_event(event="line", data_str=json.dumps(line), id=str(place))
        now = await asyncio.to_thread(answer, job)
        if lines or now != last:
            said = time.monotonic()
        elif time.monotonic() - said > QUIET_S:
            said = time.monotonic()
            yield KEEPALIVE_COMMENT
        if now != last:
            yield format_sse_event(event="job", data_str=now.model_dump_json(), id=str(place))
            last = now


def _place(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 16 else 0


def answer(job: Job) -> JobAnswer:
    """What is said of a job."""
    result = job.result  # first: it may end between the two looks
    state = job.state if result is None else result.state
    stage = stage_of(end_of(job.log))
    return JobAnswer(
        id=job.id,
        state=state,
        stage=None if state == "queued" else stage,
        progress=1.0 if state == "succeeded" else done_share(stage),
        request=job.asked.request,
        dataset_id=result.dataset_id if result else None,
        error=result.error if result else None,
    )


def built(job: Job) -> BuiltAnswer:
    """What is said of a job that succeeded, with its manifest."""
    result = job.result
    commit = result.commit if result else None
    return BuiltAnswer(**answer(job).model_dump(), manifest=manifest_of(commit or ""))
