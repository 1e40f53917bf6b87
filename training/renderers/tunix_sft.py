"""The `tunix_sft` text: the question as the user's turn, reasoning and answer as the model's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypedDict

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from training.control_tokens import neutralise, neutralise_column
from training.renderers.labels import MAY_BE_NUMBERED, bare_answer, own_number
from training.templates import Template, load_template

Column = Any  # an Arrow array, whose types say less than they should


class Example(TypedDict):
    """What is rendered: the question, the steps' contents in order, the answer."""

    prompt: str
    trace_steps: Sequence[str]
    final_answer: str


class Rendered(NamedTuple):
    """`prompt` ends in the open model turn; `completion` is what the model should learn, and ends its turn."""

    prompt: str
    completion: str


def render_tunix_prompt(example: Example) -> str:
    """The whole text in Gemma's template, as established; control tokens in it are neutralised."""
    return "".join(render_turns(example, load_template("gemma")))


def render_turns(example: Example, template: Template, system: str | None = None) -> Rendered:
    """Prompt and completion apart, so that the boundary is known and never searched for.

    A `system` text opens the user's turn, a blank line before the question: Gemma has no system turn.
    """
    steps = pa.array([list(example["trace_steps"])], pa.list_(pa.string()))
    question, answer = (pa.array([text], pa.string()) for text in (example["prompt"], example["final_answer"]))
    prompts, completions = render_columns(question, steps, answer, template, system)
    return Rendered(prompts[0].as_py(), completions[0].as_py())


def render_columns(
    questions: Column, steps: Column, answers: Column, template: Template, system: str | None = None
) -> tuple[Column, Column]:
    """`render_turns` of many: Arrow's columns of equal length, of texts, and of lists of texts."""
    before = template.user_open + (f"{neutralise(system)}\n\n" if system else "")
    prompts = _joined(before, neutralise_column(questions), template.user_close + template.model_open)
    reasoning = _joined(_numbered(steps), "Answer: ", _bare(answers))
    # As a whole: no control token holds a line's end or begins with what is put before a step or an answer, so that
    # none can form across them.
    return prompts, _joined(neutralise_column(reasoning), template.model_close)


def _numbered(steps: Column) -> Column:
    """The steps of each trace, numbered from 1, a line each after a heading; nothing if there are none."""
    lengths = pc.list_value_length(steps).to_numpy()
    starts = np.cumsum(lengths) - lengths
    places = np.arange(lengths.sum()) - np.repeat(starts, lengths)
    contents = _unnumbered(steps.flatten(), places)
    numbers = pa.array([f"{number}. " for number in range(1, int(lengths.max(initial=0)) + 1)], pa.string())
    lines = _joined(numbers.take(pa.array(places)), contents, "\n")
    offsets = pa.array(np.append(starts, lengths.sum()), pa.int32())
    texts = _joined("Reasoning:\n", pc.binary_join(pa.ListArray.from_arrays(offsets, lines), ""))
    return pc.if_else(pa.array(lengths > 0), texts, "")


def _unnumbered(contents: Column, places: npt.NDArray[np.int64]) -> Column:
    """The steps, without their own number if it is their place, counted from 1, or from 0 if the first step's is 0."""
    may_be: Column = pc.match_substring_regex(contents, MAY_BE_NUMBERED)
    labelled = pc.indices_nonzero(may_be).to_numpy()
    numbered = {int(index): own_number(contents[index].as_py()) for index in labelled}
    mask, rests = np.zeros(len(contents), bool), []
    for index, own in numbered.items():
        first = numbered.get(index - int(places[index]))
        if own and own.number == places[index] + (first is None or first.number != 0):
            mask[index] = True
            rests.append(own.rest)
    return pc.replace_with_mask(contents, pa.array(mask), pa.array(rests, pa.string())) if rests else contents


def _bare(answers: Column) -> Column:
    """The answers without an `Answer:` of their own."""
    if not pc.any(pc.match_substring(answers, "answer", ignore_case=True)).as_py():
        return answers
    return pa.array(map(bare_answer, answers.to_pylist()), pa.string())


def _joined(*parts: str | Column) -> Column:
    """The parts one after the other, each a column or the same text for all."""
    joined: Any = pc.binary_join_element_wise
    return joined(*parts, "")


def turn_texts(rendered: Rendered, template: Template) -> tuple[str, str]:
    """What the user and the model say in a rendered text, without the marks of their turns."""
    user_end = -len(template.user_close + template.model_open)
    return rendered.prompt[len(template.user_open) : user_end], rendered.completion[: -len(template.model_close)]


def is_one_exchange(prompt: str, completion: str, template: Template) -> bool:
    """Whether `prompt` is one user turn and the open model turn, and `completion` ends that, and nothing else."""
    # A turn's marks are its first lines and its end; each must be there once, in its place.
    text = prompt + completion
    opens = text.count(template.user_open.strip()), text.count(template.model_open.strip())
    closes = text.count(template.model_close)
    expected = (template.user_close.strip() == template.model_close) + bool(completion)
    return (
        opens == (1, 1)
        and closes == expected
        and prompt.startswith(template.user_open)
        and prompt.endswith(template.user_close + template.model_open)
        and completion.endswith(template.model_close if completion else "")
    )
