"""Sketches of a trace's prompt (MinHash), by which near duplicates are found without their texts.

Prompts are compared at the level loose (traces/texts.py). Numbers and signs in them, and final answers at the level
canonical, are compared exactly, by the column `exact`: another number or answer says something else, however alike the
rest is.

A text is the set of its shingles, pieces of `SHINGLE` characters; two texts are as alike as the Jaccard similarity of
those sets, the share that both have of all that either has. For each of `HASHES` hash functions it is also the chance
that the smallest hash is the same in both. So one bit of each smallest hash is enough to estimate it: of unlike
shingles half of the bits agree. Bands of whole hashes are what bring together the traces worth comparing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rensa import RMinHash

from stages.runtime.partitioned import make_schema
from traces.texts import canonical, facts, loose_words

Words = npt.NDArray[np.uint64]

SHINGLE = 5  # characters; a shorter text is one shingle
HASHES = 256
SEED = 1  # says which hash functions
MAX_BANDS = 64
CAUGHT = 0.97  # of pairs just as alike as the threshold, the share that must meet in a band
PIECE = 1 << 16  # characters hashed at once: what fits into a core's cache
# Odd constants with bits all over (the golden ratio's, and one of MurmurHash's kin).
_MULTIPLY = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_FOLD = np.uint64(32)
_WORDS = HASHES // 64
PROMPT_WORDS = [f"prompt_{k}" for k in range(_WORDS)]


def band_rows(threshold: float) -> int:
    """How many hashes of the prompt a band has: the more, the fewer traces that are not alike meet in it.

    As many as still bring `CAUGHT` of the pairs together whose prompts are alike just as `threshold` says.
    """
    rows = range(HASHES // 2, 0, -1)
    return next((r for r in rows if 1 - (1 - threshold**r) ** _bands(r) >= CAUGHT), 1)


def _bands(rows: int) -> int:
    return min(MAX_BANDS, HASHES // rows)


def band_names(threshold: float) -> list[str]:
    """The columns of the bands."""
    return [f"band_{k}" for k in range(_bands(band_rows(threshold)))]


def sketch_schema(threshold: float) -> pa.Schema:
    """The columns of sketches: `whole` is the same where all hashes are."""
    names = ["whole", "exact", *PROMPT_WORDS, *band_names(threshold)]
    return make_schema([(name, pa.uint64()) for name in names])


def sketches(prompts: Sequence[str], answers: Sequence[str], threshold: float) -> list[Words]:
    """The columns of `sketch_schema`, a value a trace."""
    words = [loose_words(text) for text in prompts]
    exact = np.array([_exact(*pair) for pair in zip(words, answers, strict=True)], np.uint64)
    prompt = smallest_hashes([" ".join(held) for held in words])
    rows = band_rows(threshold)
    bands = [_mixed(prompt[:, k * rows : (k + 1) * rows], exact) for k in range(_bands(rows))]
    return [_mixed(prompt, exact), exact, *_bits(prompt), *bands]


def _exact(words: list[str], answer: str) -> int:
    """64 bits of what must be equal in near duplicates."""
    held = "\0".join([*facts(words), canonical(answer)])
    return int.from_bytes(hashlib.blake2b(held.encode(), digest_size=8).digest(), "big")


def smallest_hashes(texts: Sequence[str]) -> npt.NDArray[np.uint32]:
    """The smallest hash of each text's shingles by each hash function, a row a text."""
    numbers: dict[str, int] = {}
    which = [numbers.setdefault(text, len(numbers)) for text in texts]  # short answers are often the same
    rows = [row for piece in _pieces([*numbers]) for row in _smallest(piece)]
    return np.array(rows, np.uint32).reshape(-1, HASHES)[which]


def _pieces(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """The texts in order, so many at a time as have about `PIECE` characters."""
    first = size = 0
    for place, text in enumerate(texts):
        if size and size + len(text) > PIECE:
            yield texts[first:place]
            first, size = place, 0
        size += len(text)
    yield texts[first:]


def _smallest(texts: Sequence[str]) -> list[list[int]]:
    lengths = np.fromiter((max(len(text), SHINGLE) for text in texts), np.int64, len(texts))
    joined = "".join([text.ljust(SHINGLE, "\0") for text in texts])  # no text holds \0
    hashes = shingle_hashes(np.frombuffer(joined.encode("utf-32-le"), "<u4").astype(np.uint64))
    own = np.ones(len(hashes), bool)
    ends = np.cumsum(lengths)
    for k in range(1, SHINGLE):
        own[ends[:-1] - k] = False  # reaches into the next text
    firsts = np.concatenate([[0], np.cumsum(lengths - SHINGLE + 1)]).astype(np.uint64)
    rows: list[list[int]] = RMinHash.digest_matrix_from_flat_token_hashes(hashes[own], firsts, HASHES, SEED).to_rows()
    return rows


def shingle_hashes(codes: Words) -> Words:
    """64 bits for each run of `SHINGLE` code points."""
    count = len(codes) - SHINGLE + 1
    hashes = np.zeros(max(count, 0), np.uint64)
    for k in range(SHINGLE):
        hashes *= _MULTIPLY
        hashes += codes[k : count + k]
    return _stirred(hashes)


def _stirred(values: Words) -> Words:
    values ^= values >> _FOLD
    values *= _MIX
    values ^= values >> _FOLD
    return values


def _mixed(hashes: npt.NDArray[np.uint32], exact: Words) -> Words:
    """64 bits for each row of hashes, with what must be equal."""
    found = exact.copy()
    for column in hashes.T:
        found = _stirred((found ^ column) * _MULTIPLY)
    return found


def _bits(hashes: npt.NDArray[np.uint32]) -> list[Words]:
    """A bit of each hash, 64 of them a word."""
    packed = np.packbits((hashes & 1).astype(np.uint8), axis=1, bitorder="little")
    return list(packed.view("<u8").astype(np.uint64).T)
