"""Templates are data with a hash."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from traces.errors import TracesError
from training.templates import load_template, template_names

# What each family's published chat template makes of a table of cases, recorded by running it. Gemma's is that of
# google/gemma-2-2b-it, which is gemma-3's for text; Qwen/Qwen3-0.6B; meta-llama/Meta-Llama-3-8B-Instruct.
PUBLISHED = json.loads(Path(__file__).with_name("published_templates.json").read_text())
CASES = [
    pytest.param(family, case, id=f"{family}: {case['case']}") for family in PUBLISHED for case in PUBLISHED[family]
]


@pytest.mark.parametrize("name", template_names())
def test_a_template_s_own_turns_are_made_of_its_control_tokens(name: str) -> None:
    template = load_template(name)
    assert template.name == name
    turns = template.user_open + template.user_close + template.model_open + template.model_close
    assert any(token in turns for token in template.control_tokens)
    assert len(template.sha256) == 64


def test_an_unknown_template_is_named() -> None:
    with pytest.raises(TracesError, match=r"template 'alpaca': not one of gemma, llama3, qwen3"):
        load_template("alpaca")


def thinking_block(model: str) -> str:
    """Qwen3's template writes a thinking block in front of the answer, empty where there is none."""
    thought, end, answer = model.rpartition("</think>")
    thought = thought.rpartition("<think>")[2].strip("\n") if end else ""
    return f"<think>\n{thought}\n</think>\n\n{answer.lstrip(chr(10))}"


def same(text: str) -> str:
    return text


# Every way in which a published template deviates from ours, by name: before the text, after it, and what becomes of
# what the user and the model say. docs/training.md explains them.
BEGIN_TOKEN = {"gemma": "<bos>", "llama3": "<|begin_of_text|>", "qwen3": ""}
NEWLINE_AFTER = {"gemma": "\n", "llama3": "", "qwen3": "\n"}
USER: dict[str, Callable[[str], str]] = {"gemma": str.strip, "llama3": str.strip, "qwen3": same}
MODEL: dict[str, Callable[[str], str]] = {"gemma": str.strip, "llama3": str.strip, "qwen3": thinking_block}


@pytest.mark.parametrize(("family", "case"), CASES)
def test_a_template_is_the_published_one_but_for_what_is_listed(family: str, case: dict[str, str]) -> None:
    template = load_template(family)
    user, model = USER[family](case["user"]), MODEL[family](case["model"])
    prompt = f"{template.user_open}{user}{template.user_close}{template.model_open}"
    assert case["prompt"] == BEGIN_TOKEN[family] + prompt
    whole = f"{prompt}{model}{template.model_close}"
    assert case["conversation"] == BEGIN_TOKEN[family] + whole + NEWLINE_AFTER[family]


@pytest.mark.parametrize("family", PUBLISHED)
def test_no_deviation_is_listed_that_is_none(family: str) -> None:
    cases = PUBLISHED[family]
    for change, side in ((USER, "user"), (MODEL, "model")):
        assert change[family] is same or any(change[family](case[side]) != case[side] for case in cases)
