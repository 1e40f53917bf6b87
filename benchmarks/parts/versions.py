"""What it takes to tell two versions apart."""

from __future__ import annotations

from dataclasses import dataclass

from ruamel.yaml import YAML

from benchmarks.bench import Bench, say
from benchmarks.measure import Measurement
from benchmarks.ours import Workspace


@dataclass(frozen=True)
class Versions:
    """`traces diff` of a version with one that has new traces, and with one in which every record is another."""

    added: Measurement
    changed: Measurement


def run(bench: Bench) -> Versions:
    """Commit the build with new traces, and then one with another prompt. After the incremental part: it made them."""
    workspace = bench.built.workspace
    say("comparing with the version before the new traces")
    added = diff(workspace, "before", "workspace")
    tag(workspace, "after")
    path, yaml = workspace.folder / "params.yaml", YAML()
    params = yaml.load(path)
    params["render"]["system"] = "Think first."
    yaml.dump(params, path)
    say("comparing with a version in which every record is another")
    workspace.measure("dvc", "repro", "manifest")
    return Versions(added, diff(workspace, "after", "workspace"))


def diff(workspace: Workspace, one: str, other: str) -> Measurement:
    """What `traces diff` takes."""
    return workspace.measure("python", "-m", "commands.app", "diff", one, other)


def tag(workspace: Workspace, name: str) -> None:
    """Make a commit of what is there, with a tag."""
    who = ("-c", "user.name=A User", "-c", "user.email=user@example.invalid")
    workspace.measure("git", *who, "commit", "--quiet", "--all", "--allow-empty", "-m", name)
    workspace.measure("git", "tag", name)
