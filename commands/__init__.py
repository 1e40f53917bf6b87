"""The `traces` command: a thin layer over the rest."""

import importlib.util
import sys

# Another Python than the environment's has none of our packages, and would say so in a traceback.
if sys.version_info < (3, 11) or any(
    importlib.util.find_spec(name) is None
    for name in ("duckdb", "msgspec", "pyarrow", "pydantic", "sqlalchemy", "typer")
):
    sys.exit(f"traces: {sys.executable} lacks the project's packages; `source .venv/bin/activate` (or `make repro`)")
