"""The page about the service under load is made of what was measured, and its clients measure what there is."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.report import write_load
from benchmarks.serving import load as measured
from benchmarks.serving.client import Asked, Streamed
from benchmarks.serving.load import Answers, Load, Memory, OfServer, Run
from benchmarks.serving.servers import nginx_command
from benchmarks.serving.tables import load_targets
from tests.support.shell import ROOT, run

MB = 10**6
STREAMED = Streamed(64, 1000 * MB, seconds=32, done=[30.0] * 63 + [32.0], first_byte=[0.1, 0.3, 0.2], slow=0, cpu=8)
ALONE = Run(STREAMED, cpu=16, memory=Memory(70 * MB, [80 * MB] * 4 + [90 * MB] * 3 + [84 * MB]))
BESIDE = replace(ALONE, streamed=replace(STREAMED, seconds=40, first_byte=[]))
OURS = OfServer(ALONE, BESIDE, Answers(Asked(requests=40_000, refused=10_000, seconds=10, slowest=0.02, cpu=1), cpu=5))
THEIRS = replace(OURS, alone=replace(ALONE, streamed=replace(STREAMED, seconds=20)))
LOAD = Load(clients=64, size=1000 * MB, shards=66, service=OURS, nginx=THEIRS)


def test_the_page_says_what_was_measured(tmp_path: Path) -> None:
    write_load(LOAD, "make bench-serve", {"cores": "2"}, {"nginx": "1.22"}, tmp_path / "page.md")
    page = (tmp_path / "page.md").read_text()
    assert "$" not in page
    assert "| throughput with 64 clients, to that of nginx | at least 0.5x | 0.62x | holds |" in page
    assert "| peak memory with 64 clients | at most 400 MB | 90.0 MB | holds |" in page
    assert "| throughput beside a slow client to that without | at least 0.8x | 0.80x | holds |" in page
    assert "| status requests a second | at least 1000 | 4,000 | holds |" in page
    assert "| the service, 64 clients | 2,000 | 32.0 | 30.0 | 16.0 | 8.00 | 0.25 |" in page
    assert "| the service, 64 clients | 70.0 | 80.0 | 80.0 | 90.0 | 90.0 | 90.0 |" in page
    assert "| the service, 3 new clients | 100 | 200 | 300 |" in page
    assert "| the service, /api/status | 4,000 | 10,000 | 20.0 | 0.10 |" in page


def test_without_nginx_there_is_nothing_to_compare_with() -> None:
    assert [target.what for target in load_targets(replace(LOAD, nginx=None))] == [
        "peak memory with 64 clients",
        "memory in the last quarter of the time to that in the first",
        "throughput beside a slow client to that without",
        "status requests a second",
    ]


def test_an_answer_that_is_not_whole_ends_the_benchmark() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def answer() -> None:
            client, _ = server.accept()
            client.recv(1000)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123456789")
            client.close()

        thread = threading.Thread(target=answer)
        thread.start()
        asked = {"what": "stream", "port": server.getsockname()[1], "path": "/", "clients": 1}
        command = [sys.executable, "-m", "benchmarks.serving.client"]
        done = subprocess.run(command, cwd=ROOT, input=json.dumps(asked), capture_output=True, text=True, check=False)
        thread.join()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "benchmarks: the server closed a connection before its answer was whole\n"


@pytest.mark.soak
def test_a_small_run_sees_every_byte_of_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "ASK_S", 0.5)
    monkeypatch.setattr(measured, "SETTLE_S", 0.0)
    found = measured.run(tmp_path, 40, 3)
    assert (found.shards, 39 * MB < found.size <= 40 * MB) == (3, True)
    assert (found.nginx is not None) is (nginx_command() is not None)
    for held in filter(None, (found.service, found.nginx)):
        for one in (held.alone, held.beside):
            assert (one.streamed.clients, one.streamed.size, len(one.streamed.done)) == (3, found.size, 3)
            assert one.memory.peak > MB
        assert held.alone.streamed.first_byte
        assert held.beside.streamed.slow > 0
        assert held.answers.asked.requests > 10


def test_the_command_shows_examples_and_refuses_no_clients() -> None:
    shown = run(ROOT, sys.executable, "-m", "benchmarks", "serve", "--help")
    assert "SERVE_MB=50 SERVE_CLIENTS=8 make bench-serve" in shown.out
    assert "--clients" in run(ROOT, sys.executable, "-m", "benchmarks", "serve", code=2, SERVE_CLIENTS="0").text
