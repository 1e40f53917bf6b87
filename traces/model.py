"""The trace: a prompt, numbered steps, a final answer and free-form metadata.

`Trace` is the one definition; schemas/trace.schema.json says the same in JSON Schema, and a test holds
the two together. Limits are those of the stores that users have.
"""

from __future__ import annotations

import hashlib
import re
from operator import attrgetter
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from traces.canonical import MAX_DIGITS, encode_canonical, plain_number
from traces.errors import one_line
from traces.texts import is_blank

MAX_DEPTH = 100  # of nesting in metadata: far above real traces, far below any parser's stack
MAX_REASON = 120  # characters of a reason that quotes the payload
MAX_INDEX = 2**53 - 1  # the largest integer that every JSON reader holds exactly (RFC 7493)

BLANK = "shows nothing: it holds only blanks or invisible characters"

Text = Annotated[str, Meta(min_length=1, max_length=50_000)]
Tag = Annotated[str, Meta(min_length=1, max_length=64)]
Index = Annotated[int, Meta(ge=0, le=MAX_INDEX)]


class InvalidTrace(Exception):
    """A payload that is not a trace. `str(error)` is the reason, the same from every store."""


# `gc=False`: they can be in no cycle, and a million of them are much for the collector to walk.
class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One numbered step of reasoning."""

    i: Index
    type: Tag
    content: Annotated[str, Meta(min_length=1, max_length=20_000)]


class Trace(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A payload as stored. Numbers in `meta` with a fraction or an exponent are raw canonical JSON."""

    trace_version: Tag
    prompt: Text
    final_answer: Text
    steps: Annotated[tuple[Step, ...], Meta(min_length=1, max_length=1000)]
    meta: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if len({step.i for step in self.steps}) != len(self.steps):
            raise ValueError("two steps have the same i")

    def blank_field(self) -> str | None:
        """Which field shows nothing, as a reason; None if each shows something.

        A store may hold such a trace, a dataset may not.
        """
        # The bounds are those of `is_blank`, whose calls would take most of the time.
        for text in (self.trace_version, self.prompt, self.final_answer):
            if not "!" <= text < "\x7f" and is_blank(text):
                return f"{_named(self, text)} {BLANK}"
        for step in self.steps:
            if "!" <= step.content < "\x7f" and "!" <= step.type < "\x7f":
                continue
            if is_blank(step.content) or is_blank(step.type):
                name = "content" if is_blank(step.content) else "type"
                return f"the {name} of step {step.i} {BLANK}"
        return None

    def in_order(self) -> Trace:
        """The trace with its steps in the order of `i`; itself if they lie so."""
        previous = self.steps[0].i
        for step in self.steps:
            if step.i < previous:
                return msgspec.structs.replace(self, steps=tuple(sorted(self.steps, key=_index)))
            previous = step.i
        return self


def _named(value: Trace, text: str) -> str:
    """The field that holds a text."""
    return next(name for name in value.__struct_fields__ if getattr(value, name) is text)


_index = attrgetter("i")
_decoder = msgspec.json.Decoder(Trace, float_hook=plain_number)
_any_decoder = msgspec.json.Decoder(float_hook=plain_number)
_TOO_DEEP = f"$: nested deeper than {MAX_DEPTH}"
_BRACKET_OR_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?|[][{}]', re.DOTALL)
_LONE_SURROGATE = re.compile(
    r"(?i)(?<!\\)(?:\\\\)*(?:\\ud[89ab][0-9a-f]{2}(?!\\ud[c-f][0-9a-f]{2})|"
    r"(?<!\\ud[89ab][0-9a-f]{2})\\ud[c-f][0-9a-f]{2})"
)


def decode_trace(payload: bytes | str, max_bytes: int | None = None) -> Trace:
    r"""The trace in a payload's JSON text.

    Raises:
        InvalidTrace: it is not JSON, not a trace, or holds what not every store can hold (`\\u0000`, lone
            surrogates, numbers of more than `MAX_DIGITS` digits), is nested too deeply, or has more than `max_bytes`.
    """
    text = payload.encode(errors="surrogatepass") if isinstance(payload, str) else payload
    try:
        if max_bytes is not None and len(text) > max_bytes:
            _require_size(text, max_bytes)
        trace = _decode(text)
        # Both checks are rare: a quick look decides whether to walk the value.
        if b"\\u0000" in text and _holds_nul(msgspec.to_builtins(trace, builtin_types=(msgspec.Raw,))):
            raise InvalidTrace("the payload holds \\u0000, which jsonb cannot store")
        if _may_be_deep(trace.meta) and _depth(trace.meta) > MAX_DEPTH:
            raise InvalidTrace(_TOO_DEEP)
    except (RecursionError, msgspec.DecodeError, ValueError) as error:
        raise InvalidTrace(_refusal(text, error)) from None
    return trace


def too_large(max_bytes: int) -> InvalidTrace:
    """The verdict on a payload whose canonical JSON has more than `max_bytes`.

    It does not say how many: that would take decoding what is too large to be decoded.
    """
    return InvalidTrace(f"the payload has more than the {max_bytes} bytes that extract.max_payload_bytes allows")


def _require_size(text: bytes, max_bytes: int) -> None:
    """Refuse JSON that is too large when it is canonical, trace or not: spaces and escapes are the store's own.

    What is far too large is not decoded: a list in a list takes 20 times its text. Only where most of it were keys that
    stand twice could that refuse what is not.
    """
    spaces = sum(map(text.count, (b" ", b"\n", b"\r", b"\t")))
    least = len(text) - spaces - 5 * text.count(b"\\")  # an escape has 6 bytes, and stands for at least one
    if least > 2 * max_bytes or len(encode_canonical(_any_decoder.decode(text))) > max_bytes:
        raise too_large(max_bytes)


def _may_be_deep(meta: dict[str, Any] | None) -> bool:
    """Whether metadata nests at all, beyond a list or an object of plain values: most does not."""
    for value in (meta or {}).values():
        items = value.values() if type(value) is dict else value if type(value) is list else ()
        for item in items:
            if type(item) is dict or type(item) is list:
                return True
    return False


def _decode(text: bytes) -> Trace:
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError:
        # It looks at every one of duplicate keys, of which only the last counts, and names the first fault that it
        # meets. The canonical text has each key once and in one order: the same verdict from every store.
        value = _any_decoder.decode(text)
        _make_indices_whole(value)
        return _decoder.decode(encode_canonical(value))


def _make_indices_whole(value: Any) -> None:
    """JSON Schema counts 1.0 as an integer, so a step's `i` may be written as one."""
    steps = value.get("steps") if isinstance(value, dict) else None
    for step in steps if isinstance(steps, list) else ():
        index = step.get("i") if isinstance(step, dict) else None
        if isinstance(index, msgspec.Raw):
            whole, _, fraction = bytes(index).partition(b".")
            if not fraction.strip(b"0"):
                step["i"] = msgspec.Raw(whole)


def encode_payload(trace: Trace) -> bytes:
    """The payload's canonical JSON text."""
    return encode_canonical(trace)


def content_hash(prompt: str, contents: list[str], answer: str) -> str:
    """What two traces share that say the same: sha256 (hex) over prompt, steps' contents and answer."""
    return hashlib.sha256(encode_canonical([prompt, contents, answer])).hexdigest()


def _refusal(text: bytes, error: Exception) -> str:
    """Why a text is refused. How deep a decoder gets depends on Python and on who called it; what is said does not."""
    if isinstance(error, RecursionError) or _is_deep(text):
        return _TOO_DEEP
    if isinstance(error, UnicodeError):
        return "the payload is not UTF-8 text"
    if isinstance(error, msgspec.ValidationError):
        return _reason(str(error))
    return _no_json(text, error) if isinstance(error, msgspec.DecodeError) else str(error)


def _is_deep(text: bytes) -> bool:
    """Whether brackets outside of strings open deeper than metadata may nest in a payload, sound or not."""
    depth = 0
    for found in _BRACKET_OR_STRING.finditer(text):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(found[0], 0)
        if depth > MAX_DEPTH + 1:
            return True
    return False


def _no_json(text: bytes, error: msgspec.DecodeError) -> str:
    try:
        said = text.decode()
    except UnicodeError:
        return "the payload is not UTF-8 text"
    if _LONE_SURROGATE.search(said):
        return "the payload holds a lone surrogate, which is no Unicode text"
    return f"the payload is not JSON: {error}"


def _reason(message: str) -> str:
    """Msgspec's message with the place first: `$.prompt: expected str of length >= 1`."""
    if "out of range" in message:
        message = message.replace("Integer value out of range", f"a number has more than {MAX_DIGITS} digits")
    what, _, where = message.partition(" - at `")
    what = what.replace("`", "")
    # The name of an unknown field is the payload's own text: bounded, and no line of its own.
    return one_line(f"{where.rstrip('`') or '$'}: {what[:1].lower()}{what[1:]}", MAX_REASON)


def _depth(value: Any) -> int:
    deepest, todo = 0, [(value, 1)]
    while todo:
        item, depth = todo.pop()
        children = item.values() if isinstance(item, dict) else item if isinstance(item, list) else None
        if children is not None:
            deepest = max(deepest, depth)
            todo.extend((child, depth + 1) for child in children)
    return deepest


def _holds_nul(value: Any) -> bool:
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            if "\0" in item:
                return True
        elif isinstance(item, dict):
            todo.extend(item)
            todo.extend(item.values())
        elif isinstance(item, list | tuple):
            todo.extend(item)
    return False
