"""The page: facts and drawings, laid out by the templates, which escape all that a trace says."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from commands.options import counted
from commands.reporting import lineage
from commands.reporting.bars import draw_bars, draw_shares
from commands.reporting.columns import Columns, read_columns
from commands.reporting.curve import draw_curve
from commands.reporting.facts import SmokeRun, load_facts
from commands.reporting.flow import flow_of
from commands.reporting.flow_drawing import NARROW, WIDE, draw_flow
from commands.reporting.names import short
from commands.reporting.repeats import Repeats, find_repeats
from commands.reporting.samples import choose_samples
from commands.reporting.shape import shapes_of, short_names
from commands.reporting.token_counts import count_tokens
from stages.params.models import Split
from stages.paths import SPLITS
from training.templates import load_template

_TEMPLATES = Path(__file__).parent / "templates"


def make_page(tokenizer: str | None) -> str:
    """The page about the dataset in the workspace.

    Raises:
        TracesError: there is none, it is not what the workspace asks for, its files are missing, or the tokenizer
            cannot be had.
    """
    facts = load_facts()
    manifest = facts.manifest
    template = load_template(manifest["template"]["name"])
    columns = read_columns(manifest["counts"]["selected"])
    tokens = count_tokens(columns.characters, template, tokenizer)
    repeats = find_repeats(columns)
    reached = flow_of(manifest["counts"])
    formats = {name: sum(export["records"].values()) for name, export in manifest["exports"].items()}
    splits = shown_splits(manifest)
    flows = [draw_flow(reached, splits, formats, layout) for layout in (WIDE, NARROW)]
    return _render(
        facts=facts,
        manifest=manifest,
        columns=columns,
        splits=splits,
        splits_by_group=splits_by_group(columns, splits),
        reached=reached,
        flows=flows,
        shapes=shapes_of(columns, tokens),
        tokens=tokens,
        repeats=repeats,
        repeats_drawing=_draw_repeats(repeats),
        shares_drawing=_draw_shares(columns, splits),
        curve=_draw_curve(facts.smoke),
        samples=choose_samples(columns, template),
        inputs=lineage.inputs(facts.entries),
        outputs=lineage.outputs(facts.entries),
        params=lineage.params(facts.entries),
    )


def shown_splits(manifest: dict[str, Any]) -> dict[str, int]:
    """The traces of each split that was asked for, or has some."""
    asked = Split.model_validate(manifest["split"]).asked
    return {name: count for name, count in manifest["splits"].items() if count or name in asked}


def splits_by_group(columns: Columns, splits: Collection[str]) -> list[dict[str, int]]:
    """Of each group its traces by split, of those that are shown."""
    counts = np.bincount(columns.group * len(SPLITS) + columns.split, minlength=len(columns.groups) * len(SPLITS))
    rows = counts.reshape(-1, len(SPLITS)).tolist()
    return [{name: count for name, count in zip(SPLITS, row, strict=True) if name in splits} for row in rows]


def _draw_repeats(repeats: Repeats) -> Markup:
    said = ", ".join(f"{count:,} {times}" for times, count in repeats.texts.items())
    return draw_bars(f"Distinct texts by how often each occurs: {said}.", repeats.texts)


def _draw_shares(columns: Columns, splits: Collection[str]) -> Markup:
    groups = list(zip(short_names(columns), splits_by_group(columns, splits), strict=True))
    said = "; ".join(
        f"{name}, {', '.join(f'{count:,} {split}' for split, count in counts.items())}" for name, counts in groups
    )
    return draw_shares(f"Shares of the splits: {said}.", groups)


def _draw_curve(smoke: SmokeRun | None) -> Markup | None:
    if smoke is None or not smoke.losses:
        return None
    said = f"Loss by step, from {smoke.losses[0]} at step 1 to {smoke.losses[-1]} at step {len(smoke.losses)}."
    return draw_curve(said, smoke.losses)


def _render(**content: Any) -> str:
    templates = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {"number": _number, "share": _share, "size": _size, "counted": counted, "short": short}
    style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    # No other style than this one applies, and nothing else is loaded or run: not even what a trace would bring.
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return templates.get_template("page.html").render(style=Markup(style), policy=policy, **content)  # noqa: S704 - ours


def _number(value: float) -> str:
    return f"{value:,}"


def _share(part: int, whole: int) -> str:
    """A part in percent; one that is not 0 is never shown as 0."""
    share = 100 * part / whole if whole else 0.0
    return f"{share:.1f}%" if share >= 0.1 or not part else "< 0.1%"


def _size(size: int) -> str:
    """Bytes in a unit that leaves few digits."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return f"{size} B"
