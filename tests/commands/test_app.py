"""What every subcommand has: help with examples, exit codes, errors of one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.commands.support import Command
from tests.support.samples import row, write_jsonl
from tests.support.shell import ROOT, run

SUBCOMMANDS = ("status", "record", "ingest", "pin", "summary")


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_help_shows_examples(traces: Command, name: str) -> None:
    assert traces(name, "--help") == 0
    examples = traces.out.partition("Examples")[2]
    assert f"traces {name}" in examples


def test_help_lists_the_subcommands(traces: Command) -> None:
    assert traces("--help") == 0
    assert all(f" {name} " in traces.out for name in SUBCOMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["pin", "--nonsense"],
        ["pin", "--settle", "-1"],
        ["ingest"],
        ["record", "--game", "chess", "--episodes", "1", "--seed", "1"],
        ["record", "--game", "gin_rummy", "--episodes", "0", "--seed", "1"],
        ["record", "--game", "gin_rummy", "--seed", "1"],
        ["record", "--game", "gin_rummy", "--episodes", "1", "--seed", "1", "--start", "soon"],
        ["ingest", "x", "--created-at", "soon"],
        ["ingest", "x", "--created-at", ""],
        ["ingest", "x", "--to", ""],
        ["record", "--game", "gin_rummy", "--episodes", "1", "--seed", "1", "--to", " "],
        ["pin", "--settle", "inf"],
        ["record", "--game", "gin_rummy", "--episodes", "9", "--seed", "1", "--start", "9999-12-31T23:59"],
    ],
)
def test_wrong_use_exits_2(traces: Command, arguments: list[str]) -> None:
    assert traces(*arguments) == 2
    assert traces.err
    assert "Traceback" not in traces.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["summary"], "traces: data/manifest.json: missing, or no manifest; `dvc repro` makes it"),
        (["pin"], "traces: embedded store (data/recorded/): no trace older than 60 s; `traces record` or"),
        (["pin", "--check"], "traces: data/snapshot.json: no pin yet;"),
        (["ingest", "gone.jsonl"], "traces: gone.jsonl: No such file or directory"),
        (["ingest", "x", "--to", "nowhere"], "traces: --to or TRACES_DATABASE_URL: not a database URL; expected"),
    ],
)
def test_a_fault_is_one_line_and_exits_1(traces: Command, arguments: list[str], says: str) -> None:
    assert traces(*arguments) == 1
    assert traces.err.startswith(says)
    assert len(traces.err.splitlines()) == 1


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['traces', '--help']\n"
        "from commands.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'sqlalchemy', 'duckdb', 'pyarrow', 'pydantic', 'msgspec', 'psycopg', 'numpy'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    run(ROOT, sys.executable, "-c", code)


def test_the_installed_command_is_this_one() -> None:
    assert "Exit codes" in run(ROOT, "traces", "--help").out


def test_a_python_without_our_packages_is_told_to_take_the_environment() -> None:
    # Neither the environment's packages nor the user's.
    done = run(
        ROOT, sys.executable, "-I", "-S", "-c", "import sys; sys.path.insert(0, '.'); import commands.app", code=1
    )
    says = "lacks the project's packages; `source .venv/bin/activate` (or `make repro`)"
    assert done.err == f"traces: {sys.executable} {says}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["pin"],
        ["ingest", "mine.jsonl"],
        ["record", "--game", "gin_rummy", "--episodes", "1", "--seed", "1"],
    ],
)
def test_outside_of_a_repository_nothing_is_made(traces: Command, arguments: list[str], tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_jsonl(elsewhere / "mine.jsonl", [row(1)])
    traces.monkeypatch.chdir(elsewhere)
    assert traces(*arguments) == 2
    assert traces.err == f"traces: no params.yaml in {elsewhere}; run it from the repository's root\n"
    assert [path.name for path in elsewhere.iterdir()] == ["mine.jsonl"]


def test_an_unforeseen_error_is_one_line_too(traces: Command) -> None:
    Path("data/manifest.json").write_text('{"dataset_id": "x"}')
    traces.monkeypatch.setattr("commands.summary.stale_because", lambda _: 1 / 0)
    assert traces("summary") == 1
    assert traces.err.startswith("traces: unexpected ZeroDivisionError: division by zero (TRACES_DEBUG=1 shows where")
    assert len(traces.err.splitlines()) == 1


def test_a_name_that_is_too_long_is_one_line(traces: Command) -> None:
    write_jsonl(Path("mine.jsonl"), [row(1)])
    Path("mine.jsonl").rename("x" * 240 + ".jsonl")
    assert traces("ingest", "x" * 240 + ".jsonl") == 1
    assert "File name too long" in traces.err
    assert len(traces.err.splitlines()) == 1
