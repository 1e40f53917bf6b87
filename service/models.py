"""What the service answers with."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from service.jobs.journal import State


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Fault(_Answer):
    """What is wrong, and what to do."""

    detail: str


class JobAnswer(_Answer):
    """A job: `progress` is the share of the stages that are done."""

    id: str
    state: State
    stage: str | None
    progress: float
    request: dict[str, Any]
    dataset_id: str | None
    error: str | None


class Jobs(_Answer):
    """All jobs, the newest first."""

    jobs: list[JobAnswer]


class BuiltAnswer(JobAnswer):
    """A job that was waited for, with the manifest that it ended with."""

    manifest: dict[str, Any]


class DatasetAnswer(_Answer):
    """A dataset in short. `names` are those of branches, tags and experiments that have it; `hashes` are
    the md5s of the exported formats, as the manifest has them.
    """

    dataset_id: str
    name: str
    version: str
    commit: str
    names: list[str]
    exported_at: str
    traces: int
    exports: dict[str, dict[str, int]]
    hashes: dict[str, str]


class Datasets(_Answer):
    """All datasets, in the order of their ids."""

    datasets: list[DatasetAnswer]


class FileAnswer(_Answer):
    """A file of an exported format. `size` in bytes."""

    name: str
    md5: str
    size: int
    split: str


class FormatFiles(_Answer):
    """An exported format: the hash that the manifest has of its folder, records by split, and its files."""

    md5: str
    size: int
    records: dict[str, int]
    files: list[FileAnswer]


class Files(_Answer):
    """The files of a dataset, by format."""

    dataset_id: str
    formats: dict[str, FormatFiles]


class Side(_Answer):
    """One of two that are compared."""

    name: str
    commit: str
    dataset_id: str


class GroupDifference(_Answer):
    """How many records of one format, split, source and game came to what."""

    format_name: str
    split: str
    source: str
    game: str
    added: int
    removed: int
    changed: int
    same: int


class Difference(_Answer):
    """What `traces diff --json` says: `fields` counts the changed records by format and the field that differs."""

    before: Side
    after: Side
    reasons: list[str]
    totals: dict[str, int]
    groups: list[GroupDifference]
    fields: dict[str, dict[str, int]]


class StoreStatus(_Answer):
    """Where traces are read from; `error` where it cannot be."""

    available: bool
    kind: str | None = None
    rows: int | None = None
    games: dict[str, int] | None = None
    error: str | None = None


class PinStatus(_Answer):
    """How the store stands to data/snapshot.json."""

    state: Literal["fresh", "behind", "broken", "unusable", "unknown"]
    as_of: str | None = None
    rows: int | None = None
    behind: int | None = None
    why: str | None = None


class Part(_Answer):
    """Something that may be installed."""

    available: bool
    version: str | None
    install: str


class Remote(_Answer):
    """A remote of DVC's, without its address."""

    name: str
    kind: str
    default: bool


class Status(_Answer):
    """What the service works with. `as_of` is how many seconds ago that was looked up; -1: not yet."""

    store: StoreStatus
    pin: PinStatus
    ungar: Part
    tunix: Part
    remotes: list[Remote]
    versions: dict[str, str]
    writes: bool
    as_of: int


class Recorded(_Answer):
    """Traces that were recorded."""

    game: str
    count: int
    seed: int
    written: str
    ids: list[str]
    preview: list[dict[str, Any]]
