"""A stage stopped in the middle, under `dvc repro`, to be killed or disturbed there."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

from tests.faults.project import STOP, Project, circumstances
from tests.support.shell import HEEDING, environment

PATIENCE_S = 120


class Stopped:
    """A `dvc repro` of one stage. `stage` is that one's process, `here` the one that is stopped: it, or a worker."""

    def __init__(self, project: Project, name: str, at: int, settings: dict[str, str]) -> None:
        self.told, self.log = (project.folder.parent / f"{what}-{name}-{at}" for what in ("told", "log"))
        self.stage = self.here = 0
        stop = {"PYTHONPATH": STOP, "STOP_STAGE": name, "STOP_AT": str(at), "STOP_TOLD": str(self.told)}
        with self.log.open("w") as log:
            self.dvc = subprocess.Popen(
                [*HEEDING, "dvc", "repro", "-f", "-s", name],
                cwd=project.folder,
                env=environment(**project.settings | settings | stop),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def came(self) -> bool:
        """Wait for the moment; False where all ended without."""
        for _ in patiently("it neither stops nor ends"):
            if self.told.exists() and (text := self.told.read_text()).endswith("\n"):
                self.stage, self.here = map(int, text.split())
                return True
            if self.dvc.poll() is not None:
                break
        return False

    def go_on(self) -> None:
        with suppress(ProcessLookupError):  # it was killed
            os.kill(self.here, signal.SIGCONT)

    def interrupt(self) -> None:
        """Ctrl-C: every process of the terminal's group gets it."""
        os.killpg(self.dvc.pid, signal.SIGINT)
        self.go_on()

    def kill(self, process: int) -> None:
        """End a process at once; what else is there goes on."""
        os.kill(process, signal.SIGKILL)
        self.go_on()

    def ended(self) -> str:
        """Wait until nobody is left of it, and return what it said."""
        self.dvc.wait(PATIENCE_S)
        for _ in patiently("workers outlive their stage"):
            if not self.processes():
                break
        return self.log.read_text()

    def error(self) -> str:
        """Like `ended`, where it failed: one line of DVC's, and before it one of the stage's at most."""
        text = self.ended()
        assert self.dvc.returncode != 0, text
        return one_error(text)

    def processes(self) -> list[int]:
        """What is alive of it: all that it started has its settings."""
        mark = f"STOP_TOLD={self.told}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found

    def clear(self) -> None:
        """End what is alive of it, whatever the test came to."""
        for process in self.processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.dvc.wait(PATIENCE_S)


@contextmanager
def stopped(project: Project, name: str, rng: Random, *, code: bool = False) -> Iterator[Stopped]:
    """A stage stopped at a random moment, in random circumstances; with `code` maybe while it reads its code."""
    settings = circumstances(rng, project)
    first, last = 1 if code else project.moments[name].start, project.moments[name].stop
    while True:
        # The earlier ones more often: not in all circumstances there are so many.
        at = first + int((last - first) * rng.random() ** 2)
        print(f"{name} stopped before {at} with {settings}")
        stop = Stopped(project, name, at, settings)
        try:
            if stop.came():
                yield stop
                return
        finally:
            stop.clear()
        last = at  # where workers share the files, the last moments come to none of them


def one_error(text: str) -> str:
    """What `dvc repro` said, where that has one error, and nobody's traceback."""
    errors = [line for line in text.splitlines() if line.startswith("ERROR: ")]
    assert len(errors) == 1, text
    assert "Traceback" not in text, text
    return text


def patiently(what: str) -> Iterator[None]:
    """Again and again, for as long as a busy machine may take."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        yield
        time.sleep(0.01)
    raise AssertionError(what)
