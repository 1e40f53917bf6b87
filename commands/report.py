"""`traces report`: the dataset in the workspace as one page to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commands.options import Tokenizer

Output = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write the page.")]


def report(output: Output = Path("reports/dataset.html"), tokenizer: Tokenizer = None) -> None:
    """Write a page about the dataset in the workspace: where its traces went, what they are like, some records.

    One HTML file that loads nothing and runs nothing; the same bytes for the same dataset. Tokens need the
    packages for training.

    [bold]Examples[/bold]

      traces report

      traces report --output dataset.html --tokenizer google/gemma-3-1b-it
    """
    from commands.options import require_repository
    from commands.reporting.page import make_page
    from traces.files import write_text

    require_repository()
    write_text(output, make_page(tokenizer))
    print(f"{output}: open it in a browser")
