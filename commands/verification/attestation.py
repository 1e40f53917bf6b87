"""An in-toto statement with SLSA provenance: which files were rebuilt, of what, by what.

Statement v1 and predicate v1 as https://in-toto.io and https://slsa.dev define them. Nothing in it is of the clock or
the machine: verifying one commit again gives the same statement. It is not signed; that is for the user's own tool.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from google.protobuf.json_format import MessageToDict, ParseDict
from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement

from commands.repository import git
from commands.verification.verdict import Verdict
from stages.manifest import LIBRARIES
from stages.params.reading import PARAMS
from stages.paths import EXPORT
from stages.selection.evalsets import EVALSETS
from stages.selection.exclusions import EXCLUSIONS
from stages.yaml_file import read_yaml
from traces.errors import TracesError
from traces.files import file_aside
from traces.ignored import list_files
from traces.pin import SNAPSHOT, load_pin
from traces.recordings import RECORDED

PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:trace-datasets:dvc-repro:1"
BUILDER = "urn:trace-datasets:traces-verify:1"


def write_attestation(target: Path, copy: Path, verdict: Verdict, entries: dict[str, Any]) -> None:
    """Write the statement of what was rebuilt in `copy`, which was found to be what is to be verified."""
    subjects = [
        _descriptor(name, sha256)
        for folder in sorted(path for path in (copy / EXPORT).iterdir() if path.is_dir() and any(path.iterdir()))
        for name, sha256 in _folder(copy, folder)
    ]
    predicate = _provenance(copy, verdict, entries)
    ParseDict(predicate, Provenance())  # refuses what SLSA does not know
    statement = Statement([subject.pb for subject in subjects], PREDICATE_TYPE, predicate)
    statement.validate()
    # The message keeps every number as a float, so the predicate is written as it was.
    text = json.dumps(MessageToDict(statement.pb) | {"predicate": predicate}, indent=2, ensure_ascii=False)
    with file_aside(target) as aside:
        aside.write_text(text + "\n", encoding="utf-8")


def _provenance(copy: Path, verdict: Verdict, entries: dict[str, Any]) -> dict[str, Any]:
    pin = load_pin(copy / SNAPSHOT)
    code = {item["path"] for entry in entries.values() for item in entry.get("deps", ()) if _is_code(item["path"])}
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {"stages": verdict.rebuilt, "params": read_yaml(copy / PARAMS)},
            "internalParameters": {"dataset_id": verdict.dataset_id},
            "resolvedDependencies": [
                {"name": "commit", "digest": {"gitCommit": verdict.commit}} | _origin(),
                {
                    "name": "pin",
                    "uri": SNAPSHOT.as_posix(),
                    "digest": {"sha256": _sha256(copy / SNAPSHOT)},
                    "annotations": {"store": pin.store, "rows": pin.rows, "as_of": pin.as_of},
                },
                {"name": "recordings", "uri": RECORDED.as_posix(), "digest": {"sha256": _listed(copy, RECORDED)}},
                {"name": "params", "uri": PARAMS.as_posix(), "digest": {"sha256": _sha256(copy / PARAMS)}},
                {"name": "exclusions", "uri": EXCLUSIONS.as_posix(), "digest": {"sha256": _sha256(copy / EXCLUSIONS)}},
                {"name": "evalsets", "uri": EVALSETS.as_posix(), "digest": {"sha256": _listed(copy, EVALSETS)}},
                {"name": "code", "digest": {"sha256": _listing(copy, (copy / path for path in code))}},
            ],
        },
        "runDetails": {"builder": {"id": BUILDER, "version": _versions()}},
    }


def _versions() -> dict[str, str]:
    names = ("trace-datasets", "dvc", *LIBRARIES)
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in names}


def _origin() -> dict[str, str]:
    """Where the commit can be had, without the user or password that an address may hold; nothing for a local path."""
    try:
        parts = urlsplit(git("remote", "get-url", "origin").strip())
        port = f":{parts.port}" if parts.port else ""
    except (TracesError, ValueError):  # there is none, or it is no address
        return {}
    if parts.scheme not in ("http", "https", "ssh", "git") or not parts.hostname:
        return {}
    return {"uri": f"git+{parts.scheme}://{parts.hostname}{port}{parts.path}"}


def _folder(copy: Path, folder: Path) -> Iterable[tuple[str, str]]:
    """A folder and each file in it, with their sha256; a folder's is that of what `sha256sum` prints of its files."""
    yield folder.relative_to(copy).as_posix(), _listed(folder, Path())
    for path in _files(folder):
        yield path.relative_to(copy).as_posix(), _sha256(path)


def _listed(root: Path, folder: Path) -> str:
    return _listing(root, _files(root / folder))


def _files(folder: Path) -> list[Path]:
    return [folder / name for name in list_files(folder)]


def _listing(root: Path, files: Iterable[Path]) -> str:
    names = sorted((path.relative_to(root).as_posix(), path) for path in files)
    lines = "".join(f"{_sha256(path)}  {name}\n" for name, path in names)
    return hashlib.sha256(lines.encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _descriptor(name: str, sha256: str) -> ResourceDescriptor:
    return ResourceDescriptor(name=name, digest={"sha256": sha256})


def _is_code(path: str) -> bool:
    return path.endswith((".py", ".json")) and not path.startswith(("data/", "reports/"))
