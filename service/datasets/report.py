"""`python -m service.datasets.report COMMIT TARGET`: the page that `traces report` makes of a commit's dataset."""

from __future__ import annotations

import subprocess
import sys
from contextlib import chdir
from pathlib import Path

from commands.reporting.page import make_page
from commands.repository import clean_environment
from commands.verification.clean_copy import clean_copy
from service.datasets.making import fail
from stages.addresses.objects import Objects, open_objects
from traces.errors import TracesError
from traces.files import write_text


def main(commit: str, target: Path) -> None:
    """Write it, of a clean copy of the commit that borrows the repository's cache."""
    objects = open_objects()
    with clean_copy(commit) as copy:
        _check_out(copy, objects)
        with chdir(copy):
            page = make_page(None)
    write_text(target, page)


def _check_out(copy: Path, objects: Objects) -> None:
    # Links: it is only read, and gone in a moment. What is missing is named by who looks for it.
    config = f'[cache]\n    dir = "{objects.folder}"\n    type = reflink,symlink\n'
    (copy / ".dvc" / "config.local").write_text(config, encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "dvc", "checkout", "--quiet", "--allow-missing"],
        cwd=copy,
        env=clean_environment(),
        check=False,
        capture_output=True,
    )


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(sys.argv[2]).absolute())
    except TracesError as error:
        fail(error)
