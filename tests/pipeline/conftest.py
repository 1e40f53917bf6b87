"""What the tests of remotes share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.remotes import two_versions


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small repository with two versions. Not to be changed: take `copied`."""
    return two_versions(tmp_path_factory.mktemp("versions"))
