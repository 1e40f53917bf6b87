"""`traces`: the subcommands, each in its own module, and what they share: one-line errors and exit codes."""

from __future__ import annotations

import inspect
import sys

import typer

from commands.diff import diff
from commands.ingest import ingest
from commands.pin import pin
from commands.record import record
from commands.report import report
from commands.show import show
from commands.status import status
from commands.summary import summary
from commands.takedown import takedown
from commands.verify import VerifyCommand, verify
from commands.where import where
from traces.errors import TracesError, WrongUse, one_line, unexpected


def paragraphs(text: str) -> str:
    """A docstring whose paragraphs the terminal breaks; typer would keep their lines as they are."""
    blocks = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(block if block.startswith(" ") else " ".join(block.split("\n")) for block in blocks)


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Stored reasoning traces, and the datasets made of them. Exit codes: 0; 1, a fault was found; 2, wrong use.",
)
for command in (status, record, ingest, pin, summary, report, show, diff, where, verify, takedown):
    app.command(cls=VerifyCommand if command is verify else None, help=paragraphs(command.__doc__ or ""))(command)


def run(app: typer.Typer, name: str) -> None:
    """Run a command; a fault is one line on stderr, after its `name`."""
    try:
        app()
    except BrokenPipeError:
        # The reader of our output went away: no fault of ours, and nothing to say it to.
        sys.stderr.close()
        sys.exit(1)
    except TracesError as error:
        code, message = 2 if isinstance(error, WrongUse) else 1, str(error)
    except Exception as error:  # whatever it is, a person gets one line
        code, message = 1, unexpected(error)
    else:
        return
    print(f"{name}: {one_line(message, 2000)}", file=sys.stderr)
    sys.exit(code)


def main() -> None:
    """The command `traces`."""
    run(app, "traces")


if __name__ == "__main__":
    main()
