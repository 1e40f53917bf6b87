"""Whether UNGAR is here, which one, and how to get it."""

from __future__ import annotations

import json
from importlib import metadata

COMMIT = "0e29e104aa1b13542b193515e3895ee87122c1cb"
# Without its dependencies: it asks for numpy<2 and torch, and its games need NumPy alone.
INSTALL = f"pip install numpy && pip install --no-deps git+https://github.com/m-cahill/ungar@{COMMIT}"


def ungar_version() -> str | None:
    """The installed UNGAR's version as it says itself (its package metadata says 0.0.0), or None."""
    try:
        # Lazy, and ignored by the type checker where it is absent: UNGAR is optional and not on PyPI.
        import ungar  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return None
    return str(ungar.__version__)


def ungar_commit() -> str | None:
    """The commit that UNGAR was installed from, where pip recorded one (PEP 610)."""
    try:
        text = metadata.distribution("ungar").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return None
    commit = json.loads(text or "{}").get("vcs_info", {}).get("commit_id")
    return commit if isinstance(commit, str) else None
