"""The screen: traces that what they say keeps out of a dataset, though nothing else does.

`contaminated`: too much of a prompt that models are evaluated on. `sensitive`: a key, a token or an e-mail address.
Each has a line in data/selection/set_aside.jsonl, with the prompt that it overlaps with, or the kinds of what was found
and where, never what it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa

from stages.params.models import Params
from stages.runtime.partitioned import values
from stages.selection.evalsets import evalset_hashes, load_evalsets
from stages.selection.fates import Fates

if TYPE_CHECKING:
    from stages.selection.sensitive import Detectors

SCREENED = ["prompt", "steps", "final_answer", "meta"]
_encode = msgspec.json.Encoder().encode


def is_screened(params: Params) -> bool:
    """Whether anything is looked for."""
    return bool(params.decontaminate.evalsets or params.privacy.set_aside)


def screened_by(params: Params) -> list[object]:
    """What the screen's verdict follows from, beside the traces.

    Raises:
        TracesError: an evaluation set is missing.
    """
    return [params.decontaminate, evalset_hashes(params.decontaminate), params.privacy]


class Screen:
    """Looks at traces' texts. `lines` are those of set_aside.jsonl."""

    def __init__(self, params: Params, fates: Fates) -> None:
        self.fates = fates
        self.lines: list[bytes] = []
        self.evalsets = load_evalsets(params.decontaminate)
        self.detectors = _detectors(params)

    def keep(self, batch: pa.RecordBatch, ids: list[str]) -> Iterator[bool]:
        """Of each trace in a batch with the columns `SCREENED`, whether nothing keeps it out. Counts those out."""
        columns = (values(batch.column(name)) for name in SCREENED)
        for trace_id, prompt, steps, answer, meta in zip(ids, *columns, strict=True):
            yield not (
                self._contaminated(trace_id, prompt, [*steps, answer])
                or self._sensitive(trace_id, prompt, steps, answer, meta)
            )

    def _contaminated(self, trace_id: str, prompt: str, others: list[str]) -> bool:
        match = self.evalsets.match(prompt, others) if self.evalsets else None
        if match is None:
            return False
        self._set_aside(trace_id, "contaminated", [match.evalset], match._asdict())
        return True

    def _sensitive(self, trace_id: str, prompt: str, steps: list[str], answer: str, meta: str) -> bool:
        if self.detectors is None:
            return False
        found = self.detectors.look(prompt, steps, answer, meta)
        if found:
            kinds = list(dict.fromkeys(kind for _, kind in found))
            self._set_aside(
                trace_id, "sensitive", kinds, {"found": [{"in": name, "kind": kind} for name, kind in found]}
            )
        return bool(found)

    def _set_aside(self, trace_id: str, fate: str, by: list[str], details: dict[str, object]) -> None:
        self.fates.counts[fate] += 1
        self.fates.set_aside.update(by)
        self.lines.append(_encode({"id": trace_id, "fate": fate, **details}) + b"\n")


def tellable(texts: Iterable[str], params: Params) -> list[str]:
    """Those of the texts in which nothing is found that is looked for: the others are said nowhere."""
    detectors = _detectors(params)
    return [text for text in texts if detectors is None or not detectors.tells(text)]


def _detectors(params: Params) -> Detectors | None:
    if not params.privacy.set_aside:
        return None
    from stages.selection.sensitive import Detectors  # costly to load, and few ask for it

    return Detectors(params.privacy.set_aside)
