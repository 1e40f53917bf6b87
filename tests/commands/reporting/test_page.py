"""`traces report`: what the page says is the dataset's, and what a trace says stays text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from contextlib import chdir
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from commands.reporting import token_counts
from commands.reporting.columns import read_columns
from commands.reporting.page import make_page
from commands.reporting.repeats import find_repeats
from stages.cards.markdown import visible
from stages.paths import RENDERED
from stages.runtime.partitioned import partition_names, partition_path, read_rows
from tests.commands.reporting.pages import BREAKOUT, GAMES, SCRIPT, Element, read_page
from tests.commands.support import Command
from tests.stages.lockfile import build, set_params
from tests.support.samples import row
from tests.support.shell import ROOT
from traces.errors import TracesError

# All that a page is made of. Nothing in it can run or load, whatever its text.
ELEMENTS = {
    *("html", "head", "meta", "title", "link", "style", "body", "header", "main", "section", "article", "div", "span"),
    *("h1", "h2", "h3", "p", "code", "time", "pre", "figure", "figcaption", "details", "summary", "ul", "li"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "svg", "path", "text", "tspan", "circle"),
}
ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "rel", "href", "class", "id", "datetime", "role", "tabindex"),
    *("aria-label", "aria-labelledby", "scope", "viewbox", "d", "x", "y", "cx", "cy", "r", "text-anchor"),
}


@pytest.fixture(scope="module")
def elements(hostile: Path) -> list[Element]:
    return read_page((hostile / "page.html").read_text())


def named(elements: list[Element], name: str, class_: str | None = None) -> list[Element]:
    return [e for e in elements if e.name == name and class_ in (None, *e.attributes.get("class", "").split())]


def test_what_a_trace_says_becomes_text_and_no_html(elements: list[Element]) -> None:
    assert {e.name for e in elements} <= ELEMENTS
    assert {key for e in elements for key in e.attributes} <= ATTRIBUTES
    (shown,) = named(elements, "body")
    assert SCRIPT in shown.text
    assert BREAKOUT in shown.text
    assert "49" not in {piece.strip() for piece in shown.text.split(BREAKOUT[-11:])}
    assert visible(GAMES[2]) in shown.text
    assert all(character.isprintable() or character == "\n" for character in shown.text)


def test_nothing_outside_of_the_file_is_named_and_no_other_style_applies(elements: list[Element]) -> None:
    (icon,) = [e.attributes["href"] for e in elements if "href" in e.attributes]
    assert icon.startswith("data:image/svg+xml,")
    (style,) = named(elements, "style")
    assert "url(" not in style.text
    assert "@import" not in style.text
    (policy,) = [e.attributes["content"] for e in elements if "http-equiv" in e.attributes]
    digest = base64.b64encode(hashlib.sha256(style.text.encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'",
        "img-src data:",
        f"style-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_the_flow_is_the_manifest_s(hostile: Path, elements: list[Element]) -> None:
    counts = json.loads((hostile / "data/manifest.json").read_text())["counts"]
    wide, narrow = (named(elements, "svg", name)[0] for name in ("wide", "narrow"))
    for drawing in (wide, narrow):
        said = drawing.attributes["aria-label"]
        assert "240 stored, 236 valid" in said
        assert f"{counts['selected']} selected" in said
        assert f"{counts['filtered']} filtered" in drawing.text
        assert f"{counts['over_limit']} over limit" in drawing.text
        assert "4 quarantined" in drawing.text
    rows = [e.text for e in named(elements, "tr")]
    assert f"− over limit{counts['over_limit']}" in rows


def test_the_lineage_is_in_the_order_of_the_pipeline(hostile: Path, elements: list[Element]) -> None:
    cells = [e.text for e in named(elements, "td") + named(elements, "th")]
    artefacts = json.loads((hostile / "data/manifest.json").read_text())["artefacts"]
    assert all(held["md5"] in cells for held in artefacts.values() if held.get("nfiles", 1))
    stages = ["input", "extract_traces", "select", "render", "export", "manifest", "card"]
    assert list(dict.fromkeys(cell for cell in cells if cell in stages)) == stages


def test_headings_label_their_sections_and_drawings_are_said(elements: list[Element]) -> None:
    headings = {e.attributes["id"]: e.text for e in named(elements, "h2")}
    assert len(named(elements, "h1")) == 1
    assert [e.attributes["aria-labelledby"] for e in named(elements, "section")] == list(headings)
    drawings = named(elements, "svg")
    assert all(e.attributes["role"] == "img" and e.attributes["aria-label"] for e in drawings)
    assert len(named(elements, "figure")) == len(drawings) - 1  # the flow has two, of which one is shown
    assert all(e.attributes["tabindex"] == "0" for e in named(elements, "div", "scroll"))
    assert len(named(elements, "caption")) == len(named(elements, "table"))


def test_what_is_learned_is_marked_and_nothing_else(hostile: Path, elements: list[Element]) -> None:
    with chdir(hostile):
        paths = [partition_path(RENDERED, name) for name in partition_names(RENDERED)]
        rendered = {r[0]: r[1:] for path in paths for r in read_rows(path, ["id", "prompt", "completion"])}
    articles = named(elements, "article")
    learned = named(elements, "span", "learned")[1:]  # the first is in the note
    ids = [e.text.split()[0] for e in named(elements, "p", "id")]
    assert len(articles) == len(ids) == len(learned) == 4
    for trace_id, text, marked in zip(ids, named(elements, "pre"), learned, strict=True):
        prompt, completion = rendered[trace_id]
        assert marked.text == visible(completion)
        assert text.text.startswith(visible(prompt)[:1000])
        assert text.text.endswith(visible(prompt)[-200:] + marked.text)


def test_the_same_dataset_has_the_same_bytes(hostile: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(hostile, copy)
    with chdir(copy), pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACES_WORKERS", "2")
        patch.setenv("TZ", "Asia/Tokyo")
        assert make_page(None).encode() == (hostile / "page.html").read_bytes()


def test_repeats_are_those_that_select_counted(hostile: Path) -> None:
    counts = json.loads((hostile / "data/manifest.json").read_text())["counts"]
    with chdir(hostile):
        repeats = find_repeats(read_columns(counts["selected"]))
    assert counts["duplicates"] > 10
    assert sum(repeats.by_group) == counts["duplicates"]
    assert sum(repeats.texts.values()) == counts["selected"] - counts["duplicates"]
    said = {
        split: [
            (record["prompts"], record["final_answer"])
            for path in (hostile / "data/export/trace").glob(f"{split}-*")
            for record in map(json.loads, path.read_bytes().splitlines())
        ]
        for split in ("train", "validation", "test")
    }
    trained = set(said.pop("train"))
    assert repeats.in_train == {split: sum(one in trained for one in ones) for split, ones in said.items()}
    assert any(repeats.in_train.values())


def test_splits_that_were_not_asked_for_are_left_out(traces: Command) -> None:
    set_params(split={"validation": 0.2, "test": 0})
    build(row(n) for n in range(60))
    page = make_page(None)
    assert "0 test" not in page
    assert "test 0.0%" not in page
    assert '<th scope="col" class="n">test</th>' not in page
    assert " of validation say what one in train says." in page
    set_params(split={"validation": 0})
    build(row(n) for n in range(60))
    page = make_page(None)
    assert "validation" not in page.partition("Artefacts")[0].partition("</style>")[2]
    assert "say what one in train says" not in page


def test_the_command_writes_where_it_is_told_and_replaces_what_was_there(traces: Command) -> None:
    build(row(n) for n in range(60))
    assert traces("report") == 0
    assert traces.out == "reports/dataset.html: open it in a browser\n"
    assert traces("report", "--output", "out/page.html") == 0
    assert Path("out/page.html").read_bytes() == Path("reports/dataset.html").read_bytes()
    assert "No smoke run was made of this dataset" in Path("out/page.html").read_text()
    assert [path.name for path in Path("out").iterdir()] == ["page.html"]


def test_a_version_without_the_newer_counts_and_columns_is_shown(traces: Command) -> None:
    """As a build from before them left it: the report and `traces show` read it as it is."""
    build(row(n) for n in range(60))
    manifest = json.loads(Path("data/manifest.json").read_text())
    for name in ("reordered", "held_out_prompts", "leaked_prompts", "repeated_prompts", "contradicting_prompts"):
        del manifest["counts"][name]
    Path("data/manifest.json").write_text(json.dumps(manifest))
    newer = {"stored_sha256", "prompt_key", "answer_key"}
    for path in Path("data/traces").glob("*.parquet"):
        table = pq.read_table(path)
        path.unlink()
        pq.write_table(table.select([name for name in table.column_names if name not in newer]), path)
    assert traces("report") == 0
    assert traces("summary") == 0
    assert traces("show", row(3)["id"]) == 0


def test_the_smoke_run_is_shown_where_it_was_one_of_this_export(traces: Command) -> None:
    build(row(n) for n in range(60))
    for name in ("smoke_train.json", "smoke_loss.csv"):
        shutil.copy(ROOT / "reports" / name, "reports")
    yaml, lock = YAML(typ="safe"), Path("dvc.lock")
    held = yaml.load(lock.read_text())
    (export,) = (out for out in held["stages"]["export"]["outs"] if out["path"] == "data/export/tunix_sft")
    another = export | {"md5": "0" * 32 + ".dir"}
    for trained in (another, export):
        assert "No smoke run" in make_page(None)
        held["stages"]["smoke_train"] = {"cmd": "python -m stages.smoke_train", "deps": [trained]}
        with lock.open("w") as file:
            yaml.dump(held, file)
    page = make_page(None)
    assert "Loss by step, from 6.249 at step 1 to 3.678 at step 10." in page
    assert "went from 6.237 to 3.481" in page
    for name in ("smoke_train.json", "smoke_loss.csv"):
        (Path("reports") / name).write_text("step,loss\n1,x\n")
        with pytest.raises(TracesError, match=f"reports/{name}: damaged; `git checkout reports/{name}` restores it"):
            make_page(None)
        shutil.copy(ROOT / "reports" / name, "reports")


def test_the_gate_s_verdict_is_said_where_it_is_one_on_this_dataset(traces: Command) -> None:
    build(row(n) for n in range(60))
    verdict = {"valid": True, "dataset_id": json.loads(Path("data/manifest.json").read_text())["dataset_id"]}
    for change, says in (
        ({}, "The gate passed it"),
        ({"valid": False}, "The gate found faults"),
        ({"dataset_id": "another"}, "The gate has not looked at it"),
    ):
        Path("reports/validation.json").write_text(json.dumps(verdict | change))
        assert says in make_page(None)


def test_without_the_packages_for_training_there_are_no_tokens(
    hostile: Path, elements: list[Element], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Tokens are those of a tokenizer of " in named(elements, "body")[0].text
    monkeypatch.setattr("commands.reporting.token_counts.find_spec", lambda _: None)
    with chdir(hostile):
        page = make_page(None)
    assert "Tokens are not counted: the packages for training are not installed." in page
    assert "learned tokens" not in page


def test_tokens_are_counted_within_bounds_and_what_is_left_out_is_said(
    hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with chdir(hostile):
        counted = json.loads(Path("data/manifest.json").read_text())["counts"]["selected"]
        characters = read_columns(counted).characters
        bound = int(characters.max()) - 1
        over = int((characters > bound).sum())
        monkeypatch.setattr(token_counts, "MAX_TRACE_CHARACTERS", bound)
        (said,) = re.findall(r"Tokens are those of .*", make_page(None))
        assert said.endswith(f"traces spread over all; {over} of more than {bound:,} characters are left out.")
        monkeypatch.setattr(token_counts, "MAX_TRACE_CHARACTERS", 1)
        assert "Tokens are those of a tokenizer of " in make_page(None)


def test_of_long_traces_fewer_are_counted() -> None:
    def chosen(*characters: int) -> tuple[list[int], int]:
        numbers, left_out = token_counts._chosen(np.array(characters, dtype=np.int64))
        return numbers.tolist(), left_out

    assert chosen(*[1000] * 5) == ([0, 1, 2, 3, 4], 0)
    assert chosen(1000, 1_000_001, 1_000_000) == ([0, 2], 1)
    assert chosen(*[1_000_000] * 100) == (list(range(0, 100, 4)), 0)
    assert chosen(10**9) == ([], 1)
    assert len(chosen(*[700] * 20_000)[0]) == 10_000


@pytest.mark.parametrize(
    "text",
    ["".join(map(chr, range(0x4E00, 0x4E00 + 600))), "a", "7", "🎉👩‍👩‍👧‍👦", "\u2585"],
    ids=["Chinese", "one character", "a digit", "emoji", "what SentencePiece skips"],
)
def test_any_text_has_a_report(workspace: Path, text: str) -> None:
    build(row(n, prompt=text, steps=[{"i": 0, "type": "think", "content": text}], final_answer=text) for n in range(60))
    assert "Tokens are those of a tokenizer of " in make_page(None)


def test_what_cannot_be_shown_is_one_line_and_leaves_the_page_as_it_was(traces: Command) -> None:
    assert traces("report") == 1
    assert "data/manifest.json: missing, or no manifest; `dvc repro` makes it" in traces.err
    build(row(n) for n in range(60))
    assert traces("report") == 0
    before = Path("reports/dataset.html").read_bytes()
    shutil.rmtree("data/rendered")
    assert traces("report") == 1
    assert "hold 60 and 0 traces, the manifest counts 60; `dvc checkout` brings them, or `dvc repro`" in traces.err
    set_params(selection={"dedup": "exact"})
    assert traces("report") == 1
    assert "params.yaml asks for another selection; `dvc repro` makes it" in traces.err
    assert len(traces.err.splitlines()) == 1
    assert Path("reports/dataset.html").read_bytes() == before
    assert not list(Path("reports").glob(".*"))
