"""`traces takedown`: a trace leaves every version to come, and can be purged from those that are."""

from __future__ import annotations

from typing import Annotated

import typer

Traces = Annotated[list[str], typer.Argument(metavar="ID...", help="Trace ids, or sha256: and the hash of a content.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in a line; for those that are not on the list yet.")]
Date = Annotated[str | None, typer.Option("--date", metavar="DAY", help="The day it was asked for; today, in UTC.")]
Purge = Annotated[bool, typer.Option("--purge", help="Remove what holds them from DVC's cache and every remote.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Purge without asking.")]


def takedown(traces: Traces, reason: Reason = "", date: Date = None, purge: Purge = False, yes: Yes = False) -> None:
    """Put traces on data/exclusions.csv, say which versions hold them, and how to be rid of those.

    With --purge every file that holds one of them is removed from DVC's remotes and its cache, and each folder listing
    that names such a file. The versions that had it can then no longer be pulled whole. It is refused while the dataset
    in the workspace still holds one. A remote that cannot be reached stops no other, but keeps the cache as it is.

    Exits with 1 where a version could not be looked into, since its files are not in DVC's cache. With --purge it exits
    with 0 if all that it found is removed, and no remote has files of a version that it could not look into; with 1 if
    something is left, and says what.

    If this clone lacks part of the history, such as one made with --depth, it names the part and exits with 1; with
    --purge it then does nothing, and asks each Git remote whether it has branches, tags or experiments that are not
    here.

    [bold]Examples[/bold]

      traces takedown a97c509f-b823-5769-8381-dbd0e5fc2b88 --reason "asked for by its author"

      traces takedown a97c509f-b823-5769-8381-dbd0e5fc2b88 --purge
    """
    from itertools import chain

    from commands.history import require_fetched, require_git_repository, require_whole_history
    from commands.holders import find_holdings, sought
    from commands.places import say_unread
    from commands.removal.advice import advise
    from commands.removal.listing import add_to_list, as_listed
    from commands.removal.purge import purge_holdings
    from commands.removal.unlisted import find_unlisted
    from commands.versions import all_versions, remembered_runs
    from stages.addresses.objects import open_objects
    from stages.runtime.progress import progress

    require_git_repository()
    if purge:
        refusal = "nothing was purged, since not every version can be looked into"
        require_whole_history(refusal)
        require_fetched(refusal)
    listed = [as_listed(trace) for trace in traces]
    for line in add_to_list(listed, reason, date):
        print(line)
    wanted = sought(listed)
    objects, versions = open_objects(), all_versions()
    versions += remembered_runs(versions, objects)
    found = find_holdings(versions, objects, wanted)
    holdings = list(progress(found, len(versions), "versions"))
    known = frozenset[str]().union(*(held.ids for held in holdings))
    holdings.append(find_unlisted(versions, objects, wanted, known))
    # What is left comes last: a purge that ends with it is not the end.
    unread = say_unread(holdings)
    done = advise(holdings, listed, wanted.ids)
    for line in chain(purge_holdings(holdings, objects, ask=not yes), unread) if purge else chain(unread, done):
        print(line)
    unlooked = any(held.unjudged or (held.unread and not (purge and held.version.entries)) for held in holdings)
    require_whole_history("not every version was looked into")
    if unlooked:
        raise typer.Exit(1)
