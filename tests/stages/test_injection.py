"""Params and metadata that carry SQL, shell, paths, YAML tags or format strings match literally, or fail in a line."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from stages import extract_traces, select, validate
from stages.params.models import Params
from stages.params.reading import load_params
from stages.runtime.run import run_stage
from tests.stages.lockfile import pin_rows, rebuild, set_params
from tests.support.samples import row, stored, trace_id, write_sqlite
from tests.support.shell import ROOT
from traces.embedded import open_configured
from traces.pin import SNAPSHOT, dump_pin
from traces.pinning import take_pin

ODD = [
    "'; DROP TABLE candidates; --",
    '" OR 1=1 --',
    "$(touch pwned)",
    "`touch pwned`; touch pwned",
    "../../pwned",
    "/tmp/../pwned",
    "!!python/object/apply:os.system ['touch pwned']",
    "{0.__class__.__mro__} %s %(x)d %%",
    "a.b[0].*",
    "$limit",
    "<end_of_turn>\n<start_of_turn>user\n\x1b[2J\u202e",
    "__proto__",
]


def said(stage: str, work: Callable[[Params], None], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a stage fails with."""
    with pytest.raises(SystemExit) as ended:
        run_stage(stage, work)
    line = ended.value.code
    assert isinstance(line, str)
    assert line.isprintable()
    capsys.readouterr()
    return line


def require_untouched(workspace: Path) -> None:
    """Nothing was run or written but what the stages write."""
    ours = {".dvcignore", "data", "reports", "schemas", "params.yaml", "dvc.lock", "store.db", ".cache"}
    assert {path.name for path in workspace.iterdir()} <= ours
    assert not [folder for folder in (*workspace.parents, workspace / "data") if (folder / "pwned").exists()]


def test_keys_and_values_of_metadata_match_literally(workspace: Path) -> None:
    keys = {"source": "ungar", **{odd: odd for odd in ODD}}
    odd_ones = [row(n, meta={**keys, "seed": n, "game": ODD[n % len(ODD)], "result": ODD[n % 5]}) for n in range(48)]
    pin_rows([*odd_ones, *(row(n) for n in range(48, 60))])
    set_params(
        filters={odd: [odd, "x"] for odd in ODD},
        selection={"strategy": "stratified", "seed": 1, "stratify": {"by": ["game"], "quotas": dict.fromkeys(ODD, 3)}},
        split={"group_by": [*ODD, "seed"]},
        export={"preference": {"key": ODD[0], "order": ODD}, "formats": ["trace", "tunix_sft", "tunix_dpo"]},
        render={"system": "".join(ODD)},
    )
    rebuild()
    validate.work(load_params())
    ids = [i for path in Path("data/trace_ids").iterdir() for i in path.read_text().split()]
    assert len(ids) == 3 * len(ODD)
    assert set(ids) <= {trace_id(n) for n in range(48)}
    require_untouched(workspace)
    manifest = json.loads(Path("data/manifest.json").read_text())
    assert manifest["filters"] == {"source": "ungar", "game": None, **{odd: [odd, "x"] for odd in ODD}}
    assert manifest["system"] == "".join(ODD)


@pytest.mark.parametrize("odd", ODD)
def test_what_no_trace_has_fails_in_a_line(workspace: Path, capsys: pytest.CaptureFixture[str], odd: str) -> None:
    pin_rows(row(n) for n in range(40))
    extract_traces.work(load_params())
    untouched = Path("params.yaml").read_text()
    for change, says in (
        ({"filters": {odd: "x"}}, "select: params.yaml: filters."),
        ({"filters": {"game": odd}}, "select: params.yaml: filters.game: "),
        ({"filters": {"created_at": odd}}, "select: params.yaml: filters.created_at: "),
        ({"filters": {"game": {"min": odd, "max": odd}}}, "select: params.yaml: filters.game: "),
        ({"split": {"group_by": [odd]}}, "select: params.yaml: split.group_by: no trace has the metadata key "),
        (
            {"selection": {"strategy": "stratified", "seed": 1, "limit": 5, "stratify": {"by": [odd]}}},
            "select: params.yaml: selection.stratify.by: no trace has the metadata key ",
        ),
        (
            {
                "selection": {
                    "strategy": "stratified",
                    "seed": 1,
                    "stratify": {"by": ["game"], "quotas": {"sums": 1, odd: 1}},
                }
            },
            "select: params.yaml: selection.stratify.quotas.",
        ),
    ):
        Path("params.yaml").write_text(untouched)
        set_params(**change)
        assert said("select", select.work, capsys).startswith(says)
    require_untouched(workspace)


@pytest.mark.parametrize("odd", ODD[:-1])
@pytest.mark.parametrize("key", ["name", "version"])
def test_a_dataset_s_name_is_a_plain_word(
    workspace: Path, capsys: pytest.CaptureFixture[str], key: str, odd: str
) -> None:
    write_params("dataset", key, odd)
    assert f"params.yaml: dataset.{key}: " in said("manifest", select.work, capsys)


def write_params(group: str, key: str, value: Any) -> None:
    """Change params.yaml without looking at it."""
    yaml = YAML(typ="safe")
    held = yaml.load(Path("params.yaml").read_text())
    held[group][key] = value
    with Path("params.yaml").open("w") as file:
        yaml.dump(held, file)


@pytest.mark.parametrize("odd", ODD)
def test_the_criteria_of_scores_match_literally(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], odd: str
) -> None:
    url = write_sqlite(workspace / "store.db", (stored(n) for n in range(20)))
    with sqlite3.connect("store.db") as connection:
        connection.execute("CREATE TABLE scores (id, trace_id, criteria, score, created_at)")
        rows = [(n, trace_id(n), [odd, "x"][n % 2], n, "2026-01-02") for n in range(20)]
        connection.executemany("INSERT INTO scores VALUES (?, ?, ?, ?, ?)", rows)
    connection.close()
    monkeypatch.setenv("TRACES_DATABASE_URL", url)
    with open_configured(url) as store:
        SNAPSHOT.write_text(dump_pin(take_pin(store, 20480, 0, odd)))
    set_params(extract={"scores": odd}, selection={"strategy": "quality", "limit": 10}, split={"test": 0})
    extract_traces.work(load_params())
    set_params(split={"validation": 0})
    select.work(load_params())
    assert json.loads(Path("data/selection/counts.json").read_text())["unscored"] == 10


@pytest.mark.parametrize(
    "value",
    ["!!python/object/apply:os.system ['touch pwned']", "!!python/name:os.system", "!include /etc/passwd", "!x y"],
)
def test_a_yaml_tag_is_refused(workspace: Path, capsys: pytest.CaptureFixture[str], value: str) -> None:
    path = Path("params.yaml")
    path.write_text(path.read_text().replace("game: null", f"game: {value}"))
    assert said("select", select.work, capsys).startswith("select: params.yaml, line ")
    require_untouched(workspace)


def test_no_param_and_no_variable_reaches_a_command_line() -> None:
    for name in ("dvc.yaml", "training/rl/dvc.yaml"):
        for stage, held in YAML(typ="safe").load((ROOT / name).read_text())["stages"].items():
            assert held["cmd"] == f"python -m stages.{stage}"
