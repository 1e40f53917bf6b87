"""`traces show`: one trace, stored, rendered and tokenised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands.support import Command
from tests.stages.lockfile import build, set_params
from tests.support.samples import row, trace_id


def test_a_trace_is_shown_as_stored_rendered_and_learned(traces: Command) -> None:
    build(row(n, final_answer=f"answer {n}") for n in range(60))
    assert traces("show", trace_id(3).upper()) == 0
    stored, prompt, completion, read, learned = traces.out.split("\n\n")[1:]
    assert '"final_answer": "answer 3"' in stored
    assert prompt.startswith("rendered: the prompt, which is read\n<start_of_turn>user\n")
    assert completion.endswith("Answer: answer 3<end_of_turn>")
    assert read.splitlines()[-1].endswith("|<start_of_turn>|model|\\n")
    assert learned.splitlines()[-1].replace("|", "").endswith("Answer: answer 3<end_of_turn>")

    assert traces("show", trace_id(3), "--json") == 0
    found = json.loads(traces.out)
    assert found["stored"]["steps"][0].keys() == {"i", "type", "content"}
    assert found["split"] in ("train", "validation", "test")
    assert "".join(found["tokens"]["completion"]) == found["rendered"]["completion"]
    assert "".join(found["tokens"]["prompt"]).endswith(found["rendered"]["prompt"])


def test_one_that_is_not_selected_is_shown_too(traces: Command) -> None:
    set_params(selection={"strategy": "latest", "limit": 50})
    build(row(n) for n in range(60))
    assert traces("show", trace_id(0)) == 0
    assert "  not selected  partition " in traces.out.splitlines()[0]


def test_of_one_that_was_screened_out_it_says_by_what_and_never_what_was_found(traces: Command) -> None:
    set_params(privacy={"set_aside": ["secrets", "emails"]}, decontaminate={"evalsets": ["held-out.jsonl"]})
    said = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    Path("data/evalsets/held-out.jsonl").write_text(json.dumps({"prompt": said, "answer": "x"}) + "\n")
    address = "author@example.invalid"
    build(row(n, final_answer=address) if n == 3 else row(n, prompt=said if n == 4 else "What?") for n in range(60))
    assert traces("show", trace_id(3)) == 0
    head = traces.out.splitlines()[0]
    assert "  sensitive: E-mail Address in final_answer  partition " in head
    assert traces("show", trace_id(3), "--json") == 0
    held = json.loads(traces.out)
    assert held["split"] is None
    assert held["set_aside"] == {"fate": "sensitive", "found": [{"in": "final_answer", "kind": "E-mail Address"}]}
    assert traces("show", trace_id(4)) == 0
    assert "  contaminated: evalset held-out.jsonl, line 1, shared " in traces.out.splitlines()[0]
    assert traces("show", trace_id(5), "--json") == 0
    assert json.loads(traces.out)["set_aside"] is None


def test_what_a_terminal_would_obey_is_made_visible(traces: Command) -> None:
    build(row(n, prompt="red \x1b[31m\u202e \x9b1m?") for n in range(60))
    assert traces("show", trace_id(3)) == 0
    assert r"red \x1b[31m\u202e \x9b1m?" in traces.out
    assert not any(character in traces.out for character in "\x1b\u202e\x9b")


@pytest.mark.parametrize(
    ("trace", "code", "says"),
    [
        ("x", 2, "x: not a trace id"),
        (trace_id(99), 1, f"{trace_id(99)}: not in data/traces/; `dvc repro` or `dvc pull`"),
    ],
)
def test_what_cannot_be_shown_is_one_line(traces: Command, trace: str, code: int, says: str) -> None:
    assert traces("show", trace) == code
    assert says in traces.err
    assert len(traces.err.splitlines()) == 1
