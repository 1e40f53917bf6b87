"""The peak memory of a command: `python -m tests.pipeline.memory COMMAND...` runs it and prints kilobytes last.

A process of its own, because a command started from a large one is charged with that one's memory.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

from tests.support.shell import ROOT, run


def peak_mb(folder: Path, *command: str, **settings: str) -> float:
    """The resident memory, in MB, of the largest process that a command was."""
    done = run(
        folder, sys.executable, "-m", "tests.pipeline.memory", *command, timeout=1800, PYTHONPATH=str(ROOT), **settings
    )
    return int(done.out.splitlines()[-1]) / 1024


if __name__ == "__main__":
    subprocess.run(sys.argv[1:], check=True)
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
