"""manifest: what the dataset is, every hash quoted from dvc.lock and held against the bytes.

Reads dvc.lock and all that the stages before it made; writes data/manifest.json and data/trace_ids/.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from stages.addresses.lock import (
    Artefact,
    cache_faults,
    hash_path,
    hash_quoted,
    load_lock,
    lock_faults,
    locked_params,
    outputs,
)
from stages.params.models import Params
from stages.params.reading import PARAMS
from stages.paths import (
    COLUMN_COUNTS,
    EXPORT,
    MANIFEST,
    PAIR_COUNTS,
    PARQUET,
    SELECTION,
    SPLITS,
    STATS,
    TRACE_IDS,
    shards,
)
from stages.runtime.partitioned import partition_names, partition_path, read_chunks, values
from stages.runtime.run import run_stage
from stages.schemas import schema_versions
from stages.selection.evalsets import evalset_hashes
from stages.selection.exclusions import load_exclusions
from stages.yaml_file import read_yaml
from traces.errors import TracesError
from traces.files import folder_aside, write_text
from traces.partitions import DIGEST_METHOD
from traces.pin import load_pin
from training.templates import load_template

# Whose hashes the manifest quotes: all the stages before it.
QUOTED = ("extract_traces", "select", "render", "export")
# Their versions can change the bytes: Parquet, JSON, what DuckDB makes of a query, what is near, what is a secret.
LIBRARIES = ("detect-secrets", "duckdb", "msgspec", "publicsuffixlist", "pyarrow", "regex", "rensa")


def work(params: Params) -> None:
    entries = load_lock(QUOTED)
    found = hash_quoted(entries)
    if faults := [*cache_faults(entries, found), *lock_faults(entries, read_yaml(PARAMS), found)]:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise TracesError(faults[0] + more)
    with folder_aside(TRACE_IDS) as aside:
        for name in partition_names(SELECTION):
            (aside / f"{name}.txt").write_text(selected_ids(name), encoding="ascii")
    # At the place where DVC hashes it: .dvcignore excludes what is written aside.
    write_text(MANIFEST, dump_manifest(build_manifest(params, entries, hash_path(TRACE_IDS))))


def selected_ids(name: str) -> str:
    """The ids of a partition's selected traces, a line each, in (created_at, id) order."""
    chunks = read_chunks(partition_path(SELECTION, name), ["id"])
    return "".join(f"{trace_id}\n" for chunk in chunks for trace_id in values(chunk.column("id")))


def build_manifest(params: Params, entries: dict[str, Any], trace_ids: Artefact | None) -> dict[str, Any]:
    """The manifest that follows from dvc.lock's `entries` and the workspace.

    Params are quoted from the lock too; `lock_faults` has shown that both say the same.
    """
    artefacts = outputs(entries)
    quoted = locked_params(entries)
    pin = load_pin()
    stats = json.loads(STATS.read_bytes())
    counts = {key: value for key, value in stats.items() if isinstance(value, int)}
    template = load_template(params.render.template)
    return {
        "dataset_id": dataset_id(params.dataset.name, params.dataset.version, params.export.formats, artefacts),
        "dataset_name": params.dataset.name,
        "dataset_version": params.dataset.version,
        "schema_versions": schema_versions(),
        "exported_at": pin.as_of,
        "pin": {
            "store": pin.store,
            "digest": DIGEST_METHOD,
            "rows": pin.rows,
            "partitions": len(pin.partitions),
            "scores": None if pin.scores is None else pin.scores.facts(),
        },
        "filters": quoted["filters"],
        "selection": quoted["selection"],
        "decontaminate": {**quoted["decontaminate"], "evalsets": evalset_hashes(params.decontaminate)},
        "privacy": quoted["privacy"],
        "split": quoted["split"],
        "template": {"name": template.name, "sha256": template.sha256},
        "system": params.render.system,
        "control_tokens": params.render.control_tokens,
        "exclusions": len(load_exclusions()),
        "counts": counts,
        "splits": stats["splits"],
        "stats": {key: stats[key] for key in ("steps", "characters", "sources", "games", "duplicate_rate")},
        "exports": {name: export_entry(name, artefacts) for name in params.export.formats},
        "parquet": PARQUET.as_posix(),
        "preference": preference_entry(params, quoted),
        "trace_ids": {"path": TRACE_IDS.as_posix(), "md5": trace_ids and trace_ids.md5, "count": counts["selected"]},
        "artefacts": {artefact.path: artefact.entry() for artefact in artefacts},
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
    }


def dataset_id(name: str, version: str, formats: Iterable[str], artefacts: list[Artefact]) -> str:
    """NAME-VERSION- and 12 hex digits of the sha256 over a line `PATH MD5` an export, in the paths' order."""
    wanted = {(EXPORT / fmt).as_posix() for fmt in formats}
    lines = [f"{artefact.path} {artefact.md5}\n" for artefact in artefacts if artefact.path in wanted]
    digest = hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
    return f"{name}-{version}-{digest[:12]}"


def export_entry(format_name: str, artefacts: list[Artefact]) -> dict[str, Any]:
    """A format's folder: its hash from the lock, its shards and its records by split, and what its columns lack."""
    path = (EXPORT / format_name).as_posix()
    (artefact,) = (artefact for artefact in artefacts if artefact.path == path)
    records = dict.fromkeys(SPLITS, 0)
    files = dict.fromkeys(SPLITS, 0)
    for split, shard in shards(format_name):
        files[split] += 1
        records[split] += count_lines(shard)
    entry = {"path": path, "md5": artefact.md5, "size": artefact.size, "records": records, "shards": files}
    columns = json.loads(COLUMN_COUNTS.read_bytes()).get(format_name)
    return entry if columns is None else {**entry, "columns": columns}


def preference_entry(params: Params, quoted: dict[str, Any]) -> dict[str, Any] | None:
    """What ranked the traces that were paired, and what became of the others; None where no pairs are asked for."""
    if "tunix_dpo" not in params.export.formats:
        return None
    by = {"key": None, "order": None, **(quoted["export"].get("preference") or {})}
    return {**by, "counts": json.loads(PAIR_COUNTS.read_bytes())}


def count_lines(path: Path) -> int:
    """The newlines in a file, counted a piece at a time."""
    with path.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))


def dump_manifest(manifest: dict[str, Any]) -> str:
    """The text of data/manifest.json."""
    return json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    run_stage("manifest", work)
