"""The join of two versions' records, held against the same comparison made in memory."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from commands.differences.join import Change, compare_records
from commands.differences.shards import Shard, Shards
from tests.support.samples import trace_id

Records = dict[str, tuple[str, str, dict[str, Any]]]  # by id: split, partition, record


def record(number: int, **changes: Any) -> dict[str, Any]:
    metadata = {"created_at": "2026-01-01", "source": "ungar", "game": f"game {number % 3}"}
    return {"id": trace_id(number), "prompts": f"ä{number}", "final_answer": "7", "metadata": metadata} | changes


def written(folder: Path, records: Records) -> list[Shard]:
    """The records as the shards of a version."""
    lines: dict[tuple[str, str], list[bytes]] = {}
    for split, partition, value in records.values():
        lines.setdefault((split, partition), []).append(json.dumps(value, ensure_ascii=False).encode() + b"\n")
    shards = []
    for (split, partition), held in lines.items():
        path = folder / f"{split}-{partition}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(held))
        digest = md5(path.read_bytes()).hexdigest()
        shards.append(Shard("tunix_sft", split, path.name, digest, path))
    return shards


def compare(tmp_path: Path, before: Records, after: Records) -> tuple[Any, list[Change]]:
    old, new = written(tmp_path / "old", before), written(tmp_path / "new", after)
    known, other = ({(s.split, s.md5) for s in side} for side in (old, new))
    shards = Shards(
        [s for s in old if (s.split, s.md5) not in other],
        [s for s in new if (s.split, s.md5) not in known],
        [s for s in new if (s.split, s.md5) in known],
    )
    told: list[Change] = []
    return compare_records(shards, told.append), told


def in_memory(before: Records, after: Records) -> dict[str, tuple[str, tuple[str, ...]]]:
    """What became of each record that is not the same, and in which fields."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for key in {*before, *after}:
        if key not in after or key not in before:
            found[key] = ("removed" if key in before else "added", ())
            continue
        old, new = before[key], after[key]
        fields = [name for name in {**new[2], **old[2]} if old[2].get(name) != new[2].get(name)]
        if old[0] != new[0] or fields:
            found[key] = ("changed", tuple((["split"] if old[0] != new[0] else []) + fields))
    return found


def edited(chance: random.Random, records: Records) -> Records:
    """The records after some were added, removed, changed, or moved to another split or partition."""
    result: Records = {}
    for key, (split, partition, value) in records.items():
        what = chance.randrange(12)
        if what == 0:
            continue
        if what == 1:
            value = value | {"prompts": value["prompts"] + "!", "more": 1}
        if what == 2:
            split = chance.choice(["train", "test"])
        if what == 3:
            partition = "p9"
        result[key] = split, partition, value
    for number in range(1000, 1000 + chance.randrange(5)):
        result[trace_id(number)] = "validation", "p1", record(number)
    return result


@pytest.mark.parametrize("seed", range(6))
def test_the_join_finds_what_a_comparison_in_memory_finds(workspace: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    before: Records = {
        trace_id(n): (chance.choice(["train", "train", "validation", "test"]), f"p{n // 40}", record(n))
        for n in range(chance.choice([0, 1, 200]))
    }
    after = edited(chance, before)
    counts, told = compare(tmp_path, before, after)
    right = in_memory(before, after)
    assert {change.trace_id: (change.kind, change.fields) for change in told} == right
    kinds = Counter(kind for kind, _ in right.values())
    kinds["same"] = len({*before, *after}) - len(right)
    assert {kind: found.total() for kind, found in counts.records.items() if found} == {
        k: n for k, n in kinds.items() if n
    }
    for group, number in counts.records["same"].items():
        ids = [k for k, (split, _, v) in after.items() if split == group.split and v["metadata"]["game"] == group.game]
        assert number == len([k for k in ids if k not in right])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (lambda n: record(n), lambda n: record(n)),
        (lambda n: record(n), lambda n: record(n, metadata=None)),
    ],
)
def test_more_files_than_may_be_open_are_read(
    workspace: Path, tmp_path: Path, old: Callable[[int], Any], new: Callable[[int], Any]
) -> None:
    before: Records = {trace_id(n): ("train", f"p{n:03}", old(n)) for n in range(80)}
    after: Records = {trace_id(n): ("train", f"p{n:03}", new(n) | {"final_answer": "8"}) for n in range(80)}
    counts, _ = compare(tmp_path, before, after)
    assert counts.records["changed"].total() == 80
    assert counts.fields["tunix_sft"]["final_answer"] == 80


def test_what_is_told_comes_in_the_order_of_the_new_version(workspace: Path, tmp_path: Path) -> None:
    before: Records = {trace_id(n): ("train", "p0", record(n)) for n in (7, 3, 9)}
    after: Records = {trace_id(n): ("train", "p0", record(n, final_answer="8")) for n in (9, 1, 3)}
    _, told = compare(tmp_path, before, after)
    assert [(change.kind, change.trace_id) for change in told] == [
        ("changed", trace_id(9)), ("added", trace_id(1)), ("changed", trace_id(3)), ("removed", trace_id(7)),
    ]  # fmt: skip
