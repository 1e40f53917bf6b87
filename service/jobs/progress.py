"""What a job's log says: how far it is, the last lines, and why it failed; nothing of this machine's in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from service.jobs.log import end_of
from stages.params.leaks import secrets_of
from traces.errors import one_line

STAGES = ("extract_traces", "select", "render", "export", "manifest", "card", "validate")
_BEGUN = re.compile(r"Running stage '(\w+)'|Stage '(\w+)' (?:didn't change|is cached)")
_SAID = re.compile(rf"^(?:{'|'.join(STAGES)}): (?!note: )")
# What Python says of itself where something broke that nobody foresaw.
_TRACEBACK = re.compile(r"^(?:Traceback |  File |    |\s*[~^]+$)")
_PATH = re.compile(r"(?<![\w.:/])/(?:[^\s/:'\"`,)]+/)+([^\s/:'\"`,)]*)")
# An address of a file here: of it, too, the name alone is shown.
_LOCAL = re.compile(r"\b(file|sqlite)[+\w]*:/{2,}(?:[^\s/'\"`,)]+/)*")
_PASSWORD = re.compile(r"(://[^\s/:@]*):[^\s/@]*@")
LINE = 500  # characters of a line that are passed on


def stage_of(text: str) -> str | None:
    """The stage that the last line about stages is about."""
    found = [run or skipped for run, skipped in _BEGUN.findall(text)]
    return found[-1] if found else None


def done_share(stage: str | None) -> float:
    """How much of the pipeline is done when a stage has begun, 0 to 1, a stage counted like another."""
    return STAGES.index(stage) / len(STAGES) if stage in STAGES else 0.0


def shown_lines(text: str) -> Iterator[str]:
    """The lines of a log for somebody elsewhere: without what is of this machine, secret, or a traceback."""
    secrets = secrets_of(os.environ)
    for line in re.split(r"[\r\n]+", text):
        if not line.strip() or _TRACEBACK.match(line):
            continue
        for _, secret in secrets:
            line = line.replace(secret, "***")
        line = _PATH.sub(r"\1", _LOCAL.sub(r"\1:", _PASSWORD.sub(r"\1:***@", line)))
        yield one_line(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).strip(), LINE)


def failure(log: Path) -> str:
    """Why a job failed, in a line: what the stage said, or else DVC."""
    lines = list(shown_lines(end_of(log)))
    said = [line for line in lines if _SAID.match(line)] or [line for line in lines if line.startswith("ERROR: ")]
    return said[-1] if said else "the build ended without a word; the log of the service's machine may tell"
