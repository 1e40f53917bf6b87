"""A comparison for people, as text or Markdown, or for scripts, as JSON."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from commands.differences.join import ADDED, CHANGED, REMOVED, SAME, Change, Counts
from commands.differences.records import Group
from commands.versions import Version
from stages.paths import SPLITS
from traces.errors import one_line
from training.formats import FORMATS

KINDS = (ADDED, REMOVED, CHANGED, SAME)
_SIGNS = {ADDED: "+", REMOVED: "-", CHANGED: "~"}


@dataclass(frozen=True)
class Comparison:
    """Two versions, why they differ, and what became of the records."""

    before: Version
    after: Version
    reasons: list[str]
    counts: Counts


def as_json(found: Comparison) -> dict[str, Any]:
    """The comparison as one object."""
    return {
        "before": _side(found.before),
        "after": _side(found.after),
        "reasons": found.reasons,
        "totals": {kind: found.counts.records.get(kind, Counter()).total() for kind in KINDS},
        "groups": [
            {**group._asdict(), **dict(zip(KINDS, counts, strict=True))} for group, counts in _groups(found.counts)
        ],
        "fields": {name: dict(sorted(counts.items())) for name, counts in sorted(found.counts.fields.items())},
    }


def as_text(found: Comparison) -> Iterator[str]:
    """The comparison as lines for a terminal."""
    yield f"before  {found.before.dataset_id}  {found.before.name}"
    yield f"after   {found.after.dataset_id}  {found.after.name}"
    yield ""
    yield "why"
    yield from (f"  {line}" for line in found.reasons or [_unexplained(found)])
    yield ""
    yield from _aligned(_table(found.counts))
    yield from (f"fields of {name} that changed: {line}" for name, line in _fields(found.counts))


def as_markdown(found: Comparison) -> Iterator[str]:
    """The comparison as Markdown, fit for a comment."""
    yield f"### {found.before.dataset_id} → {found.after.dataset_id}"
    yield ""
    yield from (f"- {_code(line)}" for line in found.reasons or [_unexplained(found)])
    yield ""
    head, *rows = _table(found.counts)
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join([' --- '] * 4 + [' ---: '] * len(KINDS))}|"
    for name, split, source, game, *counts in rows:
        cells = [name, split, *(_code(text).replace("|", r"\|") for text in (source, game)), *counts]
        yield f"| {' | '.join(cells)} |"
    for name, line in _fields(found.counts):
        yield ""
        yield f"Fields of {name} that changed: {line}."


def record_line(change: Change) -> str:
    """One record that is not the same: `+`, `-` or `~`, its id, format and split, and the fields that differ."""
    fields = f"  {', '.join(change.fields)}" if change.fields else ""
    return f"{_SIGNS[change.kind]} {change.trace_id}  {change.group.format_name}  {change.group.split}{fields}"


def _side(version: Version) -> dict[str, Any]:
    return {"name": version.name, "commit": version.commit, "dataset_id": version.dataset_id}


def _unexplained(found: Comparison) -> str:
    same = found.before.outputs == found.after.outputs
    return "nothing differs" if same else "the locks do not tell: the same inputs, params and code"


def _groups(counts: Counts) -> list[tuple[Group, list[int]]]:
    groups = sorted({group for found in counts.records.values() for group in found}, key=_order)
    return [(group, [counts.records.get(kind, Counter())[group] for kind in KINDS]) for group in groups]


def _order(group: Group) -> tuple[Any, ...]:
    return list(FORMATS).index(group.format_name), SPLITS.index(group.split), group.source, group.game


def _table(counts: Counts) -> list[list[str]]:
    """A row a group in which something differs, and one a format."""
    rows = [["format", "split", "source", "game", *KINDS]]
    for name, groups in groupby(_groups(counts), key=lambda item: item[0].format_name):
        total = [0] * len(KINDS)
        for group, found in groups:
            total = [one + other for one, other in zip(total, found, strict=True)]
            if sum(found) > found[KINDS.index(SAME)]:
                rows.append([*(one_line(text, 80) for text in group), *(f"{count:,}" for count in found)])
        rows.append([name, "all", "", "", *(f"{count:,}" for count in total)])
    return rows


def _code(text: str) -> str:
    """The text as Markdown that shows it and obeys nothing in it: a trace may have been named to link or to mention."""
    if not text:
        return ""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " if len(fence) > 1 else ""
    return f"{fence}{space}{text}{space}{fence}"


def _aligned(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    names = len(Group._fields)
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row[:names], widths[:names], strict=True)]
        cells += [text.rjust(width) for text, width in zip(row[names:], widths[names:], strict=True)]
        yield "  ".join(cells).rstrip()


def _fields(counts: Counts) -> Iterator[tuple[str, str]]:
    for name, found in sorted(counts.fields.items()):
        yield name, ", ".join(f"{key} {count:,}" for key, count in sorted(found.items()))
