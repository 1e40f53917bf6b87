"""What the formats share: a selected trace, and its metadata as every format writes it."""

from __future__ import annotations

import msgspec

from training.renderers.tunix_sft import Rendered

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class SelectedTrace(msgspec.Struct, frozen=True, gc=False):
    """A trace to be exported. `meta` is canonical JSON, an object or empty; `created_at` ISO 8601."""

    id: str
    created_at: str
    trace_version: str
    prompt: str
    trace_steps: list[str]
    final_answer: str
    meta: str
    rendered: Rendered
    rejected: str = ""  # of a pair's better trace: the worse one's completion


def metadata_json(trace: SelectedTrace, **extra: str) -> msgspec.Raw:
    """`created_at`, `trace_version`, `extra`, then the payload's meta, its text copied as it is.

    A key of the payload's that is one of these is kept as `meta.KEY`: ours stand, nothing is lost.
    """
    ours = {"created_at": trace.created_at, "trace_version": trace.trace_version, **extra}
    meta = trace.meta
    # A quick look first: `"format"` may be a value, or a key further in.
    if '"created_at"' in meta or '"trace_version"' in meta or any(f'"{key}"' in meta for key in extra):
        meta = _rename(meta, ours)
    head = _encode(ours)
    return msgspec.Raw(head if len(meta) <= 2 else head[:-1] + b"," + meta[1:].encode())


def _rename(meta: str, ours: dict[str, str]) -> str:
    held = _decode(meta)
    for key in [key for key in held if key in ours]:
        name = f"meta.{key}"
        while name in held:
            name = f"meta.{name}"
        held[name] = held.pop(key)
    return _encode(dict(sorted(held.items()))).decode()
