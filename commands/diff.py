"""`traces diff`: what differs between two versions of the dataset, record by record, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.options import Json

Before = Annotated[str, typer.Argument(metavar="A", help="A commit, tag, branch, experiment, or `workspace`.")]
After = Annotated[str, typer.Argument(metavar="B", help="Another one; the workspace by default.")]
Records = Annotated[bool, typer.Option("--records", help="List each record that was added, removed or changed.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="As Markdown, for a pull request.")]


def diff(
    before: Before, after: After = "workspace", records: Records = False, markdown: Markdown = False, json: Json = False
) -> None:
    """Compare two versions of the dataset: records added, removed, changed and the same, and why.

    A version is compared as dvc.lock has it, by what DVC's cache holds. Files that both have are not compared.

    [bold]Examples[/bold]

      traces diff HEAD

      traces diff tunix-sft@v1.0.0 tunix-sft@v1.1.0 --records

      traces diff main spades --markdown
    """
    import json as json_module

    from commands.differences.join import compare_records
    from commands.differences.reasons import reasons
    from commands.differences.shards import pair_shards
    from commands.differences.show import Comparison, as_json, as_markdown, as_text, record_line
    from commands.history import require_git_repository
    from commands.versions import find_version
    from stages.addresses.objects import open_objects
    from traces.errors import WrongUse

    require_git_repository()
    if sum((records, markdown, json)) > 1:
        raise WrongUse("--records, --markdown and --json: choose one")
    old, new = find_version(before), find_version(after)
    shards = pair_shards(old, new, open_objects())
    counts = compare_records(shards, (lambda change: print(record_line(change))) if records else None)
    if records:
        return
    found = Comparison(old, new, reasons(old, new), counts)
    if json:
        print(json_module.dumps(as_json(found), indent=2, ensure_ascii=False))
    else:
        print("\n".join((as_markdown if markdown else as_text)(found)))
