"""How texts are compared: what each level takes for equal, and a near miss for each."""

from __future__ import annotations

import sys
import time
import unicodedata
from collections.abc import Callable

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from traces.texts import IGNORABLE, INVISIBLE, canonical, facts, is_blank, loose_words, plain

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
def test_one_text_in_two_forms_is_one_and_another_mark_is_another(level: Callable[[str], object], script: str) -> None:
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


@pytest.mark.parametrize(
    ("text", "other"),
    [
        # arithmetic
        ("2³", "23"),
        ("x²", "x2"),
        ("x²", "x₂"),
        ("101₂", "1012"),
        ("10⁻³", "10³"),
        ("1½", "11/2"),
        ("①②", "12"),
        ("2**3", "2 3"),
        ("2**3", "2*3"),
        ("(1 + 2) * 3", "1 + 2 * 3"),
        ("(a + b) * c", "a + (b * c)"),
        ("2(3 + 4)", "2 3 + 4"),
        ("sin(x) + 1", "sin(x + 1)"),
        ("n! = 6", "n = 6"),
        ("x-y", "x y"),
        ("2·3", "2 3"),
        ("√2", "∛2"),
        ("3:1", "3 1"),
        ("[0, 1)", "[0, 1]"),
        ("(1, 2)", "[1, 2]"),
        ("⌊x⌋", "⌈x⌉"),
        ("‖x‖", "x"),
        ("f'(x)", "f(x)"),
        ("f′(x)", "f(x)"),
        ("f''(x)", "f(x)"),
        ("f''(x)", "f'(x)"),
        ("y'' + y = 0", "y' + y = 0"),
        ("y' = 2y", "y = 2y"),
        ("4 * .5", "4 * 5"),
        ("$.50", "$50"),
        ("(.5)", "(5)"),
        ("5‰", "5"),
        ("a ≤ b", "a ≥ b"),
        ("a \u2260 b", "a = b"),
        ("a =\u0338 b", "a = b"),
        # code
        ("if (!done)", "if (done)"),
        ("!!x", "!x"),
        ("a == b", "a != b"),
        ("x := 1", "x = 1"),
        ("a -> b", "a <- b"),
        ("a && b", "a || b"),
        ("a && b", "a & b"),
        ("~a", "a"),
        ("a[i]", "a(i)"),
        ("a[-1]", "a[1]"),
        ("i++", "i--"),
        # LaTeX and HTML
        (r"\frac{1}{2}", r"\frac{2}{1}"),
        (r"\frac{1}{23}", r"\frac{12}{3}"),
        (r"\frac{a}{b+c}", r"\frac{a}{b}+c"),
        (r"\sqrt{2+1}", r"\sqrt{2}+1"),
        ("x^{2+1}", "x^{2}+1"),
        ("2^{n-1}", "2^{n}-1"),
        (r"\neg p", "p"),
        ("x^{10}", "x_{10}"),
        ("2&sup3;", "23"),
        ("a&lt;b", "a&gt;b"),
        # flags, suits and marks
        ("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
         "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"),
        ("\U0001f1e9\U0001f1ea", "\U0001f1eb\U0001f1f7"),
        ("Q\u2660", "Q\u2661"),
        ("コーヒー", "コヒ"),
    ],
)  # fmt: skip
def test_texts_that_say_something_else_differ_at_both_levels(text: str, other: str) -> None:
    assert loose_words(text) != loose_words(other)
    assert canonical(text) != canonical(other)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("x²", "x^2"),
        ("x²", "x^{2}"),
        ("10⁻³", "10^{-3}"),
        ("½", "1/2"),
        ("1½", "1 1/2"),
        ("x₁", "x_1"),
        ("x-y", "x - y"),
        ("a – b", "a - b"),
        ("٣٤ + ३", "34 + 3"),
        ("f(x)", "f (x)"),
        ("(1+2)*3", "(1 + 2) * 3"),
        ("n!/k!", "n! / k!"),
        ("5.", "5"),
        ("No.5", "No. 5"),
        ("'a' or 'b'", '"a" or "b"'),
        ("&frac12;", "½"),
        ("&#0000000049;", "1"),
        ("a&nbsp;b&thinsp;c", "a b c"),
        ("a&zwj;b&shy;c", "abc"),
        ("&am\u00adp;", "&amp;"),
        ("don’t say “no”", 'don\'t say "no"'),
        ("¡Hola! ¿Sí?", "Hola. Sí."),
        ("他赢了！", "他赢了。"),
        ("ｶﾞﾀｶﾅ", "ガタカナ"),
        ("한국어", "\u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165"),
        ("\u2764\ufe0f", "\u2764"),
    ],
)
def test_texts_that_say_the_same_are_one_at_the_level_loose(text: str, other: str) -> None:
    assert text != other
    assert loose_words(text) == loose_words(other)


# Characters at which the levels do something, more often than they are met by chance.
ODD = "ae1 2&#;!*()[]-^/:='xｶﾞ\u0301\u0327\u0345\u0f73\u00ad\u200d²₂½①٣\u1112\u1161\u11a8\ufb2a\ufdfa"
TEXTS = st.text(st.one_of(st.sampled_from(ODD), st.characters(codec="utf-8")))
quickly = settings(max_examples=60, deadline=None, derandomize=True)


@quickly
@given(TEXTS)
def test_canonical_twice_is_canonical_once(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)


@quickly
@given(TEXTS)
def test_what_is_one_at_the_level_canonical_is_one_at_the_level_loose(text: str) -> None:
    assert loose_words(canonical(text)) == loose_words(text)
    assert loose_words(unicodedata.normalize("NFD", text)) == loose_words(text)
    assert loose_words(f"\u200b {text}\n") == loose_words(text)


@quickly
@given(st.text("ae\u0301\u0327\u0323\u0345\u05b0\uff9e\u0f73\u0344\u093e\ufb2aか", max_size=60), st.integers(0, 50))
def test_a_long_run_of_marks_is_normalised_as_unicode_says(text: str, count: int) -> None:
    text += "\u0301\u0327\uff9e" * count + text
    assert canonical(text) == unicodedata.normalize("NFC", regex.sub(f"[{IGNORABLE}]", "", text))
    assert plain(text) == unicodedata.normalize("NFKC", regex.sub(f"[{IGNORABLE}]", "", text))


@pytest.mark.parametrize(
    "piece",
    [
        *("\u0301\u0327", "\uff9e\u0301", "\u0f73\u0301", "&", "&#9", "9", "&#x", "(", "[1,", "1,"),
        *("'", "a'", "{a", "{a+", ".5", "a.5,", "!", "*", "²", "\u200d"),
    ],
)
@LEVELS
def test_no_text_makes_a_level_slow_or_fail(level: Callable[[str], object], piece: str) -> None:
    """A square of the length would take minutes; &#999... has more digits than Python reads."""
    text = "&#" + piece * (200_000 // len(piece))
    began = time.process_time()
    level(text)
    assert time.process_time() - began < 10


def test_facts_are_numbers_and_signs() -> None:
    assert facts(loose_words("Tom has 3.5 + 2 apples, 50% of 漢字")) == ["3.5", "+", "2", "50", "%"]
    assert facts(loose_words("他有三个苹果")) == ["三"]


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
