"""`traces verify`: whether a dataset is what its commit makes of its pinned inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commands.options import Json

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


def verify(
    rev: Revision = None, quick: Quick = False, until: Until = None, attest: Attest = None, json: Json = False
) -> None:
    """Prove that a dataset is what its commit makes of its pinned inputs.

    Hashes again what is in the workspace and in DVC's cache; rebuilds the commit in a clean copy (below TMPDIR),
    without any cache; and holds all of it to dvc.lock and data/manifest.json. TRACES_DATABASE_URL must name the
    pinned store.

    Exits with 0 where everything agrees, with 1 where something does not, and names it. With --json `verified` is true
    or false, and null where nothing was rebuilt and nothing is wrong.

    [bold]Examples[/bold]

      traces verify

      traces verify --until validate --attest provenance.json

      traces verify --rev tunix-sft@v1.0.0 --quick
    """
    from commands.history import require_git_repository
    from commands.verification import run_verification, show
    from traces.errors import WrongUse

    require_git_repository()
    if quick and attest:
        raise WrongUse("--quick rebuilds nothing, so there is nothing to attest: leave out --attest")
    verdict = run_verification(rev, quick=quick, until=until, attest=attest)
    show(verdict, as_json=json)
    if not verdict.sound:
        raise typer.Exit(1)
