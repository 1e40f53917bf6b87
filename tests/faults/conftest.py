"""Fixtures: the small project, and a copy of it to be disturbed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.project import Project, build


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project as an undisturbed run makes it. Not to be changed: take `project`."""
    return build(tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture
def project(undisturbed: Project, tmp_path: Path, record_property: Callable[[str, object], None]) -> Project:
    """One of one's own."""
    return undisturbed.copy(tmp_path, record_property)
