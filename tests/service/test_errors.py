"""Every error answer of the service is JSON, and each of its messages is one line."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.app import create_app
from service.settings import Limits, Settings
from tests.service.running import Service

LARGE = b" " * 70_000


def in_pieces(size: int) -> Iterator[bytes]:
    """A body that is sent in chunks, and so without its length."""
    for _ in range(size // 1000):
        yield b" " * 1000


def message_of(answer: httpx.Response) -> str:
    """What an error answer says, after the checks that hold for all of them."""
    assert answer.headers["content-type"] == "application/json", answer.headers
    detail: Any = answer.json()["detail"]
    messages = [fault["msg"] for fault in detail] if isinstance(detail, list) else [detail]
    assert messages
    assert all(isinstance(one, str) and one and "\n" not in one for one in messages), messages
    return " ".join(messages)


JSON_TYPE = {"Content-Type": "application/json"}
BUILD = "/api/datasets/build"
REQUESTS: list[tuple[int, str, str, dict[str, Any]]] = [
    (404, "GET", "/nothing", {}),
    (404, "GET", "/page/none.js", {}),
    (404, "GET", "/api/jobs/", {}),
    (404, "GET", "/api/jobs/none", {}),
    (404, "GET", "/api/jobs/none/events", {}),
    (404, "GET", "/datasets/none/report", {}),
    (405, "POST", "/", {}),
    (405, "PUT", "/api/status", {}),
    (400, "POST", BUILD, {"content": b"\xff", "headers": JSON_TYPE}),
    (422, "POST", BUILD, {"content": b"{", "headers": JSON_TYPE}),
    (422, "POST", BUILD, {"content": b""}),
    (422, "POST", BUILD, {"json": {"name": "\n", "version": 1}}),
    (413, "POST", BUILD, {"content": LARGE, "headers": JSON_TYPE}),
    (413, "POST", BUILD, {"content": LARGE}),
    (413, "POST", BUILD, {"content": in_pieces(70_000), "headers": JSON_TYPE}),
    (413, "GET", "/api/status", {"content": LARGE}),
    (413, "POST", "/nothing", {"content": LARGE}),
    (421, "GET", "/api/status", {"headers": {"Host": "evil.example"}}),
    (401, "DELETE", "/api/jobs/none", {"headers": {"Authorization": "Bearer wrong"}}),
]


def test_each_refused_request_is_told_why_in_json(standing: Service) -> None:
    for status, method, path, request in REQUESTS:
        answer = standing.client.request(method, path, **request)
        assert answer.status_code == status, (method, path, answer.text)
        said = message_of(answer)
        assert status != 413 or said == "the request's body is over 65536 bytes"
    answer = standing.client.get(
        f"/api/datasets/{standing.base}/export.jsonl", headers={"Range": "bytes=999999999999-"}
    )
    assert answer.status_code == 416
    assert message_of(answer).startswith("no byte is in that range: there are ")
    # A body of the size that is allowed is read, in chunks too.
    for body in (b" " * 65_536, in_pieces(65_000)):
        assert standing.client.post(BUILD, content=body, headers=JSON_TYPE).status_code == 422


def test_too_many_connections_are_refused_in_json_and_later_ones_are_not(standing: Service) -> None:
    port = int(standing.url.rpartition(":")[2])
    with ExitStack() as held:
        for _ in range(Limits.connections):
            held.enter_context(socket.create_connection(("127.0.0.1", port), 30))
        answer = httpx.get(f"{standing.url}/api/status", timeout=60)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert message_of(answer) == "too many connections are open; try again in 1 s"
    assert httpx.get(f"{standing.url}/api/status", timeout=60).status_code == 200


def test_a_fault_of_the_service_is_told_in_json_without_what_it_was(
    standing: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(standing.folder)
    app = create_app(Settings(Path.cwd()))

    @app.get("/fails")
    def fails() -> None:
        raise RuntimeError("/a/secret/place")

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/fails")

    answer = asyncio.run(ask())
    assert answer.status_code == 500
    assert message_of(answer) == "the service failed at this; what it wrote to stderr says why"


def test_the_document_says_that_each_error_is_json(standing: Service) -> None:
    for path, methods in standing.get("/api/openapi.json")["paths"].items():
        for method, operation in methods.items():
            for status, told in operation["responses"].items():
                if int(status) >= 400:
                    assert [*told["content"]] == ["application/json"], (path, method, status)
            assert {"413", "500", "503"} <= operation["responses"].keys()
