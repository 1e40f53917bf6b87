"""`python -m commands.changes`: how the workspace differs from the commit, a line a file; for the scripts in .ci/."""

from __future__ import annotations

import sys

from commands.repository import changes_since
from traces.errors import TracesError


def main() -> None:
    """Print `changed PATH` for each file that the commit has otherwise, `untracked PATH` for each that it lacks."""
    found = changes_since("HEAD")
    for kind, paths in (("changed", found.changed), ("untracked", found.untracked)):
        for path in paths:
            print(kind, ascii(path)[1:-1] if not path.isprintable() else path)


if __name__ == "__main__":
    try:
        main()
    except TracesError as error:
        sys.exit(f"changes: {error}")
