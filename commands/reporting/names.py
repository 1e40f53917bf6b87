"""Names out of traces, which may be any text, made fit for one line of the page.

How wide a line is depends on the reader's font, so widths are estimates, in those of an `n`, rather too wide than too
narrow.
"""

from __future__ import annotations

import unicodedata

from stages.cards.markdown import visible

_NARROW, _NORMAL, _LARGE, _WIDE = 0.6, 1.0, 1.4, 2.0
_WIDTHS = dict.fromkeys("!\"'()*,-./:;I[\\]`fijlrt{|} ", _NARROW) | dict.fromkeys("%@MWmw", _WIDE)
_CUT = "…"
_MARKS = 4  # characters, of which most have no width, for each `n` of a line: more stand on their neighbours


def short(name: str, limit: float = 60) -> str:
    """The name on one line, nothing hidden in it, cut where it is wider than so many `n`."""
    line = visible(name).replace("\n", r"\n")
    if width(line) <= limit and len(line) <= limit * _MARKS:
        return line
    kept, room = "", limit - _width(_CUT)
    for character in line[: int(limit * _MARKS)]:
        room -= _width(character)
        if room < 0:
            break
        kept += character
    return kept + _CUT


def width(text: str) -> float:
    """About how wide a line of this text is, in widths of an `n`."""
    return sum(map(_width, text))


def _width(character: str) -> float:
    if character in _WIDTHS:
        return _WIDTHS[character]
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return _WIDE
    if character.isascii():
        return _LARGE if character.isupper() else _NORMAL
    return _WIDE if character.isupper() else _LARGE
