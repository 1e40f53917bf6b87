"""The code that each stage depends on, derived from its imports; `make deps` writes it into dvc.yaml."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.support.shell import ROOT

PACKAGES = ("traces", "training", "stages", "commands")
PIPELINES = (ROOT / "dvc.yaml", ROOT / "training/rl/dvc.yaml")


def module_file(module: str) -> Path | None:
    """The file of a module of the project; None where it is no such module."""
    path = ROOT.joinpath(*module.split("."))
    candidates = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in candidates if file.is_file()), None)


def imported(file: Path) -> Iterator[str]:
    """Every module that a file names in an import, at its top or in a function."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{file}: relative imports are not followed here"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def code_of(stage: str) -> set[str]:
    """The project's files that `python -m stages.STAGE` runs, with the data that those packages read."""
    files: set[Path] = set()
    todo = [f"stages.{stage}"]
    while todo:
        parts = todo.pop().split(".")
        if parts[0] not in PACKAGES:
            continue
        for end in range(1, len(parts) + 1):
            file = module_file(".".join(parts[:end]))
            if file and file not in files:
                files.add(file)
                todo += imported(file)
    if ROOT / "training/templates/__init__.py" in files:
        files |= set((ROOT / "training/templates").glob("*.json"))
    return {file.relative_to(ROOT).as_posix() for file in files}


def is_code(path: str) -> bool:
    """Whether a dependency is code of the project, or what lies beside it."""
    return path.split("/")[0] in PACKAGES


def write_deps(path: Path) -> None:
    """Replace the code that a pipeline file's stages depend on by what they import; the data stays, and is first."""
    lines = path.read_text().splitlines(keepends=True)
    stages: dict[str, Any] = YAML(typ="safe").load(path)["stages"]
    stage = None
    written: list[str] = []
    inside = False
    for line in lines:
        if line.startswith("  ") and line[2] not in " #-" and line.rstrip().endswith(":"):
            stage = line.strip().rstrip(":")
        if inside and line.startswith("      - "):
            continue
        inside = line == "    deps:\n"
        written.append(line)
        if inside and stage:
            data = [dep for dep in stages[stage]["deps"] if not is_code(dep)]
            code = sorted(code_of(stage), key=lambda name: (name.endswith(".py"), name))
            written += [f"      - {dep}\n" for dep in (*data, *code)]
    path.write_text("".join(written))


if __name__ == "__main__":
    for pipeline in PIPELINES:
        write_deps(pipeline)
