"""`traces verify`: whether a dataset is what its commit makes of its pinned inputs."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from commands.options import Json

# Stands for the name that `--remote` was given without. No command line can hold it, so no name is mistaken for it.
_DEFAULT = "\0"

Revision = Annotated[
    str | None,
    typer.Option("--rev", metavar="REV", help="A commit, tag or branch instead of the workspace and its commit."),
]
Quick = Annotated[bool, typer.Option("--quick", help="Only hash again what is here; nothing is rebuilt.")]
Until = Annotated[
    str | None, typer.Option("--until", metavar="STAGE", help="Only this stage and those before it, such as validate.")
]
Attest = Annotated[
    Path | None,
    typer.Option("--attest", metavar="FILE", help="Write an in-toto statement of what was rebuilt, unsigned."),
]

Remote = Annotated[
    str | None,
    typer.Option(
        "--remote", metavar="[NAME]", help="Ask a DVC remote for every file instead; the default one, or NAME."
    ),
]
Versions = Annotated[
    bool,
    typer.Option(
        "--all-versions", help="With --remote: every version of branches, tags, stashes, experiments, reflog."
    ),
]
Repair = Annotated[bool, typer.Option("--repair", help="With --remote: send what it lacks, of what DVC's cache has.")]
Read = Annotated[bool, typer.Option("--read", help="With --remote: download and hash also what looks sound.")]


class VerifyCommand(TyperCommand):
    """Lets `--remote` stand without a name, which typer's options cannot."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give `--remote` the default's name if no name follows it."""
        followed = pairwise([*args, "-"])
        return super().parse_args(
            ctx,
            [f"{arg}={_DEFAULT}" if arg == "--remote" and after.startswith("-") else arg for arg, after in followed],
        )


def verify(
    rev: Revision = None,
    quick: Quick = False,
    until: Until = None,
    attest: Attest = None,
    remote: Remote = None,
    all_versions: Versions = False,
    repair: Repair = False,
    read: Read = False,
    json: Json = False,
) -> None:
    """Prove that a dataset is what its commit makes of its pinned inputs, or that a remote has all of it.

    Hashes again what is in the workspace and in DVC's cache; rebuilds the commit in a clean copy (below TMPDIR),
    without any cache; and holds all of it to dvc.lock and data/manifest.json. TRACES_DATABASE_URL must name the
    pinned store.

    With --remote it rebuilds nothing, and asks a DVC remote for every file of the chosen versions: of the dvc.lock in
    the workspace and of HEAD's, or of --rev REV, or of --all-versions. A remote that is a folder is read and hashed;
    of others it compares sizes and ETags, and reads what these speak against, or everything with --read. --repair
    sends what is missing or damaged, from DVC's cache here.

    Exits with 0 where everything agrees, with 1 where something does not, and names it. With --json `verified` is true
    or false, and null where nothing was rebuilt and nothing is wrong; with --remote it is `whole`. A remote that cannot
    be reached is 1, too, and one that is not configured 2.

    [bold]Examples[/bold]

      traces verify

      traces verify --until validate --attest provenance.json

      traces verify --rev tunix-sft@v1.0.0 --quick

      traces verify --remote --repair
    """
    from commands.history import require_git_repository
    from commands.verification import run_verification, show
    from traces.errors import WrongUse

    require_git_repository()
    if remote is not None:
        elsewhere = {"--quick": quick, "--until": until is not None, "--attest": attest is not None}
        if given := [option for option, value in elsewhere.items() if value]:
            raise WrongUse(f"--remote asks a remote and rebuilds nothing: leave out {', '.join(given)}")
        if rev is not None and all_versions:
            raise WrongUse("--rev names one version and --all-versions takes all: leave one of them out")
        _verify_remote(remote, rev, every=all_versions, read=read, repair=repair, as_json=json)
        return
    alone = {"--all-versions": all_versions, "--repair": repair, "--read": read}
    if given := [option for option, value in alone.items() if value]:
        raise WrongUse(f"{', '.join(given)}: only with --remote, which asks a remote for the files")
    if quick and attest:
        raise WrongUse("--quick rebuilds nothing, so there is nothing to attest: leave out --attest")
    verdict = run_verification(rev, quick=quick, until=until, attest=attest)
    show(verdict, as_json=json)
    if not verdict.sound:
        raise typer.Exit(1)


def _verify_remote(name: str, rev: str | None, *, every: bool, read: bool, repair: bool, as_json: bool) -> None:
    from commands.history import require_whole_history
    from commands.remotes.run import show_report, verify_remote
    from traces.errors import WrongUse

    if not name.strip():
        raise WrongUse("--remote: empty; name a remote, or leave the name out for the default one")
    report = verify_remote(None if name == _DEFAULT else name, rev, every=every, read=read, repair=repair)
    show_report(report, as_json=as_json)
    if every:
        require_whole_history("not every version was asked for")
    if not report.whole:
        raise typer.Exit(1)
