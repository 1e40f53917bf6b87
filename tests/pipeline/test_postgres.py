"""The same dataset from a real PostgreSQL, with `json` and with `jsonb`, read by a role that may only read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.support.shell import run


def hashes(folder: Path) -> dict[str, object]:
    manifest = json.loads((folder / "data/manifest.json").read_text())
    return {"id": manifest["dataset_id"], "artefacts": manifest["artefacts"], "exports": manifest["exports"]}


@pytest.mark.parametrize("payload_type", ["json", "jsonb"])
def test_exports_are_those_of_sqlite_byte_for_byte(
    repository: Path, database: Callable[[str], str], postgres: str, payload_type: str
) -> None:
    owner = database(payload_type)
    recordings = sorted(str(path) for path in (repository / "data/recorded").glob("*.jsonl.gz"))
    done = run(repository, "traces", "ingest", "--json", *recordings, TRACES_DATABASE_URL=owner)
    assert json.loads(done.out) == {"added": 2338, "present": 0, "quarantined": 0}

    role = f"reader_{payload_type}"
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")  # type: ignore[arg-type]
        connection.execute(f"GRANT SELECT ON traces TO {role}")  # type: ignore[arg-type]
    reader = owner.replace("postgres:@", f"{role}@")

    before = hashes(repository)
    run(repository, "traces", "pin", TRACES_DATABASE_URL=reader)
    assert json.loads((repository / "data/snapshot.json").read_text())["store"] == f"postgresql/{payload_type}"
    status = json.loads(run(repository, "traces", "status", "--json", TRACES_DATABASE_URL=reader).out)
    assert status["pin"]["state"] == "fresh"
    out = run(repository, "dvc", "repro", "validate", TRACES_DATABASE_URL=reader).out
    assert "Running stage 'extract_traces'" in out
    assert hashes(repository) == before


def test_the_embedded_store_is_refused_where_postgresql_is_pinned(
    repository: Path, database: Callable[[str], str]
) -> None:
    url = database("json")
    recording = str(repository / "data/recorded/high_card_duel-1000.jsonl.gz")
    run(repository, "traces", "ingest", recording, TRACES_DATABASE_URL=url)
    run(repository, "traces", "pin", TRACES_DATABASE_URL=url)
    done = run(repository, "dvc", "repro", code=None)
    assert done.code != 0
    assert "a sqlite store, but data/snapshot.json was pinned from postgresql/json" in done.text
