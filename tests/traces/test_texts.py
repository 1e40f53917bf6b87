"""How texts are compared: what each level takes for equal, and a near miss for each."""

from __future__ import annotations

import sys
import unicodedata

import pytest
import regex

from traces.texts import IGNORABLE, INVISIBLE, canonical, facts, is_blank, loose_words

NFD = "NFD"
# One text in two forms that a reader takes for the same, and another one that differs by a mark or a letter.
SCRIPTS = {
    "Latin": ("Café naïve", unicodedata.normalize(NFD, "Café naïve"), "Cafe naïve"),
    "Vietnamese": ("Tiếng Việt", unicodedata.normalize(NFD, "Tiếng Việt"), "Tiêng Việt"),
    "Greek": ("Ἀθῆναι", unicodedata.normalize(NFD, "Ἀθῆναι"), "Αθηναι"),
    "Cyrillic": ("ёлка й", unicodedata.normalize(NFD, "ёлка й"), "елка и"),
    "Arabic": ("كَتَبَ", "كَ\u200dتَبَ", "كُتُب"),
    "Hebrew": ("\ufb2aלום", unicodedata.normalize(NFD, "\ufb2aלום"), "שלום"),
    "Devanagari": ("हिन्दी \u0958लम", unicodedata.normalize(NFD, "हिन्दी \u0958लम"), "हन्दी \u0958लम"),
    "Bengali": ("বাংলা কো", unicodedata.normalize(NFD, "বাংলা কো"), "বংলা কো"),
    "Tamil": ("தமிழ் கொ", unicodedata.normalize(NFD, "தமிழ் கொ"), "தமழ் கொ"),
    "Thai": ("ภาษาไทย", "ภาษา\u200bไทย", "ภาษีไทย"),
    "Khmer": ("ភាសាខ្មែរ", "ភាសា\u200bខ្មែរ", "ភាសីខ្មែរ"),
    "Chinese": ("他赢了三局", "他赢了\ufe00三局", "他赢了二局"),
    "Japanese": ("ガギグを", unicodedata.normalize(NFD, "ガギグを"), "カギグを"),
    "Korean": ("한국어", unicodedata.normalize(NFD, "한국어"), "한극어"),
}
LEVELS = pytest.mark.parametrize("level", [canonical, loose_words])


@LEVELS
@pytest.mark.parametrize("script", SCRIPTS)
def test_one_text_in_two_forms_is_one_and_another_mark_is_another(level: object, script: str) -> None:
    assert callable(level)
    text, form, other = SCRIPTS[script]
    assert text != form
    assert level(text) == level(form) != level(other)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_mark_is_part_of_its_letter(script: str) -> None:
    for word in loose_words(SCRIPTS[script][0]):
        assert not unicodedata.category(word[0]).startswith("M")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Which card, Q\u2660 or  １０\n(ten)?", ["which", "card", "q", "♠", "or", "10", "ten"]),
        ("snake_case don't", ["snake", "case", "don", "t"]),
        ("漢字とkana 9", ["漢", "字", "と", "kana", "9"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("well-known", ["well", "known"]),
        ("12 + 7", ["12", "+", "7"]),
        ("-12 + 7", ["-", "12", "+", "7"]),
        ("12 \u2212 7", ["12", "-", "7"]),
        ("12 × 7", ["12", "×", "7"]),
        ("x^2 + 3x - 4", ["x", "^", "2", "+", "3", "x", "-", "4"]),
        ("x^2 - 3x + 4", ["x", "^", "2", "-", "3", "x", "+", "4"]),
        ("C++, C# and C", ["c", "+", "+", "c", "#", "and", "c"]),
        ("# Title, **bold** and `code`", ["title", "bold", "and", "code"]),
        ("5! and Hello!", ["5", "!", "and", "hello"]),
        ("a != b == c", ["a", "!", "=", "b", "=", "=", "c"]),
        ("3.5% of $1,000", ["3.5", "%", "of", "$", "1,000"]),
        (r"\frac{1}{2} \leq x", ["frac", "1", "2", "leq", "x"]),
        ("a&nbsp;b &lt; c\u00a0d", ["a", "b", "<", "c", "d"]),
        ("co\u00adoper\u200bate\ufeff", ["cooperate"]),
        ("", []),
    ],
)
def test_the_words_of_a_text(text: str, words: list[str]) -> None:
    assert loose_words(text) == words


def test_facts_are_numbers_and_signs() -> None:
    assert facts(loose_words("Tom has 3.5 + 2 apples, 50% of 漢字")) == ["3.5", "+", "2", "50", "%"]


@pytest.mark.parametrize(
    ("text", "other", "equal"),
    [
        ("a  b\n", " a\tb", True),
        ("a b", "a\u00a0b", True),
        ("ab", "a\u00adb", True),
        ("a b", "ab", False),
        ("A", "a", False),
        ("１", "1", False),
        ("3 - 2", "3 \u2212 2", False),
        ("ﬁ", "fi", False),
    ],
)
def test_the_level_canonical(text: str, other: str, equal: bool) -> None:
    assert (canonical(text) == canonical(other)) is equal


@pytest.mark.parametrize(
    "text", ["", " ", "\n\t", "\u200b", "\u00ad", "\u2800", "\u3164", "\u00a0\ufeff", "\x01", "\U000e0041"]
)
def test_what_shows_nothing_is_blank(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", ".", "\u200ba", "\u0301", "\U0001f600", "漢", " -", "\ufffd", "\ue000"])
def test_what_shows_something_is_not(text: str) -> None:
    assert not is_blank(text)


def test_the_classes_are_those_of_unicode() -> None:
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    ignorable, invisible = regex.compile(f"[{IGNORABLE}]"), regex.compile(f"[{INVISIBLE}]")
    unicode_ignorable = regex.compile(r"\p{Default_Ignorable_Code_Point}")
    unicode_invisible = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{White_Space}\p{Cc}\u2800]")
    assert [c for c in characters if bool(ignorable.match(c)) != bool(unicode_ignorable.match(c))] == []
    assert [c for c in characters if bool(invisible.match(c)) != bool(unicode_invisible.match(c))] == []
