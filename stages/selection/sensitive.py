"""Keys, tokens and e-mail addresses in a trace's texts, found by detect-secrets.

What was found is never said, only which kind it is, and in which field. Of that library's detectors those are taken
that know the form of a credential; those that guess, by entropy or a word such as `password`, take hashes for one.
E-mail addresses and passwords in URLs have detectors of our own, made as the library's are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.plugins.base import BasePlugin, RegexBasedDetector

from stages.params.values import Kind

# Guess by entropy or by a word beside, or find what is no secret.
_GUESSING = {"Base64 High Entropy String", "Hex High Entropy String", "Secret Keyword", "Public IP (ipv4)"}
_REPLACED = {"Basic Auth Credentials"}  # by the next, which finds more

# Some detectors look on to the end of the line from many places in it, and a line may have millions of characters.
_PIECE = 4096  # characters looked at as one line
_OVERLAP = 1024  # of two of them: no key is longer, and of longer tokens the beginning is enough
_LONG_LINE = re.compile(rf"[^\n]{{{_PIECE},}}")


class UrlPasswordDetector(RegexBasedDetector):
    """Finds passwords in URLs, also those that the library's own passes by: without a user, or with odd characters."""

    secret_type = "Password in a URL"  # noqa: S105 - a kind
    denylist = (re.compile(r"://[^\s/@:]{0,256}:([^\s/@]{1,256})@"),)


class EmailDetector(RegexBasedDetector):
    """Finds e-mail addresses. Every part has an upper length, so that no text makes it slow."""

    secret_type = "E-mail Address"  # noqa: S105 - the library's word for a kind
    denylist = (re.compile(r"(?<![\w.%+'-])[\w.%+'-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,63}"),)


class Detectors:
    """Those of the kinds that are asked for."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        known: dict[str, Any] = get_mapping_from_secret_type_to_class() if "secrets" in kinds else {}
        self.detectors: list[BasePlugin] = [
            known[name]() for name in sorted(known) if name not in _GUESSING | _REPLACED
        ]
        if "secrets" in kinds:
            self.detectors.append(UrlPasswordDetector())
        if "emails" in kinds:
            self.detectors.append(EmailDetector())

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
        text = _LONG_LINE.sub(_cut, text)
        return [found.secret_type for found in self.detectors if any(True for _ in found.analyze_string(text))]


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
