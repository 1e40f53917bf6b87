"""The reinforcement smoke run with the real Tunix, and what it must refuse."""

from __future__ import annotations

import pytest

from tests.training.support import TEXTS, record
from training.formats.tunix_grpo import TunixGrpoRecord
from training.smoke.checks import CheckFailed
from training.smoke.grpo import GENERATIONS, PROMPTS, STEPS, Judge, check_prompt, say_briefly, smoke_grpo
from training.smoke.lengths import LengthBound
from training.templates import load_template
from training.tokenizers import train_tokenizer
from training.tokens import SftRecord

TEMPLATE = load_template("gemma")
GEMMA = train_tokenizer(TEXTS, TEMPLATE)


def prompt(number: int, **changes: str) -> TunixGrpoRecord:
    held = record(number, trace_steps=[], final_answer="yes" if number % 2 else "no")
    columns = {"prompts": held.prompt, "question": "?", "answer": "yes", "legal_actions": "yes\nno", "game": "g"}
    return TunixGrpoRecord(f"record {number}", **{**columns, **changes}, seat=-1, seed=number)


PROMPTS_GIVEN = [prompt(number) for number in range(PROMPTS * STEPS)]


def test_it_trains_by_reward() -> None:
    taught = [record(n, trace_steps=[], final_answer="yes" if n % 2 else "no") for n in range(16)]
    run = smoke_grpo(PROMPTS_GIVEN, taught, GEMMA, TEMPLATE, "gemma3")
    assert len(run.rewards) == STEPS
    assert all(0 <= reward <= 2 for reward in run.rewards)
    assert max(run.rewards) > 0
    assert run.weights > 20


ORDINARY = {
    "one single character": ([record(n, prompt="a", trace_steps=["a"], final_answer="a") for n in range(24)], "a"),
    "emoji": ([record(n, prompt="😀" * n, trace_steps=["😃"], final_answer="🎉") for n in range(1, 25)], "🎉"),
    "long traces": ([record(n, trace_steps=["and so we add " * 900], final_answer="7") for n in range(24)], "7"),
}


@pytest.mark.soak
@pytest.mark.parametrize(("taught", "answer"), ORDINARY.values(), ids=ORDINARY)
def test_it_trains_by_reward_whatever_the_text(taught: list[SftRecord], answer: str) -> None:
    bound = LengthBound(TEMPLATE, 512)
    taught = [bound.roughly(one) for one in taught]
    tokenizer = train_tokenizer((one.prompts for one in taught), TEMPLATE)
    taught = say_briefly(taught, tokenizer, bound)
    prompts = [prompt(n, prompts=taught[n].prompt, answer=answer, legal_actions="") for n in range(PROMPTS * STEPS)]
    run = smoke_grpo(prompts, taught, tokenizer, TEMPLATE, "gemma3")
    assert max(run.rewards) > 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (record(1).prompts, r"does not end in '<start_of_turn>model\\n': is it an SFT text"),
        ("<s>" + record(1).prompt, None),
    ],
)
def test_a_prompt_is_only_a_prompt(text: str, says: str | None) -> None:
    check_prompt(PROMPTS_GIVEN[0], GEMMA, TEMPLATE)
    if says is None:  # a begin token's text is not the token: it is spelled, and harms nobody
        check_prompt(prompt(1, prompts=text), GEMMA, TEMPLATE)
        return
    with pytest.raises(CheckFailed, match=says):
        check_prompt(prompt(1, prompts=text), GEMMA, TEMPLATE)


def test_a_reward_sees_the_exported_prompts_and_every_column() -> None:
    judge = Judge(PROMPTS_GIVEN)
    one = PROMPTS_GIVEN[0]
    columns = {"legal_actions": ["yes\nno"] * 3, "answer": ["yes"] * 3, "game": ["g"] * 3}
    assert judge([one.prompts] * 3, ["Answer: yes", "Answer: no", "?"], **columns) == [2, 1, 0]
    with pytest.raises(CheckFailed, match="a prompt reached the reward that was not exported: '<bos>"):
        judge(["<bos>" + one.prompts] * 3, ["?"] * 3, **columns)


def test_rewards_that_are_all_alike_teach_nothing() -> None:
    judge = Judge(PROMPTS_GIVEN)
    judge.given = [[0.0] * GENERATIONS + [1.0] * GENERATIONS]
    with pytest.raises(CheckFailed, match="every completion of a prompt had the same reward"):
        judge.check()
    judge.given = [[0.0] * GENERATIONS, [0.0] * (GENERATIONS - 1) + [1.0]]
    judge.check()
