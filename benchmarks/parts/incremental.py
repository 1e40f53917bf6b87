"""What a few new traces cost, beside the build of all."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.bench import Bench, say
from benchmarks.cache import cached
from benchmarks.database import append, server_count
from benchmarks.measure import Measurement
from benchmarks.parts.versions import tag

SHARE = 0.01


@dataclass(frozen=True)
class Incremental:
    """`rows` are the traces before, `added` the new ones, `read` those that the server read for the build. `uploaded`,
    `held` and `shard` are bytes: of the new objects in DVC's cache, of all after the first build, and of a shard of
    train on average.
    """

    rows: int
    added: int
    pin: Measurement
    build: Measurement
    full_cpu: float
    read: int
    uploaded: int
    held: int
    shard: int

    @property
    def cpu(self) -> float:
        """CPU to that of the first pin and build."""
        return (self.pin.cpu + self.build.cpu) / self.full_cpu

    @property
    def pushed(self) -> float:
        """Bytes that a push uploads to those that the first did."""
        return self.uploaded / self.held

    @property
    def read_share(self) -> float:
        """Rows that were read to those there were."""
        return self.read / self.rows


def run(bench: Bench) -> Incremental:
    """Add traces to the store, pin and build again. After it the store is not what it was."""
    built, url = bench.built, bench.store(bench.rows)
    before = cached(built.workspace.folder)
    tag(built.workspace, "before")
    added = round(bench.rows * SHARE)
    say(f"building with {added:,} new traces")
    append(url, added)
    pin = built.workspace.pin()
    read = rows_read(url)
    build = built.workspace.build()
    read = rows_read(url) - read
    new = {path: size for path, size in cached(built.workspace.folder).items() if path not in before}
    shards = [path.stat().st_size for path in (built.workspace.folder / "data/export/tunix_sft").glob("train-*.jsonl")]
    return Incremental(
        bench.rows,
        added,
        pin,
        build,
        built.cpu,
        read,
        sum(new.values()),
        sum(before.values()),
        sum(shards) // len(shards),
    )


def rows_read(url: str) -> int:
    """Rows of the table that the server has read so far, to send them or to compute with them."""
    query = "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'traces'"
    return server_count(url, query)
