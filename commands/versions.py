"""The versions of the dataset that Git knows: every dvc.lock that a branch, a tag or an experiment has, or once had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from commands.repository import git
from stages.lock import LOCK, read_lock

WORKSPACE = "workspace"


@dataclass(frozen=True)
class Version:
    """A dvc.lock: the commit that brought it, the tags that have it, its entries by stage."""

    commit: str
    tags: tuple[str, ...]
    entries: dict[str, Any]

    @property
    def name(self) -> str:
        """How people call it: its tags, or else the commit."""
        return ", ".join(self.tags) or self.commit[:12]

    @property
    def outputs(self) -> dict[str, str]:
        """The path of each output, with its md5."""
        return {out["path"]: out["md5"] for entry in self.entries.values() for out in entry.get("outs", ())}


def all_versions() -> list[Version]:
    """Every version, the newest commit first, and before them the one in the workspace, where no commit has it."""
    commits = git("log", "--all", "--full-history", "--format=%H", "--", str(LOCK)).split()
    tags = git("for-each-ref", "--format=%(refname:strip=2)", "refs/tags").split()
    tagged: dict[str, list[str]] = {}
    for tag, blob in zip(tags, _blobs(tags), strict=True):
        tagged.setdefault(blob, []).append(tag)
    first = dict(zip(_blobs(commits), commits, strict=True))  # of each lock, the oldest commit that has it
    blobs = [blob for blob in first if blob]
    versions = [Version(first[blob], tuple(tagged.get(blob, ())), _entries(blob)) for blob in blobs]
    held = read_lock()
    return (
        versions if any(held == version.entries for version in versions) else [Version(WORKSPACE, (), held), *versions]
    )


def _blobs(commits: list[str]) -> list[str]:
    """The hash of each commit's dvc.lock; empty where it has none."""
    asked = "".join(f"{commit}:{LOCK}\n" for commit in commits)
    found = git("cat-file", "--batch-check=%(objectname) %(objecttype)", given=asked).splitlines()
    return [line.split()[0] if line.endswith(" blob") else "" for line in found]


def _entries(blob: str) -> dict[str, Any]:
    held = YAML(typ="safe").load(git("cat-file", "blob", blob))
    entries: dict[str, Any] = held.get("stages", {}) if isinstance(held, dict) else {}
    return entries
