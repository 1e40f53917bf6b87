"""A small project that is built as this one is, from a package index on this machine."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from threading import Thread
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from tests.environment.project import Index, Project
from tests.support.shell import ROOT

SCRIPTS = ("environment", "install.py", "progress.py", "lock.py")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package index as a folder: uv and setuptools as they are installed here, and a package of three lines."""
    folder = tmp_path_factory.mktemp("index")
    for name in ("uv", "setuptools"):
        try:
            wheel(folder, name)
        except PackageNotFoundError:
            pytest.skip(f"{name} is not installed here, and what is installed is served to the test")
    path = folder / "small-1.0-py3-none-any.whl"
    with ZipFile(path, "w") as file:
        file.writestr("small.py", "VALUE = 7\n")
        file.writestr("small-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: small\nVersion: 1.0\n")
        file.writestr("small-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr("small-1.0.dist-info/RECORD", "small.py,,\n")
    for found in folder.glob("*.whl"):
        page = folder / "simple" / found.name.partition("-")[0] / "index.html"
        page.parent.mkdir(parents=True)
        digest = hashlib.sha256(found.read_bytes()).hexdigest()
        page.write_text(f'<!DOCTYPE html><a href="../../{found.name}#sha256={digest}">{found.name}</a>')
    return folder


def wheel(folder: Path, name: str) -> None:
    """Put an installed package together again as a wheel for this machine."""
    installed = distribution(name)
    metadata = f"{name}-{installed.version}.dist-info"
    with ZipFile(folder / f"{name}-{installed.version}-py3-none-any.whl", "w", ZIP_DEFLATED, compresslevel=1) as file:
        for path in installed.files or []:
            place = path.as_posix()
            if "__pycache__" in place or place.endswith(("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")):
                continue
            if "../bin/" in place:
                place = f"{name}-{installed.version}.data/scripts/{path.name}"
            if place != f"{metadata}/WHEEL":
                file.write(str(path.locate()), place)
        file.writestr(f"{metadata}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{metadata}/RECORD", "")


@pytest.fixture
def index(packages: Path) -> Iterator[Index]:
    """The package index, served on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=packages)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Index(packages, server.server_port)
        server.shutdown()


@pytest.fixture
def project(tmp_path: Path, index: Index) -> Project:
    """A clone of the small project, with its index in pip.conf as a company would have it."""
    folder = tmp_path / "project"
    (folder / ".ci").mkdir(parents=True)
    for name in SCRIPTS:
        shutil.copy(ROOT / ".ci" / name, folder / ".ci")
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools>=80"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "small-project"\nversion = "1"\n[tool.setuptools]\npy-modules = ["here"]\n'
    )
    (folder / "here.py").touch()
    (folder / "requirements-bootstrap.lock").write_text(index.pin("setuptools") + index.pin("uv"))
    for name in ("requirements.lock", "requirements-training.lock"):
        (folder / name).write_text(index.pin("small"))
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {index.url}\n")
    return Project(folder, Path(getattr(sys, "_base_executable", sys.executable)))
