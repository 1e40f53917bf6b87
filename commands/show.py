"""`traces show`: one trace as it is stored, rendered and tokenised."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.options import Json, Tokenizer

TraceId = Annotated[str, typer.Argument(metavar="ID", help="A trace's id.")]


def show(trace: TraceId, tokenizer: Tokenizer = None, json: Json = False) -> None:
    """Show one trace of the workspace: as stored, as rendered, and as tokens, what a model learns highlighted.

    It is rendered by the template in params.yaml, selected or not; of one that was screened out it says
    by what. Tokens need the packages for training.

    [bold]Examples[/bold]

      traces show a97c509f-b823-5769-8381-dbd0e5fc2b88

      traces show a97c509f-b823-5769-8381-dbd0e5fc2b88 --tokenizer google/gemma-3-1b-it
    """
    import json as json_module

    from commands.options import require_repository
    from commands.trace_view import as_json, find_trace, print_view

    require_repository()
    view = find_trace(trace, tokenizer)
    if json:
        print(json_module.dumps(as_json(view), indent=2, ensure_ascii=False))
    else:
        print_view(view)
