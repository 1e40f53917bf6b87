"""Keys, tokens and e-mail addresses: which are found, in which field, and what is none."""

from __future__ import annotations

import json
import time

import pytest

from stages.selection.sensitive import Detectors
from tests.support.samples import EPISODES

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
EMAILS = ["ann.lee+games@mail.example.org", "Ünal@exämple.de", "x@y.co"]
NONE = ["user@host", "@ann", "a@b@c", "ann@example.", "3 @ 4.00", "Q@K.", "@media.css", "pip install x@1.2"]


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


@pytest.mark.parametrize("text", EMAILS)
def test_an_e_mail_address_is_found(text: str) -> None:
    assert Detectors(["emails"]).look("?", [f"Ask <{text}>."], "", "null") == [("steps.0", "E-mail Address")]


@pytest.mark.parametrize("text", NONE)
def test_what_only_looks_like_one_is_not(text: str) -> None:
    assert Detectors(["emails"]).look(f"Is {text} one?", [], "", "null") == []


def test_only_what_is_asked_for_is_looked_for() -> None:
    both = f"{EMAILS[0]} {SECRETS['AWS Access Key']}"
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
    "text", ["a" * 300_000, "a@" * 150_000, "a." * 150_000, "://" * 100_000, "a@b." * 80_000, "-" * 300_000]
)
def test_no_text_makes_it_slow(text: str) -> None:
    """A tenth of a second is a hundred times what it takes; a square of the length would be hours."""
    began = time.process_time()
    Detectors(["secrets", "emails"]).look(text, [], "", "null")
    assert time.process_time() - began < 10
