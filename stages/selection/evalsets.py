"""Evaluation sets, and how much of one's prompts a trace has in it, by their n-grams of words.

Texts are compared at the level loose (traces/texts.py): as words, numbers and signs, without case and punctuation. The
overlap of a prompt and a trace is the share of the prompt's distinct n-grams that stand in the trace's prompt, steps or
answer. A prompt of fewer than n words has none, and is compared as a whole: a trace with that very prompt overlaps.
Answers are not compared: `4` stands in any trace.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stages.params.models import Decontaminate
from stages.params.reading import PARAMS
from traces.errors import TracesError, one_line
from traces.files import hash_file
from traces.ignored import is_excluded, list_files
from traces.text_files import read_lines
from traces.texts import loose_words

EVALSETS = Path("data/evalsets")

Words = tuple[str, ...]


class Match(NamedTuple):
    """A prompt that a trace overlaps with: the line in its file, and how many of its n-grams the trace has."""

    evalset: str
    line: int
    shared: int
    ngrams: int


class _Line(msgspec.Struct):
    prompt: str
    answer: Any = None


class _Prompt(NamedTuple):
    evalset: str
    line: int
    ngrams: frozenset[Words]
    needed: int


def evalset_hashes(asked: Decontaminate) -> dict[str, str]:
    """The md5 of each file in `decontaminate.evalsets`.

    Raises:
        TracesError: one is not there, or excluded by .dvcignore.
    """
    return {name: _hash(EVALSETS / name) for name in asked.evalsets}


def require_evalsets() -> None:
    """Refuse a file in data/evalsets/ that is no evaluation set: DVC hashes it, and other clones do not have it.

    Raises:
        TracesError: there is one, and .dvcignore does not exclude it.
    """
    for name in list_files(EVALSETS):
        if "/" in name or name.startswith(".") or not name.endswith((".jsonl", "README.md")):
            raise TracesError(
                f"{EVALSETS / one_line(name)}: no evaluation set (NAME.jsonl); "
                "move or remove it, or add its name to .dvcignore"
            )


def _hash(path: Path) -> str:
    if is_excluded(path):
        raise TracesError(
            f"{PARAMS}: decontaminate.evalsets: {path}: .dvcignore excludes it, so DVC would not notice a change; "
            "change the pattern, or rename the file"
        )
    try:
        return hash_file(path)
    except (FileNotFoundError, IsADirectoryError):
        raise TracesError(
            f"{PARAMS}: decontaminate.evalsets: {path}: no such file; put it there, or take it out"
        ) from None


def load_evalsets(asked: Decontaminate) -> Evalsets | None:
    """The evaluation sets that are asked for; None for none.

    Raises:
        TracesError: a file is missing or malformed; the message names the line.
    """
    return _loaded(tuple(evalset_hashes(asked).items()), asked.ngram, asked.threshold) if asked.evalsets else None


@lru_cache(maxsize=1)
def _loaded(files: tuple[tuple[str, str], ...], ngram: int, threshold: float) -> Evalsets:
    return Evalsets(((name, *line) for name, _ in files for line in _read(EVALSETS / name)), ngram, threshold)


def _read(path: Path) -> Iterator[tuple[int, str]]:
    decode = msgspec.json.Decoder(_Line).decode
    empty = True
    for number, line in read_lines(path):
        empty = False
        try:
            yield number, decode(line).prompt
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise TracesError(
                f"{path}, line {number}: {one_line(str(error), 120)}; each is an object with `prompt`, `answer`"
            ) from None
    if empty:
        raise TracesError(f"{path}: no prompt in it, so it would prove nothing; fetch it again, or take it out")


class Evalsets:
    """Prompts, found by the rarest of their n-grams.

    Prompts of one template share most of theirs. A trace that has `needed` of a prompt's n-grams has at least one of
    any that are all of them but `needed` - 1. So only the rarest, that many, lead to a prompt, and few do so in vain.
    """

    def __init__(self, prompts: Iterable[tuple[str, int, str]], ngram: int, threshold: float) -> None:
        """`prompts` are files' names, lines and texts."""
        self.ngram = ngram
        self.prompts: list[_Prompt] = []
        self.short: dict[Words, tuple[str, int]] = {}
        for evalset, line, text in prompts:
            words = loose_words(text)
            if not words:
                raise TracesError(f"{EVALSETS / evalset}, line {line}: the prompt has no word to compare; take it out")
            if len(words) < ngram:
                self.short.setdefault(tuple(words), (evalset, line))
                continue
            ngrams = frozenset(ngrams_of(words, ngram))
            # Rounded first: 0.1 * 30 is a little over 3.
            needed = max(1, math.ceil(round(threshold * len(ngrams), 9)))
            self.prompts.append(_Prompt(evalset, line, ngrams, needed))
        often = Counter(ngram for prompt in self.prompts for ngram in prompt.ngrams)
        leading: defaultdict[Words, list[int]] = defaultdict(list)
        for number, prompt in enumerate(self.prompts):
            rarest = sorted(prompt.ngrams, key=lambda ngram: (often[ngram], ngram))
            for words_ in rarest[: len(rarest) - prompt.needed + 1]:
                leading[words_].append(number)
        self.leading = dict(leading)

    def match(self, prompt: str, others: Iterable[str]) -> Match | None:
        """The prompt that a trace overlaps with most, of equal ones the first; None where it reaches no threshold."""
        words = loose_words(prompt)
        if found := self.short.get(tuple(words)):
            return Match(*found, 1, 1)
        ngrams: set[Words] = set()
        for text in (words, *map(loose_words, others)):
            ngrams.update(ngrams_of(text, self.ngram))
        candidates = {number for words_ in self.leading.keys() & ngrams for number in self.leading[words_]}
        best: Match | None = None
        for number in sorted(candidates):
            held = self.prompts[number]
            shared = len(held.ngrams & ngrams)
            if shared < held.needed:
                continue
            if best is None or shared * best.ngrams > best.shared * len(held.ngrams):
                best = Match(held.evalset, held.line, shared, len(held.ngrams))
        return best


def ngrams_of(words: Sequence[str], n: int) -> Iterator[Words]:
    """Every run of n words."""
    return zip(*(words[k:] for k in range(n)), strict=False)
