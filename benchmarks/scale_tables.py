"""What the scale run measured, and what follows from it for a billion traces, as tables."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.parts.scale import WORKERS, Scale, Sized
from benchmarks.sizing import (
    HOUR,
    TB,
    for_rows,
    limits,
    partition_seconds,
    shares,
    total,
)
from benchmarks.table import COSTS, MB, Table, costs, number

BILLION = 10**9
CLUSTERS = (2, 16, 64, 256)  # workers
GB = 1e9


def scale_tables(scale: Scale) -> list[Table]:
    """All of them."""
    makers = (growth, left, workers, partitions, sizing, hours, gives_out)
    return [make(scale) for make in makers]


def growth(scale: Scale) -> Table:
    """What a build costs at each size."""
    rows = [[f"{one.rows:,}", number(one.rows / one.build.wall), *costs(one.build)] for one in scale.sizes]
    return Table("growth", "A build", ["traces", "traces a second", *COSTS], rows)


def left(scale: Scale) -> Table:
    """What is there after a build of each size, and what the pin and a build of nothing new take."""
    head = [
        *("traces", "partitions", "objects in the cache", "MB of them", "memo MB", "disk in all MB", "store MB"),
        *("traces pin, s", "sorted for it MB", "nothing changed, s"),
    ]
    rows = [
        [
            *(f"{one.rows:,}", f"{one.left.partitions:,}", f"{one.left.objects:,}"),
            *(number(size / MB) for size in (one.left.stored, one.left.memo, one.left.disk, one.store)),
            *(number(one.pin.wall), number(one.sorted / MB), number(one.unchanged.wall)),
        ]
        for one in scale.sizes
    ]
    return Table("left", "What there is then", head, rows)


def partitions(scale: Scale) -> Table:
    """The same traces in more and more partitions."""
    head = ["partitions", "objects in the cache", "wall s", "CPU s", "peak memory MB"]
    head += ["nothing changed, s", "ms a partition"]
    more = ["", *(number(1000 * seconds) for seconds in partition_seconds(scale))]
    rows = [
        [
            *(f"{one.left.partitions:,}", f"{one.left.objects:,}", number(one.build.wall), number(one.build.cpu)),
            *(number(one.build.peak / MB), number(one.unchanged.wall), cost),
        ]
        for one, cost in zip([scale.large_partitions, *scale.small], more, strict=True)
    ]
    return Table("partitions", f"{scale.small[0].rows:,} traces in more partitions", head, rows)


def workers(scale: Scale) -> Table:
    """One worker and two, step by step."""
    one, two = (scale.whole[count] for count in WORKERS)
    held = shares(scale)
    rows = [["the build", number(one.build.wall), number(two.build.wall), times(one.build.wall, two.build.wall), ""]]
    for name in one.stages:
        alone, both = one.stages[name].wall, two.stages[name].wall
        share = held[name]
        part = share.shared / (share.alone + share.shared) if share.alone + share.shared else 0.0
        rows.append([name, number(alone), number(both), times(alone, both), f"{part:.0%}"])
    head = ["", "one worker, wall s", "two, wall s", "faster", "of it workers share"]
    return Table("workers", f"{scale.sizes[-1].rows:,} traces with one worker and with two", head, rows)


def times(one: float, other: float) -> str:
    """How many times faster."""
    return f"{one / other:.2f}x"


def sizing(scale: Scale) -> Table:
    """What a billion traces are, each in proportion to the most that were measured."""
    many = scale.sizes[-1]

    def grown(amount: float) -> float:
        return for_rows(amount, many, BILLION)

    count = grown(many.left.partitions)
    unchanged = slope(scale, lambda one: one.unchanged.wall) * count
    rows = [
        ["partitions, each a shard of train", f"{count:,.0f}"],
        ["objects in DVC's cache and in the remote", f"{grown(many.left.objects):,.0f}"],
        ["listing of an export's folder, MB", number(grown(many.left.listing) / MB)],
        ["the table with its indexes, TB", number(grown(many.store) / TB)],
        ["what the server sorts for `traces pin`, GB", number(grown(many.sorted) / GB)],
        ["written by a build, TB", number(grown(many.build.written) / TB)],
        ["disk of the workspace, its cache and memo, TB", number(grown(many.left.disk) / TB)],
        ["of it the memo, TB", number(grown(many.left.memo) / TB)],
        ["a first push, TB", number(grown(many.left.stored) / TB)],
        ["memory a worker, MB, at most", number(scale.whole[WORKERS[-1]].build.peak / WORKERS[-1] / MB)],
        ["memory for so many partitions besides, MB", number(slope(scale, lambda one: one.build.peak) * count / MB)],
        [
            "`dvc repro` where nothing changed, minutes",
            number(unchanged / 60),
        ],
    ]
    return Table("sizing", "A billion traces", ["", ""], rows)


def slope(scale: Scale, value: Callable[[Sized], float]) -> float:
    """How much of it one more partition is, by the builds in small partitions."""
    few, *_, most = scale.small
    return max(0.0, value(most) - value(few)) / (most.left.partitions - few.left.partitions)


def hours(scale: Scale) -> Table:
    """How long a billion traces take, step by step, by the number of workers."""
    held = shares(scale)
    rows = [
        [name, *(number(share.seconds(BILLION, count) / HOUR) for count in CLUSTERS)] for name, share in held.items()
    ]
    rows.append(["in all", *(number(total(held, BILLION, count) / HOUR) for count in CLUSTERS)])
    rows.append(["MB a second written", *(number(written_a_second(scale, count) / MB) for count in CLUSTERS)])
    return Table("hours", "Hours for a billion traces", ["hours with", *(f"{n} workers" for n in CLUSTERS)], rows)


def written_a_second(scale: Scale, count: int) -> float:
    """Bytes that a build of a billion traces with so many workers writes a second, on average."""
    many: Sized = scale.sizes[-1]
    return for_rows(many.build.written, many, BILLION) / total(shares(scale), BILLION, count)


def gives_out(scale: Scale) -> Table:
    """What gives out first."""
    rows = [[limit.what, limit.help, millions(limit.rows)] for limit in limits(scale)]
    return Table("limits", "What gives out", ["", "what helps", "at traces"], rows)


def millions(rows: float) -> str:
    """A number of traces, as exact as it is known."""
    return f"{rows / 1e6:,.0f} million" if rows >= 10**7 else f"{rows / 1e6:.1f} million"
