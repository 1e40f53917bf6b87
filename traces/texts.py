"""How texts are compared. Each use names one of three levels; nothing that is stored or exported changes by it.

- exact: the code points as they are stored. Exact duplicates and takedowns by content.
- canonical: what a reader takes for the same text. Unicode's canonical forms are one, default-ignorable characters do
  not count, each run of white space is one space, and none stands at an end. Prompts, final answers, values of groups.
- loose: the words, signs and numbers of a text, whatever their case and their compatibility form. Decontamination and
  near duplicates. x² is x^2, ½ is 1/2, and digits of every script are digits. Punctuation, quotes, hyphens within a
  word, emphasis and headings of Markdown, and skin tones do not count. Brackets and braces do if they say what is
  computed first, an index or an interval: x^{2} is x^2, and x^{2+1} is not x^{2}+1. Two spellings of a sign differ
  (<= and ≤), as do two of a number (1,000 and 1000).

The character classes are those of Unicode 16's White_Space and Default_Ignorable_Code_Point; a test compares them.
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from itertools import groupby
from typing import Literal

import regex

# Default_Ignorable_Code_Point: soft hyphens, zero-width characters, variation selectors, tags.
IGNORABLE = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# White space, controls, and the empty Braille pattern, which has the width of a character and no ink.
# schemas/trace.schema.json has the same class, so it names each white space.
INVISIBLE = r"\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u2800\u3000" + IGNORABLE

# The flags of England, Scotland and the like differ in characters that show nothing elsewhere.
_FLAG = r"\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
_IGNORED = regex.compile(rf"{_FLAG}(*SKIP)(*FAIL)|[{IGNORABLE}]+")
# The standard library's `re` needs a tenth of the time of `regex` here.
_MAY_IGNORE = re.compile(f"[{IGNORABLE}]")
_BLANK = re.compile(f"[{INVISIBLE}]*")
# In scripts that put no space between words each character, with its marks, is a word.
_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_OPERATOR = r"[\p{Sm}^*/%-]"
_BOUND = r"[ ]?-?(?:[\p{N}.]{1,20}|∞)[ ]?"  # of an interval
_WORDS = regex.compile(
    rf"""(?x)
    {_UNSPACED}\p{{M}}*                        # one character, its marks included
    | \p{{N}}+ (?: [.,] \p{{N}}+ )*            # a number
    | (?: (?!{_UNSPACED}) \p{{L}} \p{{M}}* )+   # a word, its vowel signs included
    | {_FLAG}
    | [\p{{Sm}}\p{{Sc}}\p{{So}}^%&/‰‱\u2032‖⌈-⌋]  # a sign or an operator
    | \.(?<=(?<![\p{{L}}\p{{M}}\p{{N}}.)\]}}])\.) \p{{N}}+ (?: [.,] \p{{N}}+ )*  # .5
    | (?=[-·*\#!:'()\[\]{{]) (?:                # what is a sign at some places
        (?<!\p{{L}})- | -(?!\p{{L}})           # a minus, no hyphen within a word
        | (?<=(?<!\p{{L}})\p{{L}})-(?=\p{{L}}(?!\p{{L}}))  # x-y
        | (?<!\p{{L}})· | ·(?!\p{{L}})         # a product, no l·l of Catalan
        | (?<!\*)\*(?!\*)                    # a product, no emphasis of Markdown
        | (?<=[\p{{L}}\p{{N}})\]])\*\*(?=[\p{{L}}\p{{N}}(+-]) | (?<=[ ])\*\*(?=[ ])  # a power, no emphasis
        | (?<=\p{{L}})\#                      # C#, no heading
        | (?<=[\p{{N}})])! | !(?==)            # a factorial, or "is not"
        | (?<=(?<!\p{{L}})[\p{{Latin}}\p{{Greek}}])!  # n!
        | (?<![\p{{L}}\p{{M}}\p{{N}}.?!)\]"'])!+(?=[\p{{L}}_(])  # "not", no end of a sentence
        | (?<=\p{{N}}):(?=\p{{N}}) | :(?==)      # a ratio or a time, or an assignment
        | (?<=\p{{L}})'+(?=\() | (?<=(?<![\p{{L}}\p{{M}}'])\p{{L}})'+(?!\p{{L}})  # a derivative, no quote
        | \{{(?=[^{{}}]{{1,60}}{_OPERATOR})        # a group that holds what is computed, as LaTeX has it
        | (?<={_OPERATOR}[ ]?|[\p{{N}})])\( | \)(?=[ ]?{_OPERATOR}|\()  # what is computed first
        | (?<=[\p{{L}}\p{{N}}_)\]])\[          # an index
        | [(\[](?={_BOUND},{_BOUND}[)\]]) | (?<=[(\[]{_BOUND},{_BOUND})[)\]]  # an interval
    )
    """
)
# Digits that NFKC would join with those beside them, and digits of other scripts.
_NUMERALS = regex.compile(r"(?P<power>[⁰¹²³⁴-⁹⁺⁻ⁿⁱ]+)|(?P<index>[₀-₉]+)|(?P<digit>(?![0-9])\p{Nd})|\p{No}")
# `html.unescape` fails for numbers of more digits than Python reads, and none of 8 is a character.
_LEADING_ZEROS = regex.compile(r"&\#0++(?=[0-9])")
_LONG_REFERENCE = regex.compile(r"&\#[0-9]{8,}+;?")
_MARK = r"[\p{M}\uff9e\uff9f]"
_MARK_RUN = regex.compile(_MARK + "{32,}")
_SHORT = 1024  # characters, for which the square is a millisecond
_SAMPLED_RUN = regex.compile(_MARK + "{4}")  # in every eighth character, for a text with a `_MARK_RUN`
# Hyphens, dashes and minus signs, also raised and lowered ones.
_DASHES = dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0x207B, 0x208B], "-")


def is_blank(text: str) -> bool:
    """Whether a text shows nothing: it is empty, or all of it is white space or invisible."""
    # Nearly every text begins with a visible ASCII character, and this is most of what a check costs.
    return not "!" <= text < "\x7f" and _BLANK.fullmatch(text) is not None


def canonical(text: str) -> str:
    """The text at the level canonical."""
    if not text.isascii():
        text = _normal("NFC", _IGNORED.sub("", text) if _MAY_IGNORE.search(text) else text)
    return " ".join(text.split())


def text_key(text: str) -> int:
    """64 bits that texts share which are equal at the level canonical."""
    return int.from_bytes(hashlib.blake2b(canonical(text).encode(), digest_size=8).digest(), "big")


def plain(text: str) -> str:
    """The text as a reader sees it, in the characters of the commonest form.

    References of HTML are resolved, default-ignorable characters are dropped, every dash is `-`, the rest is NFKC.
    """
    return _compatible(_resolved(text))


def _resolved(text: str) -> str:
    if "&" in text:
        text = html.unescape(_LONG_REFERENCE.sub("\ufffd", _LEADING_ZEROS.sub("&#", text)))
    return text if text.isascii() else _IGNORED.sub("", text)


def _compatible(text: str) -> str:
    if text.isascii():
        return text
    return _normal("NFKC", text.translate(_DASHES)).replace("\u2044", "/")  # the bar in NFKC's form of a fraction


def _normal(form: Literal["NFC", "NFKC"], text: str) -> str:
    """The normal form, in linear time: Python sorts a run of marks in the square of its length."""
    if len(text) > _SHORT and _SAMPLED_RUN.search(text[::8]):
        decomposed: Literal["NFD", "NFKD"] = "NFD" if form == "NFC" else "NFKD"
        text = _MARK_RUN.sub(lambda run: _sorted_marks(decomposed, run[0]), text)
    return unicodedata.normalize(form, text)


def _sorted_marks(form: Literal["NFD", "NFKD"], run: str) -> str:
    marks = "".join([unicodedata.normalize(form, mark) for mark in run])
    groups = groupby(marks, lambda mark: unicodedata.combining(mark) > 0)
    return "".join(["".join(sorted(group, key=unicodedata.combining) if sorts else group) for sorts, group in groups])


def loose_words(text: str) -> list[str]:
    """The words, numbers and signs of a text at the level loose, in order."""
    text = _resolved(canonical(text))
    if not text.isascii():
        text = _compatible(_NUMERALS.sub(_apart, text))
    words: list[str] = _WORDS.findall(_normal("NFKC", text.casefold()))
    return words


def _apart(numeral: regex.Match[str]) -> str:
    if power := numeral["power"]:
        return f"^{power}"
    if digit := numeral["digit"]:
        return str(unicodedata.decimal(digit))
    return f" {numeral[0]} "


def facts(words: list[str]) -> list[str]:
    """The numbers and signs among a text's loose words; 三 is a number, and a letter too."""
    return [word for word in words if not word[0].isalpha() or word[0].isnumeric()]
