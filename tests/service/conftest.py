"""A service for a test alone, and one for all that change nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.running import Service, running


@pytest.fixture
def service(repository: Path) -> Iterator[Service]:
    with running(repository) as found:
        yield found
        assert "Traceback" not in found.log.read_text()


@pytest.fixture(scope="session")
def standing(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests that change nothing, in a repository of its own."""
    folder = tmp_path_factory.mktemp("standing") / "project"
    shutil.copytree(built, folder, symlinks=True)
    with running(folder) as found:
        yield found
        assert "Traceback" not in found.log.read_text()
