"""`traces where`: which versions, splits and shards hold a trace."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.options import Json

TraceId = Annotated[str, typer.Argument(metavar="ID", help="A trace id, or sha256: and the hash of a content.")]


def where(trace: TraceId, json: Json = False) -> None:
    """Say which versions of the dataset hold a trace, in which split and which files.

    Looks through every version that a branch, a tag or an experiment has or had, by what DVC's cache holds.

    Exits with 0 where it is in a split of a version, with 1 where it was found in none. A version whose files are not
    in DVC's cache could not be looked into: it is named, and changes nothing in that. Where this clone lacks
    part of the history, it names the part and exits with 1, whatever it found.

    [bold]Examples[/bold]

      traces where a97c509f-b823-5769-8381-dbd0e5fc2b88
    """
    import json as json_module

    from commands.history import require_git_repository, require_whole_history
    from commands.holders import find_holdings, sought
    from commands.places import as_json, as_text
    from commands.removal.listing import as_listed
    from commands.versions import all_versions
    from stages.addresses.objects import open_objects
    from stages.runtime.progress import progress

    require_git_repository()
    versions = all_versions()
    found = find_holdings(versions, open_objects(), sought([as_listed(trace)]))
    holdings = list(progress(found, len(versions), "versions"))
    if json:
        print(json_module.dumps(as_json(holdings), indent=2, ensure_ascii=False))
    else:
        print("\n".join(as_text(holdings)))
    require_whole_history("not every version was looked into")
    if not any(held.splits for held in holdings):
        raise typer.Exit(1)
