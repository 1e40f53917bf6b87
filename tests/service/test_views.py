"""What the page shows and the API tells besides: a dataset's files, its report, and what two of them differ in."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.service.page_support import service
from tests.service.running import TOKEN, Service
from tests.support.shell import ROOT, environment

__all__ = ["service"]  # a fixture


def test_the_server_loads_none_of_what_reports_and_differences_are_made_with() -> None:
    asked = "import sys, service.app; print({'duckdb', 'pyarrow', 'jinja2', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.soak
@pytest.mark.parametrize(
    "path",
    [
        "/api/datasets/none/files",
        "/datasets/none/report",
        "/api/datasets/none/diff/{base}",
        "/api/datasets/{base}/diff/none",
    ],
)
def test_what_is_of_no_dataset_is_404(service: Service, path: str) -> None:
    answer = httpx.get(service.url + path.format(base=service.base))
    assert answer.status_code == 404
    assert answer.json() == {"detail": "there is no such dataset; GET /api/datasets lists those there are"}


@pytest.mark.soak
def test_files_are_those_of_the_export(service: Service) -> None:
    told = service.get(f"/api/datasets/{service.base}/files")
    manifest = service.get(f"/api/datasets/{service.base}")
    assert told["formats"].keys() == manifest["exports"].keys()
    for name, held in told["formats"].items():
        export = manifest["exports"][name]
        assert (held["md5"], held["size"], held["records"]) == (export["md5"], export["size"], export["records"])
        folder = service.folder / export["path"]
        assert {file["name"] for file in held["files"]} == {path.name for path in folder.iterdir()}
        for file in held["files"]:
            data = (folder / file["name"]).read_bytes()
            md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
            assert (file["md5"], file["size"]) == (md5, len(data))
            assert file["name"].startswith(f"{file['split']}-")


@pytest.mark.soak
def test_a_report_is_made_once_however_many_ask(service: Service) -> None:
    other = service.build(name="asked-at-once", filters={"game": "gin_rummy"})
    made = service.folder / ".cache/service/made"
    assert list(made.glob(f"*/reports/{other}.html")) == []
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: httpx.get(f"{service.url}/datasets/{other}/report", timeout=120), range(4)))
    assert {answer.status_code for answer in answers} == {200}
    (kept,) = made.glob(f"*/reports/{other}.html")
    assert {answer.text for answer in answers} == {kept.read_text()}
    (policy,) = {answer.headers["content-security-policy"] for answer in answers}
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "script" not in policy
    assert "unsafe" not in policy
    first = kept.stat()
    httpx.get(f"{service.url}/datasets/{other}/report", timeout=120)
    assert kept.stat().st_mtime_ns == first.st_mtime_ns
    assert [path.name for path in kept.parent.iterdir() if path.name.startswith(".")] == []


@pytest.mark.soak
def test_what_is_not_in_the_cache_is_409_and_made_when_it_is_there_again(service: Service) -> None:
    other = service.build(name="lost", strategy="random", limit=500, seed=3)
    artefacts = service.get(f"/api/datasets/{other}")["artefacts"]
    gone = [artefacts["data/export/tunix_sft"]["md5"], artefacts["data/selection"]["md5"]]
    objects = [service.folder / ".dvc/cache/files/md5" / md5[:2] / md5[2:] for md5 in gone]
    for path in objects:
        shutil.move(path, service.folder.parent / path.name)
    try:
        for address in (f"/api/datasets/{service.base}/diff/{other}", f"/datasets/{other}/report"):
            answer = httpx.get(service.url + address, timeout=120)
            assert answer.status_code == 409
            assert (
                "not in DVC's cache" in answer.json()["detail"] or "does not hold its files" in answer.json()["detail"]
            )
            assert str(service.folder) not in answer.text
            assert "/tmp" not in answer.text
    finally:
        for path in objects:
            shutil.move(service.folder.parent / path.name, path)
    for address in (f"/api/datasets/{service.base}/diff/{other}", f"/datasets/{other}/report"):
        assert httpx.get(service.url + address, timeout=120).status_code == 200


@pytest.mark.soak
def test_a_module_that_makes_a_file_leaves_none_where_it_fails(service: Service, tmp_path: Path) -> None:
    target = tmp_path / "out"
    for module, arguments in (("report", ["0" * 40]), ("difference", ["0" * 40, "HEAD"])):
        done = subprocess.run(
            [sys.executable, "-m", f"service.datasets.{module}", *arguments, str(target)],
            cwd=service.folder, env=environment(TRACES_SERVE_TOKEN=TOKEN), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert not target.exists()
