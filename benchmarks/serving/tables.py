"""What the service did under load, as tables, and whether that was what was aimed at."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.serving.load import Load, OfServer, Run
from benchmarks.table import MB, Table, number
from benchmarks.targets import Target

GB = 1e9
MS = 1000
MEMORY = 400  # MB
REQUESTS = 1000  # a second
# What two runs of the same differ by on their own, and more.
STEADY = 1.1
STARVED = 0.8


def load_tables(load: Load) -> list[Table]:
    """All of them."""
    return [target_table(load), streams(load), memory(load), requests(load), late(load)]


def target_table(load: Load) -> Table:
    """What was aimed at."""
    rows = [
        [target.what, target.bound, f"{number(target.measured or 0.0)}{target.unit}", target.verdict]
        for target in load_targets(load)
    ]
    return Table("targets", "Targets", ["", "target", "measured", ""], rows)


def load_targets(load: Load) -> Iterator[Target]:
    """The service's targets, and nginx's part in them where it is installed."""
    ours, theirs = load.service, load.nginx
    what = f"throughput with {load.clients} clients"
    if theirs:
        share = ours.alone.streamed.rate / theirs.alone.streamed.rate
        yield Target(f"{what}, to that of nginx", 0.5, share, "x", at_least=True)
    peak = max(run.memory.peak for run in (ours.alone, ours.beside))
    yield Target(f"peak memory with {load.clients} clients", MEMORY, peak / MB, " MB")
    held = ours.alone.memory
    yield Target(
        "memory in the last quarter of the time to that in the first", STEADY, held.quarter(3) / held.quarter(0), "x"
    )
    share = ours.beside.streamed.rate / ours.alone.streamed.rate
    yield Target("throughput beside a slow client to that without", STARVED, share, "x", at_least=True)
    yield Target("status requests a second", REQUESTS, ours.answers.asked.rate, "", at_least=True)


def streams(load: Load) -> Table:
    """Throughput."""
    head = ["", "MB a second", "seconds", "the first done after", "server's CPU s", "clients' CPU s", "CPU s a GB"]
    rows = []
    for name, held in _servers(load):
        for kind, run in (("", held.alone), (", and a slow one", held.beside)):
            rows.append([f"{name}, {load.clients} clients{kind}", *_stream(run)])
    return Table("streams", "Streaming", head, rows)


def _stream(run: Run) -> list[str]:
    held = run.streamed
    gigabytes = held.clients * held.size / GB
    return [
        *(number(value) for value in (held.rate / MB, held.seconds, held.done[0], run.cpu, held.cpu)),
        number(run.cpu / gigabytes),
    ]


def memory(load: Load) -> Table:
    """Memory of a server's processes."""
    head = ["", "before MB", *(f"{name} quarter MB" for name in ("1st", "2nd", "3rd", "4th")), "peak MB"]
    rows = []
    for name, held in _servers(load):
        seen = held.alone.memory
        looks = [seen.before, *(seen.quarter(quarter) for quarter in range(4)), seen.peak]
        rows.append([f"{name}, {load.clients} clients", *(number(look / MB) for look in looks)])
    return Table("memory", "Memory while they stream", head, rows)


def requests(load: Load) -> Table:
    """Requests a second."""
    head = ["", "requests a second", "refused", "the slowest ms", "server's CPU ms each"]
    rows = []
    for name, held in _servers(load):
        asked = held.answers.asked
        what = "/api/status" if held is load.service else "a file of 1 KB"
        each = MS * held.answers.cpu / (asked.requests + asked.refused)
        rows.append(
            [f"{name}, {what}", f"{asked.rate:,.0f}", f"{asked.refused:,}", number(MS * asked.slowest), number(each)]
        )
    return Table("requests", "Requests", head, rows)


def late(load: Load) -> Table:
    """How long a new client waits for its first byte."""
    head = ["", "the quickest ms", "the middle one ms", "the slowest ms"]
    rows = []
    for name, held in _servers(load):
        waited = sorted(held.alone.streamed.first_byte)
        if waited:
            cells = [number(MS * each) for each in (waited[0], waited[len(waited) // 2], waited[-1])]
            rows.append([f"{name}, {len(waited)} new clients", *cells])
    return Table("late_table", f"First byte while {load.clients} stream", head, rows)


def _servers(load: Load) -> list[tuple[str, OfServer]]:
    return [("the service", load.service), *([("nginx", load.nginx)] if load.nginx else [])]
