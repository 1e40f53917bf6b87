"""Pin the packages that pyproject.toml asks for, with hashes, for all platforms and supported Pythons.

.ci/lock.py [--upgrade]    with --upgrade to the newest versions; else what is pinned stays if pyproject.toml allows it
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent))

import install
from progress import follow

# --no-strip-extras: pip before 23.3 refuses a lock that says `coverage` if a package asks for `coverage[toml]`.
# No addresses in a lock: the machine's settings say where packages come from.
OPTIONS = ("--universal", "--python-version=3.11", "--generate-hashes", "--no-strip-extras",
           "--no-emit-index-url", "--no-header", "--no-annotate", "--quiet")  # fmt: skip
EVERYTHING = [f"--extra={extra}" for extra in ("dev", "cluster", "serve", "training")]


def write(folder: Path, name: str, *arguments: str) -> None:
    """Write a lock into the folder; one that is there already is what stays pinned.

    Raises:
        CannotInstall: there is no such set of packages, or the index does not answer.
    """
    command = [str(install.BIN / "uv"), "--no-config", "pip", "compile", *OPTIONS, f"--output-file={folder / name}"]
    environment = install.uv_environment(install.pip_settings(), os.environ)
    code, _ = follow([*command, *arguments], f"lock: {name}", environment=environment)
    if code:
        raise install.CannotInstall(f"{name}: uv ended with {code}, as it says above; no lock is changed")


def main(arguments: Sequence[str]) -> int:
    locks = ("requirements-training.lock", "requirements.lock", "requirements-bootstrap.lock")
    upgrade = ["--upgrade"] if "--upgrade" in arguments else []
    project = str(install.ROOT / "pyproject.toml")
    with TemporaryDirectory(dir=install.ROOT, prefix=".lock.", suffix=".tmp") as name:
        folder = Path(name)
        for lock in locks:
            if (install.ROOT / lock).exists():
                shutil.copy(install.ROOT / lock, folder)
        held = f"--constraint={folder / locks[0]}"
        try:
            write(folder, locks[0], project, *EVERYTHING, *upgrade)
            write(folder, locks[1], project, held)
            write(folder, locks[2], f"--group={project}:bootstrap", held, *upgrade)
        except install.CannotInstall as fault:
            print(f"lock: {fault}", file=sys.stderr)
            return 1
        for lock in locks:
            (folder / lock).replace(install.ROOT / lock)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
