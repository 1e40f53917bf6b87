"""data/export/README.md: the dataset card, for people, and by its front matter for Hugging Face's `datasets`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stages.cards.configurations import Configuration
from stages.cards.front_matter import front_matter
from stages.cards.markdown import fenced, inline, table
from stages.params.models import Card

_KINDS = {
    "string": "text",
    "int64": "whole number",
    "strings": "list of texts",
    "messages": "list of `role` and `content`",
    "json": "JSON text",
}
_MAKING = (
    "In a clone of the repository at the commit that has this file, with the store that `data/snapshot.json` pins, "
    "these make the same bytes, and prove that they are the same:"
)
_HASHES = (
    "A folder's md5 is DVC's, that of the listing of its files. `data/manifest.json` has the filters, the selection, "
    "the hash of every artefact on the way, and more."
)
_EXACT = (
    "`load_dataset` reads the Parquet copies of the records, which keep every text and number as it was stored. "
    'Tools that guess types, such as `load_dataset("json")` and `pandas.read_json`, change texts in the JSON Lines '
    "files that look like dates or numbers."
)
_METADATA = (
    f"{_EXACT} Metadata is JSON text here, an object in the JSON Lines: `datasets` would round its numbers. "
    "`json.loads` reads whole numbers exactly and fractions as floats; with `parse_float=decimal.Decimal` it keeps "
    "every digit."
)
# Those of the manifest's counts that are no traces which were left out.
_NOT_LOST = frozenset(
    {"read", "selected", "duplicates", "reordered"}
    | {"held_out_prompts", "leaked_prompts", "repeated_prompts", "contradicting_prompts"}
)
_NAMED = 20  # of the sources and games, the most common


def dataset_card(card: Card, manifest: dict[str, Any], configurations: list[Configuration], example: str | None) -> str:
    """The text of data/export/README.md. `example` is a record as JSON, by lines."""
    selected, stored = (f"{count:,}" for count in (manifest["counts"]["selected"], manifest["pin"]["rows"]))
    parts = [
        f"---\n{front_matter(card, manifest, configurations)}---",
        f"# {manifest['dataset_name']} {manifest['dataset_version']}",
        *([card.description.strip()] if card.description else []),
        f"`{manifest['dataset_id']}`: {selected} reasoning traces, of {stored} stored as of {manifest['exported_at']}.",
        "## Records",
        _records(configurations),
        *(_loading(configurations) if configurations else ()),
        *(part for configuration in configurations for part in _fields(configuration)),
        *(("## Example", fenced(example)) if example else ()),
        "## Statistics",
        _statistics(manifest),
        "## Source and license",
        _source(card),
        "## Making it again",
        _making(manifest, configurations),
    ]
    return "\n\n".join(parts) + "\n"


def _records(configurations: list[Configuration]) -> str:
    splits = list(dict.fromkeys(split for configuration in configurations for split in configuration.records))
    rows = [
        (f"`{configuration.name}`", configuration.about, *(f"{configuration.records.get(s, 0):,}" for s in splits))
        for configuration in configurations
    ]
    return table(("configuration", "for", *splits), rows)


def _loading(configurations: list[Configuration]) -> list[str]:
    first = configurations[0]
    named = [f'load_dataset("data/export", "{configuration.name}")' for configuration in configurations[1:]]
    lines = ["from datasets import load_dataset", "", 'dataset = load_dataset("data/export")', *named]
    has_metadata = any(column.kind == "json" for column in first.columns)
    if has_metadata:
        lines = ["import json", "", *lines, f'json.loads(dataset["{next(iter(first.records))}"][0]["metadata"])']
    return [fenced("\n".join(lines), "python"), _METADATA if has_metadata else _EXACT]


def _fields(configuration: Configuration) -> tuple[str, str]:
    rows = [(f"`{column.name}`", _KINDS[column.kind], column.described("`{}`")) for column in configuration.columns]
    return f"### Fields of `{configuration.name}`", table(("field", "type", "what it holds"), rows)


def _grouped(counts: dict[str, int]) -> Iterator[str]:
    if counts["held_out_prompts"]:
        yield (
            f"Of {counts['held_out_prompts']:,} distinct prompts in validation and test, "
            f"train has {counts['leaked_prompts']:,}, too."
        )
    if counts["reordered"]:
        yield f"Steps of {counts['reordered']:,} traces were sorted by `i`: the store held them in another order."


def _statistics(manifest: dict[str, Any]) -> str:
    stats, counts = manifest["stats"], manifest["counts"]
    rows = [
        (f"{what} a trace", *(f"{stats[key][name]:,}" for name in ("min", "mean", "max")))
        for what, key in (("steps", "steps"), ("characters of rendered text", "characters"))
    ]
    left_out = [
        f"{counts[name]:,} {name.replace('_', ' ')}" for name in counts if name not in _NOT_LOST and counts[name]
    ]
    parts = [
        table(("", "least", "mean", "most"), rows),
        _counts("game", stats["games"]),
        _counts("source", stats["sources"]),
        f"{counts['duplicates']:,} traces ({stats['duplicate_rate']:.1%}) repeat another's text.",
        *_grouped(counts),
        f"Not taken: {', '.join(left_out) or 'none'}.",
        _repeated_prompts(counts),
        *_not_understood(manifest),
        *_screened(manifest),
    ]
    return "\n\n".join(parts)


def _repeated_prompts(counts: dict[str, int]) -> str:
    repeated, contradicting = counts["repeated_prompts"], counts["contradicting_prompts"]
    return f"{repeated:,} prompts have several traces in one split; {contradicting:,} of them have answers that differ."


def _not_understood(manifest: dict[str, Any]) -> list[str]:
    """A line for each column that lacks values because metadata was not understood."""
    return [
        f"`{name}` has no `{key}` of {lacks['not_understood']:,} traces, since the column cannot hold their value."
        for name, export in manifest["exports"].items()
        for key, lacks in export.get("columns", {}).items()
        if lacks["not_understood"]
    ]


def _screened(manifest: dict[str, Any]) -> list[str]:
    held, kinds = manifest["decontaminate"], manifest["privacy"]["set_aside"]
    said = []
    if held["evalsets"]:
        names = ", ".join(f"`{name}` (md5 `{md5}`)" for name, md5 in held["evalsets"].items())
        said.append(
            f"No trace has {held['threshold']:.0%} or more of the {held['ngram']}-grams of a prompt in {names}: such "
            "traces are counted as contaminated."
        )
    if kinds:
        said.append(f"Traces in which {' or '.join(kinds)} were found are counted as sensitive.")
    return said


def _counts(what: str, counts: dict[str, int]) -> str:
    common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = [(inline(name), f"{count:,}") for name, count in common[:_NAMED]]
    if rest := common[_NAMED:]:
        rows.append((f"{len(rest)} others", f"{sum(count for _, count in rest):,}"))
    return table((what, "traces"), rows)


def _source(card: Card) -> str:
    said = [
        card.source.strip() if card.source else "Nobody has said where the traces come from.",
        f"Made by {card.creator.strip()}." if card.creator else None,
        f"Home: <{card.homepage}>." if card.homepage else None,
        _license_in_words(card.license),
    ]
    return "\n\n".join(text for text in said if text)


def _license_in_words(license_: str | None) -> str:
    if license_ is None:
        return "License: unknown. Nobody has stated one, so there is none to rely on."
    return f"License: <{license_}>." if "/" in license_ else f"License: {license_}."


def _making(manifest: dict[str, Any], configurations: list[Configuration]) -> str:
    template = manifest["template"]
    rows = [
        *((f"`data/export/{configuration.name}/`", f"md5 `{configuration.md5}`") for configuration in configurations),
        (f"`{manifest['trace_ids']['path']}/`", f"md5 `{manifest['trace_ids']['md5']}`"),
        (f"the template `{template['name']}`", f"sha256 `{template['sha256']}`"),
    ]
    versions = ", ".join(f"{name} {version}" for name, version in manifest["libraries"].items())
    parts = [
        _MAKING,
        fenced("dvc repro validate\ntraces verify --until validate", "sh"),
        table(("what", "hash"), rows),
        f"{_HASHES} Made with {versions}.",
    ]
    return "\n\n".join(parts)
