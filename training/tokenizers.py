"""Tokenizers as training needs them: exact text in and out, no token added that was not asked for.

Three kinds behind one interface: a SentencePiece file (Gemma's), a Hugging Face tokenizer by its id or folder, and one
trained on the records themselves, for where there is no network.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from traces.errors import TracesError, one_line
from training.templates import Template

# Large enough that words of a small dataset get a token, small enough for a model of a smoke run.
VOCABULARY = 512
# The largest vocabulary for texts of many different characters. A larger one would slow the smoke run down.
MAX_VOCABULARY = 2048
# A tokenizer is trained on at most so many characters: of one text, and of all texts.
_TEXT_CHARACTERS = 20_000
_ALL_CHARACTERS = 4_000_000
# SentencePiece skips every text that holds this character, which it uses itself.
_SKIPPED = "\u2585"
# SentencePiece writes a space as this character, and so reads it back as one.
_SPACE = "\u2581"
# A family's own token for padding, where its tokenizer names none that is used for nothing else.
_PADS = ("<pad>", "<|finetune_right_pad_id|>", "<|endoftext|>", "<|reserved_special_token_0|>")


class TextTokenizer(Protocol):
    """Text to token ids and back. `bos_id` is None for a family that begins with none."""

    vocab_size: int
    pad_id: int
    bos_id: int | None

    def encode(self, text: str) -> list[int]:
        """The ids of `text`, nothing put before or after them."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`."""


class SentencePieceTokenizer:
    """A SentencePiece model with byte fallback; `processor` is what Tunix's own adapter takes."""

    def __init__(self, model: bytes, name: str) -> None:
        import sentencepiece

        try:
            self.processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        except (RuntimeError, TypeError) as error:
            raise TracesError(f"{name}: not a SentencePiece model ({one_line(str(error), 120)})") from None
        self.vocab_size: int = self.processor.vocab_size()
        self.bos_id: int | None = _named(self.processor.bos_id())
        pad = _named(self.processor.pad_id())
        if pad is None:
            raise TracesError(f"{name}: the model has no token for padding; train it with pad_id")
        self.pad_id: int = pad
        self._space = [self.processor.PieceToId(f"<0x{byte:02X}>") for byte in _SPACE.encode()]

    def encode(self, text: str) -> list[int]:
        first, *rest = text.split(_SPACE)
        ids: list[int] = self.processor.EncodeAsIds(first)
        for part in rest:
            ids += self._space + self.processor.EncodeAsIds(part)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        text: str = self.processor.DecodeIds([int(i) for i in ids])
        return text


class HuggingFaceTokenizer:
    """A tokenizer of the transformers library, its habit of adding tokens switched off."""

    def __init__(self, tokenizer: Any, name: str) -> None:
        self.tokenizer = tokenizer
        self.vocab_size: int = len(tokenizer)
        self.bos_id: int | None = tokenizer.bos_token_id
        self.pad_id: int = _own_pad(tokenizer, name)

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        text: str = self.tokenizer.decode(
            [int(i) for i in ids], skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return text


def load_tokenizer(source: str | Path) -> TextTokenizer:
    """The tokenizer in a SentencePiece file, or of a Hugging Face folder or id.

    Raises:
        TracesError: there is none, or it has no token of its own for padding.
    """
    path = Path(source)
    if path.is_file():
        return SentencePieceTokenizer(path.read_bytes(), str(path))
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(source))
    except (OSError, ValueError) as error:
        raise TracesError(
            f"{source}: no tokenizer ({one_line(str(error), 160)}); name a SentencePiece file, a folder that "
            "transformers saved, or the id of a model"
        ) from None
    return HuggingFaceTokenizer(tokenizer, str(source))


def train_tokenizer(texts: Iterable[str], template: Template, vocabulary: int = VOCABULARY) -> SentencePieceTokenizer:
    """A SentencePiece tokenizer trained on `texts`, in which each mark of the template's turns is one token.

    The same texts give the same model, byte for byte: BPE on one thread (unigram differs by threads). Any
    text comes back as it went in: nothing is normalised, what was never seen is spelled in bytes.

    Any texts will do, none included. `vocabulary` is the size for a text of few different characters; it grows in
    steps of itself up to `MAX_VOCABULARY`, so that half of what is not fixed is left for longer pieces. If the texts
    have still more characters, the rarest are spelled in bytes. Training reads the first 20,000 characters of
    each text and 4 million in all, so that its time and memory are bounded.
    """
    import sentencepiece

    symbols = [*template.turn_marks, "\n"]
    corpus = _beginnings(texts)
    counts = Counter[str]()
    for text in corpus:
        counts.update(text)
    fixed = len(symbols) + 4 + 256  # the control tokens below, and the bytes
    size = -(-(fixed + 2 * len(counts)) // vocabulary) * vocabulary
    size = min(size, max(vocabulary, MAX_VOCABULARY))
    # Equally frequent characters in the order of their code points, as in SentencePiece.
    ranked = sorted(counts, key=lambda character: (-counts[character], character))
    spelled = {_SKIPPED, *ranked[max(0, (size - fixed) // 2) :]} - set("".join(symbols))
    breaks = dict.fromkeys(map(ord, spelled), "\n")  # nothing is merged across a newline
    corpus = [text.translate(breaks) for text in corpus]
    between = re.compile("|".join(map(re.escape, symbols)))
    if not any(between.sub("", text) for text in corpus):
        corpus = ["a"]  # SentencePiece asks for some character
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus),
        model_writer=model,
        model_type="bpe",
        vocab_size=size,
        num_threads=1,
        pad_id=0,
        eos_id=1,
        bos_id=2,
        unk_id=3,
        user_defined_symbols=symbols,
        required_chars=_SPACE,  # however rare: a space that is spelled in bytes is read back as this character
        byte_fallback=True,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        hard_vocab_limit=False,
        max_sentence_length=1 << 20,
        minloglevel=2,
    )
    return SentencePieceTokenizer(model.getvalue(), "the tokenizer trained here")


def _beginnings(texts: Iterable[str]) -> list[str]:
    """As much of the texts as a tokenizer is trained on."""
    held, left = [], _ALL_CHARACTERS
    for text in texts:
        held.append(text[: min(_TEXT_CHARACTERS, left)])
        left -= len(held[-1])
        if left <= 0:
            break
    return held


def _named(token_id: int) -> int | None:
    return None if token_id < 0 else token_id


def _own_pad(tokenizer: Any, name: str) -> int:
    """A token that stands for nothing but padding: what pads is never attended to, wherever it stands."""
    taken = {tokenizer.eos_token_id, tokenizer.bos_token_id, None}
    if tokenizer.pad_token_id not in taken:
        pad: int = tokenizer.pad_token_id
        return pad
    known = tokenizer.get_vocab()
    for token in _PADS:
        if known.get(token) not in taken:
            return int(known[token])
    raise TracesError(f"{name}: no token of its own for padding; give it one: tokenizer.pad_token = ...")
