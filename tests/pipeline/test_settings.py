"""What a person has set for Git and DVC changes no dataset, and no answer about one."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.settings import hostile_settings, in_a_hook
from tests.support.shell import replace, run

DATES = {"GIT_AUTHOR_DATE": "2026-11-20T00:00:00Z", "GIT_COMMITTER_DATE": "2026-11-20T00:00:00Z"}


@dataclass
class Found:
    """What the commands printed, without the folder's name; the bytes of what Git tracks, by the hash of the tree."""

    tree: str = ""
    said: dict[str, tuple[int, str]] = field(default_factory=dict)


def follow(two_branches: Path, folder: Path, settings: dict[str, str], hook: dict[str, str]) -> Found:
    """Build a changed dataset in a new clone, commit it, and ask every command about it."""
    found = Found()
    # Whoever forbids all protocols cannot clone, and with ignoreStat they could not commit; all else is as they set it.
    run(two_branches, "git", "clone", "-q", "--no-checkout", f"file://{two_branches}", str(folder))
    plain = ("-c", "commit.gpgSign=false", "-c", "core.hooksPath=/dev/null", "-c", "core.ignoreStat=false",
             "-c", "core.fsmonitor=false")  # fmt: skip
    run(folder, "git", *plain, "checkout", "-q", "main", **settings)
    shutil.copytree(two_branches / ".dvc/cache", folder / ".dvc/cache")
    run(folder, "dvc", "checkout", "-q", **settings)
    replace(folder / "params.yaml", "version: v1", "version: v2")
    run(folder, "dvc", "repro", "-q", "validate", **settings)

    def say(*command: str) -> None:
        done = run(folder, *command, code=None, **settings, **hook)
        found.said[" ".join(command)] = (done.code, done.text.replace(str(folder), "FOLDER"))

    trace = min((folder / "data/trace_ids").iterdir()).read_text().split()[0]
    for command in (
        ("status", "--json"), ("summary",), ("diff", "HEAD"), ("where", trace), ("show", trace), ("verify", "--quick"),
    ):  # fmt: skip
        say("traces", *command)
    run(folder, "git", *plain, "commit", "-qam", "another", **settings, **DATES)
    found.tree = run(folder, "git", "rev-parse", "HEAD", "HEAD^{tree}").out
    gate = run(folder, ".ci/gate", code=None, **settings)
    assert gate.code == 0, gate.text
    say("traces", "verify", "--until", "manifest")
    say("traces", "diff", "HEAD~1", "HEAD", "--markdown")
    say("traces", "takedown", trace, "--reason", "asked for", "--date", "2026-11-20")
    say("python", "-m", "commands.changes")
    return found


def test_hostile_settings_change_nothing(two_branches: Path, tmp_path: Path) -> None:
    usual = follow(two_branches, tmp_path / "usual", {}, {})
    (tmp_path / "settings").mkdir()
    settings = hostile_settings(tmp_path / "settings")
    hostile = follow(two_branches, tmp_path / "hostile", settings, in_a_hook(tmp_path / "settings"))
    # The dvc.lock that the project came with was never built here, and a takedown says that it could not look into it.
    assert [said for command, said in usual.said.items() if said[0] != ("takedown" in command)] == []
    for command, said in usual.said.items():
        assert hostile.said[command] == said, command
    assert hostile.tree == usual.tree
    assert not (tmp_path / "settings/hooked").exists(), (tmp_path / "settings/hooked").read_text()
