"""Stops one stage at an exact moment: before the N-th time that it opens, makes, renames or removes a file of its own.

On PYTHONPATH each Python runs this first, and only the stage that STOP_STAGE names minds. A moment counted in files is
the same on any machine, however fast it is. There the process is stopped (SIGSTOP), and whoever waits for the file
STOP_TOLD can kill it, or change what it works on and let it go on. Workers count on from their fork.

Without STOP_STAGE nothing is stopped, and each stage leaves in the folder STOP_TOLD how many moments it had: until it
had its code and its turn, and in all.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from pathlib import Path
from typing import Any

EVENTS = ("open", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "shutil.rmtree", "sqlite3.connect")
STAGES = "stages."
LOCK = "."  # the folder that a stage locks before it does anything


class Watch:
    """Counts what is done to files, and stops this process once: before number `at`."""

    def __init__(self, at: int, told: Path) -> None:
        self.at, self.told = at, told
        self.folder, self.main = str(Path.cwd()), os.getpid()
        self.begun, self.count = 0, 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in EVENTS and self.concerns(arguments[0]):
            self.count += 1
            if str(arguments[0]) == LOCK:
                self.begun = self.count
            if self.count == self.at:
                self.stop()

    def concerns(self, file: object) -> bool:
        """Whether this is a file of the workspace, or one that is elsewhere for a while.

        Of code, only what every run reads, and not the module that puts Ctrl-C off.
        """
        if not isinstance(file, str | Path):
            return False
        path = str(file)
        ours = not path.startswith("/") or path.startswith(self.folder) or "/.traces." in path
        if path.endswith(".py") or "__pycache__" in path:
            return ours and path.endswith(".pyc") and "/stages/__pycache__/__init__" not in path
        return ours

    def stop(self) -> None:
        try:
            handle = os.open(self.told, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:  # another process of the stage was first
            return
        os.write(handle, f"{self.main} {os.getpid()}\n".encode())
        os.close(handle)
        os.kill(os.getpid(), signal.SIGSTOP)

    def tell(self) -> None:
        if os.getpid() == self.main:
            (self.told / sys.orig_argv[-1].removeprefix(STAGES)).write_text(f"{self.begun} {self.count}")


if sys.orig_argv[-1].startswith(STAGES) and "STOP_TOLD" in os.environ:
    watch = Watch(int(os.environ.get("STOP_AT", "0")), Path(os.environ["STOP_TOLD"]))
    if os.environ.get("STOP_STAGE") == sys.orig_argv[-1].removeprefix(STAGES):
        sys.addaudithook(watch)
    elif "STOP_STAGE" not in os.environ:
        sys.addaudithook(watch)
        atexit.register(watch.tell)
