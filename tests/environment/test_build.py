"""Any pip builds the environment, and one line names each obstacle."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.environment.project import Index, Project
from tests.support.shell import replace

# What a person may have set for uv, and what would break or change what is installed.
HOSTILE = {
    "UV_SYSTEM_PYTHON": "1",
    "UV_PYTHON": "nosuch",
    "UV_PROJECT": "/nosuch",
    "UV_CONFIG_FILE": "/nosuch/uv.toml",
    "UV_NO_VERIFY_HASHES": "1",
    "UV_CONSTRAINT": "/nosuch/constraints.txt",
    "UV_NO_BINARY": "1",
    "VIRTUAL_ENV": "/nosuch",
    "PYTHONPATH": "/nosuch",
}


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port that nobody listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_it_is_built_from_the_index_of_pip_conf_and_then_nothing_is_done(project: Project) -> None:
    done = project.build(**HOSTILE)
    assert "environment: installing what the dataset needs: about " in done.err
    assert "127.0.0.1" not in done.err
    assert project.works()
    assert project.build(**HOSTILE).text == ""
    assert "everything" in project.build("all").err
    assert project.build("dataset").text == project.build("all").text == ""


@pytest.mark.soak
def test_a_changed_lock_or_a_moved_clone_or_a_python_that_is_gone_is_built_anew(project: Project) -> None:
    project.build()
    moved = Project(project.folder.rename(project.folder.parent / "moved"), project.python)
    assert "building .venv" in moved.build().err
    assert moved.works()
    python = moved.folder / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nosuch/python3")
    assert "building .venv" in moved.build().err
    with (moved.folder / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    assert "building .venv" in moved.build().err
    assert moved.works()


def test_without_a_network_it_is_one_line_and_the_next_make_goes_on(project: Project, dead_port: int) -> None:
    line = project.refused(PIP_INDEX_URL=f"http://127.0.0.1:{dead_port}/simple", PIP_RETRIES="1")
    assert line.startswith("environment: the package index cannot be reached; check the network (HTTPS_PROXY names")
    assert not (project.folder / ".venv/ready").exists()
    project.build()
    assert project.works()


def test_a_proxy_that_does_not_answer_is_one_line(project: Project, dead_port: int) -> None:
    with (project.folder.parent / "pip.conf").open("a") as settings:
        settings.write(f"proxy = 127.0.0.1:{dead_port}\nretries = 1\n")
    line = project.refused()
    assert line == (
        "environment: the proxy does not answer; check HTTPS_PROXY and the proxy of pip.conf, then run make again"
    )


@pytest.mark.skipif(shutil.which("tinyproxy") is None, reason="tinyproxy, a real proxy, is not installed")
@pytest.mark.soak
@pytest.mark.parametrize("named", ["HTTP_PROXY", "http_proxy", "PIP_PROXY", "pip.conf"])
def test_it_is_built_through_a_proxy(project: Project, index: Index, dead_port: int, named: str) -> None:
    folder, port = project.folder.parent, dead_port + 1
    (folder / "proxy.conf").write_text(
        f'Port {port}\nListen 127.0.0.1\nLogFile "{folder}/proxy.log"\nLogLevel Connect\nAllow 127.0.0.1\n'
    )
    proxy = subprocess.Popen(["tinyproxy", "-d", "-c", str(folder / "proxy.conf")])
    try:
        while subprocess.run(["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}"], check=False).returncode:
            time.sleep(0.05)
        if named == "pip.conf":
            with (folder / "pip.conf").open("a") as settings:
                settings.write(f"proxy = http://127.0.0.1:{port}\n")
            project.build()
        else:
            project.build(**{named: f"http://127.0.0.1:{port}"})
    finally:
        proxy.terminate()
        proxy.wait()
    # Pip fetches uv, and uv the rest.
    log = (folder / "proxy.log").read_text()
    assert "/uv-" in log
    assert "/small-1.0-py3-none-any.whl" in log
    assert project.works()


def test_settings_of_pip_that_install_elsewhere_do_not_count(project: Project, tmp_path: Path) -> None:
    with (project.folder.parent / "pip.conf").open("a") as settings:
        settings.write(f"[install]\nuser = true\nconstraint = {tmp_path / 'missing'}\n")
    project.build(PIP_ROOT=str(tmp_path / "elsewhere"), PIP_DRY_RUN="1", PIP_QUIET="3")
    assert project.works()
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.soak
def test_what_uv_does_not_reach_pip_installs(project: Project, dead_port: int) -> None:
    done = project.build(UV_DEFAULT_INDEX=f"http://127.0.0.1:{dead_port}/simple", UV_HTTP_RETRIES="0")
    assert "environment: uv does not reach the package index; trying with pip, which takes a few minutes" in done.err
    assert project.works()


def test_a_file_that_is_not_the_lock_s_is_refused(project: Project) -> None:
    lock = project.folder / "requirements.lock"
    lock.write_text(lock.read_text()[:-5] + "0000\n")
    assert project.refused() == (
        "environment: the package index gave a file whose hash is not the lock's; ask who runs that index, "
        "then run make again"
    )


@pytest.mark.soak
def test_a_package_that_the_index_lacks_is_one_line(project: Project) -> None:
    replace(project.folder / "requirements.lock", "small==1.0", "small==2.0")
    assert "the package index does not answer, or lacks a package of the lock" in project.refused()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
@pytest.mark.parametrize("megabytes", [8, pytest.param(30, marks=pytest.mark.soak)])
def test_a_full_disk_is_one_line_and_the_next_make_goes_on(project: Project, megabytes: int) -> None:
    small = project.folder / ".venv"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", small], check=False).returncode:
        pytest.skip("this root may not mount")
    try:
        assert f"environment: the disk of .venv, {small}, is full" in project.refused()
    finally:
        subprocess.run(["umount", small], check=True)
    project.build()
    assert project.works()


@pytest.mark.parametrize(
    ("version", "says"),
    [("3 9", "is Python 3.9; the locks are for 3.11,"), ("3 15", "is Python 3.15; the locks are for")],
)
def test_a_python_that_is_too_old_or_too_new_is_one_line(
    project: Project, tmp_path: Path, version: str, says: str
) -> None:
    other = tmp_path / "python"
    other.write_text(f"#!/bin/sh\necho {version}\n")
    other.chmod(0o755)
    (line,) = project.build(code=2, PYTHON=str(other)).err.splitlines()
    assert f"environment: {other} {says}" in line
    assert line.endswith("name another with `make PYTHON=python3.12`")


def test_a_python_that_is_not_there_is_one_line(project: Project) -> None:
    (line,) = project.build(code=2, PYTHON="nosuch").err.splitlines()
    assert line.startswith("environment: nosuch does not run; install Python 3.11, 3.12, 3.13 or 3.14, or name another")


@pytest.mark.parametrize("module", ["ensurepip", "venv"])
def test_a_python_without_venv_is_one_line(project: Project, tmp_path: Path, module: str) -> None:
    """As Debian's python3 is without python3-venv."""
    library = tmp_path / "bare" / Path(sysconfig.get_path("stdlib")).relative_to(sysconfig.get_config_var("prefix"))
    library.mkdir(parents=True)
    (tmp_path / "bare/bin").mkdir()
    for path in Path(sysconfig.get_path("stdlib")).iterdir():
        if path.name not in (module, "site-packages"):
            (library / path.name).symlink_to(path)
    python = tmp_path / "bare/bin/python3"
    shutil.copy(project.python.resolve(), python)
    (line,) = project.build(code=1, PYTHON=str(python)).err.splitlines()
    assert f"lacks its module {module}; install it (Debian, Ubuntu: `apt install python3." in line
    assert not (project.folder / ".venv").exists()


MOMENTS = ("building .venv", " uv-", "installing what", "Prepared")


@pytest.mark.parametrize(
    ("line", "stop"),
    [
        ("installing what", signal.SIGKILL),
        *(
            pytest.param(line, stop, marks=pytest.mark.soak)
            for line in MOMENTS
            for stop in (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
        ),
    ],
)
def test_what_was_interrupted_is_begun_again(project: Project, line: str, stop: signal.Signals) -> None:
    process = project.start()
    assert process.stderr is not None
    for said in process.stderr:
        if line in said:
            break
    os.killpg(process.pid, stop)
    rest = process.communicate(timeout=60)[1]
    assert process.returncode != 0
    assert "Traceback" not in rest
    project.build()
    assert project.works()


def test_two_at_once_wait_for_each_other(project: Project) -> None:
    both = [project.start() for _ in range(2)]
    said = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("another make is building .venv; waiting for it" in text for text in said) == 1
    assert sum("building .venv with Python" in text for text in said) == 1
    assert project.works()
