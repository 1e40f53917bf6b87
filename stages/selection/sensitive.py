"""Keys, tokens and e-mail addresses in a trace's texts.

Each text is searched twice: as it is stored, and as a reader sees it (`plain` of traces/texts.py), so that neither
full-width letters nor invisible characters hide anything. detect-secrets finds keys and tokens, by those of its
detectors that know the form of a credential; those that guess, by entropy or a word such as `password`, take hashes for
one. Passwords in URLs have a detector of our own, made as the library's are, and emails.py finds e-mail addresses.
The screen reports the kind and the field of what it finds, and never the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.plugins.base import BasePlugin, RegexBasedDetector

from stages.params.values import Kind
from stages.selection.emails import holds_email
from traces.texts import plain

# Guess by entropy or by a word beside, or find what is no secret.
_GUESSING = {"Base64 High Entropy String", "Hex High Entropy String", "Secret Keyword", "Public IP (ipv4)"}
EMAIL = "E-mail Address"
_REPLACED = {"Basic Auth Credentials"}  # by the next, which finds more

# Some detectors look on to the end of the line from many places in it, and a line may have millions of characters.
_PIECE = 4096  # characters looked at as one line
_OVERLAP = 1024  # of two of them: no key is longer, and of longer tokens the beginning is enough
_LONG_LINE = re.compile(rf"[^\n]{{{_PIECE},}}")


class UrlPasswordDetector(RegexBasedDetector):
    """Finds passwords in URLs, also those that the library's own passes by: without a user, or with odd characters."""

    secret_type = "Password in a URL"  # noqa: S105 - a kind
    denylist = (re.compile(r"://[^\s/@:]{0,256}:([^\s/@]{1,256})@"),)


class Detectors:
    """Those of the kinds that are asked for."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        known: dict[str, Any] = get_mapping_from_secret_type_to_class() if "secrets" in kinds else {}
        self.detectors: list[BasePlugin] = [
            known[name]() for name in sorted(known) if name not in _GUESSING | _REPLACED
        ]
        if "secrets" in kinds:
            self.detectors.append(UrlPasswordDetector())
        self.emails = "emails" in kinds

    def look(self, prompt: str, steps: Iterable[str], final_answer: str, meta: str) -> list[tuple[str, str]]:
        """In which of a trace's fields there is what, each once, in order. `meta` is JSON, and one field."""
        fields = list(_fields(prompt, steps, final_answer, meta))
        # Nearly all traces hold nothing, and one look at all texts together tells.
        if not self._kinds("\n".join(text for _, text in fields)):
            return []
        return list(dict.fromkeys((name, kind) for name, text in fields for kind in self._kinds(text)))

    def tells(self, text: str) -> bool:
        """Whether a text holds anything that is looked for."""
        return bool(self._kinds(text))

    def _kinds(self, text: str) -> list[str]:
        read = plain(text)
        both = text if read == text else f"{text}\n{read}"
        lines = _LONG_LINE.sub(_cut, both) if self.detectors else ""
        kinds = [found.secret_type for found in self.detectors if any(True for _ in found.analyze_string(lines))]
        return [*kinds, EMAIL] if self.emails and holds_email(both) else kinds


def _cut(line: re.Match[str]) -> str:
    text = line[0]
    return "\n".join(text[first : first + _PIECE] for first in range(0, len(text), _PIECE - _OVERLAP))


def _fields(prompt: str, steps: Iterable[str], final_answer: str, meta: str) -> Iterator[tuple[str, str]]:
    yield "prompt", prompt
    yield from ((f"steps.{number}", text) for number, text in enumerate(steps))
    yield "final_answer", final_answer
    yield from (("meta", text) for text in _strings(msgspec.json.decode(meta)))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
