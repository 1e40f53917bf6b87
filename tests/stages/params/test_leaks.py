"""Secrets of the environment: known by their variable's name or as a URL's password, and refused in any param."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stages.params.leaks import secrets_of
from stages.params.reading import load_params
from tests.stages.lockfile import set_params
from traces.errors import TracesError

SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    "name",
    [
        *("API_KEY", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "PGPASSWORD", "MYSQL_PWD", "DB_PASS", "apikey"),
        *("GOOGLE_CREDENTIALS", "SENTRY_DSN", "KEY_FILE", "SSH_PASSPHRASE", "MySecret"),
    ],
)
def test_a_secret_is_known_by_its_variable_s_name(name: str) -> None:
    assert secrets_of({name: SECRET, "HOME": "/home/someone"}) == [(name, SECRET)]


@pytest.mark.parametrize("name", ["PWD", "OLDPWD", "KEYBOARD", "TOKENIZERS_PARALLELISM", "MONKEY", "HOME", "PATH", ""])
def test_other_variables_hold_none(name: str) -> None:
    assert secrets_of({name: "/home/someone/somewhere"}) == []


def test_what_is_too_short_to_be_told_from_other_text_is_none() -> None:
    assert secrets_of({"API_TOKEN": "duel", "OTHER_TOKEN": ""}) == []


def test_a_url_with_a_password_is_one_and_so_is_the_password() -> None:
    url = "postgresql://me:p%40ssword1@host/db"
    assert secrets_of({"TRACES_DATABASE_URL": url}) == [
        ("TRACES_DATABASE_URL", found) for found in (url, "p%40ssword1", "p@ssword1")
    ]
    assert secrets_of({"A": "https://host/path", "B": "http://[x", "C": "sqlite:///x.db"}) == []


@pytest.mark.parametrize(
    ("group", "change", "where"),
    [
        ("dataset", {"name": SECRET}, "dataset.name"),
        ("dataset", {"version": f"v1-{SECRET}-x"}, "dataset.version"),
        ("extract", {"scores": SECRET}, "extract.scores"),
        ("filters", {"game": ["duel", SECRET]}, "filters.game"),
        ("filters", {"seed": {"min": SECRET}}, "filters.seed.min"),
        ("filters", {SECRET: 1}, "filters: a key"),
        ("selection", {"stratify": {"by": [SECRET]}}, "selection.stratify.by"),
        ("selection", {"stratify": {"by": ["game"], "quotas": {SECRET: 1}}}, "selection.stratify.quotas: a key"),
        ("split", {"group_by": ["game", SECRET]}, "split.group_by"),
        ("render", {"system": f"Say {SECRET}."}, "render.system"),
        ("export", {"preference": {"key": SECRET}}, "export.preference.key"),
        ("export", {"preference": {"key": "x", "order": [1, SECRET]}}, "export.preference.order"),
        # Checked before anything else that could be wrong, and quoted in the error.
        ("export", {"formats": [SECRET]}, "export.formats"),
        ("render", {"template": SECRET}, "render.template"),
    ],
)
def test_a_param_that_holds_one_is_refused_without_saying_it(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, group: str, change: dict[str, Any], where: str
) -> None:
    monkeypatch.setenv("API_TOKEN", SECRET)
    with pytest.raises(TracesError) as refused:
        set_params(**{group: change})
    assert str(refused.value).startswith(
        f"params.yaml: {where}: holds the secret in the environment variable API_TOKEN"
    )
    assert SECRET not in str(refused.value)
    monkeypatch.setenv("API_TOKEN", "another-secret")
    if group == "render" and "system" in change:
        assert load_params().render.system == change["system"]
