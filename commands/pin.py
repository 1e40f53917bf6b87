"""`traces pin`: fix which rows of the store a dataset is made from."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from commands.options import Json, counted, require_repository, waiting

# A transaction that began earlier may still commit rows with an earlier created_at.
SETTLE_S = 60.0


def pin(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 0 for fresh or behind, 1 for broken.")
    ] = False,
    settle: Annotated[
        float,
        typer.Option(min=0, max=1e9, help="Leave out rows younger than this many seconds by the database's clock."),
    ] = SETTLE_S,
    json: Json = False,
) -> None:
    """Look at the store and write data/snapshot.json, which extract_traces reads the store by.

    An unchanged store gives an unchanged file. New, changed and removed rows are taken in.

    [bold]Examples[/bold]

      traces pin && dvc repro

      traces pin --check
    """
    from traces.embedded import open_configured
    from traces.store import DATABASE_URL

    require_repository()
    with waiting("reading the store"), open_configured(os.environ.get(DATABASE_URL)) as store:
        facts = check_pin(store) if check else write_pin(store, settle)
    if json:
        import json as json_module

        print(json_module.dumps(facts, indent=2))
    else:
        print(sentence(facts))
        for line in facts.get("differences", []):
            print(f"  {line}")
    if facts.get("state") == "broken":
        raise typer.Exit(1)


def check_pin(store: Any) -> dict[str, Any]:
    """How the store stands to the pin."""
    from traces.pin import load_pin
    from traces.pinning import compare_pin

    held = load_pin()
    state = compare_pin(held, store)
    return {
        "state": state.word,
        "store": store.label,
        "as_of": held.as_of,
        "rows": held.rows,
        "behind": state.behind,
        "differences": state.differences,
    }


def write_pin(store: Any, settle: float) -> dict[str, Any]:
    """Pin the store as it is."""
    from stages.params.reading import load_params
    from traces.files import write_text
    from traces.pin import SNAPSHOT, dump_pin
    from traces.pinning import take_pin

    extract = load_params().extract
    taken = take_pin(store, extract.partition_rows, settle, extract.scores)
    text = dump_pin(taken)
    future = store.count_future()
    changed = not SNAPSHOT.is_file() or SNAPSHOT.read_bytes() != text.encode()
    write_text(SNAPSHOT, text)
    return {
        "written": SNAPSHOT.as_posix(),
        "changed": changed,
        "store": store.label,
        "as_of": taken.as_of,
        "rows": taken.rows,
        "partitions": len(taken.partitions),
        "scored": None if taken.scores is None else taken.scores.rows,
        "younger": store.count_after(taken.as_of_us) - future,
        "future": future,
    }


def sentence(facts: dict[str, Any]) -> str:
    """What was done or found, in a line."""
    if "written" in facts:
        what = "wrote" if facts["changed"] else "unchanged:"
        left_out = {"too young (--settle)": facts["younger"], "later than the store's clock": facts["future"]}
        without = "".join(f"; left out as {why}: {counted(rows, 'row')}" for why, rows in left_out.items() if rows)
        scored = "" if facts["scored"] is None else f", {counted(facts['scored'], 'trace')} scored"
        return (
            f"{what} {facts['written']}: {counted(facts['rows'], 'row')} in "
            f"{counted(facts['partitions'], 'partition')} of {facts['store']}, as of {facts['as_of']}{scored}{without}"
        )
    state = f"behind by {counted(facts['behind'], 'row')}" if facts["state"] == "behind" else facts["state"]
    return f"{state}: {counted(facts['rows'], 'row')} of {facts['store']} pinned as of {facts['as_of']}"
