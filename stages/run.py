"""How a stage runs: params checked first, an error as one line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from importlib import import_module

from stages.executor import collect_seldom
from stages.params import Params, load_params
from traces.errors import TracesError, one_line, unexpected


def run_stage(name: str, work: Callable[[Params], None]) -> None:
    """Run a stage's work and exit: 0, or 1 with one line on stderr."""
    collect_seldom()
    if work.__module__ == "__main__":
        # By the name that it has in every other process, too: there, `__main__` is something else.
        work = import_module(f"stages.{name}").work
    try:
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
