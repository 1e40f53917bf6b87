"""`traces summary`: the dataset in the workspace, in a few lines."""

from __future__ import annotations

from typing import Any

from commands.options import Json


def summary(json: Json = False) -> None:
    """Show the dataset that data/manifest.json describes: its id, its counts, where the files lie.

    [bold]Examples[/bold]

      traces summary

      traces summary --json
    """
    import json as json_module

    manifest = load_manifest()
    if json:
        print(json_module.dumps(manifest, indent=2, ensure_ascii=False))
    else:
        print("\n".join(lines(manifest)))


def load_manifest() -> dict[str, Any]:
    """data/manifest.json.

    Raises:
        TracesError: there is none.
    """
    import json as json_module
    from pathlib import Path

    from traces.errors import TracesError

    path = Path("data/manifest.json")
    try:
        manifest: dict[str, Any] = json_module.loads(path.read_text())
    except (OSError, ValueError):
        raise TracesError(f"{path}: missing or not JSON; `make repro` makes it") from None
    return manifest


def lines(manifest: dict[str, Any]) -> list[str]:
    """The summary. Counts that are 0 are said too: nothing is dropped in silence."""
    counts, exports = manifest["counts"], manifest["exports"]
    set_aside = ("quarantined", "filtered", "excluded", "rejected", "deduplicated", "over_limit")
    rows = [
        ("dataset", manifest["dataset_id"]),
        ("as of", f"{manifest['exported_at']}, {manifest['pin']['rows']:,} rows pinned"),
        ("read", f"{counts['read']:,} traces"),
        ("not taken", ", ".join(f"{counts[name]:,} {name.replace('_', ' ')}" for name in set_aside)),
        ("selected", f"{counts['selected']:,} traces, {counts['duplicates']:,} of them repeat another's text"),
    ]
    for name, export in exports.items():
        splits = ", ".join(f"{split} {count:,}" for split, count in export["records"].items() if count)
        rows.append((name, f"{splits}: {export['path']}/"))
    rows += [
        ("also", "data/manifest.json, data/trace_ids.txt, reports/"),
        ("next", "dvc exp run -S filters.game=high_card_duel"),
    ]
    return [f"{name:<12}{value}" for name, value in rows]
