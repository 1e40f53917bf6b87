"""Running commands as a user would, in a copy of the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent
# For `make`: take the packages that are on PATH, and build no environment.
ON_PATH = {"TRACES_ENVIRONMENT": ":"}
# Before a command that is to be interrupted, as in a terminal: what a shell runs in the background ignores Ctrl-C, and
# so does all that it starts.
HEEDING = ("env", "--default-signal=INT,TERM")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


def environment(**changes: str) -> dict[str, str]:
    """The environment of a user with the virtual environment active and no settings of ours, nor of `make test`."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("TRACES_", "DVC_", "GIT_", "PYTEST_", "MAKE", "MFLAGS"))
    }
    kept |= {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "GIT_AUTHOR_NAME": "A User",
        "GIT_AUTHOR_EMAIL": "user@example.invalid",
        "GIT_COMMITTER_NAME": "A User",
        "GIT_COMMITTER_EMAIL": "user@example.invalid",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "DVC_NO_ANALYTICS": "1",
        "NO_COLOR": "1",
        "COLUMNS": "200",
        # What a smoke run compiles, in whichever copy of the repository.
        "JAX_COMPILATION_CACHE_DIR": str(ROOT / ".cache" / "jax"),
    }
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # a user's Python writes its cache, and DVC must not mind
    return kept | changes


def run(folder: Path, *command: str, code: int | None = 0, timeout: float = 300, **changes: str) -> Done:
    """Run a command in `folder`; `code` is what it must end with, None anything."""
    result = subprocess.run(
        command, cwd=folder, env=environment(**changes), capture_output=True, text=True, timeout=timeout, check=False
    )
    done = Done(result.returncode, result.stdout, result.stderr)
    if code is not None and done.code != code:
        raise AssertionError(f"{' '.join(command)} ended with {done.code}, not {code}:\n{done.text[-6000:]}")
    return done


def copy_repository(target: Path) -> Path:
    """The working tree as a commit of its own: what Git tracks or would track, and no more."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    run(target, "git", "init", "-q", "-b", "main")
    commit(target, "the project")
    return target


def forget_code(folder: Path) -> None:
    """Let no stage depend on code, as a test that changes none may: DVC then takes half the time for a build.

    It parses and writes the whole of dvc.lock for each stage, most of which is the hashes of code.
    """
    path = folder / "dvc.yaml"
    path.write_text(re.sub(r"^      - (?:stages|traces|training)/\S+\.py\n", "", path.read_text(), flags=re.MULTILINE))


def commit(folder: Path, message: str) -> None:
    """Commit all that is there."""
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-q", "--allow-empty", "-m", message)


def replace(path: Path, old: str, new: str) -> None:
    """Replace a text that stands in a file once."""
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} stands in {path} {text.count(old)} times"
    path.write_text(text.replace(old, new))


def lay_out(folder: Path) -> None:
    """An empty repository's worth of inputs: params, schemas, no recordings."""
    for name in ("data/recorded", "data/evalsets", "reports"):
        (folder / name).mkdir(parents=True)
    for name in (".dvcignore", "params.yaml", "data/exclusions.csv"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "schemas", folder / "schemas")
