"""The gate: whatever is changed by hand, it is found, named and counted."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages import validate
from stages.gate import choices, records_together, shard_memo
from stages.gate.records import by_partition
from stages.params.reading import load_params
from stages.paths import SELECTION, VALIDATION
from tests.stages.lockfile import build, rebuild, set_params, write_lock
from tests.stages.selections import rewrite_selection
from tests.support.samples import payload, row, trace_id
from traces.errors import TracesError

SECOND_TURN = "\n<start_of_turn>user\nMore?<end_of_turn>"
SHARD = "data/export/tunix_sft/train-20260101T000000000000Z-"


@pytest.fixture
def whole(workspace: Path) -> Path:
    build(row(n) for n in range(60))
    return workspace


def shard(format_name: str = "tunix_sft", split: str = "train") -> Path:
    (path,) = Path(f"data/export/{format_name}").glob(f"{split}-*")
    return path


def trace_ids() -> Path:
    (path,) = Path("data/trace_ids").iterdir()
    return path


def report() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(VALIDATION.read_text())
    return found


def faults_of(change: Callable[[], object]) -> dict[str, Any]:
    """The gate's report after a change that the lock was made to agree with, so that only content can tell."""
    change()
    write_lock()
    with pytest.raises(TracesError, match=r"\d+ faults, named above and in reports/validation.json"):
        validate.work(load_params())
    found = report()
    assert not found["valid"]
    assert found["faults"] == sum(found["faults_by_kind"].values())
    return found


def edit(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))


def test_what_the_pipeline_made_passes(whole: Path) -> None:
    validate.work(load_params())
    manifest = json.loads(Path("data/manifest.json").read_text())
    assert report() == {
        "valid": True,
        "dataset_id": manifest["dataset_id"],
        "records": {"trace": 60, "tunix_sft": 60, "tunix_grpo": 60},
        "held_out_prompts": manifest["counts"]["held_out_prompts"],
        "leaked_prompts": 0,
        "faults": 0,
        "faults_by_kind": {},
        "first_faults": [],
        "notes": [],
    }


def first_record() -> dict[str, Any]:
    record: dict[str, Any] = json.loads(shard().read_text().splitlines()[0])
    return record


def with_first(**changes: Any) -> Callable[[list[str]], list[str]]:
    def change(lines: list[str]) -> list[str]:
        record = json.loads(lines[0]) | changes
        return [json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n", *lines[1:]]

    return change


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        (with_first(final_answer="other"), "content", "final_answer: not what its trace gives"),
        (with_first(final_answer=""), "schema", 'final_answer: "" is shorter than 1 character'),
        (with_first(completion_start=1), "turns", "completion_start 1 is not where the model's turn begins"),
        (with_first(completion_start=-1), "schema", "completion_start: -1 is less than the minimum of 1"),
        (with_first(prompts="Hello"), "turns", "is not where the model's turn begins"),
        (
            lambda lines: with_first(prompts=json.loads(lines[0])["prompts"] + SECOND_TURN)(lines),
            "turns",
            "not exactly one user and one model turn",
        ),
        (with_first(final_answer="<tool_call>"), "turns", "the text holds the control token <tool_call>"),
        (with_first(completion_start=69.0), "content", "completion_start: not what its trace gives"),
        (with_first(more=1), "schema", "Additional properties are not allowed"),
        (with_first(id=trace_id(99)), "selection", f"id {trace_id(99)} is not selected for this shard"),
        (lambda lines: lines[1:], "selection", "is selected but not here"),
        (lambda lines: [lines[0], *lines], "ids", "stands in this shard twice"),
        (lambda lines: lines[::-1], "order", "the records are not in (created_at, id) order"),
        (lambda lines: ["{\n", *lines[1:]], "schema", "not a record: Input data was truncated"),
        (lambda lines: [lines[0].replace('","', '", "', 1), *lines[1:]], "content", "not written canonically"),
        (lambda lines: [*lines[:-1], lines[-1].rstrip("\n")], "content", "not written canonically"),
        (lambda _: [], "selection", "is selected but not here"),
        (lambda lines: [*lines, "\n"], "schema", "not a record"),
    ],
)
def test_an_edited_shard_is_found(whole: Path, change: Callable[[list[str]], list[str]], kind: str, says: str) -> None:
    found = faults_of(lambda: edit(shard(), change))
    assert found["faults_by_kind"][kind] >= 1
    (line, *_) = (line for line in found["first_faults"] if says in line)
    assert line.startswith(SHARD)


def test_a_record_moved_to_another_split_is_found(whole: Path) -> None:
    def move() -> None:
        line = shard().read_text().splitlines(keepends=True)[0]
        edit(shard(), lambda lines: lines[1:])
        edit(shard(split="test"), lambda lines: [line, *lines])

    found = faults_of(move)
    moved = [line for line in found["first_faults"] if "is not selected for this shard" in line]
    assert len(moved) == 1
    assert "/test-" in moved[0]


@pytest.mark.parametrize("slice_records", [7, 1000])
def test_an_id_in_two_shards_and_a_group_in_two_splits_are_found(
    whole: Path, slice_records: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 121 records are held against each other in 18 slices, or all at once.
    monkeypatch.setattr(records_together, "SLICE_RECORDS", slice_records)
    copied = shard().read_text().splitlines(keepends=True)[0]
    found = faults_of(lambda: edit(shard(split="test"), lambda lines: [copied, *lines]))
    assert found["faults_by_kind"].keys() >= {"ids", "splits", "selection", "count"}
    trace = json.loads(copied)["id"]
    assert f"data/export/tunix_sft: id {trace} is exported twice" in found["first_faults"]
    says = f"data/export/tunix_sft: a group of `split.group_by` is in train (id {trace}) and in test (id {trace})"
    assert says in found["first_faults"]


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        (lambda: shard().unlink(), "selection", "is selected but not here"),
        (lambda: Path("data/export/tunix_sft/final_v3.jsonl").touch(), "selection", "belongs to no partition"),
        (
            lambda: edit(trace_ids(), lambda lines: lines[:-1]),
            "ids",
            "line 60: None where the",
        ),
        (lambda: edit(trace_ids(), lambda lines: lines[::-1]), "ids", ".txt, line 1: "),
        (lambda: trace_ids().unlink(), "ids", ".txt, line 60: None where the"),
        (lambda: (trace_ids().parent / "more.txt").touch(), "ids", "data/trace_ids/more.txt: belongs to no partition"),
        (
            lambda: edit(Path("data/manifest.json"), lambda lines: [x.replace('"v1"', '"v2"') for x in lines]),
            "manifest",
            'data/manifest.json: dataset_version: says "v2", the data says "v1"',
        ),
        (
            lambda: edit(Path("data/manifest.json"), lambda lines: [x.replace('"md5"', '"md6"') for x in lines]),
            "manifest",
            "Additional properties are not allowed",
        ),
        (lambda: Path("data/manifest.json").write_text("[]"), "manifest", 'it: [] is not of type "object"'),
        (lambda: Path("data/manifest.json").write_text("{"), "manifest", "Expecting property name"),
        (
            lambda: edit(Path("data/exclusions.csv"), lambda lines: [*lines, f"{trace_id(7)},asked,2026-01-31\n"]),
            "exclusion",
            f"id {trace_id(7)} is on data/exclusions.csv, and selected",
        ),
    ],
)
def test_an_edited_file_beside_the_records_is_found(
    whole: Path, change: Callable[[], object], kind: str, says: str
) -> None:
    found = faults_of(change)
    assert found["faults_by_kind"][kind] >= 1
    assert any(says in line for line in found["first_faults"]), found["first_faults"]


def test_bytes_that_the_lock_does_not_know_are_found_by_their_hash(whole: Path) -> None:
    edit(Path("reports/steps.csv"), lambda lines: [*lines, "9,9\n"])
    with pytest.raises(TracesError, match="2 faults"):
        validate.work(load_params())
    line, again = report()["first_faults"]
    assert line.startswith("reports/steps.csv: its md5 is ")
    assert again == "reports/steps.csv: not what counting again gives"


def test_a_hundred_faults_are_named_and_the_rest_counted(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(row(n) for n in range(250))

    def spoil() -> None:
        for split in ("train", "validation", "test"):
            edit(shard(split=split), lambda lines: [line.replace("Answer: ", "Answer:  ") for line in lines])

    found = faults_of(spoil)
    assert len(found["first_faults"]) == 100
    counted = {kind: count for kind, count in found["faults_by_kind"].items() if kind not in ("manifest", "card")}
    assert counted == {"content": 250 + 3}  # three Parquet copies, still of the shards as they were
    assert f"  and {found['faults'] - 100} more\n" in capsys.readouterr().out


def test_the_gate_s_report_is_the_same_from_any_number_of_workers(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = faults_of(lambda: edit(shard(), lambda lines: lines[::-1]))
    monkeypatch.setenv("TRACES_WORKERS", "2")
    assert faults_of(lambda: None) == first


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda rows: [(i, "train" if split == "test" else split) for i, split in rows], ", test"),
        (lambda rows: rows[1:], " where selecting again gives "),
        (lambda rows: [*rows[:-1], (trace_id(119), "train")], " where selecting again gives "),
    ],
)
def test_a_selection_that_does_not_follow_from_params_is_found(
    workspace: Path, change: Callable[[list[tuple[str, str]]], list[tuple[str, str]]], says: str
) -> None:
    # Of the sums, every odd one has another game, and is filtered.
    set_params(filters={"game": "sums"})
    build(row(n, meta={**payload(n)["meta"], "game": "sums" if n % 2 == 0 else "others"}) for n in range(120))
    found = faults_of(lambda: rewrite_selection(change))
    assert found["faults_by_kind"]["selection"] >= 1
    assert any(line.startswith("data/selection/2026") and says in line for line in found["first_faults"])


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("reports/stats.json", '"filtered": 0', '"filtered": 9'),
        ("reports/stats.json", '"sums": 60', '"sums": 61'),
        ("reports/steps.csv", "1,60", "1,59"),
        ("data/selection/counts.json", '"excluded": 0', '"excluded": 1'),
        ("data/quarantine/reasons.json", "{}", '{"too long": 1}'),
    ],
)
def test_counts_that_do_not_follow_from_the_data_are_found(whole: Path, path: str, old: str, new: str) -> None:
    def change() -> None:
        text = Path(path).read_text()
        assert old in text
        Path(path).write_text(text.replace(old, new))

    found = faults_of(change)
    kind = "selection" if "selection" in path else "statistics"
    assert found["faults_by_kind"][kind] >= 1


SELECTED = "data/selection/20260101T000000000000Z-"


@pytest.mark.parametrize(
    ("path", "content", "says"),
    [
        ("reports/stats.json", "x", "data/manifest.json: cannot be checked: JSONDecodeError"),
        ("reports/stats.json", "{}", "data/manifest.json: cannot be checked: KeyError"),
        ("data/manifest.json", '{"trace_ids": null}', "data/manifest.json: trace_ids: null is not of type"),
        ("data/manifest.json", "[" * 100_000, "data/manifest.json: cannot be checked: RecursionError"),
        ("data/selection/counts.json", "", "data/selection/counts.json: selecting again gives "),
        ("schemas/manifest.schema.json", '{"type": 5}', "data/manifest.json: cannot be checked: "),
        ("schemas/export/trace.schema.json", '{"type": 5}', "data/manifest.json: cannot be checked: KeyError"),
        ("dvc.lock", "stages: {}", "dvc.lock: dvc.lock: no entry for stage extract_traces"),
        ("dvc.lock", "stages: [", "dvc.lock: dvc.lock, line 1"),
        ("dvc.lock", "stages: 5", "dvc.lock: "),
        (SELECTED, "no parquet", "damaged"),
    ],
)
def test_whatever_was_changed_by_hand_the_gate_reports_it(whole: Path, path: str, content: str, says: str) -> None:
    target = Path(path)
    if path == SELECTED:
        (target,) = Path("data/selection").glob("2026*")
    target.write_text(content)
    if path != "dvc.lock":
        write_lock()
    with pytest.raises(TracesError, match="faults?, named above and in reports/validation.json"):
        validate.work(load_params())
    assert any(says in line for line in report()["first_faults"]), report()["first_faults"]
    assert not any("\n" in line for line in report()["first_faults"])


@pytest.mark.parametrize("template", ["gemma", "llama3", "qwen3"])
def test_every_format_passes_in_every_template(workspace: Path, template: str) -> None:
    names = ["trace", "tunix_sft", "tunix_grpo", "training_example", "messages"]  # of pairs: test_pairs.py
    set_params(render={"template": template, "system": "Think <|im_end|> first."}, export={"formats": names})
    build(row(n, final_answer="<end_of_turn> <|eot_id|> <|im_end|>") for n in range(60))
    validate.work(load_params())
    assert report()["records"] == dict.fromkeys(names, 60)


def test_where_the_stages_remember_what_they_made_it_is_not_made_again(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACES_MEMO", "on")
    set_params(export={"formats": ["tunix_grpo", "trace"]})  # in an order of their own
    build(row(n) for n in range(60))
    with monkeypatch.context() as patch:
        patch.setattr(shard_memo, "check_partition", None)
        patch.setattr(choices, "select_into", None)
        validate.work(load_params())
    first = report()
    edit(shard("trace"), lambda lines: lines[1:])
    with pytest.raises(TracesError, match="faults, named above"):
        validate.work(load_params())
    assert any("is selected but not here" in line for line in report()["first_faults"])
    rebuild()
    monkeypatch.setenv("TRACES_MEMO", "off")
    validate.work(load_params())
    assert report() == first


def test_a_remembered_selection_is_taken_for_no_other(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRACES_MEMO", "on")
    build(row(n) for n in range(60))
    (counts := SELECTION / "counts.json").write_text(counts.read_text().replace('"excluded": 0', '"excluded": 1'))
    assert any("selecting again gives" in line for line in faults_of(lambda: None)["first_faults"])
    rebuild()
    set_params(selection={"strategy": "latest", "limit": 5})
    with pytest.raises(TracesError, match="faults, named above"):
        validate.work(load_params())
    assert "data/selection/counts.json: selecting again gives" in capsys.readouterr().out


def test_a_leaked_answer_in_a_reinforcement_prompt_is_found(whole: Path) -> None:
    def leak(lines: list[str]) -> list[str]:
        record = json.loads(lines[0])
        return with_first(prompts=record["prompts"] + record["answer"])(lines)

    found = faults_of(lambda: edit(shard("tunix_grpo"), leak))
    assert any("prompts is not exactly one user turn and the open model turn" in line for line in found["first_faults"])


def test_a_number_of_any_size_and_a_group_by_any_key_pass(workspace: Path) -> None:
    set_params(split={"group_by": ["format", "n"]})
    build(row(n, meta={"source": "ungar", "format": f"{n % 30}", "n": "N"}) for n in range(120))
    (recording,) = Path("data/recorded").glob("*.gz")
    # More digits than a float has room for, and fewer than are refused.
    text = gzip.decompress(recording.read_bytes()).replace(b'"N"', b"1" * 400 + b".5")
    recording.write_bytes(gzip.compress(text, mtime=0))
    rebuild()
    assert b"1" * 400 + b".5" in shard().read_bytes()
    validate.work(load_params())
    assert report()["valid"]


def test_a_parquet_copy_that_differs_from_its_shard_is_a_fault(whole: Path) -> None:
    folder = Path("data/export/parquet")
    (train,), (test,) = (folder / "tunix_sft").glob("train-*"), (folder / "tunix_sft").glob("test-*")
    strays = [folder / name for name in ("tunix_sft/train-more.parquet", "tunix_sft/x.txt", "x.parquet", "a/b.parquet")]

    def swap() -> None:
        train.write_bytes(test.read_bytes())
        test.unlink()
        (folder / "a").mkdir()
        for path in strays:
            path.write_bytes(b"")

    found = faults_of(swap)
    for path, what in (
        (train, "not a copy of data/export/tunix_sft/train-"),
        (test, "not a copy of data/export/tunix_sft/test-"),
        *((path, "has no JSON Lines shard that it is a copy of") for path in strays),
    ):
        assert any(line.startswith(f"{path}: {what}") for line in found["first_faults"]), path


def test_each_partition_gets_the_hashes_of_its_own_files_and_shards() -> None:
    one, other = "20260101T000000000000Z-aa", "20260101T000000000000Z-aa-1f"
    files = [
        f"data/traces/{one}.parquet",
        f"data/traces/{other}.parquet",
        f"data/export/parquet/trace/test-{one}.parquet",
    ]
    files += [f"data/export/trace/train-{other}.jsonl", "data/snapshot.json", "data/selection/counts.json"]
    found = by_partition({path: str(number) for number, path in enumerate(files)}, [one, other])
    assert found == {one: {files[0]: "0", files[2]: "2"}, other: {files[1]: "1", files[3]: "3"}}
