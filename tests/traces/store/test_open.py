"""Opening a store: what is wrong with a URL is said without the URL's secrets."""

from __future__ import annotations

import pytest

from traces.errors import TracesError
from traces.store import open_store, open_writable

EXPECTED = "expected postgresql://user:password@host/database or sqlite:///file.db"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", f"TRACES_DATABASE_URL: not a database URL; {EXPECTED}"),
        ("me:hunter2@host", f"TRACES_DATABASE_URL: not a database URL; {EXPECTED}"),
        ("postgresql://me:hunter2@host:port/db", f"TRACES_DATABASE_URL: not a database URL; {EXPECTED}"),
        ("postgresql://me:hunter2@h/db?bogus=1", "TRACES_DATABASE_URL: libpq knows no parameter bogus; see docs/"),
        ("postgresql://me:hunter2@h/db?options=-ca=b", "TRACES_DATABASE_URL: an = in the value of options must be"),
        ("postgresql://me:hunter2", f"TRACES_DATABASE_URL: not a database URL; {EXPECTED}"),
        ("postgresql://me:hun%ter2@host/db", f"TRACES_DATABASE_URL: not a database URL; {EXPECTED}"),
        ("mysql://me:hunter2@host/db", f"TRACES_DATABASE_URL: mysql is not read; {EXPECTED}"),
        ("sqlite://", "a SQLite store is a file"),
        ("sqlite:///:memory:", "a SQLite store is a file"),
        ("sqlite:///gone.db", "gone.db: no such SQLite file; check TRACES_DATABASE_URL"),
    ],
)
def test_a_bad_url_is_refused(url: str, says: str) -> None:
    with pytest.raises(TracesError) as refused, open_store(url):
        pass
    assert says in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("query", ["", "?password=hunter2"])
def test_a_server_that_does_not_answer_is_named_without_the_password(query: str) -> None:
    url = f"postgres://me:hunter2@127.0.0.1:1/db{query}"
    with pytest.raises(TracesError) as refused, open_store(url):
        pass
    assert str(refused.value).startswith("postgresql://me:***@127.0.0.1:1/db: connection failed")
    assert "hunter2" not in str(refused.value)


def test_the_label_hides_what_must_not_be_shown() -> None:
    _, label = open_writable("postgresql://me:hunter2@host/db?sslpassword=hunter3")
    assert label == "postgresql://me:***@host/db"


@pytest.mark.parametrize(
    "credentials",
    ["me:hun@ter2", "me:hun@ter2/x", "me:hun@ter2?x", "me:hun@ter2?x&y", "a/me:hunter2", "me:a/hunter2#c"],
)
def test_a_url_in_which_the_password_would_end_early_is_refused_unshown(credentials: str) -> None:
    with pytest.raises(TracesError, match="must be written %40, %2F or %3F") as refused:
        open_store(f"postgresql://{credentials}@127.0.0.1:1/db")
    assert "ter2" not in str(refused.value)


@pytest.mark.parametrize("address", ["me:hun?ter2@host/db", "host/db?application_name=a@b", "me:x@/db?host=/a@b"])
def test_a_url_that_is_read_as_it_is_meant_is_taken(address: str) -> None:
    open_store(f"postgresql://{address}")
