"""How memory and CPU grow with the number of traces."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.bench import TINY, TINY_PARTITION, Bench
from benchmarks.measure import Measurement


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
    """Build the smaller ones beside the whole."""
    with (
        bench.build("tiny", TINY, partition_rows=TINY_PARTITION) as tiny,
        bench.build("tenth", bench.rows // 10) as tenth,
        bench.build("fifth", bench.rows // 5) as fifth,
    ):
        return Scaling(bench.built.build, fifth.build, tenth.build, tiny.build)
