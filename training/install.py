"""What training needs besides the rest, and how to get it."""

from __future__ import annotations

import importlib.util

from traces.errors import TracesError

INSTALL = "pip install --require-hashes -r requirements-training.lock"


def require_training() -> None:
    """Say how to install what training needs, where it is missing.

    Raises:
        TracesError: it is.
    """
    missing = [
        name for name in ("tunix", "jax", "grain", "qwix", "sentencepiece") if not importlib.util.find_spec(name)
    ]
    if missing:
        raise TracesError(f"{', '.join(missing)}: not installed; `{INSTALL}` (`make repro` does)")
