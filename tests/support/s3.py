"""A real S3 server, SeaweedFS, run by a process of its own that ends with whoever started it, also when that is killed.

`python -m tests.support.s3` starts a server, prints its URL, obeys `stop` and `start` on its standard input,
and ends, its data with it, when that closes: which happens when the parent ends, however it ends.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from botocore.session import get_session

from tests.support.shell import BIN, ROOT

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "an-access-key",
    "AWS_SECRET_ACCESS_KEY": "a-secret-key",
    "AWS_DEFAULT_REGION": "us-east-1",
}
_PARTS = ("master", "volume", "filer", "s3")
_STARTS_S = 60


class S3Server:
    """A server that runs: `endpoint` is its URL; whoever has `CREDENTIALS` in the environment may do all."""

    def __init__(self, endpoint: str, process: subprocess.Popen[str], client: Any) -> None:
        self.endpoint = endpoint
        self._process = process
        self._client = client

    def stop(self) -> None:
        """Kill it, as a machine that fails would; its data stays."""
        self._say("stop")

    def start(self) -> None:
        """Start it again at the same place."""
        self._say("start")

    def make_bucket(self, name: str) -> str:
        self._client.create_bucket(Bucket=name)
        return name

    def objects(self, bucket: str) -> dict[str, int]:
        """What lies in a bucket: each key with its size in bytes."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", ())}

    def remove(self, bucket: str, key: str) -> None:
        self._client.delete_object(Bucket=bucket, Key=key)

    def read(self, bucket: str, key: str) -> bytes:
        data: bytes = self._client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return data

    def write(self, bucket: str, key: str, data: bytes) -> None:
        self._client.put_object(Bucket=bucket, Key=key, Body=data)

    def download(self, bucket: str, folder: Path) -> Path:
        """Everything in a bucket, as files below `folder`."""
        for key in self.objects(bucket):
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._client.get_object(Bucket=bucket, Key=key)["Body"].read())
        return folder

    def _say(self, word: str) -> None:
        assert self._process.stdin is not None
        print(word, file=self._process.stdin, flush=True)
        if _line(self._process) != word:
            raise RuntimeError(f"the S3 server did not {word}")


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server without buckets, gone with its data on leaving."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.s3"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # an interrupt from the keyboard ends the tests, which then end the server
    )
    try:
        endpoint = _line(process)
        if not endpoint:
            raise RuntimeError("the S3 server did not start")
        client = get_session().create_client(
            "s3",
            endpoint_url=endpoint,
            region_name=CREDENTIALS["AWS_DEFAULT_REGION"],
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )
        with closing(client):
            yield S3Server(endpoint, process, client)
    finally:
        process.communicate(timeout=60)


def use_bucket(repository: Path, server: S3Server, bucket: str) -> Path:
    """Fill in the remote that the project comes with (docs/remotes.md), for this clone alone; returns the clone."""
    (repository / ".dvc/config.local").write_text(
        "[core]\n    remote = s3\n"
        f"['remote \"s3\"']\n    url = s3://{bucket}/data\n    endpointurl = {server.endpoint}\n"
    )
    return repository


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def serve() -> None:
    with tempfile.TemporaryDirectory(prefix="s3.") as folder, ExitStack() as running:
        ports = _free_ports()
        running.enter_context(_weed(Path(folder), ports))
        print(f"http://127.0.0.1:{ports['s3.port']}", flush=True)
        for word in map(str.strip, sys.stdin):
            if word == "stop":
                running.close()
            else:
                running.enter_context(_weed(Path(folder), ports))
            print(word, flush=True)


def _free_ports() -> dict[str, int]:
    """A port for each part of the server and for its gRPC, by the option that sets it."""
    options = [f"{part}.{port}" for part in _PARTS for port in ("port", "port.grpc")]
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in options]
        return {option: found.getsockname()[1] for option, found in zip(options, sockets, strict=True)}


@contextmanager
def _weed(folder: Path, ports: dict[str, int]) -> Iterator[None]:
    """The server's own process, ready to answer; killed on leaving: it takes 15 s to end by itself."""
    key = {"accessKey": CREDENTIALS["AWS_ACCESS_KEY_ID"], "secretKey": CREDENTIALS["AWS_SECRET_ACCESS_KEY"]}
    identity = {"name": "user", "credentials": [key], "actions": ["Admin", "Read", "Write", "List"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    data = folder / "data"
    data.mkdir(exist_ok=True)
    settings = {
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "dir": str(data),
        "filer": "true",
        "filer.localSocket": str(folder / "filer.sock"),
        "s3": "true",
        "s3.localSocket": str(folder / "s3.sock"),
        "s3.config": str(folder / "s3.json"),
        "s3.autoCreateBucket": "false",  # as Amazon's
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "iam": "false",
        "volume.max": 1000,  # seven a bucket
        "master.telemetry": "false",
        # Alone, so that a server which was killed need not wait for others before it leads again.
        "master.resumeState": "false",
        "master.electionTimeout": "1s",
        **ports,
    }
    command = [str(BIN / "weed"), "-logtostderr", "server", *(f"-{key}={value}" for key, value in settings.items())]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{ports['s3.port']}/healthz", process, folder / "log")
        yield
    finally:
        process.kill()
        process.wait()
        for part in _PARTS:
            # The one place that no option moves.
            Path(f"/tmp/seaweedfs-{part}-grpc-{ports[f'{part}.port.grpc']}.sock").unlink(missing_ok=True)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _STARTS_S
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(url, timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"SeaweedFS did not start:\n{log.read_text()[-3000:]}")


if __name__ == "__main__":
    serve()
