"""Files that a repair does not send: old ones that hold a trace on the takedown list.

A purge may have removed them from the remote. A clone that was not purged has them still, and would bring them back.
"""

from __future__ import annotations

from collections.abc import Iterable

from commands.holders import find_holdings, sought
from commands.versions import WORKSPACE, Version, find_version
from stages.addresses.objects import Objects
from stages.selection.exclusions import EXCLUSIONS, load_exclusions

WITHHELD = f"not sent: it holds a trace on {EXCLUSIONS}; to send it all the same, check out its version first"


def taken_down(versions: Iterable[Version], objects: Objects) -> set[str]:
    """The md5s of the versions' files that hold a listed trace, without those of the dataset in the workspace.

    The list is the one in the workspace: a version that is checked out brings its own, so nothing of it is withheld.

    Raises:
        TracesError: the list is missing or malformed, or a listing in DVC's cache is damaged.
    """
    listed = load_exclusions().listed
    if not listed:
        return set()
    holding = {md5 for held in find_holdings(versions, objects, sought(listed)) for md5 in held.files.values()}
    folders = (md5 for md5 in find_version(WORKSPACE).outputs.values() if md5.endswith(".dir"))
    here = {md5 for folder in folders for md5 in (objects.listing(folder) or {}).values()}
    return holding - here
