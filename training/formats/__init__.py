"""The export formats: one module a format, each a function from a selected trace to a line of JSON."""

from __future__ import annotations

from collections.abc import Callable

from training.formats.record import SelectedTrace
from training.formats.trace import trace_line
from training.formats.tunix_sft import tunix_sft_line

FORMATS: dict[str, Callable[[SelectedTrace], bytes]] = {
    "trace": trace_line,
    "tunix_sft": tunix_sft_line,
}

__all__ = ["FORMATS", "SelectedTrace"]
