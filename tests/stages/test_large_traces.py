"""Large traces: read, held and written a few at a time, and too large ones quarantined, from every kind of store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest

from stages import extract_traces, validate
from stages.params.reading import load_params
from stages.paths import QUARANTINE, TRACES, VALIDATION
from tests.stages.lockfile import build, set_params
from tests.support.samples import created_at, payload, row, trace_id, write_sqlite
from traces import batches
from traces.canonical import encode_canonical
from traces.errors import TracesError
from traces.pin import SNAPSHOT, dump_pin
from traces.pinning import take_pin
from traces.store import DATABASE_URL, open_store

Database = Callable[[str], str]


def fill(url: str, texts: Iterable[str]) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        rows = [(trace_id(n), created_at(n), "1.0", held) for n, held in enumerate(texts)]
        cursor.executemany("INSERT INTO traces VALUES (%s, %s, %s, %s)", rows)


def extract_from(url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What extracting from this store writes."""
    monkeypatch.setenv(DATABASE_URL, url)
    with open_store(url) as store:
        SNAPSHOT.write_text(dump_pin(take_pin(store, load_params().extract.partition_rows, 0)))
    extract_traces.work(load_params())
    return {path.as_posix(): path.read_bytes() for folder in (TRACES, QUARANTINE) for path in folder.iterdir()}


def same_from_all_stores(texts: list[str], database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(trace_id(n), created_at(n), "1.0", held) for n, held in enumerate(texts)]
    found = extract_from(write_sqlite(Path("store.db").absolute(), rows), monkeypatch)
    for payload_type in ("json", "jsonb"):
        url = database(payload_type)
        fill(url, texts)
        assert extract_from(url, monkeypatch) == found


def quarantined() -> dict[str, str]:
    lines = [json.loads(line) for path in QUARANTINE.glob("*.jsonl") for line in path.read_text().splitlines()]
    return {line["id"]: line["reason"] for line in lines}


def sized(size: int, ascii_only: bool = False, **changes: Any) -> str:
    """A payload whose canonical JSON has `size` bytes, of letters that JSON may escape."""
    empty = payload(**{"final_answer": "", **changes})
    letters, rest = divmod(size - len(encode_canonical(empty)), 2)
    return json.dumps(empty | {"final_answer": "é" * letters + "x" * rest}, ensure_ascii=ascii_only)


LIMIT = 2000


def test_the_bound_is_on_canonical_json_so_every_store_gives_one_verdict(
    workspace: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_params(extract={"max_payload_bytes": LIMIT, "max_quarantined": 100})
    numbers = "[" + ", ".join(["1e9"] * 200) + "]"
    texts = {
        "just as large": sized(LIMIT),
        "escaped, spaces between": sized(LIMIT, ascii_only=True).replace(", ", ",\n" + " " * 99),
        "numbers that are shorter with an exponent": json.dumps(payload(meta={"n": 0})).replace(
            ": 0}", f": {numbers}}}"
        ),
        "one more": sized(LIMIT + 1),
        "one more, escaped": sized(LIMIT + 1, ascii_only=True),
        "no trace, besides": sized(LIMIT + 1, steps=[]),
        "much more": sized(20 * LIMIT),
        "more of no trace": json.dumps([[]] * 20 * LIMIT),
    }
    assert len(texts["escaped, spaces between"]) > 2 * LIMIT
    assert len(texts["numbers that are shorter with an exponent"]) < LIMIT
    same_from_all_stores(list(texts.values()), database, monkeypatch)
    reason = "the payload has more than the 2000 bytes that extract.max_payload_bytes allows"
    assert quarantined() == {trace_id(n): reason for n in range(2, len(texts))}
    # Another bound is another question, which no memo has answered.
    set_params(extract={"max_payload_bytes": 2 * LIMIT})
    extract_traces.work(load_params())
    assert sorted(quarantined().values()) == [
        "$.steps: expected array of length >= 1",
        *[reason.replace("2000", "4000")] * 2,
    ]


def test_where_chunks_end_does_not_depend_on_how_a_store_writes_payloads(
    workspace: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH_BYTES", 2000)
    texts = [sized(500 + 40 * n, ascii_only=n % 2 == 0) for n in range(30)]
    same_from_all_stores(texts, database, monkeypatch)
    (path,) = TRACES.iterdir()
    groups = [pq.ParquetFile(path).metadata.row_group(g).num_rows for g in range(pq.ParquetFile(path).num_row_groups)]
    assert sum(groups) == 30
    assert len(groups) > 5


def test_a_role_of_one_session_is_read_in_one(
    workspace: Path, database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_params(extract={"partition_rows": 16})
    monkeypatch.setenv("TRACES_WORKERS", "2")
    url = database("jsonb")
    fill(url, [json.dumps(payload(n)) for n in range(60)])
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE one_session LOGIN CONNECTION LIMIT 1; GRANT SELECT ON traces TO one_session")
    before = extract_from(url, monkeypatch)
    assert capsys.readouterr().err == ""
    assert extract_from(url.replace("postgres:@", "one_session@"), monkeypatch) == before
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("extract_traces: note: postgresql://one_session@")
    assert line.endswith('too many connections for role "one_session"; read in one session, not one a worker')
    assert len(before) > 3
    assert not list(Path("data").glob(".*"))


def test_large_traces_go_all_the_way_a_few_at_a_time(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_BYTES", 100_000)
    formats = ["trace", "tunix_sft", "tunix_grpo", "tunix_dpo", "training_example", "messages"]
    preference = {"key": "result", "order": ["loss", "win"]}
    set_params(
        export={"formats": formats, "preference": preference},
        selection={"dedup": "near", "near_threshold": 0.9},
        split={"validation": 0, "test": 0, "group_by": []},
    )

    def large(n: int) -> dict[str, Any]:
        steps = [{"i": i, "type": "think", "content": f"{n} {i} " + "é" * 9_000} for i in range(2)]
        meta = {"source": "ungar", "result": ("loss", "win")[n % 2]}
        return row(
            n,
            prompt=f"{n // 2} is half of it?",
            final_answer=f"{n} answers, {n * n + 7} square",
            steps=steps,
            meta=meta,
        )

    build(large(n) for n in range(20))
    validate.work(load_params())
    assert json.loads(VALIDATION.read_text())["records"] == dict.fromkeys(formats, 20) | {"tunix_dpo": 10}
    for folder in ("traces", "rendered", "pairs", "export/parquet/trace", "export/parquet/tunix_dpo"):
        (path,) = Path("data", folder).glob("*.parquet")
        file = pq.ParquetFile(path)
        sizes = [file.metadata.row_group(group).total_byte_size for group in range(file.num_row_groups)]
        assert len(sizes) > 1
        assert max(sizes) < 250_000, folder  # the bound, one record of up to 72 KB, and what is not text


def test_a_bound_that_nothing_holds_to_is_refused(workspace: Path) -> None:
    for bad in (0, 2_000_000_000, "10MB"):
        with pytest.raises(TracesError, match=r"^params.yaml: extract.max_payload_bytes: "):
            set_params(extract={"max_payload_bytes": bad})
