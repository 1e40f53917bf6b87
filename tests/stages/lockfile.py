"""Running stages in a workspace without DVC, its lock written by hand."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stages import card, export, extract_traces, manifest, render, select
from stages.addresses.lock import hash_path
from stages.params.models import Params
from stages.params.reading import load_params
from tests.support.samples import write_jsonl
from tests.support.shell import ROOT
from traces.embedded import open_configured
from traces.pin import SNAPSHOT, dump_pin
from traces.pinning import take_pin
from traces.store import DATABASE_URL

STAGES = ("extract_traces", "select", "render", "export", "manifest", "card")


def set_params(**changes: Any) -> Params:
    """Change params.yaml: `set_params(selection={"strategy": "latest"})` replaces these keys of that group."""
    yaml = YAML(typ="safe")
    held = yaml.load(Path("params.yaml").read_text())
    for group, values in changes.items():
        held[group] |= values
    with Path("params.yaml").open("w") as file:
        yaml.dump(held, file)
    return load_params()


def pin_rows(rows: Iterable[Any], name: str = "rows") -> None:
    """Make `rows` the only recording, and pin it."""
    for path in Path("data/recorded").iterdir():
        path.unlink()
    write_jsonl(Path(f"data/recorded/{name}.jsonl.gz"), rows)
    repin()


def repin() -> None:
    """Pin the store as it is, where there is a row."""
    with open_configured(os.environ.get(DATABASE_URL)) as store:
        if store.newest_us(0) is not None:
            SNAPSHOT.write_text(dump_pin(take_pin(store, load_params().extract.partition_rows, 0)))


def extract_and_select(rows: Iterable[Any]) -> None:
    pin_rows(rows)
    extract_traces.work(load_params())
    select.work(load_params())


def build(rows: Iterable[Any]) -> None:
    """All that is before the gate."""
    pin_rows(rows)
    rebuild()


def rebuild() -> None:
    """All that is before the gate, from the store as it is."""
    repin()
    build_pinned()


def build_pinned() -> None:
    """All that is before the gate, from the recordings as they are pinned."""
    extract_traces.work(load_params())
    select.work(load_params())
    render.work(load_params())
    export.work(load_params())
    describe()


def describe() -> None:
    """The manifest and the card of what lies in the workspace, dvc.lock being right before and after."""
    write_lock()
    manifest.work(load_params())
    card.work(load_params())
    write_lock()


def write_lock() -> None:
    """dvc.lock as DVC would write it for what lies in the workspace; code is left out."""
    yaml = YAML(typ="safe")
    params = yaml.load(Path("params.yaml").read_text())
    pipeline = yaml.load((ROOT / "dvc.yaml").read_text())["stages"]

    def entry(item: Any) -> dict[str, Any] | None:
        path = item if isinstance(item, str) else next(iter(item))
        found = hash_path(path)
        return None if found is None else {"path": path, "hash": "md5", **found.entry()}

    def lookup(key: str) -> Any:
        value = params
        for part in key.split("."):
            value = value[part]
        return value

    entries = {}
    for stage in STAGES:
        held = pipeline[stage]
        outs = [*held.get("outs", []), *held.get("metrics", []), *held.get("plots", [])]
        entries[stage] = {
            "cmd": held["cmd"],
            "deps": [e for e in map(entry, held["deps"]) if e],
            "params": {"params.yaml": {key: lookup(key) for key in held["params"]}},
            "outs": [e for e in map(entry, outs) if e],
        }
    with Path("dvc.lock").open("w") as file:
        yaml.dump({"schema": "2.0", "stages": entries}, file)
