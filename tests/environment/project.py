"""The small project of these tests, and its package index."""

from __future__ import annotations

import hashlib
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.shell import Done, environment

PROGRESS = re.compile(
    r" |Installing |Resolved |Prepared |Installed |environment: (building|installing|uv does not|[\w ]+: still at it) ?"
)


@dataclass(frozen=True)
class Index:
    """A package index, as a folder and as a port of this machine."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/simple"

    def pin(self, name: str) -> str:
        """The lines of a lock for a package."""
        (wheel,) = self.folder.glob(f"{name}-*.whl")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        return f"{name}=={wheel.name.split('-')[1]} \\\n    --hash=sha256:{digest}\n"


@dataclass(frozen=True)
class Project:
    """A clone with scripts, locks and the Python that builds its environment."""

    folder: Path
    python: Path

    def settings(self, **changes: str) -> dict[str, str]:
        """The environment of a person without settings for pip and uv but a pip.conf, and with empty caches."""
        home = self.folder.parent / "home"
        home.mkdir(exist_ok=True)
        settings = re.compile(r"PIP_.*|UV_.*|XDG_.*|.*_PROXY", re.IGNORECASE)
        told = {name: value for name, value in environment().items() if not settings.fullmatch(name)}
        own = {"PIP_CONFIG_FILE": str(self.folder.parent / "pip.conf"), "HOME": str(home), "PYTHON": str(self.python)}
        return told | own | changes

    def start(self, packages: str = "dataset", **changes: str) -> subprocess.Popen[str]:
        """Begin to build, in a process group of its own."""
        return subprocess.Popen(
            [".ci/environment", packages], cwd=self.folder, env=self.settings(**changes), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def build(self, packages: str = "dataset", *, code: int = 0, **changes: str) -> Done:
        """Build, and hold the exit code to `code`."""
        process = self.start(packages, **changes)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, out + err
        return Done(process.returncode, out, err)

    def refused(self, **changes: str) -> str:
        """Why it cannot be built: the only line that is no progress."""
        lines = self.build(code=1, **changes).err.splitlines()
        assert "127.0.0.1" not in "".join(lines)
        said = [line for line in lines if not PROGRESS.match(line)]
        assert len(said) == 1, "\n".join(lines)
        return said[0]

    def works(self) -> bool:
        """Whether the environment has its package, and the project from this folder."""
        command = [self.folder / ".venv/bin/python", "-Ic", "import small, here; print(small.VALUE, here.__file__)"]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        return said.stdout == f"7 {self.folder}/here.py\n"
