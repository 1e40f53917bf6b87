"""A dataset of any size to serve, without a build: objects of DVC's cache, and a commit whose manifest names them."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks.contenders.records import record
from benchmarks.generate import generate
from benchmarks.ours import clone, settings_in
from stages.addresses.objects import Objects

SHARD_ROWS = 14_000  # a shard of train of a million traces in the default partitions
TURN = 997  # lines that one shard begins after the other, so that no two are the same object
SPLITS = (("train", 0.8), ("validation", 0.9), ("test", 1.0))  # with the share of the bytes where each ends
MANIFEST = "data/manifest.json"


@dataclass(frozen=True)
class Served:
    """A repository with a dataset, the environment of its commands, and the dataset's bytes as one file."""

    folder: Path
    settings: dict[str, str]
    dataset_id: str
    file: Path
    size: int
    shards: int


def make_dataset(work: Path, size: int) -> Served:
    """A clone of the repository whose HEAD has a dataset of `size` bytes, or a record less, as `tunix_sft`."""
    folder, file = work / "served", work / "nginx/export.jsonl"
    settings = settings_in(work, folder)
    clone(folder)
    file.parent.mkdir()
    names = []

    def shards() -> Iterator[tuple[str, bytes]]:
        with file.open("wb") as whole:
            for number, lines in enumerate(_shards(size)):
                split = next(name for name, end in SPLITS if whole.tell() < end * size)
                names.append(f"{split}-{number:05d}.jsonl")
                data = b"".join(lines)
                whole.write(data)
                yield names[-1], data

    dataset_id = lay_export(folder, shards(), settings)
    return Served(folder, settings, dataset_id, file, file.stat().st_size, len(names))


def lay_export(folder: Path, shards: Iterable[tuple[str, bytes]], settings: dict[str, str]) -> str:
    """Commit, in a repository, a dataset with these files as its `tunix_sft`, and no other; returns its id."""
    objects = Objects(folder / ".dvc/cache")
    listing = []
    size = 0
    records, files = ({name: 0 for name, _ in SPLITS} for _ in range(2))
    for name, data in shards:
        split = name.partition("-")[0]
        listing.append({"md5": _store(objects, data), "relpath": name})
        records[split] += data.count(b"\n")
        files[split] += 1
        size += len(data)
    md5 = _store(objects, json.dumps(sorted(listing, key=lambda one: one["relpath"])).encode(), ".dir")
    export = {"path": "data/export/tunix_sft", "md5": md5, "size": size, "records": records, "shards": files}
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest |= {"dataset_id": f"load-v1-{md5[:12]}", "dataset_name": "load", "exports": {"tunix_sft": export}}
    manifest["counts"]["selected"] = sum(records.values())
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    command = ["git", "-c", "user.name=benchmarks", "-c", "user.email=benchmarks@example.invalid"]
    command += ["commit", "--quiet", "--message", "A dataset to serve", MANIFEST]
    if subprocess.run(command, cwd=folder, env=settings, check=False).returncode:  # noqa: S603
        sys.exit("benchmarks: the dataset to serve cannot be committed; what Git said is above")
    return str(manifest["dataset_id"])


def _shards(size: int) -> Iterator[list[bytes]]:
    """Shards of together `size` bytes: the same records in each, beginning with another."""
    lines = [_line(*row) for row in generate(SHARD_ROWS)]
    left, number = size, 0
    while True:
        first = number * TURN % len(lines)
        shard = []
        for line in (*lines[first:], *lines[:first]):
            if len(line) > left:
                break
            shard.append(line)
            left -= len(line)
        if shard:
            yield shard
        if len(shard) < len(lines):
            return
        number += 1


def _line(row_id: str, created_at: datetime, version: str, payload: str) -> bytes:
    held = json.loads(payload)
    steps = [step["content"] for step in held["steps"]]
    made = record(row_id, created_at, held["prompt"], steps, held["final_answer"], version, held["meta"])
    return json.dumps(made, ensure_ascii=False).encode() + b"\n"


def _store(objects: Objects, data: bytes, ending: str = "") -> str:
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest() + ending
    path = objects.path(md5)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o444)
    return md5
