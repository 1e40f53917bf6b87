"""Which encoding of a body a client asks for."""

from __future__ import annotations

OFFERED = ("zstd", "gzip")  # of those that a client likes equally, the first


def encoding_of(header: str | None) -> str | None:
    """The offered encoding that `Accept-Encoding` likes best; None for the bytes as they are."""
    liked = dict(_liked(one) for one in (header or "").split(",") if one.strip())
    best = max(OFFERED, key=lambda name: liked.get(name, 0.0))
    return best if liked.get(best, 0.0) > 0 and liked[best] >= liked.get("identity", 0.0) else None


def _liked(text: str) -> tuple[str, float]:
    name, _, weight = text.partition(";")
    try:
        quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
    except ValueError:
        quality = 0.0
    return name.strip().lower(), quality
