"""extract_traces: exactly the pinned rows, canonical, each a valid trace; the rest set aside with its reason.

Reads the trace store as data/snapshot.json pins it; writes data/traces/, data/quarantine/ and data/scores/.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from stages.executor import open_workers
from stages.extract_scores import extract_scores
from stages.params import Params
from stages.partitioned import TRACES_SCHEMA, partition_path, write_partition
from stages.paths import QUARANTINE, REASONS, SCORES, TRACES
from stages.progress import progress
from stages.run import run_stage
from stages.spool import read_spool, spool_partitions
from traces.canonical import encode_canonical
from traces.embedded import open_configured
from traces.errors import TracesError
from traces.files import folder_aside
from traces.ids import is_id
from traces.model import InvalidTrace, Trace, content_hash, decode_trace
from traces.partitions import Fingerprint, Partition, Row, partition_name
from traces.pin import SNAPSHOT, Pin, differences, load_pin, require_kind
from traces.store import DATABASE_URL
from traces.times import to_iso

SHOWN = 5  # quarantined traces that an error names


class Quarantined(msgspec.Struct):
    """A line of data/quarantine/. The payload stays where it is, in the store."""

    id: str
    created_at: str | None
    reason: str


@dataclass
class Extracted:
    """What became of one partition: its digest as really read, its valid traces, and what was set aside."""

    partition: Partition
    valid: int
    first_quarantined: list[Quarantined]
    reasons: Counter[str]


def work(params: Params) -> None:
    pin = load_pin()
    if pin.partition_rows != params.extract.partition_rows:
        raise TracesError(
            f"{SNAPSHOT}: pinned with partition_rows {pin.partition_rows}, params.yaml says "
            f"{params.extract.partition_rows}; run `traces pin`"
        )
    pinned = None if pin.scores is None else pin.scores.criteria
    if pinned != params.extract.scores:
        raise TracesError(
            f"{SNAPSHOT}: pinned with scores {pinned or 'null'}, params.yaml says "
            f"{params.extract.scores or 'null'}; run `traces pin`"
        )
    with (
        open_configured(os.environ.get(DATABASE_URL)) as store,
        folder_aside(TRACES) as traces,
        folder_aside(QUARANTINE) as quarantine,
        folder_aside(SCORES) as scores,
    ):
        require_kind(pin, store)
        newest = Newest()
        extracted = extract_rows(newest.watch(store.rows(pin.as_of_us)), pin, traces, quarantine)
        require_pinned(pin, [item.partition for item in extracted], store.label)
        newest.require(pin)
        extract_scores(store, pin, scores)
        reasons = require_valid(extracted, params.extract.max_quarantined)
        (quarantine / REASONS.name).write_text(json.dumps(dict(sorted(reasons.items())), indent=2) + "\n")


class Newest:
    """The created_at of the newest row, seen as the rows go by in order."""

    us: int | None = None

    def watch(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows as they are."""
        for row in rows:
            self.us = row.created_us
            yield row

    def require(self, pin: Pin) -> None:
        """Refuse a pin that says another time: it is the manifest's `exported_at`.

        Raises:
            TracesError: it does.
        """
        if self.us != pin.as_of_us:
            found = "no time" if self.us is None else to_iso(self.us)
            raise TracesError(
                f"{SNAPSHOT}: as_of {pin.as_of}, the newest row has {found}; "
                f"`git checkout {SNAPSHOT}` restores it, `traces pin` takes it anew"
            )


def extract_rows(rows: Iterator[Row], pin: Pin, traces: Path, quarantine: Path) -> list[Extracted]:
    """Extract the rows, which come in order, partition by partition side by side."""
    extract = partial(extract_partition, traces=traces, quarantine=quarantine)
    with (
        tempfile.TemporaryDirectory(prefix=".spool.", suffix=".tmp", dir=TRACES.parent) as spool,
        open_workers(len(pin.partitions)) as workers,
    ):
        done = workers.map(extract, spool_partitions(rows, pin.partition_rows, Path(spool)))
        return list(progress(done, len(pin.partitions), "extract"))


def extract_partition(spooled: Path, traces: Path, quarantine: Path) -> Extracted:
    """Write one partition's valid traces and its quarantine; the spooled rows are gone then."""
    rows = read_spool(spooled)
    fingerprint = Fingerprint()
    first = next(rows)
    name = partition_name(first.created_us, first.id)
    set_aside: list[Quarantined] = []
    checked = _valid(fingerprint.watch(chain([first], rows)), set_aside)
    valid = write_partition(partition_path(traces, name), TRACES_SCHEMA, checked)
    spooled.unlink()
    if set_aside:
        with (quarantine / f"{name}.jsonl").open("wb") as file:
            file.writelines(msgspec.json.encode(line) + b"\n" for line in set_aside)
    return Extracted(fingerprint.partition, valid, set_aside[:SHOWN], Counter(item.reason for item in set_aside))


def _valid(rows: Iterator[Row], set_aside: list[Quarantined]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        try:
            trace = checked_trace(row)
        except InvalidTrace as error:
            created_at = None if row.created_us is None else to_iso(row.created_us)
            set_aside.append(Quarantined(row.id, created_at, str(error)))
            continue
        yield (
            row.id,
            row.created_us,
            trace.trace_version,
            trace.prompt,
            [(step.i, step.type, step.content) for step in trace.steps],
            trace.final_answer,
            encode_canonical(trace.meta).decode(),
            content_hash(trace),
        )


def checked_trace(row: Row) -> Trace:
    """The row's trace.

    Raises:
        InvalidTrace: the row or its payload is none that a dataset can hold.
    """
    if not is_id(row.id):
        raise InvalidTrace("the row's id is not a UUID")
    if row.created_us is None:
        raise InvalidTrace("the row's created_at is missing, unreadable or outside of the years 1 to 9999")
    if row.payload is None:
        raise InvalidTrace("the row has no payload")
    trace = decode_trace(row.payload)
    if row.trace_version != trace.trace_version:
        raise InvalidTrace("the row's trace_version is not its payload's")
    return trace


def require_pinned(pin: Pin, found: list[Partition], label: str) -> None:
    """Refuse rows other than the pinned ones.

    Raises:
        TracesError: some differ; the message names store, partitions and days.
    """
    if lines := differences(pin.partitions, found):
        more = f"; and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
        raise TracesError(
            f"{label}: not what {SNAPSHOT} pins ({'; '.join(lines[:SHOWN])}{more}); "
            "bring the rows back, or take the store as it is with `traces pin`"
        )


def require_valid(extracted: list[Extracted], max_quarantined: int) -> Counter[str]:
    """Refuse a store with more invalid traces than allowed, or with no valid one. Returns the reasons' counts.

    Raises:
        TracesError: it is one.
    """
    reasons: Counter[str] = Counter()
    for result in extracted:
        reasons += result.reasons
    total = reasons.total()
    if total > max_quarantined:
        named = [f"{item.id}: {item.reason}" for result in extracted for item in result.first_quarantined][:SHOWN]
        more = f"; {total - SHOWN} more, {len(reasons)} reasons" if total > SHOWN else ""
        raise TracesError(
            f"{total} traces are not valid, extract.max_quarantined allows {max_quarantined} "
            f"({'; '.join(named)}{more}); mend them in the store and pin again, or raise extract.max_quarantined"
        )
    if not any(result.valid for result in extracted):
        raise TracesError(f"none of {total} rows is a valid trace; docs/datasets.md says what one is")
    return reasons


if __name__ == "__main__":
    run_stage("extract_traces", work)
