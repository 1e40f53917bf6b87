"""The results as tables, for a terminal and for a page alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.measure import Measurement
from benchmarks.parts.everyday import Everyday
from benchmarks.parts.formats import Formats
from benchmarks.parts.full import OURS, Full
from benchmarks.parts.incremental import Incremental
from benchmarks.parts.scaling import Scaling
from benchmarks.results import Results, targets

MB = 1e6
COSTS = ["wall s", "CPU s", "server CPU s", "peak memory MB", "without files MB", "written MB"]


class Table(NamedTuple):
    """`name` is where a page has its place for it. The first column is text, the others are numbers."""

    name: str
    title: str
    head: list[str]
    rows: list[list[str]]

    def markdown(self) -> str:
        """As a page has it."""
        rule = ["---", *["---:"] * (len(self.head) - 1)]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in (self.head, rule, *self.rows))


def tables(results: Results) -> Iterator[Table]:
    """A table for each thing that was measured."""
    if results.full:
        yield contenders(results.full)
        yield stages(results.full)
        yield floor(results.full)
    if held := list(targets(results)):
        rows = [
            [t.what, f"{t.limit:g}{t.unit}", "" if t.measured is None else f"{t.measured:.2f}{t.unit}", t.verdict]
            for t in held
        ]
        yield Table("targets", "Targets", ["target", "at most", "measured", ""], rows)
    if results.scaling:
        yield scaling(results.scaling, results.rows)
    if results.formats:
        yield formats(results.formats)
        yield files(results.formats)
    if results.everyday:
        yield everyday(results.everyday)
    if results.incremental:
        yield incremental(results.incremental)


def contenders(full: Full) -> Table:
    """The main one: each contender's cost, and how many times ours it is."""
    ours = full.ours.build
    rows = [[OURS, *costs(ours)]]
    rows += [[name, *costs(took, ours)] for name, took in full.contenders.items()]
    least = full.floor
    rows.append(["floor", *(_cell(value, of) for value, of in ((least.wall, ours.wall), (least.cpu, ours.cpu)))])
    rows[-1] += ["", "", "", _cell(least.written / MB, ours.written / MB)]
    return Table("contenders", f"{full.records:,} records, the same from all", ["", *COSTS], rows)


def stages(full: Full) -> Table:
    """Where our time goes: each stage run by itself, making everything that the build's memo spared it."""
    ours = full.ours.build
    rows = [["traces pin, before it", *costs(full.ours.pin)], ["the build", *costs(ours)]]
    rows += [[name, *costs(stage)] for name, stage in full.stages.items()]
    return Table("stages", "Where it goes", ["", *COSTS], rows)


def floor(full: Full) -> Table:
    """What the floor is made of."""
    least = full.floor
    rows = [
        [name, _number(amount / MB), _number(least.sample / MB / took.wall), _number(least.sample / MB / took.cpu)]
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
            ["COPY of the store, seconds", "", _number(least.reading.wall), _number(least.reading.cpu)],
        ],
    )


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
        [name, f"{found.count:,}", f"{found.smallest_records:,}", _number(found.smallest / MB)]
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


def incremental(held: Incremental) -> Table:
    """What is new, and what it costs."""
    rows = [
        ["new traces", f"{held.added:,}"],
        ["traces pin, CPU s", _number(held.pin.cpu)],
        ["dvc repro validate, CPU s", _number(held.build.cpu)],
        ["dvc repro validate, wall s", _number(held.build.wall)],
        ["both, CPU to that of the first build", f"{held.cpu:.1%}"],
        ["rows that the server read for the build", f"{held.read:,}"],
        ["MB that a push would upload", _number(held.uploaded / MB)],
        ["that, to all that the first build held", f"{held.pushed:.1%}"],
    ]
    return Table("incremental", "New traces", ["", ""], rows)


def costs(took: Measurement, ours: Measurement | None = None) -> list[str]:
    """A measurement as cells, in parentheses how many times ours it is."""
    cells = []
    for value, of in zip(_values(took), _values(ours) if ours else [0.0] * len(COSTS), strict=True):
        cells.append(_cell(value, of) if ours else _number(value))
    return cells


def _values(took: Measurement) -> list[float]:
    return [took.wall, took.cpu, took.server_cpu, took.peak / MB, took.anonymous / MB, took.written / MB]


def _cell(value: float, ours: float) -> str:
    if not ours > 0:
        return _number(value)
    ratio = value / ours
    return f"{_number(value)} ({ratio:.2f}x)" if ratio >= 0.1 else f"{_number(value)} ({ratio:.3f}x)"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
