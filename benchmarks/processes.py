"""What /proc says of a process and all below it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def descendants(pid: int) -> Iterator[int]:
    """The processes below `pid`."""
    # A child belongs to the thread that made it.
    with suppress(OSError):  # it may have ended since
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - quick: it is asked often
            for child in map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split()):
                yield child
                yield from descendants(child)


def memory(pid: int) -> tuple[int, int]:
    """Bytes of memory of all processes below `pid`, a shared page split among those that share it; and, of that,
    what is no file's page. The second is 0 where the kernel says only how much is resident, pages of files and all.
    """
    return _memory_of(descendants(pid))


def tree_memory(pid: int) -> int:
    """Bytes of memory of `pid` and all processes below it, likewise."""
    return _memory_of((pid, *descendants(pid)))[0]


def _memory_of(pids: Iterable[int]) -> tuple[int, int]:
    total = anonymous = 0
    for child in pids:
        with suppress(OSError, ValueError):
            held, private = _memory(child)
            total, anonymous = total + held, anonymous + private
    return total, anonymous


def _memory(pid: int) -> tuple[int, int]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except PermissionError:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE, 0
    kilobytes = {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines)}
    return kilobytes["Pss"] * 1024, (kilobytes.get("Pss_Anon", 0) + kilobytes.get("Pss_Shmem", 0)) * 1024


def cpu_seconds(pid: int) -> float:
    """CPU time of `pid`, of all processes below it, and of those that have ended."""
    total = 0
    for each in (pid, *descendants(pid)):
        with suppress(OSError):
            # The name, in brackets, may hold anything.
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))  # utime, stime, and both of children waited for
    return total / TICKS


def parent(pid: int) -> int:
    """The process that `pid` belongs to."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
