"""The candidates: of each trace, what selection must know, and for each that is none, why.

A partition at a time, into narrow Parquet that the choice among all is made from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.params.models import PROMPT, Params
from stages.paths import SCORES, SPLITS, TRACES
from stages.runtime.keys import HALF, halves, id_halves
from stages.runtime.memo import Memo, content_of, remembering
from stages.runtime.partitioned import batch_of, make_schema, partition_path, read_chunks, values, write_batches
from stages.selection.exclusions import Exclusions
from stages.selection.fates import Fates
from stages.selection.filters import OURS, compile_filters, decode_meta, ours
from stages.selection.measures import Measures
from stages.selection.screen import Screen, is_screened
from stages.selection.sketches import sketch_schema, sketches
from stages.selection.splits import group_key, keyed_hash, lacks, split_of
from stages.selection.strata import stratum_of
from training.control_tokens import has_control_token

CANDIDATE_SCHEMA = make_schema(
    [
        ("candidate", pa.bool_()),  # the others are here for their id alone
        ("part", pa.int32()),  # the partition, counted in order
        ("place", pa.int64()),  # the trace's in it: with `part` the (created_at, id) order
        ("id_high", HALF),
        ("id_low", HALF),
        ("created_us", pa.int64()),
        ("content_high", HALF),
        ("content_low", HALF),
        ("prompt", pa.uint64()),  # equal for equal prompts
        ("answer", pa.uint64()),  # equal for equal final answers
        ("grouped", pa.uint64()),  # equal for traces of one group
        ("random", pa.uint64()),
        ("split", pa.int8()),  # counted as in SPLITS
        ("score", pa.float64()),  # null where none are asked for, as is the next
        ("stratum", pa.string()),
    ]
)
_COLUMNS = ["id", "created_us", "trace_version", "content_sha256", "stored_sha256", "prompt_key", "meta", "answer_key"]
_TEXTS = ["prompt", "steps", "final_answer"]
# The key of a trace's group, its stratum, and the keys of `split.group_by` that it lacks.
Judged = tuple[int, str | None, tuple[str, ...]]


def recall_candidates(
    part: tuple[int, str], memo: Memo | None, candidates: Path, params: Params, exclusions: Exclusions
) -> Fates:
    """Like `find_candidates`, for a partition that is as it was, what was found then."""
    number, name = part
    return remembering(
        memo,
        lambda: [str(number), *content_of(partition_path(TRACES, name), partition_path(SCORES, name))],
        [partition_path(candidates, name), set_aside_path(candidates, name)],
        Fates,
        lambda: find_candidates(part, candidates, params, exclusions),
    )


def find_candidates(part: tuple[int, str], candidates: Path, params: Params, exclusions: Exclusions) -> Fates:
    """Write what selection must know of one partition's traces, and say which are no candidates."""
    number, name = part
    fates = Fates()
    judge = Judge(params, exclusions, fates, Measures(params.selection, name))
    batches = (judge.batch(number, batch) for batch in read_chunks(partition_path(TRACES, name), judge.columns))
    write_batches(partition_path(candidates, name), judge.schema, _placed(batches, judge.schema))
    if judge.screen is not None and judge.screen.lines:
        set_aside_path(candidates, name).write_bytes(b"".join(judge.screen.lines))
    return fates


def set_aside_path(candidates: Path, name: str) -> Path:
    """Where a partition's lines for set_aside.jsonl lie; without any there is no file."""
    return candidates / f"{name}.jsonl"


def _placed(batches: Iterator[list[Any]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The batches with the place of each row in its partition."""
    first = 0
    for columns in batches:
        end = first + len(columns[0])
        yield batch_of(schema, [*columns[:2], pa.array(np.arange(first, end)), *columns[2:]])
        first = end


class Judge:
    """Tells which traces are candidates, and for each that is, what selection goes by."""

    def __init__(self, params: Params, exclusions: Exclusions, fates: Fates, measures: Measures) -> None:
        self.exclusions, self.fates, self.split, self.measures = exclusions, fates, params.split, measures
        self.filters = compile_filters(params.filters)
        self.reject = params.render.control_tokens == "reject"
        keyed = params.selection.strategy in ("random", "stratified")
        self.order_key = f"select:{params.selection.seed}" if keyed else None
        self.stratify = params.selection.stratify
        self.asks_ours = not {*self.filters, *params.split.group_by, *self.stratify.by}.isdisjoint(OURS)
        self.threshold = params.selection.near_threshold if params.selection.dedup == "near" else None
        self.schema = CANDIDATE_SCHEMA
        self.columns = _COLUMNS
        if self.threshold is not None:
            self.schema = pa.schema([*CANDIDATE_SCHEMA, *sketch_schema(self.threshold)])
            self.columns = [*_COLUMNS, "prompt", "final_answer"]
        self.screen = Screen(params, fates) if is_screened(params) else None
        if self.reject or measures.counted or self.screen is not None:
            self.columns = _COLUMNS + _TEXTS

    def batch(self, number: int, batch: pa.RecordBatch) -> list[Any]:
        """The candidates' columns of a batch of traces, `place` apart. Those that are none are here for their id."""
        ids, times, versions, contents, stored, prompts, metas = (values(batch.column(name)) for name in _COLUMNS[:-1])
        self.fates.counts["reordered"] += len(stored) - stored.count(None)
        texts = [values(batch.column(name)) for name in _TEXTS] if self.reject else []
        scores = self.measures.scores(ids)
        unfit = self.measures.unfit(batch, scores)
        rows = zip(ids, times, versions, contents, stored, prompts, metas, unfit, *texts, strict=True)
        judged = [self._judge(*row) for row in rows]
        self._screen(batch, ids, judged)
        for found in filter(None, judged):
            self._count(*found)
        order = [0] * len(ids) if self.order_key is None else [keyed_hash(self.order_key, i) for i in ids]
        candidate = [found is not None for found in judged]
        return [
            candidate,
            [number] * len(ids),
            *id_halves(ids),
            batch.column("created_us"),
            *halves(contents),
            batch.column("prompt_key"),
            batch.column("answer_key"),
            np.array([0 if found is None else found[0] for found in judged], np.uint64),
            np.array(order, np.uint64),
            [0 if found is None else SPLITS.index(split_of(found[0], self.split)) for found in judged],
            scores,
            [None if found is None else found[1] for found in judged],
            *self._sketches(batch, np.array(candidate)),
        ]

    def _sketches(self, batch: pa.RecordBatch, candidate: npt.NDArray[np.bool_]) -> Iterator[npt.NDArray[np.uint64]]:
        """The sketches' columns where near duplicates are looked for, 0 for traces that are no candidates."""
        if self.threshold is None:
            return
        prompts, answers = (
            values(batch.column(name).filter(pa.array(candidate))) for name in ("prompt", "final_answer")
        )
        for words in sketches(prompts, answers, self.threshold):
            column = np.zeros(len(candidate), np.uint64)
            column[candidate] = words
            yield column

    def _judge(
        self,
        trace_id: str,
        us: int,
        version: str,
        content: str,
        stored: str | None,
        prompt: int,
        meta_text: str,
        unfit: str | None,
        *texts: Any,
    ) -> Judged | None:
        """What a trace that may be a candidate goes by; None, its fate counted, if it may not."""
        fates = self.fates
        fates.counts["valid"] += 1
        meta = decode_meta(meta_text) or {}
        if self.asks_ours:
            meta |= ours(us, version)
        if not meta.keys() <= fates.keys:
            fates.keys.update(meta)
        on_list = self.exclusions.covering(trace_id, content, stored) if self.exclusions else []
        fates.taken_down.update(on_list)
        matched = 0
        for key, matches in self.filters.items():
            if key in meta and matches(meta[key]):
                matched += 1
                fates.matches[key] += 1
        fate = self._early_fate(matched, on_list, texts) or unfit
        stratum = stratum_of(meta, self.stratify.by) if self.stratify.by and not fate else None
        if stratum is not None and self.stratify.quotas is not None and stratum not in self.stratify.quotas:
            fate = "unlisted"
        if fate:
            fates.counts[fate] += 1
            return None
        lacking = tuple(key for key in self.split.group_by if key != PROMPT and lacks(meta, key))
        return group_key(meta, prompt, self.split), stratum, lacking

    def _screen(self, batch: pa.RecordBatch, ids: list[str], judged: list[Judged | None]) -> None:
        """Look at the texts of those that are judged to be candidates, and make None of those that they keep out."""
        if self.screen is None:
            return
        places = [place for place, found in enumerate(judged) if found is not None]
        kept = self.screen.keep(batch.take(pa.array(places, pa.int64())), [ids[place] for place in places])
        for place, keep in zip(places, kept, strict=True):
            if not keep:
                judged[place] = None

    def _count(self, _group: int, stratum: str | None, lacking: tuple[str, ...]) -> None:
        self.fates.counts["candidates"] += 1
        self.fates.lacking.update(lacking)
        if stratum is not None and self.stratify.quotas is not None:
            self.fates.strata[stratum] += 1

    def _early_fate(self, matched: int, on_list: list[str], texts: Sequence[str | list[str]]) -> str | None:
        if matched < len(self.filters):
            return "filtered"
        if on_list:
            return "excluded"
        return "rejected" if self.reject and any(map(has_control_token, _flat(texts))) else None


def _flat(texts: Sequence[str | list[str]]) -> Iterator[str]:
    for text in texts:
        if isinstance(text, str):
            yield text
        else:
            yield from text
