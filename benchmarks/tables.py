"""The results as tables, for a terminal and for a page alike."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.parts.everyday import Everyday
from benchmarks.parts.formats import Formats
from benchmarks.parts.full import OURS, Full
from benchmarks.parts.incremental import Incremental
from benchmarks.parts.scaling import Scaling
from benchmarks.parts.versions import Versions
from benchmarks.results import Results
from benchmarks.table import COSTS, MB, Table, cell, costs, number, values
from benchmarks.targets import Target, targets


def tables(results: Results) -> Iterator[Table]:
    """A table for each thing that was measured."""
    if results.full:
        yield contenders(results.full)
        yield stages(results.full)
        yield floor(results.full)
    if held := list(targets(results)):
        yield aims(held)
    if results.scaling:
        yield scaling(results.scaling, results.rows)
    if results.formats:
        yield formats(results.formats)
        yield files(results.formats)
    if results.everyday:
        yield everyday(results.everyday)
    if results.incremental:
        yield incremental(results.incremental)
    if results.versions:
        yield versions(results.versions)


def contenders(full: Full) -> Table:
    """The main one: each contender's cost, and how many times ours it is."""
    ours = full.ours.build
    rows = [[OURS, *costs(ours)]]
    rows += [[name, *costs(took, ours)] for name, took in full.contenders.items()]
    least = full.floor
    rows.append(["floor", *(cell(value, of) for value, of in ((least.wall, ours.wall), (least.cpu, ours.cpu)))])
    rows[-1] += ["", "", "", cell(least.written / MB, ours.written / MB)]
    return Table("contenders", f"{full.records:,} records, the same from all", ["", *COSTS], rows)


def stages(full: Full) -> Table:
    """Where our time goes: each stage run by itself, and what the build took beside them."""
    rows = [["traces pin, before it", *costs(full.ours.pin)], ["the build", *costs(full.ours.build)]]
    rows += [[name, *costs(stage)] for name, stage in full.stages.items()]
    if full.rest.wall > 0:
        left = zip(values(full.rest), costs(full.rest), strict=True)
        rows.append(["the rest: DVC itself", *(shown if value > 0 else "" for value, shown in left)])
    rows.append(["validate, without the memo", *costs(full.gate)])
    return Table("stages", "Where it goes", ["", *COSTS], rows)


def floor(full: Full) -> Table:
    """What the floor is made of."""
    least = full.floor
    rows = [
        [name, number(amount / MB), number(least.sample / MB / took.wall), number(least.sample / MB / took.cpu)]
        for name, amount, took in (
            ("copying", least.written, least.copying),
            ("md5", least.hashed, least.hashing),
        )
    ]
    return Table(
        "floor",
        "The floor",
        ["", "MB", "MB a second", "MB a CPU second"],
        [
            *rows,
            ["COPY of the store, seconds", "", number(least.reading.wall), number(least.reading.cpu)],
        ],
    )


def aims(held: list[Target]) -> Table:
    """What was aimed at, and what was reached."""
    rows = []
    for one in held:
        shown = str(one.measured) if isinstance(one.measured, int) else number(one.measured or 0) + one.unit
        rows.append([one.what, one.bound, "" if one.measured is None else shown, one.verdict])
    return Table("targets", "Targets", ["", "target", "measured", ""], rows)


def scaling(held: Scaling, rows: int) -> Table:
    """The four builds."""
    sizes = {rows: held.whole, rows // 5: held.fifth, rows // 10: held.tenth}
    lines = [[f"{size:,} traces", *costs(took)] for size, took in sizes.items()]
    return Table("scaling", "Growth", ["", *COSTS], [*lines, ["a few hundred: start-up", *costs(held.tiny)]])


def formats(held: Formats) -> Table:
    """One format and two."""
    rows = [["tunix_sft", *costs(held.one)], ["trace and tunix_sft", *costs(held.both, held.one)]]
    return Table("formats", "Two formats", ["", *COSTS], rows)


def files(held: Formats) -> Table:
    """How many files, and the smallest to train on."""
    rows = [
        [name, f"{found.count:,}", f"{found.smallest_records:,}", number(found.smallest / MB)]
        for name, found in held.files.items()
    ]
    return Table("files", "Files", ["export", "files", "records in the smallest of train", "MB of it"], rows)


def everyday(held: Everyday) -> Table:
    """What somebody waits for."""
    rows = [
        ["dvc repro validate where nothing changed", *costs(held.unchanged)],
        ["the shipped sample, from git clone to validate", *costs(held.sample)],
        ["traces --help", *costs(held.help)],
    ]
    return Table("everyday", "Every day", ["", *COSTS], rows)


def versions(held: Versions) -> Table:
    """What two comparisons take."""
    rows = [
        ["with 1 in 100 new", *costs(held.added)],
        ["with every record another", *costs(held.changed)],
    ]
    return Table("versions", "Two versions", ["traces diff", *COSTS], rows)


def incremental(held: Incremental) -> Table:
    """What is new, and what it costs."""
    rows = [
        ["new traces", f"{held.added:,}"],
        ["traces pin, CPU s", number(held.pin.cpu)],
        ["dvc repro validate, CPU s", number(held.build.cpu)],
        ["dvc repro validate, wall s", number(held.build.wall)],
        ["both, CPU to that of the first build", f"{held.cpu:.1%}"],
        ["rows that the server read for the build", f"{held.read:,}"],
        ["MB that a push would upload", number(held.uploaded / MB)],
        ["that, to all that the first build held", f"{held.pushed:.1%}"],
    ]
    return Table("incremental", "New traces", ["", ""], rows)
