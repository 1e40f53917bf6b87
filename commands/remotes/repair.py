"""Sending a remote what it lacks, of what is here: files first, then the listings that name them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from commands.remotes.opened import reason
from commands.remotes.survey import Survey, Surveyor
from stages.runtime.progress import progress
from traces.errors import TracesError
from traces.files import hash_file


def send_missing(surveyor: Surveyor, found: Survey) -> None:
    """Send each file that is missing or damaged there and sound in DVC's cache here, in the place of what is there.

    Those that `found` keeps are not sent. A listing goes last, and only after all of its files: DVC takes a remote that
    has it to have them, too.

    Raises:
        TracesError: the remote refuses one; what was sent before stays.
    """
    files = [md5 for md5 in found.faults if not md5.endswith(".dir")]
    sent = set(_send(surveyor, [md5 for md5 in files if md5 not in found.kept], "files"))
    lacking = set(files) - sent
    folders = [md5 for md5 in found.faults if md5.endswith(".dir") and md5 not in found.kept]
    whole = [md5 for md5 in folders if not lacking.intersection((found.listings.get(md5) or {}).values())]
    _send(surveyor, whole, "listings")


def _send(surveyor: Surveyor, md5s: list[str], what: str) -> list[str]:
    """Send those of the objects that are sound here; which they are."""
    odb, objects = surveyor.odb, surveyor.objects

    def send(md5: str) -> bool:
        here = objects.path(md5)
        if not here.is_file() or hash_file(here) != md5.removesuffix(".dir"):
            return False
        there = odb.oid_to_path(md5)
        odb.makedirs(odb.fs.parent(there))
        # Not `odb.add`, which leaves alone what is there: a damaged file is to be replaced. On a disk this writes aside
        # and renames; a store has either the old object or the new one.
        odb.fs.put_file(str(here), there)
        odb.protect(there)
        return True

    try:
        with ThreadPoolExecutor(odb.fs.jobs) as pool:
            done = list(progress(pool.map(send, md5s), len(md5s), f"send {what} to {surveyor.name}"))
    except Exception as error:  # whatever a remote's library raises
        raise TracesError(f"remote {surveyor.name}: {reason(error)}; not all was sent, run it again") from None
    return [md5 for md5, was_sent in zip(md5s, done, strict=True) if was_sent]
