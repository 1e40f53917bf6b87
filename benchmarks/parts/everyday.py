"""What somebody waits for many times a day."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.bench import Bench, say
from benchmarks.measure import Measurement
from benchmarks.ours import fresh_clone_and_build

HELP_RUNS = 5


@dataclass(frozen=True)
class Everyday:
    """A build where nothing changed, the shipped sample from a fresh clone to the gate, and `traces --help`."""

    unchanged: Measurement
    sample: Measurement
    help: Measurement


def run(bench: Bench) -> Everyday:
    """Measure the three; of `--help` the one in the middle."""
    workspace = bench.built.workspace
    say("a build where nothing changed")
    unchanged = workspace.build()
    say("the shipped sample, from a fresh clone")
    sample = fresh_clone_and_build(bench.work)
    say("traces --help")
    helps = sorted((workspace.measure("traces", "--help") for _ in range(HELP_RUNS)), key=lambda took: took.wall)
    return Everyday(unchanged, sample, helps[HELP_RUNS // 2])
