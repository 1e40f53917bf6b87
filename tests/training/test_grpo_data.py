"""The reinforcement export as Tunix's own code reads it."""

from __future__ import annotations

import inspect
from pathlib import Path

import msgspec
import pytest
from tunix.cli.utils.data import get_dataset_from_module, post_init_dataset
from tunix.generate.tokenizer_adapter import TokenizerAdapter
from tunix.rl.grpo.grpo_learner import GRPOConfig
from tunix.rl.reward_manager import SequenceRewardManager
from tunix.rl.rl_learner import RLLearner

from stages.params.models import TAKEN_COLUMNS
from tests.support.shell import ROOT
from tests.training.support import TEXTS, record
from traces.errors import TracesError
from training.formats.tunix_grpo import TunixGrpoRecord
from training.grpo_data import create_dataset
from training.rewards import right_answer
from training.templates import load_template
from training.tokenizers import train_tokenizer

GEMMA = train_tokenizer(TEXTS, load_template("gemma"))


@pytest.fixture
def export(tmp_path: Path) -> Path:
    folder = tmp_path / "tunix_grpo"
    folder.mkdir()
    rows = [
        TunixGrpoRecord(f"record {n}", record(n).prompt, f"What is {n}?", str(n), f"{n}\n{n + 1}", "sums", -1, n)
        for n in range(20)
    ]
    for split, held in (("train", rows[:16]), ("test", rows[16:])):
        (folder / f"{split}-x.jsonl").write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in held))
    return folder


def test_rows_are_flat_and_in_the_export_s_order(export: Path) -> None:
    rows = list(create_dataset(export))
    assert [row["id"] for row in rows] == [f"record {n}" for n in range(16)]
    assert rows[3] == {
        "id": "record 3",
        "prompts": record(3).prompt,
        "question": "What is 3?",
        "answer": "3",
        "legal_actions": "3\n4",
        "game": "sums",
        "seat": -1,
        "seed": 3,
    }
    assert [row["id"] for row in create_dataset(export, split="test")] == [f"record {n}" for n in range(16, 20)]
    with pytest.raises(TracesError, match=r"no validation-\*.jsonl here, but test-x.jsonl, train-x.jsonl"):
        create_dataset(export, split="validation")


def test_a_seed_shuffles_the_same_way_each_time(export: Path) -> None:
    first, second, other = ([row["id"] for row in create_dataset(export, seed=seed)] for seed in (1, 1, 2))
    assert first == second != other
    assert sorted(first) == sorted(other)


@pytest.mark.parametrize("module", ["training.grpo_data", str(ROOT / "training/grpo_data.py")])
def test_tunix_s_command_line_can_name_it(export: Path, module: str) -> None:
    """The code that Tunix's `grpo_main` runs for `data_module`; its models it fetches from the network."""
    rows = get_dataset_from_module(f"{module}:create_dataset({str(export)!r}, split='train')", None, False)
    batches, _ = post_init_dataset(rows, TokenizerAdapter(GEMMA.processor), 4, None, max_prompt_length=64)
    (first, *_) = batches
    assert list(first["prompts"]) == [record(n).prompt for n in range(4)]
    assert list(first["legal_actions"]) == [f"{n}\n{n + 1}" for n in range(4)]


def test_a_prompt_keeps_its_marks_on_the_way_through_tunix(export: Path) -> None:
    """`encode` does; `tokenize` and `apply_chat_template` would strip them."""
    adapter = TokenizerAdapter(GEMMA.processor)
    (first, *_) = create_dataset(export)
    assert adapter.decode(adapter.encode(first["prompts"])) == first["prompts"]
    (message,) = [{"role": "user", "content": first["prompts"]}]
    assert "<start_of_turn>model\n<end_of_turn>" not in adapter.apply_chat_template([message])
    assert adapter.apply_chat_template([message]).count("<start_of_turn>") == 2


def test_columns_of_metadata_reach_tunix_s_reward_functions(export: Path) -> None:
    for path in export.iterdir():
        rows = [
            msgspec.json.decode(line) | {"level": "hard", "tags": '["a"]'} for line in path.read_bytes().splitlines()
        ]
        path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    (first, *_) = create_dataset(export)
    assert (first["level"], first["tags"], first["answer"]) == ("hard", '["a"]', "0")
    rows = get_dataset_from_module(f"training.grpo_data:create_dataset({str(export)!r}, split='train')", None, False)
    batches, _ = post_init_dataset(rows, TokenizerAdapter(GEMMA.processor), 4, None, max_prompt_length=64)
    batch = next(iter(batches))
    given: dict[str, object] = {}

    def judge(prompts: list[str], completions: list[str], level: list[str], **columns: object) -> list[float]:
        given.update(columns, level=list(level))
        return [1.0] * len(prompts)

    config = GRPOConfig(num_generations=2)
    manager = SequenceRewardManager(judge, config)
    columns = {key: value for key, value in batch.items() if key != "prompts"}
    manager(prompts=list(batch["prompts"]), completions=["Answer: 1"] * 4, mode="train", **columns)
    assert given["level"] == ["hard"] * 4
    assert list(given["tags"]) == ['["a"]'] * 4  # type: ignore[call-overload]
    assert right_answer(completions=["Answer: 0", "1", "Answer: 2", ""], **columns) == [1, 0, 1, 0]


def test_a_line_that_is_no_record_is_named(export: Path) -> None:
    (export / "train-x.jsonl").write_text('{"id":"x"}\n')
    with pytest.raises(TracesError, match=r"train-x.jsonl, line 1: no tunix_grpo record"):
        list(create_dataset(export))


def test_no_column_may_have_a_name_that_tunix_passes_itself() -> None:
    """Tunix takes a column `step` for the number of the step, and never passes it to a reward function."""
    passed = inspect.signature(RLLearner._compute_rewards).parameters
    own = {name for name, parameter in passed.items() if parameter.kind is not parameter.VAR_KEYWORD}
    # Croissant has `split`.
    assert own | {"trajectory_ids", "split"} | set(TunixGrpoRecord.__struct_fields__) == TAKEN_COLUMNS
