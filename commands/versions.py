"""The versions of the dataset: every dvc.lock that a branch, a tag, a stash or an experiment has, or once had.

What an amended commit or a reset left is known by Git's reflog; what was built and never committed, by DVC's run-cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from commands.history import commit_of
from commands.repository import blobs_at, git
from stages.addresses.lock import LOCK, outputs, read_lock
from stages.addresses.objects import Objects
from stages.manifest import QUOTED, dataset_id
from traces.errors import TracesError, one_line

WORKSPACE = "workspace"
MAX_SHOWN_REFS = 3  # branches and experiments in a version's full name


@dataclass(frozen=True)
class Version:
    """A dvc.lock: the commit that brought it, what people call it (tags, if any), its entries by stage.

    `entries` is None if DVC did not write the file. `refs` lists branches with this lock at their tip, and experiments.
    """

    commit: str
    names: tuple[str, ...]
    entries: dict[str, Any] | None
    is_run: bool = False  # of a stage alone, that DVC remembers and no lock has
    refs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How people call it, or else the commit."""
        return ", ".join(self.names) or self.commit[:12]

    @property
    def full_name(self) -> str:
        """Its tags, or else its commit, with its branches: `tunix-sft@v1.0.0 = main`, `spades = 0123456789ab`."""
        more = f" (and {len(self.refs) - MAX_SHOWN_REFS} more)" if len(self.refs) > MAX_SHOWN_REFS else ""
        return " = ".join((*self.names, *self.refs[:MAX_SHOWN_REFS], *(() if self.names else (self.name,)))) + more

    @property
    def dataset_id(self) -> str:
        """As its manifest has it."""
        held = self.entries or {}
        entries = {stage: held[stage] for stage in QUOTED if stage in held}
        params = {key: value for entry in held.values() for key, value in _params(entry).items()}
        dataset, formats = params.get("dataset", {}), params.get("export", {}).get("formats", ())
        return dataset_id(str(dataset.get("name")), str(dataset.get("version")), formats, outputs(entries))

    @property
    def outputs(self) -> dict[str, str]:
        """The path of each output, with its md5."""
        return _outputs(self.entries or {})


def find_version(name: str) -> Version:
    """The version of a commit, tag, branch or experiment, or of the `workspace`.

    Raises:
        WrongUse: there is none by this name.
        TracesError: it has no dvc.lock.
    """
    if name == WORKSPACE:
        return _required(Version(WORKSPACE, (), read_lock()), name)
    commit = commit_of(name)
    (blob,) = blobs_at(LOCK, [commit])
    if not blob:
        (blob,) = _locks_at([commit], former_locks())
    names = () if commit.startswith(name) else (name,)
    return _required(Version(commit, names, _entries(blob) if blob else {}), name)


def _required(version: Version, name: str) -> Version:
    if not version.entries:
        raise TracesError(f"{one_line(name, 80)}: has no {LOCK}, or none that DVC wrote; `dvc repro` makes a dataset")
    return version


def all_versions() -> list[Version]:
    """Every version, the newest commit first, and before them the one in the workspace, where no commit has it."""
    paths = [LOCK, *former_locks()]
    commits = _commits_of(*paths)
    tags = git("for-each-ref", "--format=%(refname)", "refs/tags").split()
    tagged: dict[str, list[str]] = {}
    for tag, blob in zip(tags, _locks_at(tags, paths), strict=True):
        tagged.setdefault(blob, []).append(tag.removeprefix("refs/tags/"))
    first = dict(zip(_locks_at(commits, paths), commits, strict=True))  # the oldest commit that has a lock
    blobs = [blob for blob in first if blob]
    refs = _refs(paths)
    versions = [
        Version(first[blob], tuple(tagged.get(blob, ())), _entries(blob), refs=tuple(refs.get(blob, ())))
        for blob in blobs
    ]
    held = read_lock()
    return (
        versions if any(held == version.entries for version in versions) else [Version(WORKSPACE, (), held), *versions]
    )


def former_locks() -> list[Path]:
    """Where else some commit has a dvc.lock of this pipeline: a project may have moved inside its repository."""
    anywhere = f":(glob)**/{LOCK}"
    commits = git("rev-list", "--all", "--reflog", "--full-history", "--", anywhere)
    asked = ("diff-tree", "--stdin", "-r", "-m", "--root", "--no-commit-id", "--name-only", "-z", "--", anywhere)
    paths = sorted({Path(name) for name in git(*asked, given=commits).split("\0") if name} - {LOCK})
    # A dvc.lock of another pipeline may lie beside it; to parse each one takes long.
    return [path for path in paths if f"\n  {QUOTED[0]}:\n" in texts_of(path)]


def _locks_at(revisions: list[str], paths: list[Path]) -> list[str]:
    """The Git hash of dvc.lock in each revision, at the first of `paths` that the revision holds; else empty."""
    found = [""] * len(revisions)
    for path in paths:
        found = [one or other for one, other in zip(found, blobs_at(path, revisions), strict=True)]
    return found


def _refs(paths: list[Path]) -> dict[str, list[str]]:
    """For each lock's Git hash, the local branches with this lock at their tip and the experiments with it.

    A lock that no local branch or experiment holds gets one branch of a remote.
    """
    listed = git("for-each-ref", "--format=%(refname)", "refs/heads", "refs/exps", "refs/remotes").split()
    found: dict[str, list[str]] = {}
    locks = dict(zip(listed, _locks_at(listed, paths), strict=True))
    for ref, blob in locks.items():
        kind, *parts = ref.split("/")[1:]
        # DVC keeps an experiment at refs/exps/BASELINE/NAME, the baseline's hash in two parts.
        if kind == "heads" or (kind == "exps" and len(parts) == 3):
            found.setdefault(blob, []).append("/".join(parts) if kind == "heads" else parts[-1])
    for ref, blob in locks.items():
        if ref.startswith("refs/remotes/") and not ref.endswith("/HEAD"):
            found.setdefault(blob, [ref.removeprefix("refs/remotes/")])
    return found


def texts_of(path: Path) -> str:
    """All texts that a file has in any commit, one after the other, with Git's header before each."""
    blobs = sorted({*blobs_at(path, _commits_of(path))} - {""})
    return git("cat-file", "--batch", given="".join(f"{blob}\n" for blob in blobs))


def _commits_of(*paths: Path) -> list[str]:
    """The commits that changed one of these files, the newest first, with those that Git's `replace` hides."""
    names = (path.as_posix() for path in paths)
    return git("rev-list", "--all", "--reflog", "--full-history", "--", *names).split()


def _params(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for held in entry.get("params", {}).values() for key, value in held.items()}


def remembered_runs(versions: list[Version], objects: Objects) -> Iterator[Version]:
    """A version for each run in DVC's run-cache that read or made what none of `versions` has."""
    entries = [entry for version in versions for entry in (version.entries or {}).values()]
    known = {(item["path"], item["md5"]) for entry in entries for item in _items(entry)}
    for path in sorted((objects.folder / "runs").glob("*/*/*")):
        if entry := _parsed(path.read_text(encoding="utf-8")):
            run = Version(f"run {path.parent.name[:8]}", (), {"run": {"outs": _items(entry)}}, is_run=True)
            if not run.outputs.items() <= known:
                yield run


def _items(entry: dict[str, Any]) -> list[dict[str, str]]:
    items = (*entry.get("deps", ()), *entry.get("outs", ()))
    return [item for item in items if str(item.get("md5")).endswith(".dir")]


def _parsed(text: str) -> dict[str, Any] | None:
    """A mapping in YAML; None where it is none: somebody may have committed the marks of a conflict."""
    try:
        held = YAML(typ="safe").load(text)
    except (YAMLError, ValueError):
        return None
    return held if isinstance(held, dict) else None


def _entries(blob: str) -> dict[str, Any] | None:
    held = _parsed(git("cat-file", "blob", blob))
    if held is None:
        return None
    entries: dict[str, Any] = held.get("stages", {})
    try:
        _outputs(entries)
    except (AttributeError, KeyError, TypeError):
        return None
    return entries


def _outputs(entries: dict[str, Any]) -> dict[str, str]:
    return {out["path"]: out["md5"] for entry in entries.values() for out in entry.get("outs", ())}
