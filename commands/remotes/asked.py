"""Which outputs a remote should hold: those of the chosen versions that DVC pushes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from commands.repository import git
from commands.verification.pipeline import PIPELINE, load_stages
from commands.versions import WORKSPACE, Version, all_versions, find_version
from stages.addresses.lock import LOCK
from traces.errors import TracesError

_MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")
_HEAD = "HEAD"


@dataclass
class Asked:
    """The outputs of some versions: each path and md5 with the names of its versions, and its size by dvc.lock.

    `unreadable` says, by version, why its outputs are not known.
    """

    versions: list[str] = field(default_factory=list)
    outputs: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)


def chosen_versions(rev: str | None, *, every: bool) -> list[Version]:
    """The versions to ask for: the one in the workspace and that of HEAD, unless `rev` or all are asked for.

    Raises:
        WrongUse: there is no such revision.
        TracesError: there is no version.
    """
    if every:
        return all_versions()
    if rev is not None:
        return [find_version(rev)]
    here = find_version(WORKSPACE)
    try:
        committed = find_version(_HEAD)
    except TracesError:  # no commit has a dataset yet
        return [here]
    return [here] if committed.entries == here.entries else [here, committed]


def asked_outputs(versions: Iterable[Version], remote: str) -> Asked:
    """What `dvc push` of these versions sends to the remote of this name."""
    asked = Asked()
    parsed = lru_cache(maxsize=None)(_parsed)  # most versions share their dvc.yaml
    for version in versions:
        name = version.commit if version.commit == WORKSPACE else version.full_name
        asked.versions.append(name)
        if version.entries is None:
            asked.unreadable[name] = f"{LOCK} is not as DVC writes it"
            continue
        try:
            stages = load_stages("") if name == WORKSPACE else parsed(_blob(version.commit))
            outs = list(_pushed(version.entries, _kept_elsewhere(stages, remote)))
        except (TracesError, AttributeError, KeyError, TypeError):
            asked.unreadable[name] = f"{PIPELINE} or {LOCK} is not as DVC writes it"
            continue
        for out in outs:
            named = asked.outputs.setdefault((out["path"], out["md5"]), [])
            named += [] if name in named else [name]
            asked.sizes[out["md5"]] = out.get("size", -1)
    return asked


def _pushed(entries: dict[str, Any], elsewhere: set[str]) -> Iterator[dict[str, Any]]:
    for entry in entries.values():
        for out in entry.get("outs", ()):
            if out["path"] not in elsewhere:
                if not _MD5.fullmatch(out["md5"]):
                    raise KeyError("md5")
                yield out


def _kept_elsewhere(stages: dict[str, dict[str, Any]], remote: str) -> set[str]:
    """The outputs that Git keeps, that are never pushed, or that another remote keeps."""
    entries = [stage.get(kind, []) for stage in stages.values() for kind in ("outs", "metrics", "plots")]
    options = [item.items() for items in entries for item in items if isinstance(item, dict)]
    return {
        path
        for pairs in options
        for path, said in pairs
        if said.get("cache") is False or said.get("push") is False or said.get("remote") not in (None, remote)
    }


def _blob(commit: str) -> str:
    return git("rev-parse", "--verify", "--quiet", f"{commit}:./{PIPELINE}").strip()


def _parsed(blob: str) -> dict[str, dict[str, Any]]:
    try:
        stages: dict[str, dict[str, Any]] = YAML(typ="safe").load(git("cat-file", "blob", blob))["stages"]
    except (YAMLError, ValueError):
        raise TracesError(f"{PIPELINE} is no YAML") from None
    return stages
