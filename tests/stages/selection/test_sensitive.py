"""Keys, tokens and e-mail addresses: which are found, in which field, and what is none."""

from __future__ import annotations

import json
import time

import pytest

from stages.selection.emails import holds_email
from stages.selection.sensitive import Detectors
from tests.stages.selection import private_texts
from tests.stages.selection.private_texts import Row
from tests.support.samples import EPISODES
from tests.support.shell import ROOT

# Made up, and put together here, so that this file holds none.
SECRETS = {
    "AWS Access Key": "AKIA" + "J7QX" * 4,
    "GitHub Token": "ghp_" + "a1B2" * 9,
    "Password in a URL": "postgresql://reader:" + "pa55word@db.example/traces",
    "Private Key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "Slack Token": "xoxb-" + "123456789012-abcdefABCDEF",
    "Stripe Access Key": "sk_live_" + "a1B2" * 6,
    "JSON Web Token": ".".join(
        ["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxIn0", "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"]
    ),
}
# The limits that docs/datasets.md names.
UNSEEN = ["ann at example dot org", "ann @ example.org", "ann@exam\nple.org", "ann<b>@</b>example.org", "ann@192.0.2.1"]
SEEN_THOUGH_NONE = ["ssh ann@host.example.org", "x@y.id", "Message-ID: <5f3a@mail.example>", "libfoo@plt.got"]
SENTENCES = ["{}", "Ask <{}>.", "Is {} one?", "first\n{}\nlast"]


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_is_found_in_any_field(kind: str) -> None:
    detectors = Detectors(["secrets"])
    text = f"Mine is\n{SECRETS[kind]}, I think."
    assert detectors.look(text, [], "", "null") == [("prompt", kind)]
    assert detectors.look("?", ["no", text, text], text, "null") == [
        ("steps.1", kind), ("steps.2", kind), ("final_answer", kind),
    ]  # fmt: skip
    for meta in ({"note": [1, {"x": text}]}, {text: True}):
        assert detectors.look("?", [], "", json.dumps(meta)) == [("meta", kind)]


@pytest.mark.parametrize("url", ["redis://:hunter2@h/0", "postgresql://bob:Pa$$w0rd!#@h/db", "https://u:p%40ss@h"])
def test_a_password_in_a_url_is_found_however_it_is_written(url: str) -> None:
    assert Detectors(["secrets"]).look(url, [], "", "null") == [("prompt", "Password in a URL")]


@pytest.mark.parametrize(
    "url", ["http://host:8080/a@b", "https://example.org/x:y@z", "a://b", "see https://t.co: @ann"]
)
def test_a_url_without_a_password_holds_none(url: str) -> None:
    assert Detectors(["secrets"]).look(url, [], "", "null") == []


def parameters(rows: list[Row]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", [pytest.param(row, id=row.form) for row in rows])


@parameters(private_texts.EMAILS)
def test_an_e_mail_address_is_found_and_a_near_miss_is_not(row: Row) -> None:
    detectors = Detectors(["emails"])
    for sentence in SENTENCES:
        assert detectors.look("?", [sentence.format(row.found)], "", "null") == [("steps.0", "E-mail Address")]
        assert detectors.look("?", [sentence.format(row.near_miss)], "", "null") == []


@parameters(private_texts.SECRETS)
def test_a_secret_is_found_as_a_reader_sees_it_and_a_near_miss_is_not(row: Row) -> None:
    detectors = Detectors(["secrets"])
    for sentence in SENTENCES:
        assert len(detectors.look("?", [sentence.format(row.found)], "", "null")) == 1
        assert detectors.look("?", [sentence.format(row.near_miss)], "", "null") == []


@pytest.mark.parametrize(
    ("mark", "rows"),
    [("e-mail addresses", private_texts.EMAILS), ("keys and tokens", private_texts.SECRETS)],
    ids=["emails", "secrets"],
)
def test_the_docs_show_these_tables(mark: str, rows: list[Row]) -> None:
    page = (ROOT / "docs/datasets.md").read_text()
    assert f"<!-- found: {mark} -->\n{private_texts.markdown(rows)}\n" in page


@pytest.mark.parametrize("text", UNSEEN)
def test_the_docs_name_addresses_that_are_not_found(text: str) -> None:
    assert not Detectors(["emails"]).tells(text)


@pytest.mark.parametrize("text", SEEN_THOUGH_NONE)
def test_the_docs_name_what_is_found_though_it_is_no_address(text: str) -> None:
    assert Detectors(["emails"]).tells(text)


@pytest.mark.parametrize("suffix", ["co.za", "ck", "com.np", "рф", "भारत", "xn--p1ai", "museum", "onion"])
def test_every_top_level_domain_counts_also_one_without_names_of_its_own(suffix: str) -> None:
    assert holds_email(f"ann@shop.{suffix}")
    assert not holds_email(f"ann@shop.{suffix}x")


def test_only_what_is_asked_for_is_looked_for() -> None:
    both = f"ann@example.org {SECRETS['AWS Access Key']}"
    assert Detectors(["emails"]).look(both, [], "", "null") == [("prompt", "E-mail Address")]
    assert Detectors(["secrets"]).look(both, [], "", "null") == [("prompt", "AWS Access Key")]
    assert len(Detectors(["secrets", "emails"]).look(both, [], "", "null")) == 2


def test_games_and_prose_hold_none() -> None:
    detectors = Detectors(["secrets", "emails"])
    texts = [
        "The password is a word that only you know.",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ]
    for text in [*texts, *(path.name for path in EPISODES.iterdir())]:
        assert detectors.look(text, [], "", json.dumps({"a": text})) == []


def test_a_secret_in_a_long_line_is_found_wherever_it_stands() -> None:
    for place in (0, 3000, 3071, 3072, 4090, 4096, 7000, 20_000):
        text = "x " * (place // 2) + " " * (place % 2) + SECRETS["AWS Access Key"] + " y" * 9000
        assert Detectors(["secrets"]).look(text, [], "", "null") == [("prompt", "AWS Access Key")]


@pytest.mark.parametrize(
    "piece",
    ["a", "a@", "a.", "://", "a@b.", "-", ".", "@", "a@b.cx1 ", "://a@b.c1", "%", "%25", "&#6", "&amp;", "(at",
     "[ at ]", "\\", '"', '"a"@', "a@" + "Ab." * 100, "\u200b", "ａ＠ｂ．", "\u0301\u0327@"],
)  # fmt: skip
def test_no_text_makes_it_slow(piece: str) -> None:
    """The time grows with the length: ten seconds are ten times what it takes, and a square would be hours."""
    text = (piece * 100_000)[:100_000]
    began = time.process_time()
    Detectors(["secrets", "emails"]).look(text, [], "", "null")
    assert time.process_time() - began < 10
