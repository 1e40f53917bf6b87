"""Run a command that may be silent for long, and say every few seconds that it still works.

.ci/progress.py COMMAND...
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

SILENCE_S = 8.0
KEPT_BYTES = 65_536
# From here on a tool explains a failure: it is kept for the caller, who says it in one line.
FAILURE = re.compile(rb"\berror\b|ERROR|WARNING: Retrying|Traceback|No space left")


def follow(
    command: Sequence[str],
    name: str,
    *,
    environment: Mapping[str, str] | None = None,
    lines: re.Pattern[bytes] | None = None,
    pass_fds: Sequence[int] = (),
) -> tuple[int, str]:
    """Run a command; its exit code and the end of its output (stdout and stderr together).

    On a terminal the command draws its own progress. Elsewhere its lines are passed on, and if none comes for
    `SILENCE_S` seconds, one of ours says how long it has run.

    `name` is what our lines call the command. With `lines`, only output lines that match are shown, and the
    caller has to show a failure.
    """
    terminal = sys.stderr.isatty()
    ours, theirs = pty.openpty() if terminal else os.pipe()
    if terminal:
        size = fcntl.ioctl(sys.stderr, termios.TIOCGWINSZ, bytes(8))
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
    process = subprocess.Popen(  # noqa: S603 - the callers write the commands
        command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=environment, pass_fds=pass_fds
    )
    os.close(theirs)
    began = time.monotonic()
    kept, line, failed = b"", b"", False
    try:
        while True:
            if not select.select([ours], [], [], SILENCE_S)[0]:
                if not terminal or lines is None or failed:
                    say(f"{name}: still at it, {time.monotonic() - began:.0f} s so far{written(process.pid)}")
                continue
            try:
                chunk = os.read(ours, KEPT_BYTES)
            except OSError:  # a pseudo-terminal ends with an error, not with an empty read
                chunk = b""
            if not chunk:
                break
            kept = (kept + chunk)[-KEPT_BYTES:]
            failed = failed or (lines is not None and FAILURE.search(chunk) is not None)
            if failed:
                continue
            if terminal or lines is None:
                show(chunk)
                continue
            *whole, line = (line + chunk).split(b"\n")
            show(b"".join(one + b"\n" for one in whole if lines.search(one)))
        return process.wait(), kept.decode(errors="replace").replace("\r\n", "\n")
    finally:
        os.close(ours)
        if process.poll() is None:
            process.terminate()
            process.wait()


def written(process_id: int) -> str:
    """How much a process has written, if the system tells."""
    try:
        counts = Path(f"/proc/{process_id}/io").read_text()
    except OSError:
        return ""
    megabytes = int(counts.split("wchar:")[1].split()[0]) // 1_000_000
    return f", {megabytes:,} MB written" if megabytes else ""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def show(output: bytes) -> None:
    sys.stderr.flush()
    os.write(sys.stderr.fileno(), output)


def main() -> int:
    try:
        return follow(sys.argv[1:], Path(sys.argv[1]).name)[0]
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
