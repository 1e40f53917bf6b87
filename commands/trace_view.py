"""One trace of the workspace, looked up and laid out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.text import Text

from stages.params.reading import load_params
from stages.paths import RENDERED, SELECTION, SET_ASIDE, TRACES
from stages.runtime.partitioned import partition_names, partition_path, read_chunks, read_rows
from traces.errors import TracesError, WrongUse, one_line
from traces.ids import is_id, normalise_id
from traces.times import to_iso
from training.renderers.tunix_sft import Rendered, render_turns
from training.templates import load_template
from training.tokenizers import load_tokenizer, train_tokenizer
from training.tokens import SftRecord, tokenise

_TAUGHT = 64  # records of which a tokenizer is trained where none is named
_STORED = ("trace_version", "prompt", "steps", "final_answer")
_COLUMNS = ["id", "created_us", *_STORED, "meta", "content_sha256"]


@dataclass(frozen=True)
class View:
    """A trace with its texts; `split` is None where it is not selected, `tokens` where nothing can make some.

    `set_aside` is what the screen says of one that it took out: its fate, and by what; never what was found.
    `tokens` are the text of each token, those of the prompt and those of the completion, which is learned.
    """

    trace_id: str
    created_at: str
    partition: str
    split: str | None
    set_aside: dict[str, Any] | None
    stored: dict[str, Any]
    content_sha256: str
    rendered: Rendered
    tokens: tuple[list[str], list[str]] | None


def find_trace(trace: str, tokenizer: str | None) -> View:
    """The trace with this id.

    Raises:
        WrongUse: it is no id.
        TracesError: data/traces/ does not hold it, or the tokenizer cannot be had.
    """
    wanted = normalise_id(trace.strip())
    if not is_id(wanted):
        raise WrongUse(f"{one_line(trace, 80)}: not a trace id")
    name = next((name for name in partition_names(TRACES) if _holds(name, wanted)), None)
    if name is None:
        raise TracesError(
            f"{wanted}: not in {TRACES}/; `dvc repro` or `dvc pull` brings it, `traces where` looks further"
        )
    row = _row(name, wanted)
    params = load_params()
    rendered = render_turns(
        {
            "prompt": row["prompt"],
            "trace_steps": [step["content"] for step in row["steps"]],
            "final_answer": row["final_answer"],
        },
        load_template(params.render.template),
        params.render.system,
    )
    rows = read_rows(partition_path(SELECTION, name), ["id", "split"])
    split = next((split for trace_id, split in rows if trace_id == wanted), None)
    tokens = _tokens(wanted, rendered, name, params.render.template, tokenizer)
    aside = _set_aside(wanted) if split is None else None
    stored = {key: row[key] for key in _STORED} | {"meta": json.loads(row["meta"])}
    return View(wanted, to_iso(row["created_us"]), name, split, aside, stored, row["content_sha256"], rendered, tokens)


def _holds(name: str, wanted: str) -> bool:
    return any(trace_id == wanted for (trace_id,) in read_rows(partition_path(TRACES, name), ["id"]))


def _row(name: str, wanted: str) -> dict[str, Any]:
    """The trace's row of a partition of data/traces/ that holds it."""
    for batch in read_chunks(partition_path(TRACES, name), _COLUMNS):
        found = batch.filter(pc.equal(batch.column("id"), pa.scalar(wanted))).to_pylist()
        if found:
            (row,) = found[:1]
            # An older build holds them as they are stored.
            return row | {"steps": sorted(row["steps"], key=lambda step: int(step["i"]))}
    raise TracesError(f"{TRACES}/{name}: {wanted} is gone from it")


def _set_aside(wanted: str) -> dict[str, Any] | None:
    """What the line of a trace that was screened out says beside its id; None where there is none."""
    if not SET_ASIDE.is_file():
        return None
    with SET_ASIDE.open("rb") as lines:
        line = next((line for line in lines if line.startswith(b'{"id":"%s"' % wanted.encode())), None)
    if line is None:
        return None
    try:
        return {key: value for key, value in json.loads(line).items() if key != "id"}
    except ValueError:
        raise TracesError(f"{SET_ASIDE}: damaged; `dvc checkout` or `dvc repro` brings it back") from None


def _why(aside: dict[str, Any] | None) -> str:
    """Why a trace is not selected, as far as the screen says."""
    if aside is None:
        return "not selected"
    said = {key: value for key, value in aside.items() if key not in ("fate", "found")}
    by = [f"{item['kind']} in {item['in']}" for item in aside.get("found", ())]
    by += [f"{key} {value}" for key, value in said.items()]
    return one_line(f"{aside.get('fate', 'set aside')}: {', '.join(by)}")


def _tokens(
    trace_id: str, rendered: Rendered, name: str, template: str, tokenizer: str | None
) -> tuple[list[str], list[str]] | None:
    if find_spec("sentencepiece") is None:
        return None
    if tokenizer is not None:
        chosen = load_tokenizer(tokenizer)
    else:
        rows = read_rows(partition_path(RENDERED, name), ["prompt", "completion"])
        texts = [prompt + completion for prompt, completion in islice(rows, _TAUGHT)]
        chosen = train_tokenizer([*texts, "".join(rendered)], load_template(template))
    record = SftRecord(trace_id, "".join(rendered), len(rendered.prompt))
    tokens = tokenise(record, chosen)
    texts = [chosen.decode([int(token)]) for token in tokens.ids]
    learned = int(tokens.learned.sum())
    return texts[: len(texts) - learned], texts[len(texts) - learned :]


def as_json(view: View) -> dict[str, Any]:
    """The view as one object."""
    return {
        "id": view.trace_id,
        "created_at": view.created_at,
        "partition": view.partition,
        "split": view.split,
        "set_aside": view.set_aside,
        "content_sha256": view.content_sha256,
        "stored": view.stored,
        "rendered": view.rendered._asdict(),
        "tokens": None if view.tokens is None else dict(zip(("prompt", "completion"), view.tokens, strict=True)),
    }


def print_view(view: View) -> None:
    """Print the view; on a terminal in colours, elsewhere with the learned part under its own heading."""
    console = Console(highlight=False, soft_wrap=True)
    for text in _texts(view):
        console.print(text)


def _texts(view: View) -> Iterator[Text]:
    split = view.split or _why(view.set_aside)
    yield Text.assemble((view.trace_id, "bold"), f"  {view.created_at}  {split}  partition {view.partition}")
    yield Text(f"sha256:{view.content_sha256}")
    yield _heading("stored")
    yield Text(_visible(json.dumps(view.stored, indent=2, ensure_ascii=False)))
    yield _heading("rendered: the prompt, which is read")
    yield Text(_visible(view.rendered.prompt), "dim")
    yield _heading("rendered: the completion, which is learned")
    yield Text(_visible(view.rendered.completion), "green")
    if view.tokens is None:
        yield _heading("tokens: none, the packages for training are not installed (`make environment-all`)")
        return
    for tokens, what, style in zip(view.tokens, ("read", "learned"), ("dim", "green"), strict=True):
        yield _heading(f"{len(tokens)} tokens that are {what}")
        # A token by itself may be half of a character, a line's end, or what a terminal takes for a command.
        pieces = [Text(one_line(token, 200), f"{style} reverse" if n % 2 else style) for n, token in enumerate(tokens)]
        yield Text("|").join(pieces)


def _visible(text: str) -> str:
    """The text, lines kept, and nothing in it that a terminal would obey."""
    return "\n".join(one_line(line, len(line) * 10 + 1) for line in text.split("\n"))


def _heading(text: str) -> Text:
    return Text(f"\n{text}", "bold")
