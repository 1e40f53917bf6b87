"""Rebuilding a dataset in a clean copy: every stage runs, and nothing is taken from any cache."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from commands.repository import clean_environment
from stages.runtime.progress import progress
from traces.errors import TracesError, one_line

_RUNNING = re.compile(r"Running stage '([^']+)'")
_KEPT_LINES = 40
_PATIENCE_S = 10


def rebuild(copy: Path, until: str | None, stages: int) -> None:
    """Run the pipeline in `copy` up to the stage `until`, or all of it: `stages` of them.

    Raises:
        TracesError: a stage failed; with what it said.
    """
    # What the commit says of the outputs is what is in question: the copy begins without.
    (copy / "dvc.lock").unlink(missing_ok=True)
    command = [sys.executable, "-m", "dvc", "repro", "--force", "--no-run-cache", *([until] if until else [])]
    with subprocess.Popen(  # noqa: S603 - DVC, and a stage's name
        command,
        cwd=copy,
        env=_environment(copy),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    ) as process:
        last: deque[str] = deque(maxlen=_KEPT_LINES)
        running = "?"
        try:
            for name in progress(_stages(process, last), stages, "rebuild"):
                running = name
        except BaseException:
            _end(process)
            raise
    if process.returncode:
        raise TracesError(f"rebuilding failed at stage {running}: {_reason(running, last)}")


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupt DVC, its stage and that one's workers, and wait: they must not write into a folder that is removed."""
    for number in (signal.SIGINT, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE_S)
            return


def _stages(process: subprocess.Popen[str], last: deque[str]) -> Iterator[str]:
    """The stages' names as they begin; `last` gets the last lines."""
    for line in process.stdout or ():
        last.append(line.strip())
        if found := _RUNNING.match(last[-1]):
            yield found[1]


def _reason(stage: str, lines: deque[str]) -> str:
    """What the stage itself said, or else DVC."""
    said = [line for line in lines if line.startswith((f"{stage}: ", "ERROR: "))]
    return one_line(said[0] if said else "it said nothing", 1000)


def _environment(copy: Path) -> dict[str, str]:
    """The user's environment, which says where and how fast; without memos, and our Python first on PATH.

    What DVC remembers of a repository's files, which lies outside of it, lies beside the copy and goes with it. What a
    person set for Git and DVC does not count in the copy.
    """
    kept = {key: value for key, value in clean_environment().items() if key not in ("PYTHONPATH", "PYTHONSAFEPATH")}
    path = os.pathsep.join((str(Path(sys.executable).parent), kept.get("PATH", os.defpath)))
    ours = {"TRACES_MEMO": "off", "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(copy.parent / "site")}
    none = str(copy.parent / "no settings")
    ours |= {"DVC_GLOBAL_CONFIG_DIR": none, "DVC_SYSTEM_CONFIG_DIR": none}
    ours |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": "0"}
    return kept | {"PATH": path} | ours
