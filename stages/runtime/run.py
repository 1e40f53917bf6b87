"""How a stage runs: params checked first, an error as one line."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from pathlib import Path

from stages.params.models import Params
from stages.params.reading import load_params
from stages.runtime.executor import collect_seldom
from traces.errors import TracesError, one_line, unexpected
from traces.files import folder_lock

_WAITS = "{}: another stage is at work in this folder, most likely of a `dvc repro` that was killed; waiting for it"


def run_stage(name: str, work: Callable[[Params], None]) -> None:
    """Run a stage's work and exit: 0, or 1 with one line on stderr."""
    collect_seldom()
    if work.__module__ == "__main__":
        # By the name that it has in every other process, too: there, `__main__` is something else.
        work = import_module(f"stages.{name}").work
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # stages/__init__.py put it off until now
    try:
        with _turn(name):
            work(load_params())
    except TracesError as error:
        message = str(error)
    except BrokenExecutor:
        message = (
            "a worker was killed, most likely for memory; set TRACES_WORKERS=1 or a smaller extract.partition_rows"
        )
    except KeyboardInterrupt:
        sys.exit(f"{name}: interrupted; nothing half-written was left")
    except Exception as error:  # whatever it is, a person gets one line
        message = unexpected(error)
    else:
        return
    sys.exit(f"{name}: {one_line(message, 2000)}")


@contextmanager
def _turn(name: str) -> Iterator[None]:
    """One stage at a time in a workspace: that of a killed `dvc repro` goes on, and would write over the next one's."""
    with ExitStack() as stack:
        with suppress(OSError):  # a file system without locks
            stack.enter_context(folder_lock(Path(), lambda: print(_WAITS.format(name), file=sys.stderr, flush=True)))
        yield
