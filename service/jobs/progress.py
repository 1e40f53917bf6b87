"""What a job's log says: how far it is, and why it failed."""

from __future__ import annotations

import re
from pathlib import Path

from service.jobs.log import end_of
from service.shown import shown_lines

STAGES = ("extract_traces", "select", "render", "export", "manifest", "card", "validate")
_BEGUN = re.compile(r"Running stage '(\w+)'|Stage '(\w+)' (?:didn't change|is cached)")
_SAID = re.compile(rf"^(?:{'|'.join(STAGES)}): (?!note: )")


def stage_of(text: str) -> str | None:
    """The stage that the last line about stages is about."""
    found = [run or skipped for run, skipped in _BEGUN.findall(text)]
    return found[-1] if found else None


def done_share(stage: str | None) -> float:
    """How much of the pipeline is done when a stage has begun, 0 to 1, a stage counted like another."""
    return STAGES.index(stage) / len(STAGES) if stage in STAGES else 0.0


def failure(log: Path) -> str:
    """Why a job failed, in a line: what the stage said, or else DVC."""
    lines = list(shown_lines(end_of(log)))
    said = [line for line in lines if _SAID.match(line)] or [line for line in lines if line.startswith("ERROR: ")]
    return said[-1] if said else "the build ended without a word; the log of the service's machine may tell"
