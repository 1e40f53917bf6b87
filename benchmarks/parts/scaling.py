"""How memory and CPU grow with the number of traces."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.bench import TINY, TINY_PARTITION, Bench
from benchmarks.measure import Measurement, median

BUILDS = 3  # of each smaller one; what is said of it is the median


@dataclass(frozen=True)
class Scaling:
    """Builds of all traces, of a fifth, of a tenth, and of so few that it is start-up alone."""

    whole: Measurement
    fifth: Measurement
    tenth: Measurement
    tiny: Measurement

    @property
    def memory(self) -> float:
        """Peak memory of the whole to that of a fifth."""
        return self.whole.peak / self.fifth.peak

    @property
    def cpu(self) -> float | None:
        """CPU of the whole to ten times that of a tenth, start-up taken off both. None where a tenth is so few that it
        is mostly start-up, and the rest of it noise.
        """
        start_up = self.tiny.cpu
        if self.tenth.cpu < 1.5 * start_up:
            return None
        return (self.whole.cpu - start_up) / (10 * (self.tenth.cpu - start_up))


def run(bench: Bench) -> Scaling:
    """Build the smaller ones beside the whole, several times each: ten times a tenth is ten times its noise."""
    tiny = _built(bench, "tiny", TINY, TINY_PARTITION)
    tenth, fifth = (_built(bench, name, bench.rows // part) for name, part in (("tenth", 10), ("fifth", 5)))
    return Scaling(bench.built.build, fifth, tenth, tiny)


def _built(bench: Bench, name: str, rows: int, partition_rows: int | None = None) -> Measurement:
    took = []
    for _ in range(BUILDS):
        with bench.build(name, rows, partition_rows=partition_rows) as built:
            took.append(built.build)
    return median(took)
