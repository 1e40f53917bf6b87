"""A dataset's report: the page that `traces report` makes."""

from __future__ import annotations

import asyncio
import html
import re
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from service.models import Fault
from service.routes.common import GUARDED, NO_ROOM, MakerPart
from service.routes.datasets import find
from traces.errors import TracesError

router = APIRouter(tags=["datasets"])
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/html": {"schema": {"type": "string"}}}, "description": "The page"},
    404: {"model": Fault, "description": "There is no such dataset"},
    409: {"model": Fault, "description": "It cannot be made: an object is not in DVC's cache"},
}
# The page's own policy: its one style, by its hash, and no script at all.
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')


# Not HTMLResponse as `response_class`: the document would then say that errors are HTML, too.
@router.get("/datasets/{dataset_id}/report", response_class=Response, responses={**GUARDED, **NO_ROOM, **_ANSWERS})
async def report(dataset_id: str, maker: MakerPart) -> Response:
    """The page about a dataset, of drawings and samples. The first who asks waits some seconds until it is made."""
    found = await asyncio.to_thread(find, dataset_id)
    made = await maker.make(f"reports/{dataset_id}.html", "service.datasets.report", found.commit)
    page = await asyncio.to_thread(made.read_text, encoding="utf-8")
    policy = _POLICY.search(page)
    if policy is None:
        raise TracesError(f"{made.name}: is no report")
    headers = {
        "Content-Security-Policy": f"{html.unescape(policy[1])}; frame-ancestors 'none'",
        "Cache-Control": "private, no-cache",
    }
    return HTMLResponse(page, headers=headers)
