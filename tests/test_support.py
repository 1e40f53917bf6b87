"""What the tests stand on."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests.support.shell import ROOT


def test_no_other_run_of_pytest_shuts_the_database_server_out(postgres: str, tmp_path: Path) -> None:
    # Pytest makes the folder of all its runs private whenever one begins.
    (pytest_s,) = (folder for folder in tmp_path.parents if folder.name.startswith("pytest-of-"))
    with psycopg.connect(postgres) as connection:
        (data,) = connection.execute("SHOW data_directory").fetchone() or ("",)
    assert not Path(data).is_relative_to(pytest_s)


_HOLD = """
import time
from tests.support.s3 import s3_server
with s3_server() as server:
    print(server.endpoint, flush=True)
    time.sleep(600)
"""


def answers(port: int) -> bool:
    with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def test_an_s3_server_ends_with_the_tests_when_those_are_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", _HOLD], cwd=ROOT, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        port = urlsplit(tests.stdout.readline().strip()).port
        assert port is not None
        assert answers(port)
        tests.kill()
    deadline = time.monotonic() + 60
    while answers(port) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not answers(port)
