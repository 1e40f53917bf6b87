"""`make audit`: a known fault of what the locks pin fails it, unless somebody accepts it until a day, with a reason."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.docs import marked
from tests.support.shell import ROOT, Done, run

LOCKS = ("requirements-bootstrap.lock", "requirements.lock", "requirements-training.lock")
LOCK = f"""\
left-pad==1.3.0 \\
    --hash=sha256:{"a" * 64} \\
    --hash=sha256:{"b" * 64}
numbers==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:{"c" * 64}
numbers==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:{"d" * 64}
only-elsewhere[extra, other]==3.0 ; sys_platform == 'nowhere' \\
    --hash=sha256:{"e" * 64}
"""
PINNED = {("left-pad", "1.3.0"), ("numbers", "2.4.6"), ("numbers", "2.5.5"), ("only-elsewhere", "3.0")}


def fault(name: str, **changes: Any) -> dict[str, Any]:
    """A fault as OSV tells it."""
    events = [{"introduced": "0"}, {"fixed": "1.3.1"}]
    ranges = [{"type": "ECOSYSTEM", "events": events}]
    affected = [{"package": {"name": name, "ecosystem": "PyPI"}, "ranges": ranges}]
    told = {"id": "GHSA-aaaa-bbbb-cccc", "aliases": ["CVE-2026-12345"], "summary": "It pads.", "affected": affected}
    return {"schema_version": "1.7.0", **told, **changes}


@dataclass
class Service:
    """Answers as OSV does: what is `known` of a package and a version; it was `asked` for these."""

    url: str = ""
    status: int = 200
    known: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, query: dict[str, Any]) -> dict[str, Any]:
        assert query["package"]["ecosystem"] == "PyPI"
        package = (query["package"]["name"], query["version"])
        self.asked.append(package)
        return {"vulns": self.known[package]} if package in self.known else {}


@pytest.fixture
def service() -> Iterator[Service]:
    told = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(told.answer(query)).encode()
            self.send_response(told.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.url = f"http://127.0.0.1:{server.server_port}/v1/query"
        Thread(target=server.serve_forever, daemon=True).start()
        yield told
        server.shutdown()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The script with locks of its own, and nothing accepted."""
    (tmp_path / ".ci").mkdir()
    for name in (".ci/audit", ".ci/accepted-faults"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in LOCKS:
        (tmp_path / name).write_text(LOCK)
    return tmp_path


def audit(folder: Path, service: Service, code: int) -> Done:
    return run(folder, ".ci/audit", "--osv-url", service.url, code=code, NO_PROXY="127.0.0.1")


def accept(folder: Path, *lines: str) -> None:
    with (folder / ".ci/accepted-faults").open("a") as accepted:
        accepted.writelines(f"{line}\n" for line in lines)


def test_where_nothing_is_known_it_passes_and_has_asked_for_every_pin_once(project: Path, service: Service) -> None:
    done = audit(project, service, 0)
    assert (done.out, done.err) == ("audit: no known fault that is not accepted\n", "")
    assert sorted(service.asked) == sorted(PINNED)


def test_it_asks_for_all_that_our_own_locks_pin(project: Path, service: Service) -> None:
    pinned = set()
    for name in LOCKS:
        shutil.copy(ROOT / name, project / name)
        pinned |= set(re.findall(r"^([^\s=#\[]+)(?:\[.*\])?==([^\s;]+)", (ROOT / name).read_text(), re.MULTILINE))
    audit(project, service, 0)
    assert sorted(service.asked) == sorted(pinned)
    assert len(pinned) > 200


def test_a_known_fault_fails_it_for_whatever_platform_it_is_pinned(project: Path, service: Service) -> None:
    service.known = {(name, version): [fault(name)] for name, version in PINNED}
    done = audit(project, service, 1)
    ids = "CVE-2026-12345 GHSA-aaaa-bbbb-cccc"
    assert sorted(done.out.splitlines()) == [
        f"{name} {version}: {ids}, fixed in 1.3.1" for name, version in sorted(PINNED)
    ]
    assert done.err == "audit: 4 known faults nobody has accepted; see docs/security.md\n"


def test_a_fault_without_a_remedy_is_one(project: Path, service: Service) -> None:
    malicious = fault("left-pad", id="MAL-2026-1", aliases=[])
    del malicious["affected"][0]["ranges"]
    service.known["left-pad", "1.3.0"] = [malicious]
    assert "left-pad 1.3.0: MAL-2026-1, no version is known to be without it" in audit(project, service, 1).out


@pytest.mark.parametrize("name", ["GHSA-aaaa-bbbb-cccc", "CVE-2026-12345"])
def test_an_accepted_one_passes_and_is_said(project: Path, service: Service, name: str) -> None:
    service.known["left-pad", "1.3.0"] = [fault("left-pad")]
    accept(project, f"{name} until 2999-12-31 we do not pad")
    done = audit(project, service, 0)
    assert done.out.startswith("accepted until 2999-12-31: left-pad 1.3.0: CVE-2026-12345 GHSA-aaaa-bbbb-cccc, ")
    assert "(we do not pad)" in done.out


def test_an_acceptance_is_for_one_fault(project: Path, service: Service) -> None:
    service.known["left-pad", "1.3.0"] = [fault("left-pad"), fault("left-pad", id="GHSA-other", aliases=[])]
    accept(project, "CVE-2026-12345 until 2999-12-31 we do not pad")
    assert "\nleft-pad 1.3.0: GHSA-other, fixed in 1.3.1\n" in audit(project, service, 1).out


def test_after_its_day_an_acceptance_counts_no_more(project: Path, service: Service) -> None:
    service.known["left-pad", "1.3.0"] = [fault("left-pad")]
    accept(project, "CVE-2026-12345 until 2026-01-31 we do not pad")
    assert audit(project, service, 1).out.endswith("; accepted until 2026-01-31, which is past\n")


def test_an_acceptance_that_no_fault_answers_to_is_stale(project: Path, service: Service) -> None:
    accept(project, marked(ROOT / "docs/security.md", "accepted: example").strip())
    said = "accepted-faults: CVE-2026-12345 is stale: no pinned version has it; remove the line\n"
    assert said in audit(project, service, 0).out


@pytest.mark.parametrize("line", [
    "CVE-2026-12345",
    "CVE-2026-12345 we do not pad",
    "CVE-2026-12345 until 2999-12-31",
    "CVE-2026-12345 until 2999-12-31  ",
    "CVE-2026-12345 until 2999-13-31 we do not pad",
    "CVE-2026-12345 until later we do not pad",
])  # fmt: skip
def test_an_acceptance_without_a_day_or_a_reason_is_none(project: Path, service: Service, line: str) -> None:
    accept(project, line)
    done = audit(project, service, 2)
    assert done.err.startswith("audit: accepted-faults:3: not `ID until YYYY-MM-DD REASON`: CVE-2026-12345")
    assert len(done.err.splitlines()) == 1
    assert service.asked == []


def refused(service: Service) -> None:
    service.url = "http://127.0.0.1:1/v1/query"


def broken(service: Service) -> None:
    service.status = 500


def of_another_schema(service: Service) -> None:
    service.known["left-pad", "1.3.0"] = [fault("left-pad", schema_version="2.0.0")]


def half_told(service: Service) -> None:
    told = fault("left-pad")
    del told["affected"]
    service.known["left-pad", "1.3.0"] = [told]


@pytest.mark.parametrize(("fail", "says"), [
    (refused, "the service could not be asked: requests.exceptions.ConnectionError: "),
    (broken, "the service could not be asked: requests.exceptions.HTTPError: 500 Server Error"),
    (of_another_schema, "what the service answered is not understood: Unsupported OSV schema version: 2.0.0"),
    (half_told, "what the service answered is not understood: OSV vuln entry 'GHSA-aaaa-bbbb-cccc' is missing"),
])  # fmt: skip
def test_a_service_that_does_not_answer_is_said_in_a_line(
    project: Path, service: Service, fail: Any, says: str
) -> None:
    fail(service)
    done = audit(project, service, 2)
    assert done.err.startswith(f"audit: {says}")
    assert len(done.err.splitlines()) == 1
    assert done.out == ""


@pytest.mark.parametrize(
    "line", ["left-pad==1.3.0\n", "left-pad @ https://example.invalid/left-pad.whl\n", "left-pad>=1\n"]
)
def test_what_is_not_pinned_by_a_hash_is_not_passed_over(project: Path, service: Service, line: str) -> None:
    with (project / "requirements.lock").open("a") as lock:
        lock.write(line)
    assert audit(project, service, 2).err == f"audit: requirements.lock: not a version with its hash: {line}"


def test_ci_audits_every_night_and_where_a_lock_changes_and_it_blocks() -> None:
    workflow = YAML(typ="safe").load((ROOT / ".github/workflows/audit.yml").read_text())
    paths = {*LOCKS, ".ci/audit", ".ci/accepted-faults"}
    assert set(workflow["on"]["push"]["paths"]) == set(workflow["on"]["pull_request"]["paths"]) == paths
    assert workflow["on"]["schedule"]
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert not {"if", "continue-on-error"} & set(job)
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make audit"]
    assert "secrets." not in str(job)
    assert re.search(r"^audit: .*\n\t\.ci/audit$", (ROOT / "Makefile").read_text(), re.MULTILINE)
