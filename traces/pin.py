"""The pin: data/snapshot.json says which rows of which kind of store a dataset is made from.

A dataset depends on this file, never on "the database now". Rows later than its `as_of` leave the pin
*behind*; a row at or before it that was added, changed or lost makes it *broken*.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from traces.errors import TracesError
from traces.partitions import DIGEST_METHOD, Partition
from traces.scores import PinnedScores
from traces.times import require_us, to_iso

SNAPSHOT = Path("data/snapshot.json")
_MEND = "restore it with `git checkout data/snapshot.json`, or pin anew with `traces pin`"


class _PartitionLine(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    first: str
    rows: Annotated[int, Field(ge=1)]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class _ScoresLine(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    criteria: str
    as_of: str
    traces: Annotated[int, Field(ge=1)]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class _SnapshotFile(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    as_of: str
    store: str
    digest: str
    partition_rows: Annotated[int, Field(ge=1)]
    rows: Annotated[int, Field(ge=1)]
    scores: _ScoresLine | None = None
    partitions: list[_PartitionLine]


@dataclass(frozen=True)
class Pin:
    """What data/snapshot.json holds. `as_of_us` is the newest pinned row's created_at."""

    as_of_us: int
    store: str
    partition_rows: int
    partitions: list[Partition]
    scores: PinnedScores | None = None  # where they are used

    @property
    def rows(self) -> int:
        return sum(partition.rows for partition in self.partitions)

    @property
    def as_of(self) -> str:
        return to_iso(self.as_of_us)


def differences(pinned: list[Partition], found: list[Partition]) -> list[str]:
    """Where the rows found differ from those pinned: a line a partition, with its days."""
    lines = []
    by_key = {(p.first_us, p.first_id): p for p in found}
    for index, partition in enumerate(pinned):
        other = by_key.pop((partition.first_us, partition.first_id), None)
        if other is not None and (other.rows, other.digest) == (partition.rows, partition.digest):
            continue
        end = pinned[index + 1] if index + 1 < len(pinned) else None
        if other is None:
            what = f"{partition.rows} rows pinned, its first row is gone or moved"
        elif other.rows != partition.rows:
            what = f"{partition.rows} rows pinned, {other.rows} found"
        else:
            what = f"{partition.rows} rows, content changed"
        lines.append(f"{_days(partition, end)}: {what}")
    lines += [f"{_days(p, None)}: {p.rows} rows in a partition that is not pinned" for p in by_key.values()]
    return lines


def _days(partition: Partition, following: Partition | None) -> str:
    def day(p: Partition) -> str:
        return "undated" if p.first_us is None else to_iso(p.first_us)[:10]

    until = "on" if following is None else f"to {day(following)}"
    return f"partition from {day(partition)} {until} ({partition.first_id})"


def dump_pin(pin: Pin) -> str:
    """The text of data/snapshot.json, one line a partition, so that Git can show changes."""
    head: dict[str, object] = {
        "as_of": pin.as_of,
        "store": pin.store,
        "digest": DIGEST_METHOD,
        "partition_rows": pin.partition_rows,
        "rows": pin.rows,
    }
    if pin.scores is not None:
        head["scores"] = pin.scores.facts()
    lines = [json.dumps({"first": p.first, "rows": p.rows, "digest": p.digest}) for p in pin.partitions]
    text = json.dumps(head, indent=2)[:-2]
    return text + ',\n  "partitions": [\n    ' + ",\n    ".join(lines) + "\n  ]\n}\n"


def load_pin(path: Path = SNAPSHOT) -> Pin:
    """The pin in `path`.

    Raises:
        TracesError: it is missing, or not what `traces pin` writes.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TracesError(f"{path}: no pin yet; `git checkout {path}` restores one, `traces pin` makes one") from None
    except (OSError, UnicodeError) as error:
        raise TracesError(f"{path}: {error}; {_MEND}") from None
    try:
        held = _SnapshotFile.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise TracesError(f"{path}: {where}: {first['msg']}; {_MEND}") from None
    if held.digest != DIGEST_METHOD:
        raise TracesError(
            f"{path}: pinned by method {held.digest}, this version uses {DIGEST_METHOD}; run `traces pin`"
        )
    partitions = [_partition(line, path) for line in held.partitions]
    as_of_us = require_us(held.as_of, f"{path}: as_of")
    pin = Pin(as_of_us, held.store, held.partition_rows, partitions, _scores(held.scores, path))
    if pin.rows != held.rows:
        raise TracesError(f"{path}: rows says {held.rows}, its partitions add up to {pin.rows}; {_MEND}")
    if dump_pin(pin) != text:
        raise TracesError(f"{path}: not as `traces pin` writes it; {_MEND}")
    return pin


def _partition(line: _PartitionLine, path: Path) -> Partition:
    time, _, first_id = line.first.partition(" ")
    where = f"{path}: partition {line.first!r}"
    return Partition(None if time == "undated" else require_us(time, where), first_id, line.rows, line.digest)


def _scores(held: _ScoresLine | None, path: Path) -> PinnedScores | None:
    if held is None:
        return None
    return PinnedScores(held.criteria, require_us(held.as_of, f"{path}: scores.as_of"), held.traces, held.digest)
