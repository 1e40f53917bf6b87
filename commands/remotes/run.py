"""The order of `traces verify --remote`: choose, ask, send what is missing, ask for that again, report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from commands.options import counted
from commands.places import few
from commands.remotes.asked import Asked, asked_outputs, chosen_versions
from commands.remotes.opened import open_remote
from commands.remotes.repair import send_missing
from commands.remotes.survey import UNKNOWN, Survey, Surveyor
from commands.remotes.withheld import WITHHELD, taken_down
from stages.addresses.objects import open_objects
from traces.errors import one_line

_SHOWN = 100  # of faults; --json has all
_DIGITS = 12


@dataclass(frozen=True)
class Fault:
    """A file that a remote lacks or has damaged, at one path of some versions. A folder's own path is its listing."""

    state: str
    path: str
    md5: str
    versions: tuple[str, ...]
    says: str


@dataclass(frozen=True)
class Report:
    """What came of it: `faults` are those that are left, `repaired` those that a repair has put right."""

    remote: str
    versions: list[str]
    asked: int
    checked: dict[str, int]
    faults: list[Fault]
    repaired: list[Fault]
    tried: bool  # whether a repair was asked for
    sendable: bool  # whether a repair would send some of what is left, if the cache had it

    @property
    def whole(self) -> bool:
        """Whether the remote has every file of the versions, as far as was looked."""
        return not self.faults


def verify_remote(name: str | None, rev: str | None, *, every: bool, read: bool, repair: bool) -> Report:
    """Ask a remote for every file of the chosen versions, and send what it lacks if that is asked for.

    Raises:
        WrongUse: there is no such remote or revision.
        TracesError: the remote cannot be reached, or there is no version.
    """
    from dvc.repo import Repo

    versions = chosen_versions(rev, every=every)
    objects = open_objects()
    with Repo() as repo:
        name, odb = open_remote(repo, name)
        asked = asked_outputs(versions, name)
        surveyor = Surveyor(name, odb, objects, read=read)
        found = first = surveyor.survey(asked)
        if repair and first.faults:
            withheld = taken_down(versions, objects)
            _withhold(first, withheld)
            send_missing(surveyor, first)
            found = _joined(first, surveyor.survey(_touched(asked, first)))
            _withhold(found, withheld)
    before = list(_faults(asked, first))
    left = list(_faults(asked, found))
    remain = {(fault.path, fault.md5) for fault in left}
    unreadable = [Fault(UNKNOWN, "dvc.lock", "", (version,), says) for version, says in asked.unreadable.items()]
    return Report(
        remote=name,
        versions=asked.versions,
        asked=len(found.checked) + len(found.faults),
        checked=found.ways,
        faults=[*left, *unreadable],
        repaired=[fault for fault in before if (fault.path, fault.md5) not in remain],
        tried=repair,
        sendable=not found.faults.keys() <= found.kept,
    )


def _touched(asked: Asked, found: Survey) -> Asked:
    """The outputs that had a fault: the others need not be asked for again."""
    outputs = {
        (path, md5): names
        for (path, md5), names in asked.outputs.items()
        if not found.faults.keys().isdisjoint([md5, *(found.listings.get(md5) or {}).values()])
    }
    return Asked(asked.versions, outputs, {md5: asked.sizes[md5] for _, md5 in outputs})


def _withhold(found: Survey, withheld: set[str]) -> None:
    """Keep faulty files from being sent that are `withheld`, and the listings that name them."""
    for md5 in sorted(withheld & found.faults.keys()):
        found.keep(md5, WITHHELD)
    for md5, files in found.listings.items():
        if md5 in found.faults and not withheld.isdisjoint((files or {}).values()):
            found.keep(md5, "not sent: it names such a file")


def _joined(first: Survey, second: Survey) -> Survey:
    """The second survey, and what the first one says of the outputs that the second one did not ask for."""
    return Survey(first.listings | second.listings, second.faults, first.checked | second.checked)


def _faults(asked: Asked, found: Survey) -> Iterator[Fault]:
    """The faults with each of their paths, in the order of the paths."""
    for (path, md5), versions in sorted(asked.outputs.items()):
        files = found.listings.get(md5) or {}
        for where, held in [(path, md5), *((f"{path}/{name}", file_md5) for name, file_md5 in sorted(files.items()))]:
            if held in found.faults:
                state, says = found.faults[held]
                yield Fault(state, where, held, tuple(versions), says)


def show_report(report: Report, *, as_json: bool) -> None:
    """Print it on stdout."""
    if as_json:
        print(json.dumps(_facts(report), indent=2, ensure_ascii=False))
        return
    for line in _lines(report):
        print(line)


def _facts(report: Report) -> dict[str, Any]:
    facts = asdict(report)
    del facts["faults"], facts["repaired"], facts["tried"], facts["sendable"]
    lists = {"faults": list(map(asdict, report.faults)), "repaired": list(map(asdict, report.repaired))}
    return {"whole": report.whole, **facts, **lists}


def _lines(report: Report) -> Iterator[str]:
    yield from _named("repaired", report.repaired)
    yield from _named("", report.faults)
    versions = few(report.versions)
    if report.whole:
        ways = ", ".join(f"{count:,} by {way}" for way, count in report.checked.items())
        yield f"remote {report.remote} is whole: it has {counted(report.asked, 'file')} of {versions} (checked: {ways})"
        return
    files = counted(len({fault.md5 for fault in report.faults}), "file")
    yield f"remote {report.remote} is not whole for {versions}: {files} missing or damaged, of {report.asked:,}"
    if report.tried and report.sendable:
        yield "DVC's cache here lacks what is left, or has it damaged: run this in a clone that has the version"
    elif not report.tried:
        yield "`--repair` sends what DVC's cache here has"


def _named(done: str, faults: Iterable[Fault]) -> Iterator[str]:
    faults = list(faults)
    for fault in faults[:_SHOWN]:
        what = f"{fault.md5.removesuffix('.dir')[:_DIGITS]}{' listing' if fault.md5.endswith('.dir') else ''}"
        said = f": {fault.says}" if fault.says and not done else ""
        yield f"{done or fault.state}  {one_line(fault.path)}  {what}  ({few(list(fault.versions))}){said}"
    if len(faults) > _SHOWN:
        yield f"{done or 'and'}  {len(faults) - _SHOWN:,} more; --json names all"
