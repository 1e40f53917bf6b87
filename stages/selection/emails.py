"""E-mail addresses in a text, also those that are written with other characters than they have.

An address is a name, `@`, and a domain whose last label is a top-level domain: one of the Public Suffix List, or one
that is reserved for private networks and documentation. That tells `ann@example.org` from `x@y.shape`. Code that still
looks like an address is told by what stands around it; docs/datasets.md has a table. Everything looked at has an upper
length, so that the time is linear in the text.
"""

from __future__ import annotations

from functools import lru_cache

import regex
from publicsuffixlist import PublicSuffixList

# RFC 2606, 6761, 6762, 7686, ICANN's .internal, and what companies call their own networks.
_PRIVATE = frozenset(["example", "invalid", "test", "local", "internal", "onion", "corp", "lan", "intranet"])

# Other spellings of both signs: in URLs, in strings of programs, in HTML that is escaped twice, against harvesters.
_AT = regex.compile(r"(?i)%(?:25)*40|\\(?:u0040|x40|@)|&(?:\#0*64|\#x0*40|commat);| ?[\[({<] ?(?:@|at) ?[\])}>] ?")
_DOT = regex.compile(r"(?i)%(?:25)*2e|\\(?:u002e|x2e|\.)|&(?:\#0*46|\#x0*2e|period);| ?[\[({<] ?(?:\.|dot) ?[\])}>] ?")
# A text with another spelling of `@` has one of these characters, and in small letters one of the strings after it. To
# look for them takes less than a tenth of the time of `_AT`.
_HINTS = [
    ("%", ["%40", "2540"]),
    ("\\", ["u0040", "x40"]),
    ("&", ["64;", "x40;", "commat;"]),
    *((opening, [f"at{closing}", f"at {closing}"]) for opening, closing in ("[]", "()", "{}", "<>")),
]
_ESCAPE = regex.compile(r"\\[nrtwsdbWSDB]")  # a line end or a class of a regular expression, and no part of a name
_ADDRESS = regex.compile(
    r"""(?x) @ (?:
        (?P<domain> [\w-]{1,63}+ (?: [.\u3002] [\w-]{1,63}+ ){1,126}+ )
        | \[ (?: \d{1,3} (?: \. \d{1,3} ){3} | IPv6: [0-9A-Fa-f:.]{2,45} ) \]
    )"""
)
# These look back from a place.
_NAME = regex.compile(r"(?r)[\w.%+'\u2019-]{1,64}")
_QUOTED = regex.compile(r'(?r)"[^"\n]{1,64}"')
# The characters of a user's name and password in a URL. Any other one, such as `。` or `|`, ends the URL before it.
_URL_USER = regex.compile(r"(?r)(?<!mailto)://[\w.~%!$&*+=:-]{0,256}")
_URL_HOST = regex.compile(r"[^\s/@]{0,256}@")  # so what stands before is the user's name, and an address

# Keywords of Kotlin, which may have a label, and a format of printf.
_NO_NAMES = frozenset(["this", "super", "return", "break", "continue", "%s", "%d"])
# Methods and attributes of Python's, NumPy's, pandas' and PyTorch's objects that are also top-level domains.
_CALLED = regex.compile(
    r"(?:at|call|cat|compare|data|dot|ge|group|gt|id|im|info|int|io|lt|map|mm|mv|name|ne|one|open|post|prod|property|re"
    r"|save|select|style|to|zero)[(\[]"
)
_ATTRIBUTES = frozenset(["T", "H", "mT", "mH", "data"])
_VERSION = regex.compile(r"v?\d+(?:\.\d+)+")
_SCALE = regex.compile(r"[1-9]x")  # `logo@2x.ai`: twice as many pixels
_PATH = regex.compile(r":(?:[:/~]|[\w.-]{1,255}+(?:/|(?<=\.git)(?!\w)))")
_LEADING_ASCII = regex.compile(r"[A-Za-z]{2,63}(?=[^\x00-\x7f])")


def holds_email(text: str) -> bool:
    """Whether there is an e-mail address in the text."""
    if "@" not in text and not _has_hint(text):
        return False
    text = _ESCAPE.sub(" ", _DOT.sub(".", _AT.sub("@", text)))
    return any(_is_email(text, match) for match in _ADDRESS.finditer(text))


def _has_hint(text: str) -> bool:
    return any(sign in text and any(hint in text.lower() for hint in hints) for sign, hints in _HINTS)


def _is_email(text: str, match: regex.Match[str]) -> bool:
    start, end = match.span()
    name = _NAME.match(text, 0, start) or _QUOTED.match(text, 0, start)
    if name is None or name[0] in _NO_NAMES or not any(map(str.isalnum, name[0])):
        return False
    first = name.start()
    if text[first - 1 : first] in ("@", "$"):  # a handle or a variable; at the text's beginning this is empty
        return False
    if _URL_USER.match(text, 0, first) and not _URL_HOST.match(text, end):
        return False
    return match["domain"] is None or _has_domain(text, end, match["domain"])


def _has_domain(text: str, end: int, domain: str) -> bool:
    labels = regex.split(r"[.\u3002]", domain.rstrip("_-"))
    while len(labels) > 1:
        last = labels[-1]
        if _ends_in_top_level(labels):
            return not _is_code(labels, text[end : end + 300])
        if (start := _LEADING_ASCII.match(last)) and _ends_in_top_level([*labels[:-1], start[0]]):
            return True  # the next word follows without a space, as in Chinese
        if last in _ATTRIBUTES or "a" <= last[:1] <= "z" or last[:1].isdigit():
            return False
        labels.pop()  # perhaps the next sentence follows without a space
    return False


def _is_code(labels: list[str], rest: str) -> bool:
    last = labels[-1]
    return bool(
        last in _ATTRIBUTES
        or _CALLED.fullmatch(last + rest[:1])
        or _VERSION.fullmatch(".".join(labels[:-1]))
        or (len(labels) == 2 and _SCALE.fullmatch(labels[0]))
        or _PATH.match(rest)
    )


def _ends_in_top_level(labels: list[str]) -> bool:
    domain = ".".join(labels).lower()
    return domain.rpartition(".")[2] in _PRIVATE or _suffixes().publicsuffix(domain) is not None


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)  # takes a tenth of a second, and most texts have no candidate
