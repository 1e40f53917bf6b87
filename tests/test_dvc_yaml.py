"""A stage depends on every module of the project that it imports, and on no other."""

from __future__ import annotations

import ast

import pytest
from ruamel.yaml import YAML

from tests.support.code_deps import PACKAGES, PIPELINES, code_of, imported, is_code
from tests.support.shell import ROOT

STAGES = YAML(typ="safe").load(PIPELINES[0])["stages"]
RL = YAML(typ="safe").load(PIPELINES[1])["stages"]
CHAIN = ["extract_traces", "select", "render", "export", "manifest", "card", "validate", "smoke_train"]


@pytest.mark.parametrize("stage", [*CHAIN, *RL])
def test_a_stage_depends_on_exactly_the_code_that_it_imports(stage: str) -> None:
    declared = {dep for dep in (STAGES | RL)[stage]["deps"] if is_code(dep)}
    assert sorted(declared) == sorted(code_of(stage)), "`make deps` writes them"


def test_reinforcement_is_run_from_the_root_and_by_itself() -> None:
    assert not set(RL) & set(STAGES)
    for stage, held in RL.items():
        assert (ROOT / "training/rl" / held["wdir"]).resolve() == ROOT
        assert held["cmd"] == f"python -m stages.{stage}"
        assert "reports/validation.json" in held["deps"]


def test_the_derivation_sees_imports_in_functions_and_packages_on_the_way() -> None:
    code = code_of("extract_traces")
    assert {"traces/store/__init__.py", "traces/recordings.py", "stages/runtime/run.py"} <= code
    assert not any(path.startswith(("commands/", "training/")) for path in code)


def test_arrows_point_down() -> None:
    """commands -> stages -> training -> traces."""
    for file in ROOT.glob("t*/**/*.py"):
        package = file.relative_to(ROOT).parts[0]
        if package in ("traces", "training"):
            below = PACKAGES[: PACKAGES.index(package) + 1]
            names = {name.split(".")[0] for name in imported(file)} & set(PACKAGES)
            assert names <= set(below), file
    for file in (ROOT / "stages").rglob("*.py"):
        assert "commands" not in {name.split(".")[0] for name in imported(file)}, file


def outputs(stage: str) -> list[str]:
    kinds = ("outs", "metrics", "plots")
    return [
        item if isinstance(item, str) else next(iter(item)) for kind in kinds for item in STAGES[stage].get(kind, [])
    ]


def test_the_manifest_and_the_gate_depend_on_everything_that_is_made_before_them() -> None:
    made: set[str] = set()
    for stage in CHAIN:
        if stage in ("manifest", "validate"):
            assert made <= set(STAGES[stage]["deps"]), stage
        made |= set(outputs(stage))


def test_what_git_tracks_of_a_costly_stage_is_a_metric_or_a_plot() -> None:
    """DVC never saves a stage with another kind of uncached output to its run-cache."""
    for stage in CHAIN:
        uncached = [out for out in STAGES[stage].get("outs", []) if isinstance(out, dict)]
        assert not uncached or stage in ("manifest", "card")


@pytest.mark.parametrize("stage", CHAIN)
def test_every_param_that_a_stage_reads_is_declared(stage: str) -> None:
    groups = {param.split(".")[0] for param in STAGES[stage]["params"]}
    read: set[str] = set()
    for path in code_of(stage):
        for node in ast.walk(ast.parse((ROOT / path).read_text())) if path.endswith(".py") else ():
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "params":
                read.add(node.attr)
    assert read <= groups
