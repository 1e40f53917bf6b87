"""Datasets are the same where their records are, and in no other case."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.same import digest, require_same

RECORDS = [{"id": str(n), "text": f"{n} ♠", "metadata": {"seed": n, "pot": 1.5, "list": [1, 2]}} for n in range(5)]


def write(folder: Path, **files: list[Any]) -> Path:
    folder.mkdir()
    for name, records in files.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder


def test_files_order_keys_and_escapes_do_not_matter(tmp_path: Path) -> None:
    one = write(tmp_path / "one", all=RECORDS)
    other = write(tmp_path / "other", train=RECORDS[3:], test=RECORDS[:3][::-1])
    turned = [{**record, "metadata": dict(reversed(record["metadata"].items()))} for record in RECORDS]
    third = write(tmp_path / "third")
    lines = [json.dumps(dict(reversed(record.items())), ensure_ascii=False) for record in turned]
    (third / "a.jsonl").write_text("\n".join(lines) + "\n")
    assert digest(one) == digest(other) == digest(third)
    assert require_same({"one": one, "other": other, "third": third}) == 5


@pytest.mark.parametrize(
    "changed",
    [
        [{**RECORDS[0], "text": "0 ♣"}, *RECORDS[1:]],
        [{**RECORDS[0], "metadata": {**RECORDS[0]["metadata"], "seed": "0"}}, *RECORDS[1:]],
        RECORDS[1:],
        [*RECORDS, RECORDS[0]],
        [*RECORDS[:4], RECORDS[0]],
        [],
    ],
    ids=["a character", "a type", "one missing", "one twice", "one in another's place", "none"],
)
def test_one_record_that_differs_ends_the_benchmark(tmp_path: Path, changed: list[Any]) -> None:
    folders = {"ours": write(tmp_path / "ours", all=RECORDS), "theirs": write(tmp_path / "theirs", all=changed)}
    with pytest.raises(SystemExit, match="different records") as ended:
        require_same(folders)
    assert "ours: 5 records" in str(ended.value)
    assert f"theirs: {len(changed)} records" in str(ended.value)
