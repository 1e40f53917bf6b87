"""Chat templates as data: NAME.json beside this file holds one, and its hash stands in the manifest."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import msgspec

from traces.canonical import encode_canonical
from traces.errors import TracesError

FOLDER = Path(__file__).parent


class TextTokens(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Added tokens of a family that a trace may hold, and the reason: each of `tokens`, any run of one of `runs_of`."""

    reason: str
    runs_of: list[str]
    tokens: list[str]


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One family's turns. A prompt ends in `model_open`; what the model learns ends in `model_close`.

    Every added token of the family's published tokenizers is in `control_tokens` or in `text_tokens`, where `{n}`
    stands for any whole number: tests/training/test_added_tokens.py.
    """

    name: str
    user_open: str
    user_close: str
    model_open: str
    model_close: str
    control_tokens: list[str]
    text_tokens: list[TextTokens]

    @property
    def turn_marks(self) -> list[str]:
        """The control tokens that its turns are made of."""
        turns = self.user_open + self.user_close + self.model_open + self.model_close
        return [token for token in self.control_tokens if token in turns]

    @property
    def sha256(self) -> str:
        """The hash of all of it (hex)."""
        return hashlib.sha256(encode_canonical(self)).hexdigest()


def template_names() -> list[str]:
    """The templates on offer."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


@cache
def load_template(name: str) -> Template:
    """The template NAME.

    Raises:
        TracesError: there is none of that name.
    """
    if name not in template_names():
        raise TracesError(f"template {name!r}: not one of {', '.join(template_names())}")
    return msgspec.json.decode((FOLDER / f"{name}.json").read_bytes(), type=Template)


def template_of(prompt: str) -> Template | None:
    """The template in whose open model turn a rendered prompt ends."""
    return next((template for template in _all_templates() if prompt.endswith(template.model_open)), None)


@cache
def _all_templates() -> list[Template]:
    return [load_template(name) for name in template_names()]
