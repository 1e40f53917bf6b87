"""Runs a command and says what its whole process tree took: `python -m benchmarks.runner RESULT FOLDER COMMAND...`.

A small process of its own. It adopts every orphan below it (Linux's child subreaper), so that it has waited for all of
them in the end, and the kernel has added up their CPU time and their writes.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from benchmarks.processes import descendants, memory

PR_SET_CHILD_SUBREAPER = 36
SAMPLE_S = 0.05
SAMPLE_SHARE = 0.05  # of the time, at most, goes into looking at memory
ORPHANS_S = 30  # that the rest of the tree may outlive the command


def main(result: Path, folder: Path, command: list[str]) -> None:
    """Run the command in `folder`, and write what it took to `result` as JSON."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        sys.exit("benchmarks: no child subreaper; measuring a process tree needs Linux")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    parent = os.getppid()
    began = time.monotonic()
    child = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
    try:
        code, wall, peak, anonymous = _watch(child.pid, parent, began)
    finally:
        _end_all()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    held = {
        "code": code,
        "wall": wall,
        "cpu": used.ru_utime + used.ru_stime,
        "written": bytes_written(),
        "peak": peak,
        "anonymous": anonymous,
    }
    result.write_text(json.dumps(held))


def bytes_written() -> int:
    """What this process and all that it has waited for have written to files of a disk."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["write_bytes"])


def _end_all() -> None:
    """Kill what is left of the tree, one by one: the command's process group may be another's by now."""
    with suppress(ChildProcessError):
        while True:
            for pid in descendants(os.getpid()):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            os.waitpid(-1, 0)


def _watch(command: int, parent: int, began: float) -> tuple[int, float, int, int]:
    """Exit code and wall seconds of the command, and the tree's peak memory, once all of it has ended."""
    code, wall, peak, anonymous = None, 0.0, 0, 0
    while True:
        looked = time.monotonic()
        total, private = memory(os.getpid())
        peak, anonymous = max(peak, total), max(anonymous, private)
        until = time.monotonic() + max(SAMPLE_S, (time.monotonic() - looked) / SAMPLE_SHARE)
        while time.monotonic() < until:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return code or 0, wall, peak, anonymous
            if pid == command:
                code, wall = os.waitstatus_to_exitcode(status), time.monotonic() - began
            elif not pid:
                time.sleep(0.005)
        if os.getppid() != parent:
            sys.exit("benchmarks: interrupted")
        if code is not None and time.monotonic() - began - wall > ORPHANS_S:
            sys.exit(f"benchmarks: processes were left running {ORPHANS_S} s after the command ended")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
