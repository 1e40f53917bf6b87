"""Trace ids: UUIDs, written with hyphens in lower case whatever the store's own form."""

from __future__ import annotations

import re
import uuid

_HEX = re.compile(r"[0-9a-f]{32}")
_NORMAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# The namespace of ids derived from content: any fixed UUID will do, so long as it never changes.
_NAMESPACE = uuid.UUID("6f1d1c9a-54d5-5a0e-9d0b-0f2f6c2b7c11")


def normalise_id(text: str) -> str:
    """`text` as a UUID with hyphens, where it is one in any common form; else unchanged."""
    digits = text.strip().lower().removeprefix("urn:uuid:").strip("{}").replace("-", "")
    return str(uuid.UUID(digits)) if _HEX.fullmatch(digits) else text


def is_id(text: str) -> bool:
    """Whether `text` is an id in its normal form."""
    return _NORMAL.fullmatch(text) is not None


def derived_id(canonical_payload: bytes) -> str:
    """The id of a trace that came without one: the same content always gets the same id."""
    return str(uuid.uuid5(_NAMESPACE, canonical_payload.decode()))
