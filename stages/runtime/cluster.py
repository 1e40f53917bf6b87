"""The partition work on a Dask cluster: the executor of a `distributed` client, where TRACES_SCHEDULER names one.

Every worker must see the workspace at the same path, and run the same code: both are asked for, at each worker, before
it does anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from stages.runtime.memo import code_changed, code_hash
from traces.errors import TracesError, one_line

SCHEDULER = "TRACES_SCHEDULER"
CONNECT_TIMEOUT_S = 10


@contextmanager
def open_cluster(address: str) -> Iterator[tuple[Any, int, Callable[[Any], Any]]]:
    """An executor of the cluster at `address`, how many calls it runs at once, and what a function must go through.

    Raises:
        TracesError: there is no scheduler, or no worker.
    """
    try:
        import distributed
    except ImportError:
        raise TracesError(f"{SCHEDULER}: `distributed` is not installed; `pip install distributed`") from None
    try:
        connect: Any = distributed.Client
        client = connect(address, timeout=CONNECT_TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        said = one_line(str(error).splitlines()[0] if str(error) else type(error).__name__, 160)
        raise TracesError(
            f"{SCHEDULER}={one_line(address, 80)}: no Dask scheduler answers ({said}); start one, or unset {SCHEDULER}"
        ) from None
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise TracesError(f"{SCHEDULER}={address}: the scheduler has no worker; start one with `dask worker`")
        folder, code = str(Path.cwd()), code_hash()
        yield client.get_executor(), threads, lambda function: InWorkspace(folder, code, function)


@dataclass(frozen=True)
class InWorkspace:
    """A function that runs on a worker as it would here: in the same folder, with the same code."""

    folder: str
    code: str
    function: Callable[[Any], Any]

    def __call__(self, item: Any) -> Any:
        _enter(self.folder, self.code)
        return self.function(item)


@cache
def _enter(folder: str, code: str) -> None:
    try:
        os.chdir(folder)
    except OSError:
        raise TracesError(f"a worker of {SCHEDULER} does not see {folder}; it must be on a shared path") from None
    # What the files say now is not what runs, where they were written since this process read them.
    if code_hash() != code or code_changed():
        raise TracesError(f"a worker of {SCHEDULER} runs other code; start it anew, from this commit and environment")
