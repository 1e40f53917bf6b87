"""The page, and what it is made of."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse

router = APIRouter(include_in_schema=False)
_PAGE = Path(__file__).parent.parent / "page"
# What the page may do: load its own parts and ask this service, nothing else.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
}


@router.get("/")
def index() -> FileResponse:
    """The page."""
    return FileResponse(_PAGE / "index.html", headers=_HEADERS)


@router.get("/page/{name}")
def part(name: str) -> FileResponse:
    """A part of the page."""
    found = next((path for path in _PAGE.iterdir() if path.name == name), None)
    if found is None:
        raise HTTPException(404, "the page has no such part")
    return FileResponse(found, headers=_HEADERS)
