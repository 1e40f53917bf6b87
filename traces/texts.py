"""How texts are compared. Each use names one of three levels; nothing that is stored or exported changes by it.

- exact: the code points as they are stored. Exact duplicates and takedowns by content.
- canonical: what a reader takes for the same text. Unicode's canonical forms are one, default-ignorable characters do
  not count, each run of white space is one space, and none stands at an end. Prompts, final answers, values of groups.
- loose: the words, signs and numbers of a text, whatever their case and their compatibility form. Decontamination and
  near duplicates.

The character classes are those of Unicode 16's White_Space and Default_Ignorable_Code_Point; a test compares them.
"""

from __future__ import annotations

import hashlib
import html
import unicodedata

import regex

# Default_Ignorable_Code_Point: soft hyphens, zero-width characters, variation selectors, tags.
IGNORABLE = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# White space, controls, and the empty Braille pattern, which has the width of a character and no ink.
# schemas/trace.schema.json has the same class, so it names each white space.
INVISIBLE = r"\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u2800\u3000" + IGNORABLE

_IGNORED = regex.compile(f"[{IGNORABLE}]+")
_VISIBLE = regex.compile(f"[^{INVISIBLE}]")
# In scripts that put no space between words each character, with its marks, is a word.
_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_WORDS = regex.compile(
    rf"""(?x)
    {_UNSPACED}\p{{M}}*                        # one character, its marks included
    | \p{{N}}+ (?: [.,] \p{{N}}+ )*            # a number
    | (?: (?!{_UNSPACED}) \p{{L}} \p{{M}}* )+   # a word, its vowel signs included
    | [\p{{Sm}}\p{{Sc}}\p{{So}}^%&/]            # a sign or an operator
    | (?<!\p{{L}})- | -(?!\p{{L}})             # a minus, no hyphen within a word
    | (?<!\*)\*(?!\*)                        # a product, no emphasis of Markdown
    | (?<=\p{{L}})\#                          # C#, no heading
    | (?<=[\p{{N}})])! | !(?==)                # a factorial, or "is not"
    """
)
# Hyphens, dashes and minus signs, also raised and lowered ones.
_DASHES = dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0x207B, 0x208B], "-")


def is_blank(text: str) -> bool:
    """Whether a text shows nothing: it is empty, or all of it is white space or invisible."""
    # Nearly every text begins with a visible ASCII character, and this is most of what a check costs.
    return not ("!" <= text[:1] <= "~") and _VISIBLE.search(text) is None


def canonical(text: str) -> str:
    """The text at the level canonical."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", _IGNORED.sub("", text))
    return " ".join(text.split())


def text_key(text: str) -> int:
    """64 bits that texts share which are equal at the level canonical."""
    return int.from_bytes(hashlib.blake2b(canonical(text).encode(), digest_size=8).digest(), "big")


def loose_words(text: str) -> list[str]:
    """The words, numbers and signs of a text at the level loose, in order."""
    plain = _IGNORED.sub("", html.unescape(text) if "&" in text else text)
    folded = unicodedata.normalize("NFKC", plain.translate(_DASHES)).casefold()
    return _WORDS.findall(unicodedata.normalize("NFKC", folded))


def facts(words: list[str]) -> list[str]:
    """The numbers and signs among a text's loose words."""
    return [word for word in words if not word[0].isalpha()]
