"""`traces summary`: the dataset in the workspace, in a few lines."""

from __future__ import annotations

from typing import Any

import typer

from commands.options import Json, counted
from commands.workspace import load_manifest, stale_because


def summary(json: Json = False) -> None:
    """Show the dataset that data/manifest.json describes: its id, its counts, where the files lie.

    Exits with 1 where that is not the dataset that the workspace asks for, or its files are not there.

    [bold]Examples[/bold]

      traces summary

      traces summary --json
    """
    import json as json_module

    manifest = load_manifest()
    stale = stale_because(manifest)
    if json:
        print(json_module.dumps({**manifest, "stale": stale}, indent=2, ensure_ascii=False))
    else:
        print("\n".join(lines(manifest, stale)))
    if stale:
        raise typer.Exit(1)


def next_step(manifest: dict[str, Any]) -> str:
    """A command worth trying with this dataset."""
    import re

    games = manifest["stats"]["games"]
    # A game's name is a trace's own text: only one that neither a shell nor Hydra reads anything into is offered.
    word = re.compile(r"(?!(?:null|true|false|nan|inf)$)[a-z_][a-z0-9_-]*", re.ASCII | re.IGNORECASE)
    plain = [game for game in games if word.fullmatch(game)]
    if len(games) > 1 and plain:
        return f"dvc exp run -S filters.game={max(plain, key=games.__getitem__)}"
    return "docs/datasets.md says what else can be chosen"


def lines(manifest: dict[str, Any], stale: str | None) -> list[str]:
    """The summary. Counts that are 0 are said too, beside those of what few ask for: nothing is dropped in silence."""
    from stages.paths import PARQUET

    counts, exports = manifest["counts"], manifest["exports"]
    seldom = ("too_short", "too_long", "unscored", "low_score", "unlisted", "contaminated", "sensitive")
    dropped = [name for name in seldom if counts.get(name)]
    not_taken = ("quarantined", "filtered", "excluded", "rejected", *dropped, "deduplicated", "over_limit")
    rows = [
        ("dataset", manifest["dataset_id"]),
        ("as of", f"{manifest['exported_at']}, {counted(manifest['pin']['rows'], 'row')} pinned"),
        ("read", counted(counts["read"], "trace")),
        ("not taken", ", ".join(f"{counts[name]:,} {name.replace('_', ' ')}" for name in not_taken)),
        ("selected", f"{counted(counts['selected'], 'trace')}, {counts['duplicates']:,} of them repeat another's text"),
    ]
    if counts.get("reordered"):
        rows.append(("order", f"steps of {counted(counts['reordered'], 'trace')} were sorted by `i`"))
    if counts.get("leaked_prompts"):
        held_out = counted(counts["held_out_prompts"], "held-out prompt")
        rows.append(("leaked", f"{counts['leaked_prompts']:,} of {held_out} are in train, too: docs/datasets.md"))
    if counts.get("repeated_prompts"):
        differ = f"{counts['contradicting_prompts']:,} of them with answers that differ"
        rows.append(("prompts", f"{counts['repeated_prompts']:,} of several traces in one split, {differ}"))
    for name, export in exports.items():
        splits = ", ".join(f"{split} {count:,}" for split, count in export["records"].items() if count)
        rows.append((name, f"{splits}: {export['path']}/"))
        lost = {key: lacks["not_understood"] for key, lacks in export.get("columns", {}).items()}
        if told := ", ".join(f"{key} of {counted(count, 'trace')}" for key, count in lost.items() if count):
            rows.append(("", f"not understood, and so without a value: {told}"))
    rows += [
        ("parquet", f"copies of all these files: {PARQUET}/"),
        ("also", "data/export/README.md, data/manifest.json, data/trace_ids/, reports/"),
        ("next", next_step(manifest)),
    ]
    if stale:
        rows[-1] = ("stale", f"{stale}; `dvc repro` makes it, `git checkout . && dvc checkout` goes back")
    width = max(12, *(len(name) + 2 for name, _ in rows))
    return [f"{name:<{width}}{value}" for name, value in rows]
