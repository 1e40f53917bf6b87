"""A command is measured with all that it starts, also what outlives its parent."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from benchmarks.measure import ROOT, Measurement, measure, median, server_process
from benchmarks.processes import cpu_seconds

WORK = """
import os, time
held = os.urandom(1 << 20) * 120
with open("written", "wb") as file:
    file.write(held[: 50 << 20])
began = time.process_time()
while time.process_time() - began < 0.6:
    pass
"""
WAITED_FOR = "import subprocess, sys; subprocess.run([sys.executable, 'work.py'], check=True)"
ORPHANED = "import subprocess, sys; subprocess.Popen([sys.executable, 'work.py'], start_new_session=True)"
# What measures how much of the suite is run takes memory, too, and is not what is measured here.
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}


@pytest.fixture
def folder() -> Iterator[Path]:
    """On a disk: a temporary folder may be in memory, where no write counts."""
    (ROOT / ".cache").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / ".cache") as name:
        (Path(name) / "work.py").write_text(WORK)
        yield Path(name)


@pytest.mark.parametrize("start", [WAITED_FOR, ORPHANED], ids=["waited for", "orphaned"])
def test_a_grandchild_s_cpu_memory_and_writes_are_seen(folder: Path, start: str) -> None:
    middle = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {start!r}], check=True)"
    found = measure([sys.executable, "-c", middle], folder, ENVIRONMENT)
    assert 0.6 <= found.cpu <= 3
    assert 120 <= found.peak / 2**20 <= 200
    assert 115 <= found.anonymous / 2**20 <= found.peak / 2**20
    assert 50 <= found.written / 2**20 <= 52


def test_a_command_that_does_nothing_is_charged_with_nothing(folder: Path) -> None:
    found = measure(["true"], folder, ENVIRONMENT)
    assert found.cpu < 0.1
    assert found.wall < 0.5
    assert found.written < 2**20


def test_a_command_that_fails_ends_the_benchmark_with_what_it_said(folder: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        measure([sys.executable, "-c", "raise SystemExit('no such thing')"], folder, ENVIRONMENT)
    assert "failed" in str(ended.value)
    assert "no such thing" in str(ended.value)


SLEEPS = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
IN_A_SESSION_OF_ITS_OWN = (
    f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEPS!r}], start_new_session=True)"
)


@pytest.mark.parametrize("source", [SLEEPS, IN_A_SESSION_OF_ITS_OWN], ids=["itself", "in a session of its own"])
def test_nothing_goes_on_where_whoever_measures_is_killed(folder: Path, source: str) -> None:
    command = [sys.executable, "-c", source]
    script = f"from benchmarks.measure import *; measure({command!r}, Path({str(folder)!r}), os.environ)"
    measuring = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    pid = _wait_for_text(folder / "pid")
    measuring.kill()
    measuring.wait()
    _wait_until_gone(int(pid))


def test_the_database_server_s_cpu_is_its_own(folder: Path, postgres: str) -> None:
    server = server_process(postgres)
    query = "SELECT count(*) FROM generate_series(1, 3000000)"
    script = f"import psycopg; psycopg.connect({postgres!r}).execute({query!r})"
    found = measure([sys.executable, "-c", script], folder, os.environ, server)
    assert found.server_cpu > 0.1
    assert found.cpu < 2 * found.server_cpu + 0.5
    assert cpu_seconds(server) >= found.server_cpu


def test_the_server_and_its_data_end_with_a_killed_benchmark(folder: Path) -> None:
    script = (
        "import time\nfrom pathlib import Path\nfrom benchmarks.database import *\n"
        f"with database_server(Path({str(folder)!r})) as url:\n"
        f"    Path({str(folder / 'url')!r}).write_text(url)\n    time.sleep(60)\n"
    )
    benchmark = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    url = _wait_for_text(folder / "url")
    server = server_process(url)
    benchmark.kill()
    benchmark.wait()
    _wait_until_gone(server)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def _wait_for_text(path: Path) -> str:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if path.is_file() and (text := path.read_text()):
            return text
        time.sleep(0.05)
    raise AssertionError(f"{path} was not written")


def _wait_until_gone(pid: int) -> None:
    until = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until, f"{pid} is still there"
        time.sleep(0.05)


def test_the_median_is_of_each_figure_by_itself() -> None:
    held = [Measurement(n, 10 - n, 0, peak, 0, 0) for n, peak in ((1, 7), (2, 9), (3, 8))]
    assert median(held) == Measurement(2, 8, 0, 8, 0, 0)
