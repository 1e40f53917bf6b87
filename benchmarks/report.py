"""The results on a terminal, and as docs/benchmarks.md: the same tables."""

from __future__ import annotations

from pathlib import Path
from string import Template

from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.measure import ROOT
from benchmarks.results import Results
from benchmarks.tables import tables

PAGE = ROOT / "docs/benchmarks.md"
TEXT = Path(__file__).with_name("page.md")


def show(results: Results) -> None:
    """Print the tables."""
    console = Console()
    if not console.is_terminal:
        console.width = 160  # in a log the tables are whole
    for table in tables(results):
        shown = RichTable(title=table.title, title_justify="left")
        for number, name in enumerate(table.head):
            shown.add_column(name, justify="right" if number else "left")
        for cells in table.rows:
            shown.add_row(*cells)
        console.print(shown)
    console.print(" · ".join(results.machine.values()))


def write_page(results: Results, path: Path = PAGE) -> None:
    """Write the page. It needs every part."""
    held = {table.name: table.markdown() for table in tables(results)}
    held["machine"] = machine_table(results)
    path.write_text(Template(TEXT.read_text()).substitute(held, command=results.command))


def machine_table(results: Results) -> str:
    """The machine and the versions, a line each."""
    lines = [f"| {name} | {value} |" for name, value in results.machine.items()]
    packages = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    return "\n".join(["| | |", "|---|---|", *lines, f"| versions | {packages} |"])
