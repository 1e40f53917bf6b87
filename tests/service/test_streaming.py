"""Streams are what they say, whoever reads them how fast, and whatever happens to the service meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import socket
import sys
import time
import zlib
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard

from service.datasets.shards import Shard, Shards
from service.datasets.streaming import PIECE, Pieces, Streamed, read_shards
from service.jobs.marks import marked_processes
from stages.paths import SPLITS
from tests.service.load_support import MB, asked, lay, open_objects, resident
from tests.service.running import Service, free_port, running
from tests.support.shell import run

PLAIN = {"Accept-Encoding": "identity"}
DUELS = {"name": "duels", "version": "v1", "filters": {"game": "high_card_duel"}, "formats": ["tunix_sft"]}


def until(true: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def raw(service: Service, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """An answer, and its body as it came."""
    with service.reader.stream("GET", path, headers=headers) as answer:
        return answer, b"".join(answer.iter_raw())


def test_a_stream_is_the_shards_end_to_end_whole_in_part_and_encoded(repository: Path) -> None:
    path, whole = lay(repository, train=PIECE + 5, validation=7, test=2 * PIECE)
    size = len(whole)
    with running(repository) as service:
        answer, body = raw(service, path, **PLAIN)
        assert (answer.status_code, int(answer.headers["content-length"])) == (200, size)
        assert body == whole
        assert answer.headers["accept-ranges"] == "bytes"
        tag = answer.headers["etag"]
        held = {name: answer.headers[name] for name in ("content-length", "etag", "content-type", "vary")}
        head = service.reader.head(path, headers=PLAIN)
        assert (head.status_code, head.content, {name: head.headers[name] for name in held}) == (200, b"", held)

        head = service.reader.head(path, headers=PLAIN | {"Range": "bytes=0-5"})
        assert (head.status_code, head.headers["content-length"]) == (200, str(size))
        head = service.reader.head(path, headers={"Accept-Encoding": "gzip"})
        assert (head.headers["content-encoding"], "content-length" in head.headers) == ("gzip", False)

        for asked_for, first, end in (
            ("bytes=0-0", 0, 1),
            ("bytes=0-99", 0, 100),
            (f"bytes={PIECE + 4}-{PIECE + 12}", PIECE + 4, PIECE + 13),  # across two borders
            (f"bytes={PIECE + 5}-{PIECE + 11}", PIECE + 5, PIECE + 12),  # one shard exactly
            (f"bytes={PIECE}-", PIECE, size),
            ("bytes=-1", size - 1, size),
            ("bytes=-1000", size - 1000, size),
            (f"bytes=-{size + 1}", 0, size),
            (f"bytes={size - 1}-{size + 9}", size - 1, size),
        ):
            answer, body = raw(service, path, Range=asked_for, **{"Accept-Encoding": "gzip"})
            assert (answer.status_code, body) == (206, whole[first:end]), asked_for
            assert answer.headers["content-range"] == f"bytes {first}-{end - 1}/{size}"
            assert int(answer.headers["content-length"]) == end - first
            assert "content-encoding" not in answer.headers
        for asked_for in (f"bytes={size}-", f"bytes={size + 5}-{size + 9}", "bytes=-0"):
            answer, _ = raw(service, path, Range=asked_for, **PLAIN)
            assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{size}"), asked_for
        for asked_for in ("bytes=0-1,4-5", "bytes=5-4", "lines=0-1", "bytes=-", "bytes=a-b"):
            answer, body = raw(service, path, Range=asked_for, **PLAIN)
            assert (answer.status_code, body == whole) == (200, True), asked_for
        for if_range, status in ((tag, 206), ('"another"', 200), (f"W/{tag}", 200)):
            answer, body = raw(service, path, Range="bytes=3-8", **PLAIN, **{"If-Range": if_range})
            assert (answer.status_code, body) == (status, whole[3:9] if status == 206 else whole)

        for none_match in (tag, f"W/{tag}", f'"another", {tag}', "*"):
            answer, body = raw(service, path, **PLAIN, **{"If-None-Match": none_match})
            assert (answer.status_code, body, answer.headers["etag"]) == (304, b"", tag)
        answer, _ = raw(service, path, **PLAIN, **{"If-None-Match": '"another"'})
        assert answer.status_code == 200

        decoders: dict[str, Callable[[], Any]] = {
            "gzip": lambda: zlib.decompressobj(31),
            "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
        }
        tags = {tag}
        for name, decoder in decoders.items():
            answer, body = raw(service, path, **{"Accept-Encoding": name})
            assert (answer.status_code, answer.headers["content-encoding"]) == (200, name)
            assert "content-length" not in answer.headers
            held = decoder()
            assert held.decompress(body) == whole
            assert held.eof
            tags.add(answer.headers["etag"])
            answer, body = raw(service, path, **{"Accept-Encoding": name, "If-None-Match": answer.headers["etag"]})
            assert (answer.status_code, body) == (304, b"")
        assert len(tags) == 3
        for accepted, encoding in (
            ("identity;q=1, gzip;q=0.5", None),
            ("gzip;q=0, zstd;q=0", None),
            ("br", None),
            ("gzip, zstd", "zstd"),
            ("gzip;q=0.9, zstd;q=0.8", "gzip"),
        ):
            answer, _ = raw(service, path, **{"Accept-Encoding": accepted})
            assert answer.headers.get("content-encoding") == encoding, accepted
        assert open_objects(service) == []


def test_who_goes_away_in_mid_stream_leaves_nothing_open(repository: Path) -> None:
    path, whole = lay(repository, train=32 * MB, test=1)
    with running(repository) as service:
        for encoding in ("identity", "gzip", "zstd"):
            with asked(service, path, f"Accept-Encoding: {encoding}") as client:
                assert client.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
                until(lambda: len(open_objects(service)) == 1)
            until(lambda: not open_objects(service))
        assert raw(service, path, **PLAIN)[1] == whole
        assert "Traceback" not in service.log.read_text()


def test_who_does_not_read_holds_little_and_keeps_nobody_waiting(repository: Path) -> None:
    path, whole = lay(repository, train=64 * MB)
    with running(repository) as service, ExitStack() as stack:
        assert raw(service, path, **PLAIN)[1] == whole
        before = resident(service)
        for _ in range(8):
            client = stack.enter_context(asked(service, path, "Accept-Encoding: identity"))
            assert client.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
        assert raw(service, path, **PLAIN)[1] == whole
        assert len(open_objects(service)) == 8
        # A piece in hand and what is left of one on its way, each.
        assert resident(service) - before < 8 * 3 * PIECE + 2 * MB


def test_a_stream_that_nothing_holds_up_gives_others_a_turn_after_each_piece() -> None:
    sent: list[str] = []

    async def pieces() -> Pieces:
        for _ in range(5):
            yield b"x"

    async def send(message: Any) -> None:
        sent.append(message["type"])

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def others() -> None:
        while True:
            sent.append("turn")
            await asyncio.sleep(0)

    async def main() -> None:
        other = asyncio.create_task(others())
        await Streamed(pieces(), 200, {}, "application/jsonl")({}, receive, send)
        other.cancel()

    asyncio.run(main())
    assert (
        "".join("b" if one == "http.response.body" else "t" for one in sent if one != "http.response.start")
        .strip("t")
        .replace("tt", "t")
        == "btbtbtbtbtb"
    )


def test_who_has_gone_is_read_for_no_more() -> None:
    read: list[int] = []

    async def pieces() -> Pieces:
        try:
            for number in range(1000):
                read.append(number)
                yield b"x"
        finally:
            read.append(-1)

    async def send(_message: Any) -> None:
        """As a server does to somebody who has gone."""

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    asyncio.run(Streamed(pieces(), 200, {}, "application/jsonl")({}, receive, send))  # type: ignore[arg-type]
    assert read[-1] == -1
    assert len(read) < 5


def test_an_object_that_is_shorter_than_it_was_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "object"
    path.write_bytes(b"x" * 10)

    async def main() -> None:
        pieces = read_shards(Shards((Shard("train-00000.jsonl", "", path, 11),)), 0, 11)
        assert await anext(pieces) == b"x" * 10
        with pytest.raises(OSError, match="shorter than it was"):
            await anext(pieces)

    asyncio.run(main())


@pytest.mark.soak
def test_a_remote_that_hangs_is_waited_for_once_and_keeps_nobody_else_waiting(repository: Path) -> None:
    path, whole = lay(repository, train=MB)
    (gone,) = (repository / ".dvc/cache/files/md5").glob(f"*/{hashlib.md5(whole).hexdigest()[2:]}")
    other = f"/api/datasets/{json.loads(run(repository, 'git', 'show', 'HEAD^:data/manifest.json').out)['dataset_id']}"
    run(repository, "git", "tag", "before", "HEAD^")
    pids = repository / "pids.txt"
    fetch = repository / "service/datasets/fetch.py"
    fetch.write_text(f"import os, time\nopen({str(pids)!r}, 'a').write(f'{{os.getpid()}}\\n')\ntime.sleep(600)\n")
    with running(repository) as service, ExitStack() as stack:
        gone.unlink()
        for _ in range(50):  # more than there are threads for
            stack.enter_context(asked(service, path))
        until(pids.is_file)
        assert service.reader.get("/api/status").status_code == 200
        assert service.reader.get(f"{other}/export.jsonl").status_code == 200
        assert service.reader.get("/api/datasets").status_code == 200
        (pid,) = map(int, pids.read_text().split())
        service.process.terminate()
        assert service.process.wait(60) in (0, -signal.SIGTERM)
        until(lambda: not Path(f"/proc/{pid}").exists())


def test_killed_in_mid_stream_no_answer_looks_whole_and_the_rest_can_be_had(repository: Path) -> None:
    path, whole = lay(repository, train=40 * MB, validation=5, test=24 * MB)
    with running(repository) as service, ExitStack() as stack:
        clients = [
            stack.enter_context(asked(service, path, f"Accept-Encoding: {coding}")) for coding in ("identity", "gzip")
        ]
        answers = [until_the_body_begins(client) for client in clients]
        until(lambda: len(open_objects(service)) == 2)
        service.kill()
        for client, answer in zip(clients, answers, strict=True):
            with suppress(ConnectionResetError):
                while piece := client.recv(MB):
                    answer += piece
    plain, coded = answers
    head, _, got = plain.partition(b"\r\n\r\n")
    status, *lines = head.decode().splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    assert status == "HTTP/1.1 200 OK"
    assert int(headers["content-length"]) == len(whole)
    assert 0 < len(got) < len(whole)
    head, _, body = coded.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert not body.endswith(b"0\r\n\r\n")

    with running(repository) as service:
        rest = {"Range": f"bytes={len(got)}-", "If-Range": headers["etag"]}
        answer, body = raw(service, path, **PLAIN, **rest)
        assert (answer.status_code, answer.headers["etag"]) == (206, headers["etag"])
        assert bytes(got) + body == whole


def until_the_body_begins(client: socket.socket) -> bytearray:
    """Read the head of an answer and at least one byte of its body."""
    answer = bytearray()
    while not answer.partition(b"\r\n\r\n")[2]:
        piece = client.recv(1024)
        assert piece, "the connection ended before the body"
        answer += piece
    return answer


@pytest.mark.soak
@pytest.mark.parametrize("also_the_runner", [False, True])
def test_killed_in_mid_build_a_job_ends_and_is_made_once(repository: Path, also_the_runner: bool) -> None:
    with running(repository) as service:
        job = service.client.post("/api/datasets/build", json=DUELS).json()
        folder = repository / ".cache/service/jobs" / job["id"]
        log = folder / "log.txt"
        until(lambda: log.is_file() and "Running stage 'select'" in log.read_text())
        runner = int((folder / "pid").read_text())
        service.kill()
        if also_the_runner:
            os.kill(runner, signal.SIGKILL)
            for pid in marked_processes(folder):  # stopped, so that none finishes before the service looks for it
                os.kill(pid, signal.SIGSTOP)
        assert not (folder / "result.json").exists()
        with running(repository) as after:
            watched = f"/api/jobs/{job['id']}"
            assert after.client.post("/api/datasets/build", json=DUELS).json()["id"] == job["id"]
            until(lambda: after.reader.get(watched).json()["state"] not in ("queued", "running"), 240)
            ended = after.reader.get(watched).json()
            assert (ended["state"], ended["error"]) == ("succeeded", None)
            assert len(after.reader.get("/api/jobs").json()["jobs"]) == 1
            # What goes on is not begun again, and what ended is, once.
            assert (int((folder / "pid").read_text()) == runner) is not also_the_runner
            assert log.read_text().count("Running stage 'select'") == 1 + also_the_runner
            assert log.read_text().count("Running stage 'validate'") == 1
            assert run(repository, "dvc", "exp", "list", "--name-only").out.split() == [f"serve-{job['id']}"]
            until(lambda: not marked_processes(folder))
            answer, body = raw(after, f"/api/datasets/{ended['dataset_id']}/export.jsonl", **PLAIN)
            assert answer.status_code == 200
    run(repository, "dvc", "exp", "apply", f"serve-{job['id']}")
    exported = repository / "data/export/tunix_sft"
    files = [path for split in SPLITS for path in sorted(exported.glob(f"{split}-*"))]
    assert body == b"".join(path.read_bytes() for path in files)
    assert body.count(b"\n") == 700


def test_a_second_service_in_a_repository_says_so_in_a_line(service: Service) -> None:
    command = [sys.executable, "-m", "service", "--port", str(free_port())]
    done = run(service.folder, *command, code=2)
    assert done.err == "service: another service is running in this repository; stop it, or ask it\n"
    assert service.log.read_text() == f"service: {service.url}/\n"
    assert service.reader.get("/api/status").status_code == 200
    service.kill()
    with running(service.folder) as next_one:
        assert next_one.reader.get("/api/status").status_code == 200


def test_a_port_that_is_taken_is_one_line(service: Service) -> None:
    port = service.url.rpartition(":")[2]
    done = run(service.folder, sys.executable, "-m", "service", "--port", port, code=2)
    assert done.err == f"service: --host 127.0.0.1 --port {port}: address already in use\n"
