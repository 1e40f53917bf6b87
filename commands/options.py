"""Options that more than one subcommand has."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for scripts.")]
ToUrl = Annotated[
    str | None,
    typer.Option("--to", metavar="URL", help="A database to write to, its table made where it is missing."),
]
