"""The results on a terminal, and as pages in docs/: the same tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template

from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.measure import ROOT
from benchmarks.parts.scale import SMALL_PARTITIONS, Scale
from benchmarks.plot import Line, draw
from benchmarks.results import Results
from benchmarks.scale_tables import scale_tables
from benchmarks.serving.load import CONNECTIONS, LATE, SLOW, Load
from benchmarks.serving.tables import load_tables
from benchmarks.table import MB, Table
from benchmarks.tables import tables

PAGE = ROOT / "docs/benchmarks.md"
SCALE_PAGE = ROOT / "docs/scale.md"
LOAD_PAGE = ROOT / "docs/service-load.md"
PLOT = "scale.svg"  # beside the page
TEXT = Path(__file__).with_name("page.md")
SCALE_TEXT = Path(__file__).with_name("scale.md")
LOAD_TEXT = Path(__file__).with_name("serving") / "page.md"
# Of docs/scale.md the benchmark writes what stands between these lines.
MEASURED = re.compile(r"(?<=<!-- measured: begin -->\n).*(?=<!-- measured: end -->\n)", re.DOTALL)


def show(held: Iterable[Table], machine: Mapping[str, str]) -> None:
    """Print the tables."""
    console = Console()
    if not console.is_terminal:
        console.width = 160  # in a log the tables are whole
    for table in held:
        shown = RichTable(title=table.title, title_justify="left")
        for number, name in enumerate(table.head):
            shown.add_column(name, justify="right" if number else "left")
        for cells in table.rows:
            shown.add_row(*cells)
        console.print(shown)
    console.print(" · ".join(machine.values()))


def write_page(results: Results, path: Path = PAGE) -> None:
    """Write the page. It needs every part."""
    held = {table.name: table.markdown() for table in tables(results)}
    held["machine"] = machine_table(results.machine, results.software)
    path.write_text(Template(TEXT.read_text()).substitute(held, command=results.command))


def write_scale(
    scale: Scale, command: str, machine: Mapping[str, str], versions: Mapping[str, str], path: Path = SCALE_PAGE
) -> None:
    """Write the measured part of the page, and its plot beside it."""
    held = {table.name: table.markdown() for table in scale_tables(scale)}
    held["machine"] = machine_table(machine, versions)
    text = Template(SCALE_TEXT.read_text()).substitute(
        held, command=command, plot=PLOT, small=" and of ".join(map(str, SMALL_PARTITIONS))
    )
    path.with_name(PLOT).write_text(scale_plot(scale))
    path.write_text(MEASURED.sub(lambda _: text, path.read_text()))


def write_load(
    load: Load, command: str, machine: Mapping[str, str], versions: Mapping[str, str], path: Path = LOAD_PAGE
) -> None:
    """Write the page about the service under load."""
    held = {table.name: table.markdown() for table in load_tables(load)}
    held["machine"] = machine_table(machine, versions)
    text = Template(LOAD_TEXT.read_text()).substitute(
        held,
        command=command,
        clients=load.clients,
        size=f"{load.size / MB:,.0f}",
        shards=load.shards,
        connections=CONNECTIONS,
        slow=SLOW // 1000,
        late=LATE,
    )
    path.write_text(text)


def scale_plot(scale: Scale) -> str:
    """How a build grows, as an SVG."""
    lines = [
        Line("wall, seconds", [(one.rows, one.build.wall) for one in scale.sizes]),
        Line("CPU, seconds", [(one.rows, one.build.cpu) for one in scale.sizes]),
        Line("peak memory, MB", [(one.rows, one.build.peak / MB) for one in scale.sizes]),
    ]
    return draw("A build by the number of traces, two workers", "traces", lines)


def machine_table(machine: Mapping[str, str], versions: Mapping[str, str]) -> str:
    """The machine and the versions, a line each."""
    lines = [f"| {name} | {value} |" for name, value in machine.items()]
    packages = ", ".join(f"{name} {version}" for name, version in versions.items())
    return "\n".join(["| | |", "|---|---|", *lines, f"| versions | {packages} |"])
