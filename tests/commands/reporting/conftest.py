"""The page of a hostile dataset, made once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from commands.reporting.page import make_page
from tests.commands.reporting.pages import build_hostile
from tests.support.shell import lay_out


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace with the dataset of hostile traces built, its page at page.html. Not to be changed."""
    folder = tmp_path_factory.mktemp("hostile")
    lay_out(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACES_WORKERS", "1")
        patch.setenv("TRACES_DATABASE_URL", "")
        build_hostile(folder)
        with chdir(folder):
            (folder / "page.html").write_text(make_page(None))
        yield folder
