"""Hostile payloads, and what must become of each by the standard library's parser, never by the code under test."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.support.samples import payload
from tests.support.shell import ROOT

TEMPLATES: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "training/templates").glob("*.json"))
}
_PATTERNS = [token for template in TEMPLATES.values() for token in template["control_tokens"]]
TOKENS = [token.replace("{n}", number) for token in _PATTERNS for number in (("0", "99") if "{n}" in token else ("",))]
TOKEN = re.compile("|".join(re.escape(token).replace(r"\{n\}", "[0-9]+") for token in _PATTERNS))

# Characters that reorder, hide, join or end what stands around them, and text that other programs take for theirs.
_ODD = [
    *"\u202e\u2066\u2069\u200b\u200d\ufeff\u00ad\u0301\u2028\u2029\x85\r\n\t\x1b\x7f\x01",
    *("\ufffe", "\U0010ffff", "😀", "İ", "\n\n", "\r\n", " ", "Answer: ", "Reasoning:\n", "\n1. ", "user\n", "model\n"),
    *("\\u0000", '\\"', "{0}", "%s", "%%", "${oc.env:HOME}", "$(id)", "'; DROP TABLE traces; --", "../../etc/passwd"),
    *("!!python/object:os.system", "<b>", "[red]", "< end_of_turn>", "<unused>", "null", "NaN", "<", "[", "<|"),
]
_OURS = ("created_at", "trace_version", "format", "id", "split", "meta.created_at", "meta.meta.created_at", "meta", "i")
_NUMBERS = (
    *("9007199254740993", "18446744073709551617", "-0", "-0.0", "1.50", "1e3", "1E-7", "0.1000000000000000055"),
    *("1e400", "1e-400", "-1e4299", "1" + "0" * 400, "1e4300", "1e99999", "9" * 4301, "NaN", "Infinity", "-Infinity"),
)  # fmt: skip
_DEPTHS = (1, 98, 99, 100, 101, 900, 10_000)


def _seldom(draw: st.DrawFn, one_in: int) -> bool:
    # Not 0, which is drawn far more often than its turn.
    return draw(st.integers(0, one_in - 1)) == one_in // 2


def _halves(token: str, at: int) -> tuple[str, str]:
    at = 1 + at % (len(token) - 1)
    return token[:at], token[at:]


_CUT = st.builds(_halves, st.sampled_from(TOKENS), st.integers(0, 30))
# One token inside another: where the inner one were taken out, the outer one would be whole.
_NESTED = st.builds(lambda cut, inner: cut[0] + inner + cut[1], _CUT, st.sampled_from(TOKENS))
_PIECE = st.one_of(
    st.sampled_from(TOKENS),
    _NESTED,
    st.builds(lambda cut, inner: cut[0] + inner + cut[1], _CUT, _NESTED),
    _CUT.map(lambda cut: cut[0]),
    _CUT.map(lambda cut: cut[1]),
    st.sampled_from(_ODD),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=6),
)
# What no store but some can hold: one payload in a few has one.
_POISONS = ("\0", "\ud800", "\udfff", "\udc00\ud800", "a\ud83d")
_POISON = st.sampled_from(_POISONS)
_PIECES = st.lists(_PIECE, min_size=1, max_size=5).map("".join)
_TEXT = _PIECES | _PIECES | _PIECES | st.sampled_from(["x" * 20_000, "😀" * 20_000, "<pad>" * 4000, "x" * 20_001, ""])
_LONG = _TEXT | st.sampled_from(["\u202e" * 50_000, "<eos>" * 10_000, "x" * 50_001])


@st.composite
def _texts(draw: st.DrawFn) -> dict[str, Any]:
    """Prompt, steps and answer; in half of them one token is split between two neighbours of the rendered text."""
    count = draw(st.sampled_from([1, 1, 2, 3, 5]))
    steps, prompt, answer = [draw(_PIECES) for _ in range(count)], draw(_PIECES), draw(_PIECES)
    if _seldom(draw, 10):
        prompt, answer, steps[0] = draw(_LONG), draw(_LONG), draw(_TEXT)
    if draw(st.booleans()):
        (first, second), place = draw(_CUT), draw(st.integers(0, count + 1))
        parts = [prompt, *steps, answer]
        parts[place] += first
        following = (place + 1) % len(parts)
        parts[following] = second + parts[following]
        prompt, *steps, answer = parts
    if _seldom(draw, 20):
        prompt += draw(_POISON)
    kinds = st.sampled_from(["think", "<eos>", "\u202e", "x" * 64, "x" * 65])
    held = [
        {"i": number, "type": draw(kinds) if _seldom(draw, 10) else "think", "content": content}
        for number, content in enumerate(steps)
    ]
    if _seldom(draw, 30):
        held = [{"i": number, "type": "t", "content": "<eos>"} for number in range(draw(st.sampled_from([1000, 1001])))]
    if _seldom(draw, 30):
        held[-1]["i"] = draw(st.sampled_from([0, 2**53 - 1, 2**53, -1, 1.0, 1.5, "1", None, True]))
    return {"prompt": prompt, "final_answer": answer, "steps": held}


_SCALAR = _PIECES | st.booleans() | st.none() | st.integers() | st.sampled_from(["__number__", "__deep__"])
_KEY = _PIECES | st.sampled_from([*_OURS, "source", "game", "seed", "seat", "episode_index", "legal_actions"])
_META = st.dictionaries(_KEY, _SCALAR | st.lists(_SCALAR, max_size=3) | st.dictionaries(_KEY, _SCALAR), max_size=5)


def _repeat_key(text: str) -> str:
    return '{"prompt": "first", "final_answer": "<eos>",' + text[1:]


# What is done to the text of a payload: in most cases nothing.
_MISHAPS: list[Callable[[str], str | bytes]] = [
    _repeat_key,
    lambda text: _repeat_key(text)[:-1] + ', "final_answer": "last<end_of_turn>"}',
    lambda text: text[:-1],
    lambda text: text + "{}",
    lambda text: text[:-1] + ', "more": 1}',
    lambda text: text[:-1] + ', "split\\n\\u202e": 1}',
    lambda text: json.dumps(text),  # a JSON string of JSON
    lambda text: f" \t\r\n{text}\n",
    lambda text: "\ufeff" + text,
    lambda text: text.encode("utf-16", "surrogatepass"),
    lambda text: text.encode(errors="surrogatepass").replace(b'"prompt"', b'"\xff"'),
    lambda _: "[" * 10_000 + "]" * 10_000,
    lambda text: text.replace('"prompt"', '"prompt\\u0000"'),
    lambda _: "",
]


@st.composite
def _payload(draw: st.DrawFn) -> bytes:
    held = payload() | draw(_texts()) | {"meta": draw(_META | _META | st.none())}
    text = json.dumps(held, ensure_ascii=draw(st.booleans()))
    number, depth = draw(st.sampled_from(_NUMBERS)), draw(st.sampled_from(_DEPTHS))
    text = text.replace('"__number__"', number).replace('"__deep__"', "[" * depth + "]" * depth)
    mishap = draw(st.sampled_from(_MISHAPS)) if _seldom(draw, 10) else None
    found = mishap(text) if mishap else text
    return found if isinstance(found, bytes) else found.encode(errors="surrogatepass")


def hostile_payloads(count: int, seed: int) -> list[bytes]:
    """So many payloads as a store may hold them: the same for the same seed."""
    found: list[bytes] = []

    @seeded(seed)
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(_payload())
    def collect(text: bytes) -> None:
        found.append(text)

    collect()
    return found


def token_payloads() -> Iterator[bytes]:
    """Each control token whole in every field, split between each two fields, and inside each token of its kind."""
    for token in TOKENS:
        first, second = _halves(token, len(token) // 2)
        whole = {"i": 0, "type": "t", "content": f"a{token}b"}
        for prompt, content, answer in (
            (token, f"a{token}b", token * 2),
            (f"x{first}", f"{second}{first}", f"{second}x"),
            (first + token + second, first + first + token + second + second, f"<{token}>"),
        ):
            meta = {"game": token, "legal_actions": [token, first, second], token: token}
            held = payload(prompt=prompt, steps=[whole | {"content": content}], final_answer=answer, meta=meta)
            yield json.dumps(held).encode()


def known_payloads() -> Iterator[bytes]:
    """One of each kind that is known: characters, mishaps, numbers, depths, sizes, keys that are ours."""
    for odd in (*_ODD, *_POISONS):
        steps = [{"i": 0, "type": "t", "content": odd}]
        yield json.dumps(payload(-1, prompt=odd, steps=steps, final_answer=odd, meta={odd: odd, "game": odd})).encode()
    for mishap in _MISHAPS:
        found = mishap(json.dumps(payload(-1)))
        yield found if isinstance(found, bytes) else found.encode()
    for value in (*_NUMBERS, *("[" * depth + "]" * depth for depth in _DEPTHS)):
        yield json.dumps(payload(-1, meta={"seed": "@", "seat": ["@", "@"]})).replace('"@"', value).encode()
    for count, size in ((1000, 1), (1001, 1), (3, 20_000), (3, 20_001)):
        steps = [{"i": number, "type": "t", "content": "é" * size} for number in range(count)]
        yield json.dumps(payload(-1, steps=steps)).encode()
    for keys in (_OURS, _OURS[:1], _OURS[:3], (*_OURS[:3], *(f"meta.{key}" for key in _OURS[:3]))):
        yield json.dumps(payload(-1, meta={key: {key: [key]} for key in keys})).encode()


class Expected:
    """What an export must hold of a payload that is a trace. Numbers are `Decimal`, true to the last digit."""

    def __init__(self, value: dict[str, Any]) -> None:
        self.prompt: str = value["prompt"]
        self.steps: list[str] = [step["content"] for step in value["steps"]]
        self.answer: str = value["final_answer"]
        self.version: str = value["trace_version"]
        self.meta: dict[str, Any] = value.get("meta") or {}

    def metadata(self, **ours: str) -> dict[str, Any]:
        """The record's metadata: ours, and the payload's, each key of which that is ours with `meta.` before it."""
        found = dict(self.meta)
        for key in ours:
            if key in self.meta:
                name = f"meta.{key}"
                while name in found:
                    name = f"meta.{name}"
                found[name] = found.pop(key)
        return found | ours

    @property
    def turns(self) -> tuple[str, str]:
        """What user and model say, each control token with a space after its first character."""
        steps = "".join(f"{number}. {content}\n" for number, content in enumerate(self.steps, 1))
        return spaced(self.prompt), spaced(f"Reasoning:\n{steps}Answer: {self.answer}")


def spaced(text: str) -> str:
    """The text by the documented policy."""
    return TOKEN.sub(lambda token: f"{token[0][0]} {token[0][1:]}", text)


class NoTraceError(Exception):
    """What the payload is instead of a trace."""


def expected(text: bytes, schema: dict[str, Any]) -> Expected:
    """What must come through of a payload.

    Raises:
        NoTraceError: nothing, it must be set aside.
    """
    try:
        decoded = text.decode()
        # Twice: by values for the schema, by digits for the comparison.
        by_value, by_digits = (
            json.loads(decoded, parse_constant=_refuse, object_pairs_hook=_object, **numbers)
            for numbers in ({"parse_float": _bounded}, {"parse_float": _digits, "parse_int": _digits})
        )
    except (ValueError, RecursionError) as error:
        raise NoTraceError(str(error)) from None
    faults = [fault.message for fault in Draft202012Validator(schema).iter_errors(by_value)]
    if faults or len({step["i"] for step in by_value["steps"]}) < len(by_value["steps"]):
        raise NoTraceError("; ".join(faults)[:300] or "two steps have the same i")
    if any("\0" in text for text in _strings(by_value)):
        raise NoTraceError("NUL")
    if _depth(by_value.get("meta")) > 100:
        raise NoTraceError("deep")
    return Expected(by_digits)


def _refuse(name: str) -> None:
    raise NoTraceError(f"{name} is no JSON number")


def _digits(text: str) -> Decimal:
    """The number, exactly; more than 4,300 digits written out are too many, a whole number's sign counted."""
    number = Decimal(text)
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    plain = "" if abs(exponent) > 10**5 else f"{number:f}"
    if not plain or sum(map(str.isdigit, plain)) + ("." not in plain and number < 0) > 4300:
        raise NoTraceError("a number of too many digits")
    return number


def _bounded(text: str) -> float:
    return max(-1e300, min(float(text), 1e300))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if any("\ud800" <= char <= "\udfff" for text in _strings(pairs) for char in text):
        raise NoTraceError("a lone surrogate")
    return dict(pairs)


def _strings(value: Any) -> Iterator[str]:
    """The texts in a value, keys too."""
    for item in _walk(value):
        if isinstance(item, str):
            yield item


def _walk(value: Any) -> Iterator[Any]:
    todo = [value]
    while todo:
        yield (item := todo.pop())
        todo += [*item, *item.values()] if isinstance(item, dict) else item if isinstance(item, list | tuple) else ()


def _depth(value: Any) -> int:
    """How many arrays and objects lie in each other."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return depth
