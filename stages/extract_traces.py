"""extract_traces: exactly the pinned rows, canonical, each a valid trace; the rest quarantined with its reason.

Reads the trace store as data/snapshot.json pins it; writes data/traces/, data/quarantine/ and data/scores/.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, chain
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from stages.extraction.scores import extract_scores
from stages.extraction.spool import spool_partitions
from stages.params.models import Params
from stages.paths import QUARANTINE, REASONS, SCORES, TRACES
from stages.runtime.executor import open_workers
from stages.runtime.memo import Memo, open_memo, remembering
from stages.runtime.partitioned import STEP, TRACES_SCHEMA, batch_of, chunks, partition_path, write_batches
from stages.runtime.progress import progress
from stages.runtime.run import run_stage
from traces.canonical import encode_canonical
from traces.embedded import open_configured
from traces.errors import TracesError
from traces.files import folder_aside, scratch_folder
from traces.ids import is_id
from traces.model import InvalidTrace, Trace, content_hash, decode_trace, encode_payload, too_large
from traces.partitions import DIGEST_METHOD, Fingerprint, Partition, Row, partition_name, payload_bytes
from traces.pin import SNAPSHOT, Pin, differences, load_pin
from traces.pinning import require_kind
from traces.recordings import RECORDED, require_recordings
from traces.store import DATABASE_URL, Source, Store
from traces.texts import text_key
from traces.times import to_iso

SHOWN = 5  # quarantined traces that an error names


class Quarantined(msgspec.Struct):
    """A line of data/quarantine/. The payload stays where it is, in the store."""

    id: str
    created_at: str | None
    reason: str


class Checked(NamedTuple):
    """A valid trace on its way to data/traces/, without the payload that it was read from."""

    id: str
    created_us: int
    trace: Trace  # its steps in the order of `i`
    meta: bytes  # canonical JSON
    stored_sha256: str | None  # the hash of its content as stored, if its steps lay in another order

    @property
    def contents(self) -> list[str]:
        return [step.content for step in self.trace.steps]

    @property
    def size(self) -> int:
        """How many characters it has in data/traces/: near enough to bytes, equal in every store, quick to count."""
        trace = self.trace
        return len(trace.prompt) + len(trace.final_answer) + len(self.meta) + sum(map(len, self.contents))


@dataclass
class Extracted:
    """What became of one partition: its digest as really read, its valid traces, and what was quarantined."""

    partition: Partition
    last_us: int | None
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
    require_recordings(RECORDED)  # a dependency of this stage, whichever store is read
    with (
        open_configured(os.environ.get(DATABASE_URL)) as store,
        folder_aside(TRACES) as traces,
        folder_aside(QUARANTINE) as quarantine,
        folder_aside(SCORES) as scores,
    ):
        require_kind(pin, store)
        extracted = extract_rows(store, pin, params.extract.max_payload_bytes, traces, quarantine)
        require_pinned(pin, [item.partition for item in extracted], store.label)
        require_newest(pin, extracted[-1].last_us)
        extract_scores(store, pin, scores)
        reasons = require_valid(extracted, params.extract.max_quarantined)
        (quarantine / REASONS.name).write_text(
            json.dumps(dict(sorted(reasons.items())), indent=2) + "\n", encoding="utf-8"
        )


def require_newest(pin: Pin, newest_us: int | None) -> None:
    """Refuse a pin that says another time than its newest row's: it is the manifest's `exported_at`.

    Raises:
        TracesError: it does.
    """
    if newest_us != pin.as_of_us:
        found = "no time" if newest_us is None else to_iso(newest_us)
        raise TracesError(
            f"{SNAPSHOT}: as_of {pin.as_of}, the newest row has {found}; "
            f"`git checkout {SNAPSHOT}` restores it, `traces pin` takes it anew"
        )


def extract_rows(store: Store, pin: Pin, max_bytes: int, traces: Path, quarantine: Path) -> list[Extracted]:
    """Extract the pinned rows, partition by partition side by side; what came of those that have rows."""
    extract = partial(extract_partition, max_bytes=max_bytes, traces=traces, quarantine=quarantine)
    with ExitStack() as stack:
        workers = stack.enter_context(open_workers(len(pin.partitions)))
        sources = store.sources(pin.as_of_us, pin.partitions)
        if sources is not None and (refusal := store.refuses_sessions(workers.count)):
            print(f"extract_traces: note: {refusal}; read in one session, not one a worker", file=sys.stderr)
            sources = None
        if sources is None:
            spool = stack.enter_context(scratch_folder("spool"))
            spooled = spool_partitions(store.rows(pin.as_of_us), pin.partition_rows, spool)
            done = workers.map(extract, spooled)
        else:
            memo = stack.enter_context(open_memo("extract", [DIGEST_METHOD, pin.store, max_bytes]))
            recall = partial(recall_partition, memo=memo, max_bytes=max_bytes, traces=traces, quarantine=quarantine)
            done = workers.map(recall, zip(sources, pin.partitions, strict=True))
        finished = progress(done, len(pin.partitions), "extract")
        return [extracted for extracted in finished if extracted is not None]


def recall_partition(
    item: tuple[Source, Partition], memo: Memo | None, max_bytes: int, traces: Path, quarantine: Path
) -> Extracted | None:
    """Like `extract_partition`, without reading the store for a partition that was read before."""
    source, pinned = item
    return remembering(
        memo,
        lambda: [pinned.first, str(pinned.rows), pinned.digest],
        [partition_path(traces, pinned.name), quarantine / f"{pinned.name}.jsonl"],
        Extracted,
        lambda: extract_partition(source, max_bytes, traces, quarantine),
        lambda found: found is not None and found.partition == pinned,
    )


def extract_partition(source: Source, max_bytes: int, traces: Path, quarantine: Path) -> Extracted | None:
    """Write one partition's valid traces and its quarantine; None where it has no rows any more.

    Payloads of more than `max_bytes` are quarantined.
    """
    rows = source.rows()
    first = next(rows, None)
    if first is None:
        return None
    fingerprint = Fingerprint()
    name = partition_name(first.created_us, first.id)
    quarantined: list[Quarantined] = []
    read = chunks(chain([first], rows), payload_bytes)
    del first  # its payload, which may be large, goes with its chunk
    checked = (item for chunk in read for item in _valid(fingerprint.watch(chunk), max_bytes, quarantined))
    # By what the traces say and not by what was read: a payload's text is longer in one store than in another.
    written = chunks(checked, lambda item: item.size)
    valid = write_batches(partition_path(traces, name), TRACES_SCHEMA, map(trace_batch, written))
    if quarantined:
        with (quarantine / f"{name}.jsonl").open("wb") as file:
            file.writelines(msgspec.json.encode(line) + b"\n" for line in quarantined)
    reasons = Counter(item.reason for item in quarantined)
    return Extracted(fingerprint.partition, fingerprint.last_us, valid, quarantined[:SHOWN], reasons)


def _valid(rows: list[Row], max_bytes: int, quarantined: list[Quarantined]) -> Iterator[Checked]:
    for row in rows:
        try:
            yield checked_trace(row, max_bytes)
        except InvalidTrace as error:
            created_at = None if row.created_us is None else to_iso(row.created_us)
            quarantined.append(Quarantined(row.id, created_at, str(error)))


def trace_batch(rows: list[Checked]) -> pa.RecordBatch:
    """The traces as `TRACES_SCHEMA` has them."""
    traces = [row.trace for row in rows]
    steps = [step for trace in traces for step in trace.steps]
    contents = [row.contents for row in rows]
    # Columns of plain values, then cut: several times faster than a list of objects a trace.
    fields: list[list[Any]] = [
        [step.i for step in steps],
        [step.type for step in steps],
        list(chain.from_iterable(contents)),
    ]
    ends = list(accumulate(map(len, contents), initial=0))
    values = pa.StructArray.from_arrays(
        [pa.array(field, kind.type) for field, kind in zip(fields, STEP, strict=True)], fields=list(STEP)
    )
    return batch_of(
        TRACES_SCHEMA,
        [
            [row.id for row in rows],
            [row.created_us for row in rows],
            [trace.trace_version for trace in traces],
            [trace.prompt for trace in traces],
            pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values),
            [trace.final_answer for trace in traces],
            [row.meta for row in rows],
            [
                content_hash(trace.prompt, held, trace.final_answer)
                for trace, held in zip(traces, contents, strict=True)
            ],
            [row.stored_sha256 for row in rows],
            [text_key(trace.prompt) for trace in traces],
            [text_key(trace.final_answer) for trace in traces],
        ],
    )


def checked_trace(row: Row, max_bytes: int) -> Checked:
    """The row's trace, of at most `max_bytes` as canonical JSON.

    Raises:
        InvalidTrace: the row or its payload is none that a dataset can hold.
    """
    if not is_id(row.id):
        raise InvalidTrace("the row's id is not a UUID")
    if row.created_us is None:
        raise InvalidTrace("the row's created_at is missing, unreadable or outside of the years 1 to 9999")
    if row.payload is None:
        raise InvalidTrace("the row has no payload")
    trace = decode_trace(row.payload, max_bytes)
    meta = encode_canonical(trace.meta)
    # Written out, numbers with an exponent may be longer than what was read; that is rare, and this more than they are.
    if 2 * len(row.payload) + len(meta) > max_bytes and len(encode_payload(trace)) > max_bytes:
        raise too_large(max_bytes)
    if row.trace_version != trace.trace_version:
        raise InvalidTrace("the row's trace_version is not its payload's")
    if blank := trace.blank_field():
        raise InvalidTrace(blank)
    ordered = trace.in_order()
    moved = ordered is not trace
    stored = content_hash(trace.prompt, [step.content for step in trace.steps], trace.final_answer) if moved else None
    return Checked(row.id, row.created_us, ordered, meta, stored)


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
