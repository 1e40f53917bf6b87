"""What readers that guess types make of an export: why docs/datasets.md names others, and why Parquet is as it is.

A test here that fails after an update of a library says that a warning in docs/datasets.md or a reason in
docs/decisions.md is out of date.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.exports.parquet import parquet_schema, write_parquet
from tests.support.samples import created_at, trace_id
from training.formats import SelectedTrace
from training.formats.trace import trace_line
from training.renderers.tunix_sft import Rendered
from training.templates import load_template

datasets = pytest.importorskip("datasets", reason="the training packages are not installed")
pd = pytest.importorskip("pandas", reason="the training packages are not installed")


@pytest.fixture
def shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shard in which each answer is a date, each question a number with zeros, and each reward a small fraction."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hugging-face"))
    texts = [(trace_id(n), created_at(n), f"{n:03}", f"2026-01-{n + 1:02}") for n in range(4)]
    traces = (
        SelectedTrace(one, time, "1.0", prompt, ["a step"], answer, '{"reward":0.000000000001}', Rendered("", ""))
        for one, time, prompt, answer in texts
    )
    path = tmp_path / "train-20260101.jsonl"
    path.write_bytes(b"".join(trace_line(trace, load_template("gemma")) for trace in traces))
    return path


def by_datasets(path: str, **options: Any) -> Any:
    return datasets.load_dataset("json", data_files=path, split="train", cache_dir=f"{path}.cache", **options)


def test_datasets_turns_dates_in_json_lines_into_times(shard: Path) -> None:
    assert by_datasets(str(shard))[0]["final_answer"] == dt.datetime(2026, 1, 1)  # noqa: DTZ001 - as `datasets` gives it


def test_datasets_changes_dates_in_a_declared_text_column_too(shard: Path) -> None:
    lines = [json.loads(line) for line in shard.read_text().splitlines()]
    answers = shard.with_name("answers.jsonl")
    answers.write_text("".join(json.dumps({"answer": line["final_answer"]}) + "\n" for line in lines))
    declared = datasets.Features({"answer": datasets.Value("string")})
    assert by_datasets(str(answers), features=declared)[0] == {"answer": "2026-01-01 00:00:00"}


def test_datasets_rounds_fractions_of_its_json_type(shard: Path) -> None:
    """Why metadata is text to `datasets`, and not of its type `Json`."""
    text = datasets.Value("string")
    columns = {"id": text, "prompts": text, "trace_steps": datasets.List(text), "final_answer": text}
    declared = datasets.Features({**columns, "metadata": datasets.Json()})
    assert by_datasets(str(shard), features=declared)[0]["metadata"]["reward"] == 0


def test_pandas_reads_text_of_digits_in_json_lines_as_numbers(shard: Path) -> None:
    assert list(pd.read_json(shard, lines=True)["prompts"]) == [0, 1, 2, 3]


def test_duckdb_reads_dates_in_json_lines_as_dates(shard: Path) -> None:
    assert duckdb.sql(f"SELECT final_answer FROM '{shard}'").fetchall()[0] == (dt.date(2026, 1, 1),)


@pytest.mark.parametrize(
    "number",
    ["0.000000000001", "0.12345678901234568", "18446744073709551616", "340282366920938463463374607431768211457"],
)
def test_duckdb_takes_numbers_out_of_metadata_as_they_are(number: str) -> None:
    (found,) = duckdb.execute("SELECT ?::VARCHAR ->> 'n'", [f'{{"n":{number}}}']).fetchone() or ("",)
    assert (float(found), "." in number or int(found)) == (float(number), "." in number or int(number))


def test_one_empty_row_group_makes_datasets_fail_so_an_empty_shard_gives_no_file(shard: Path) -> None:
    full, empty = shard.with_name("full.parquet"), shard.with_name("empty.parquet")
    write_parquet(shard, "trace", full)
    pq.write_table(parquet_schema("trace").empty_table(), empty)
    with pytest.raises(datasets.exceptions.DatasetGenerationError) as failed:
        datasets.load_dataset("parquet", data_files=[str(full), str(empty)], cache_dir=f"{shard}.cache")
    assert isinstance(failed.value.__cause__, pa.ArrowInvalid)
    empty.unlink()
    shard.write_bytes(b"")
    write_parquet(shard, "trace", empty)
    assert not empty.exists()
