"""One module a DVC stage, each run as `python -m stages.NAME`; in folders, what those are made of."""

import importlib.util
import os
import signal
import sys
import time

# Before any of the project's code is read.
STARTED = time.time()

# Ctrl-C while a stage reads its libraries just ends it: `run_stage`, which says so in one line, is not there yet.
# (While Python looks for the module of its `-m`, that is the program's name.)
if sys.argv[0] == "-m" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

# `.venv/bin/dvc` without the environment on PATH runs the system's Python, which has none of our packages.
if sys.version_info < (3, 11) or any(
    importlib.util.find_spec(name) is None for name in ("duckdb", "msgspec", "pyarrow", "pydantic", "sqlalchemy")
):
    sys.exit(f"stages: {sys.executable} lacks the project's packages; `source .venv/bin/activate` (or `make repro`)")

# Arrow's own allocator keeps what it once had, which over a hundred partitions is half as much memory again. It is
# chosen when Arrow is loaded, so here, before any stage does.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
# These libraries start a thread when they are loaded, which nothing here needs; and a process that has one thread can
# be forked, which is how workers start soonest.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("JE_ARROW_MALLOC_CONF", "background_thread:false")
