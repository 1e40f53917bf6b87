"""`make bench`, or `python -m benchmarks` for a part of it."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.bench import Bench, say
from benchmarks.database import database_server
from benchmarks.machine import machine, serving_versions, uncommitted, versions
from benchmarks.measure import ROOT, require_linux, server_process
from benchmarks.parts.against import commit_of, require_settings
from benchmarks.parts.against import run as measure_against
from benchmarks.parts.against import tables as against_tables
from benchmarks.parts.scale import run as measure_scale
from benchmarks.report import LOAD_PAGE, PAGE, SCALE_PAGE, show, write_load, write_page, write_scale
from benchmarks.results import PARTS, Part, Results
from benchmarks.scale_tables import scale_tables
from benchmarks.serving.load import run as measure_load
from benchmarks.serving.servers import nginx_version
from benchmarks.serving.tables import load_tables
from benchmarks.tables import tables
from commands.app import paragraphs
from traces.errors import TracesError

# In the repository, since a system's temporary folder may be in memory: there no write reaches a disk.
WORK = ROOT / ".cache/bench"
LEAST_ROWS = 5_000
SIZES = (10_000, 100_000, 1_000_000)


app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
HELP = {"help_option_names": ["-h", "--help"]}


def main(
    context: typer.Context,
    rows: Annotated[
        int, typer.Option(min=LEAST_ROWS, envvar="BENCH_ROWS", help="How many traces; a million takes a while.")
    ] = 1_000_000,
    only: Annotated[
        list[Part] | None, typer.Option(help="A part alone; may be given again. docs/benchmarks.md is left as it is.")
    ] = None,
    against: Annotated[
        str,
        typer.Option(
            metavar="REV",
            envvar="BENCH_AGAINST",
            help="Only build, in turns, this commit and that one. docs/benchmarks.md is left as it is.",
        ),
    ] = "",
    pairs: Annotated[
        int, typer.Option(min=1, envvar="BENCH_PAIRS", help="How many builds each commit has with --against.")
    ] = 5,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            envvar="BENCH_SET",
            help="With --against, a param of the other commit, as `dvc exp run -S` takes it; may be given again.",
        ),
    ] = None,
) -> None:
    """Measure what a build costs beside what a user would write instead, and write docs/benchmarks.md.

    It measures the commit that is checked out, in clones of it, with a PostgreSQL of its own, in .cache/bench/.
    A target that is missed is shown, and is no error.

    [bold]Examples[/bold]

      make bench

      BENCH_ROWS=20000 make bench

      BENCH_AGAINST=HEAD~1 make bench

      BENCH_AGAINST=a4bd852 BENCH_SET=export.parquet=true make bench

      python -m benchmarks --rows 20000 --only full --only everyday
    """
    if context.invoked_subcommand:
        return
    if settings and not against:
        raise typer.BadParameter("needs --against", param_hint="--set")
    if against:
        compare(rows, against, pairs, settings or [])
        return
    asked = [part for part in PARTS if not only or part in only]
    with open_bench(rows) as bench:
        found: dict[str, Any] = {part: PARTS[part](bench) for part in asked}
        results = Results(f"BENCH_ROWS={rows} make bench", rows, machine(), versions(bench.url), **found)
    show(tables(results), results.machine)
    if only:
        say(f"{PAGE.relative_to(ROOT)} is left as it is: it needs every part")
    else:
        write_page(results)
        say(f"wrote {PAGE.relative_to(ROOT)}")


def compare(rows: int, revision: str, pairs: int, settings: list[str]) -> None:
    """Build this commit and another one in turns, and print what each build took."""
    try:
        commit_of(revision)
    except TracesError as fault:
        raise typer.BadParameter(str(fault), param_hint="--against") from None
    try:
        require_settings(revision, settings)
    except TracesError as fault:
        raise typer.BadParameter(str(fault), param_hint="--set") from None
    with open_bench(rows) as bench:
        found = measure_against(bench, revision, pairs, settings)
    show(against_tables(found, settings), machine())


def scale(
    sizes: Annotated[
        list[int] | None,
        typer.Option("--size", min=LEAST_ROWS, envvar="BENCH_SIZES", help="How many traces; given twice or more."),
    ] = None,
) -> None:
    """Measure how cost grows with traces, workers and partitions, and write the measured part of docs/scale.md.

    From the largest size follows what a billion traces would take. Five million take 40 GB of disk.

    [bold]Examples[/bold]

      make bench-scale

      BENCH_SIZES="10000 100000 1000000 5000000" make bench-scale

      python -m benchmarks scale --size 5000 --size 50000
    """
    asked = sorted(set(sizes or SIZES))
    if len(asked) == 1:
        raise typer.BadParameter("growth shows between two sizes or more", param_hint="--size")
    with open_bench(asked[-1]) as bench:
        found, server = measure_scale(bench, asked), versions(bench.url)
    show(scale_tables(found), machine())
    write_scale(found, f'BENCH_SIZES="{" ".join(map(str, asked))}" make bench-scale', machine(), server)
    say(f"wrote the measured part of {SCALE_PAGE.relative_to(ROOT)}")


def serve(
    megabytes: Annotated[
        int, typer.Option("--mb", min=1, envvar="SERVE_MB", help="How large the export is that is streamed.")
    ] = 1000,
    clients: Annotated[
        int, typer.Option(min=1, max=500, envvar="SERVE_CLIENTS", help="How many clients stream it at once.")
    ] = 64,
) -> None:
    """Measure what the service does under load beside nginx with the same bytes, and write docs/service-load.md.

    nginx is the one on PATH; without it the rest is measured, and docs/service-load.md is left as it is.

    [bold]Examples[/bold]

      make bench-serve

      SERVE_MB=50 SERVE_CLIENTS=8 make bench-serve

      python -m benchmarks serve --mb 50 --clients 8
    """
    with ready_folder() as work:
        found = measure_load(work, megabytes, clients)
    show(load_tables(found), machine())
    if found.nginx is None:
        say(f"{LOAD_PAGE.relative_to(ROOT)} is left as it is: it needs nginx")
        return
    command = f"SERVE_MB={megabytes} SERVE_CLIENTS={clients} make bench-serve"
    write_load(found, command, machine(), serving_versions(nginx_version()))
    say(f"wrote {LOAD_PAGE.relative_to(ROOT)}")


@contextmanager
def open_bench(rows: int) -> Iterator[Bench]:
    """A server and a folder to work in."""
    with ready_folder() as work, database_server(work / "postgresql") as url:
        yield Bench(work, rows, url, server_process(url))


@contextmanager
def ready_folder() -> Iterator[Path]:
    """A folder to work in; what would show in the figures is said first."""
    require_linux()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if uncommitted():
        say("note: what is not committed is not measured")
    if os.getloadavg()[0] > len(os.sched_getaffinity(0)) / 2:
        say("note: the machine is busy with something else, which the figures will show")
    with working_folder() as work:
        yield work


@contextmanager
def working_folder() -> Iterator[Path]:
    """An empty folder, removed afterwards, and by the next run where this one is killed. One run at a time."""
    WORK.parent.mkdir(exist_ok=True)
    with (WORK.parent / "bench.lock").open("w") as turn:
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("benchmarks: another run is under way, and the two would measure each other")
        shutil.rmtree(WORK, ignore_errors=True)
        WORK.mkdir()
        try:
            yield WORK
        finally:
            shutil.rmtree(WORK, ignore_errors=True)


if __name__ == "__main__":
    app.callback(help=paragraphs(main.__doc__ or ""), invoke_without_command=True, context_settings=HELP)(main)
    app.command(help=paragraphs(scale.__doc__ or ""), context_settings=HELP)(scale)
    app.command(help=paragraphs(serve.__doc__ or ""), context_settings=HELP)(serve)
    app(prog_name="python -m benchmarks")
