"""The export formats: one module a format, each with a function from a selected trace to a line of JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from training.formats.messages import messages_fault, messages_line
from training.formats.record import SelectedTrace
from training.formats.trace import trace_line
from training.formats.training_example import training_example_fault, training_example_line
from training.formats.tunix_dpo import tunix_dpo_fault, tunix_dpo_line
from training.formats.tunix_grpo import ColumnCounts, tunix_grpo_fault, tunix_grpo_line
from training.formats.tunix_sft import tunix_sft_fault, tunix_sft_line
from training.templates import Template

# A line is empty where a format has nothing to say of a trace.
FORMATS: dict[str, Callable[[SelectedTrace, Template], bytes]] = {
    "trace": trace_line,
    "tunix_sft": tunix_sft_line,
    "tunix_grpo": tunix_grpo_line,
    "tunix_dpo": tunix_dpo_line,
    "training_example": training_example_line,
    "messages": messages_line,
}

# Those that read a trace's own prompt and steps, beside what was rendered of them.
READ_STEPS = frozenset({"trace", "tunix_sft", "tunix_grpo"})

# What a schema cannot say of a record, its turns and the control tokens in its texts: the fault, or None. Not of
# `trace`, which promises nothing of the kind: it holds what was stored.
TEXT_FAULTS: dict[str, Callable[[dict[str, Any], Template], str | None]] = {
    "tunix_sft": tunix_sft_fault,
    "tunix_grpo": tunix_grpo_fault,
    "tunix_dpo": tunix_dpo_fault,
    "training_example": training_example_fault,
    "messages": messages_fault,
}

Line = Callable[[SelectedTrace, Template], bytes]


def format_lines(
    names: Iterable[str], columns: Sequence[str] = (), counts: ColumnCounts | None = None
) -> dict[str, Line]:
    """What writes a line of each of these formats. `columns` and `counts` are those of `tunix_grpo_line`."""
    grpo: dict[str, Line] = {"tunix_grpo": partial(tunix_grpo_line, columns=columns, counts=counts)}
    return {name: grpo.get(name, FORMATS[name]) for name in names}


__all__ = ["FORMATS", "READ_STEPS", "TEXT_FAULTS", "ColumnCounts", "SelectedTrace", "format_lines"]
