"""Options that more than one subcommand has."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for scripts.")]
ToUrl = Annotated[
    str | None,
    typer.Option("--to", metavar="URL", help="A database to write to, its table made where it is missing."),
]
Tokenizer = Annotated[
    str | None,
    typer.Option(
        "--tokenizer",
        metavar="NAME",
        help="A SentencePiece file, or a Hugging Face folder or id; by default one trained on some records here.",
    ),
]


def time_option(text: str, name: str) -> int:
    """The time in an option, in microseconds since 1970.

    Raises:
        WrongUse: it is none.
    """
    from traces.errors import TracesError, WrongUse
    from traces.times import require_us

    try:
        return require_us(text, name)
    except TracesError as error:
        raise WrongUse(str(error)) from None


def require_url(to: str | None) -> None:
    """Refuse an empty `--to`: an unset variable in a script, and not the recordings.

    Raises:
        WrongUse: it is empty.
    """
    from traces.errors import WrongUse

    if to is not None and not to.strip():
        raise WrongUse("--to: empty; name a database, or leave it out")


def require_repository() -> None:
    """Refuse to work on data/ where there is none.

    Raises:
        WrongUse: this is not the root of a repository of datasets.
    """
    from traces.errors import WrongUse

    if not Path("params.yaml").is_file():
        raise WrongUse(f"no params.yaml in {Path.cwd()}; run it from the repository's root")


def counted(count: int, noun: str) -> str:
    """`1 trace`, `2 traces`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


@contextmanager
def waiting(label: str) -> Iterator[None]:
    """A spinner on stderr while the store is being read, where somebody watches."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(label):
        yield
