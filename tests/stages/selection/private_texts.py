"""What the privacy screen finds, with a near miss for each. docs/datasets.md shows these tables."""

from __future__ import annotations

from typing import NamedTuple

AWS = "AKIA" + "J7QX" * 4  # made up, and put together here, so that this file holds no key
GITHUB = "ghp_" + "a1B2" * 9
PASSWORD_URL = "postgresql://reader:" + "pa55word@db.example/traces"


class Row(NamedTuple):
    """A text that is found, and one that is not. `names` describe both where the texts cannot be shown."""

    form: str
    found: str
    near_miss: str
    names: tuple[str, str] | None = None


EMAILS = [
    Row("plain", "ann.lee@mail.example.org", "ann.lee@mail"),
    Row("tags, subdomains", "ann+games@a.b.example.co.uk", "@scope/games@1.2.3"),
    Row("apostrophe", "o'brien@example.ie", "'@example.ie'"),
    Row("quoted name", '"ann lee"@example.org', '"chat"@en.'),
    Row("IP address as domain", "ann@[192.0.2.1]", "a@[1.0, 2.0]"),
    Row("upper case", "ANN@EXAMPLE.ORG", "Q@K.T"),
    Row("capitals in a domain", "ann@Example.Org", "q@k.mT"),
    Row("other scripts", "анна@пример.рф", "анна@пример.текст"),
    Row("punycode", "ann@xn--r8jz45g.jp", "ann@xn--r8jz45g"),
    Row("domain of digits", "ann@163.com", "games@1.0.dev"),
    Row("private network", "ann@mail.corp", "getty@tty1.service"),
    Row("no space after it", "请联系ann@example.org谢谢", "请联系ann@example谢谢"),
    Row("next sentence without a space", "ann@example.org.Then", "x@y.shape.Then"),
    Row("in emphasis", "_ann@example.org_", "x@y.is_cuda"),
    Row("in a link", "mailto:ann@example.org", "git@example.org:ann/games.git"),
    Row("in a query", "https://example.org/?to=ann@example.org", "https://example.org/@ann/post.html"),
    Row("as a URL's user", "ftp://ann%40example.org:x@files.example", "ssh://git@example.org/games"),
    Row("after a URL's end", "https://example.org。ann@example.org|", "https://ann.lee:~!$&*+=@example.org"),
    Row("after a URL in brackets", "[a](https://example.org)ann@example.org", "https://ann%2Elee@example.org"),
    Row("colon after it", "ann@example.org: hello", "root@web.example.org:~#"),
    Row("bracket after it", "ann@example.org(home)", "A@B.to(device)"),
    Row("after a line end in a string", r"\nann@example.org", r"\n@app.post"),
    Row("after a Windows domain", r"CORP\bob@example.org", r"\w+@example\.org"),
    Row("after a sign", "=ann@example.org", "$USER@example.org"),
    Row("after punctuation", "." * 300 + "ann@example.org", "." * 300 + "@example.org",
        ("300 dots, then `ann@example.org`", "300 dots, then `@example.org`")),
    Row("after a line of underscores", "_" * 300 + "ann@example.org", "_" * 300 + "@example.org",
        ("300 underscores, then `ann@example.org`", "300 underscores, then `@example.org`")),
    Row("full-width sign", "ann＠example.org", "ann＠example"),
    Row("full-width letters", "ａｎｎ＠ｅｘａｍｐｌｅ．ｏｒｇ", "ａ＠ｂ．Ｔ"),
    Row("ideographic full stop", "ann@example。org", "ann@example。"),
    Row("percent form", "ann%40example.org", "50%40"),
    Row("percent form, twice", "ann%2540example%2Eorg", "%40app.route"),
    Row("HTML reference by number", "ann&#64;example&#46;org", "&#64;media.css"),
    Row("HTML reference in hexadecimal", "ann&#x40;example.org", "&#x40;ann"),
    Row("HTML reference by name", "ann&commat;example&period;org", "&commat;property"),
    Row("HTML that is escaped twice", "ann&amp;#64;example.org", "ann&amp;#65;example.org"),
    Row("escape of a string", r"ann\u0040example.org", r"\u0040app.route"),
    Row("escaped signs", r"ann\@example\.org", r"\@startsection"),
    Row("words in brackets", "ann [at] example [dot] org", "list.get(at).name"),
    Row("signs in brackets", "ann[@]example[.]org", "${names[@]}.org"),
    Row("zero-width space", "a\u200bnn@exam\u200bple.org", "a\u200bnn@example"),
    Row("soft hyphen, word joiner", "ann\u2060@exam\u00adple.org", "icon\u2060@2x.ai"),
    Row("zero-width space after it", "ann@example.org\u200bNext", "ann@example\u200bNext"),
    Row("mathematical letters", "𝐚𝐧𝐧@𝐞𝐱𝐚𝐦𝐩𝐥𝐞.𝐨𝐫𝐠", "𝐚@𝐛.𝐓"),
    Row("non-breaking hyphen", "ann@sub\u2011domain.example.org", "ann@sub\u2011domain"),
    Row("handle", "ann@social.example", "@ann@social.example"),
    Row("label", "ann@outer.name", "this@Outer.name"),
    Row("format", "%ann@example.org", "%s@example.org"),
    Row("file name", "ann@2x.example.org", "sprite@2x.png"),
    Row("reference of Git", "ann@head.example", "HEAD@{1}"),
    Row("decorator", "# ann@example.org", "@app.route('/')"),
]  # fmt: skip

SECRETS = [
    Row("full-width letters", "".join(chr(ord(c) + 0xFEE0) for c in AWS), "ＡＫＩＡ７",
        ("a key of AWS in full-width letters", "`ＡＫＩＡ７`, too short for one")),
    Row("zero-width space", f"{GITHUB[:9]}\u200b{GITHUB[9:]}", f"{GITHUB[:9]} {GITHUB[9:]}",
        ("a token of GitHub with U+200B in it", "with a space in it")),
    Row("soft hyphen", f"{AWS[:9]}\u00ad{AWS[9:]}", f"{AWS[:9]}-{AWS[9:]}",
        ("a key of AWS with U+00AD in it", "with a hyphen in it")),
    Row("variation selector, tag", f"{AWS[:6]}\ufe0f{AWS[6:9]}\U000e0041{AWS[9:]}", f"{AWS[:9]}\u0301{AWS[9:]}",
        ("a key of AWS with U+FE0F and U+E0041 in it", "with an accent in it")),
    Row("mathematical letters", "".join(chr(ord(c) - 65 + 0x1D670) if c.isalpha() else c for c in AWS), "𝙰𝙺𝙸𝙰",
        ("a key of AWS in U+1D670 to U+1D689", "its first four letters")),
    Row("HTML reference", PASSWORD_URL.replace("@", "&#64;"), "http://db.example&#58;8080/a&#64;b",
        ("the `@` of a URL with a password as `&#64;`", "`http://db.example&#58;8080/a&#64;b`")),
    Row("full-width signs", PASSWORD_URL.replace(":", "：").replace("@", "＠"), "见：//db.example：8080/a＠b",
        ("the signs of a URL with a password as `：`, `＠`", "`见：//db.example：8080/a＠b`")),
    Row("dashes", "-----BEGIN RSA " + "PRIVATE KEY-----".replace("-", "\u2011"), "—— BEGIN PRIVATE ——",
        ("the head of a private key with U+2011", "`—— BEGIN PRIVATE ——`")),
    Row("line break", f"\n{AWS}\n", f"{AWS[:9]}\n{AWS[9:]}",
        ("a key of AWS on a line of its own", "one that goes on in the next line")),
]  # fmt: skip


def markdown(rows: list[Row]) -> str:
    """The table as docs/datasets.md has it."""
    lines = ["| form | found | not found |", "|---|---|---|"]
    for row in rows:
        found, near_miss = row.names or (f"`{_shown(row.found)}`", f"`{_shown(row.near_miss)}`")
        lines.append(f"| {row.form} | {found} | {near_miss} |")
    return "\n".join(lines) + "\n"


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() and c != "\u2011" else f"U+{ord(c):04X}" for c in text).replace("|", r"\|")
