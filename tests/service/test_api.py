"""The service as its users ask it: a real one, in a real repository."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from stages.params.reading import load_params
from tests.service.running import TOKEN, Service, running
from tests.support.git import git_objects
from tests.support.shell import ROOT, run

DUELS = {"name": "duels", "version": "v1", "filters": {"game": "high_card_duel"}, "formats": ["tunix_sft"]}


def ask(service: Service, status: int, *, wait: bool = False, **changes: Any) -> Any:
    answer = service.client.post("/api/datasets/build", params={"wait": wait}, json=DUELS | changes)
    assert answer.status_code == status, answer.text
    return answer.json()


def ended(service: Service, job_id: str) -> Any:
    until = time.monotonic() + 240
    while time.monotonic() < until:
        job = service.reader.get(f"/api/jobs/{job_id}").json()
        if job["state"] not in ("queued", "running"):
            return job
        time.sleep(0.2)
    raise AssertionError(f"not ended: {job}")


def test_a_dataset_is_built_listed_and_streamed_and_the_workspace_is_left_alone(service: Service) -> None:
    before = service.reader.get("/api/datasets").json()["datasets"]
    built = ask(service, 201, wait=True)
    assert built["state"] == "succeeded"
    assert built["manifest"]["dataset_id"] == built["dataset_id"]
    assert built["manifest"]["filters"] == {"source": None, "game": "high_card_duel"}
    assert (built["manifest"]["counts"]["selected"], [*built["manifest"]["exports"]]) == (700, ["tunix_sft"])
    assert run(service.folder, "git", "status", "--porcelain").out == ""

    began = time.monotonic()
    again = ask(service, 200)
    assert (again["id"], again["dataset_id"]) == (built["id"], built["dataset_id"])
    assert time.monotonic() - began < 10

    listed = service.reader.get("/api/datasets").json()["datasets"]
    assert [one["dataset_id"] for one in listed if one not in before] == [built["dataset_id"]]
    assert service.reader.get(f"/api/datasets/{built['dataset_id']}").json() == built["manifest"]

    answer = service.reader.get(f"/api/datasets/{built['dataset_id']}/export.jsonl")
    assert answer.headers["content-type"] == "application/jsonl"
    lines = answer.text.splitlines()
    assert len(lines) == 700
    assert {json.loads(line)["metadata"]["game"] for line in lines} == {"high_card_duel"}
    # The same as DVC gives of the experiment.
    run(service.folder, "dvc", "get", "-q", "--rev", f"serve-{built['id']}", ".", "data/export/tunix_sft", "-o", "got")
    files = sorted(
        (service.folder / "got").iterdir(),
        key=lambda path: ("train", "validation", "test").index(path.name.split("-")[0]),
    )
    assert answer.content == b"".join(path.read_bytes() for path in files)


def test_what_the_workspace_holds_is_a_dataset_too_byte_for_byte(standing: Service) -> None:
    (held,) = standing.reader.get("/api/datasets").json()["datasets"]
    assert held["names"][0] == "HEAD"
    for format_name, records in held["exports"].items():
        for split, count in records.items():
            answer = standing.reader.get(
                f"/api/datasets/{held['dataset_id']}/export.jsonl",
                params={"format": format_name, "split": split},
                headers={"Accept-Encoding": "identity"},
            )
            files = sorted((standing.folder / "data/export" / format_name).glob(f"{split}-*.jsonl"))
            assert answer.content == b"".join(path.read_bytes() for path in files)
            assert answer.content.count(b"\n") == count
            digest = "".join(f"{path.name} {hashlib.md5(path.read_bytes()).hexdigest()}\n" for path in files)
            assert answer.headers["etag"] == f'"{hashlib.sha256(digest.encode()).hexdigest()}"'


@pytest.mark.soak
def test_no_match_fails_with_the_counts(service: Service) -> None:
    failed = ask(service, 409, wait=True, filters={"game": "chess"})
    assert failed["state"] == "failed"
    assert failed["error"] == (
        "select: params.yaml: filters.game: 'chess' matches none of 2338 traces; text matches text and a number "
        "a number, null takes any"
    )
    failed = ask(service, 409, wait=True, filters={"game": "gin_rummy", "seed": 1000})
    assert failed["error"].startswith("select: no trace is left of 2338: 2338 filtered; loosen")
    assert service.reader.get(f"/api/jobs/{failed['id']}").json() == failed
    # It may be asked for again: the store, or the params, may be others by then.
    assert ask(service, 202, filters={"game": "chess"})["id"] != failed["id"]


def test_a_refused_request_names_its_field_and_starts_nothing(standing: Service) -> None:
    for changes, field in (
        ({"strategy": "random"}, "seed"),
        ({"strategy": "best"}, "strategy"),
        ({"strategy": "latest", "limit": 0}, "limit"),
        ({"filters": {"game": "${oc.env:TRACES_SERVE_TOKEN}"}}, "filters"),
        ({"name": "${oc.env:TRACES_SERVE_TOKEN}"}, "name"),
        ({"strategy": "quality", "limit": 5}, "selection"),  # by params.yaml: no scores are asked for
    ):
        found = ask(standing, 422, **changes)["detail"]
        assert field in json.dumps([fault["loc"] for fault in found] + [fault["msg"] for fault in found])
        assert TOKEN not in json.dumps(found)
    assert standing.reader.get("/api/jobs").json() == {"jobs": []}
    files = [path for path in standing.folder.rglob("*") if path.is_file()]
    assert len(files) > 300
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []
    assert all(TOKEN.encode() not in body for _, body in git_objects(standing.folder))


def test_only_who_has_the_token_writes(standing: Service) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer " + TOKEN[:-1]},
    ):
        for method, path in (
            ("POST", "/api/datasets/build"),
            ("DELETE", "/api/jobs/x"),
            ("POST", "/api/ungar/gin_rummy/record"),
        ):
            answer = standing.reader.request(method, path, headers=headers, json=DUELS)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert TOKEN not in answer.text
    for host in ("evil.example", "127.0.0.1.evil.example:80", ""):
        assert standing.reader.get("/api/status", headers={"Host": host}).status_code in (400, 421)


def test_what_is_not_sent_as_json_is_told_so_and_a_health_check_may_use_head(standing: Service) -> None:
    answer = standing.client.post("/api/datasets/build", content=b'{"name": "a", "version": "v1"}')
    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert (fault["loc"], fault["msg"]) == (["body"], "send JSON, as Content-Type: application/json")
    status = standing.reader.head("/api/status")
    assert (status.status_code, status.content) == (200, b"")
    assert standing.reader.get("/api/status").json()["as_of"] >= 0  # it waits for the first look


@pytest.mark.soak
def test_without_a_token_it_serves_and_writes_nothing(repository: Path) -> None:
    with running(repository, TRACES_SERVE_TOKEN="") as service:
        assert service.reader.get("/api/datasets").status_code == 200
        answer = service.reader.post("/api/datasets/build", json=DUELS)
        assert answer.status_code == 403
        assert "started without TRACES_SERVE_TOKEN" in answer.json()["detail"]


@pytest.mark.soak
def test_what_others_can_reach_asks_everybody_for_the_token(repository: Path) -> None:
    done = run(repository, "python", "-m", "service", "--host", "0.0.0.0", "--port", "0", code=2)
    assert done.err == (
        "service: --host 0.0.0.0: others can reach it, so set TRACES_SERVE_TOKEN to a secret that they must know\n"
    )
    done = run(repository, "python", "-m", "service", code=2, TRACES_SERVE_TOKEN="short")
    assert "TRACES_SERVE_TOKEN: expected 16 or more printable ASCII characters" in done.err
    for options in (("--host", "0.0.0.0"), ("--require-token",)):
        with running(repository, *options) as service:
            assert service.reader.get("/api/status").status_code == 401
            # The page holds nothing, and asks for the token itself; but nobody elsewhere gets as much as that.
            assert service.reader.get("/").status_code == (401 if "--host" in options else 200)
            assert service.client.get("/api/status").status_code == 200


@pytest.mark.soak
def test_too_large_or_too_many(service: Service) -> None:
    assert service.client.post("/api/datasets/build", content=b" " * 70_000).status_code == 413
    answers = Counter(service.reader.post("/api/datasets/build").status_code for _ in range(130))
    assert answers[429] > 0
    # Who has the token is not held up by who has not.
    assert service.client.post("/api/datasets/build", json={}).status_code == 422
    last = service.reader.post("/api/datasets/build")
    assert last.status_code == 429
    assert 0 < int(last.headers["retry-after"]) <= 60
    assert service.reader.get("/api/datasets").status_code == 200


@pytest.mark.soak
def test_the_queue_has_an_end_and_a_waiting_job_is_cancelled_at_once(service: Service) -> None:
    first = ask(service, 202)
    waiting = [ask(service, 202, strategy="latest", limit=n)["id"] for n in range(1, 20)]
    full = service.client.post("/api/datasets/build", json=DUELS | {"version": "v9"})
    assert (full.status_code, full.headers["retry-after"]) == (429, "60")
    for job_id in waiting:
        answer = service.client.delete(f"/api/jobs/{job_id}")
        assert (answer.status_code, answer.json()["state"]) == (202, "cancelled")
    assert service.client.delete(f"/api/jobs/{waiting[0]}").status_code == 409
    # One that runs is stopped, and leaves neither an experiment nor a process.
    until = time.monotonic() + 60
    while service.reader.get(f"/api/jobs/{first['id']}").json()["state"] != "running" and time.monotonic() < until:
        time.sleep(0.05)
    assert service.client.delete(f"/api/jobs/{first['id']}").status_code == 202
    assert ended(service, first["id"])["state"] == "cancelled"
    assert run(service.folder, "dvc", "exp", "list", "--name-only").out == ""
    assert run(service.folder, "git", "status", "--porcelain").out == ""


@pytest.mark.soak
def test_events_tell_the_stages_in_order_and_end_with_the_job(service: Service) -> None:
    job = ask(service, 202)
    seen: list[tuple[str, Any]] = []
    with service.reader.stream("GET", f"/api/jobs/{job['id']}/events", timeout=240) as events:
        assert events.headers["content-type"].startswith("text/event-stream")
        event = ""
        for line in events.iter_lines():
            if line.startswith("event: "):
                event = line.removeprefix("event: ")
            elif line.startswith("data: "):
                seen.append((event, json.loads(line.removeprefix("data: "))))
    states = [held for event, held in seen if event == "job"]
    assert states[-1]["state"] == "succeeded"
    assert states[-1]["progress"] == 1
    shares = [held["progress"] for held in states]
    assert shares == sorted(shares)
    lines = [held for event, held in seen if event == "line"]
    assert any("Running stage 'select'" in line for line in lines)
    said = json.dumps(seen)
    assert str(service.folder) not in said
    assert "/tmp/" not in said
    assert TOKEN not in said


@pytest.mark.soak
def test_the_status_is_there_whatever_is_not(repository: Path) -> None:
    gone = "postgresql://reader:pa55word-of-mine@127.0.0.1:1/traces"
    with running(repository, TRACES_DATABASE_URL=gone) as service:
        until = time.monotonic() + 60
        while (status := service.reader.get("/api/status").json())["as_of"] < 0 and time.monotonic() < until:
            time.sleep(0.2)
        assert not status["store"]["available"]
        assert "pa55word" not in json.dumps(status)
        assert status["pin"]["state"] == "unknown"
    with running(repository) as service:
        until = time.monotonic() + 60
        while (status := service.reader.get("/api/status").json())["as_of"] < 0 and time.monotonic() < until:
            time.sleep(0.2)
        assert (status["store"]["rows"], status["pin"]["state"]) == (2338, "fresh")
        assert status["remotes"] == [{"name": "s3", "kind": "s3", "default": False}]
        assert status["versions"]["dvc"]


def test_recording_says_where_ungar_is_missing(standing: Service) -> None:
    from traces.ungar.install import INSTALL, ungar_version

    if ungar_version() is not None:
        pytest.skip("UNGAR is installed")
    answer = standing.client.post("/api/ungar/high_card_duel/record", json={"count": 3, "seed": 1})
    assert answer.status_code == 501
    assert INSTALL in answer.json()["detail"]
    for body in ({"count": 0, "seed": 1}, {"count": 10_001, "seed": 1}, {"count": 3}, {"count": "3", "seed": 1}):
        assert standing.client.post("/api/ungar/high_card_duel/record", json=body).status_code == 422
    assert standing.client.post("/api/ungar/chess/record", json={"count": 3, "seed": 1}).status_code == 422


@pytest.mark.ungar
def test_games_are_recorded_into_the_store(service: Service) -> None:
    answer = service.client.post("/api/ungar/high_card_duel/record", json={"count": 5, "seed": 123})
    assert answer.status_code == 201
    held = answer.json()
    assert (len(held["ids"]), len(held["preview"]), held["written"]) == (
        5,
        3,
        "data/recorded/high_card_duel-123.jsonl.gz",
    )
    assert [row["id"] for row in held["preview"]] == held["ids"][:3]
    again = service.client.post("/api/ungar/high_card_duel/record", json={"count": 5, "seed": 123})
    assert again.status_code == 409


@pytest.mark.ungar
def test_one_who_records_is_enough(service: Service) -> None:
    with ThreadPoolExecutor() as pool:
        path = "/api/ungar/gin_rummy/record"
        asked = [pool.submit(service.client.post, path, json={"count": 300, "seed": n}) for n in (1000, 2000)]
        answers = sorted((one.result() for one in asked), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [201, 429]
    assert answers[1].headers["retry-after"] == "10"


def test_unknown_things_are_said_clearly(standing: Service) -> None:
    (held,) = standing.reader.get("/api/datasets").json()["datasets"]
    path = f"/api/datasets/{held['dataset_id']}/export.jsonl"
    assert standing.reader.get("/api/datasets/none").json()["detail"].startswith("there is no such dataset")
    assert standing.reader.get("/api/jobs/none").status_code == 404
    assert standing.reader.get("/api/jobs/none/events").status_code == 404
    assert standing.reader.get(path, params={"format": "messages"}).status_code == 404
    assert (
        "it has trace, tunix_sft, tunix_grpo"
        in standing.reader.get(path, params={"format": "messages"}).json()["detail"]
    )
    assert standing.reader.get(path, params={"format": "csv"}).status_code == 422
    assert standing.reader.get(path, params={"split": "rest"}).status_code == 422
    assert standing.reader.get("/api/../params.yaml").status_code == 404
    assert standing.reader.get("/page/..%2fapp.py").status_code == 404


@pytest.mark.soak
def test_what_the_cache_lacks_comes_from_the_remote(repository: Path, tmp_path: Path) -> None:
    run(repository, "dvc", "remote", "add", "-d", "--local", "store", str(tmp_path / "remote"))
    run(repository, "dvc", "push", "-q", "data/export/tunix_sft")
    wanted = b"".join(path.read_bytes() for path in sorted((repository / "data/export/tunix_sft").glob("test-*")))
    run(repository, "rm", "-rf", ".dvc/cache/files")
    with running(repository) as service:
        (held,) = service.reader.get("/api/datasets").json()["datasets"]
        path = f"/api/datasets/{held['dataset_id']}/export.jsonl"
        assert service.reader.get(path, params={"split": "test"}).content == wanted
        answer = service.reader.get(path, params={"format": "trace"})
        assert answer.status_code == 409
        assert (
            "is not in DVC's cache here, and cannot be pulled: the remote does not have it" in answer.json()["detail"]
        )
        assert str(tmp_path) not in answer.text


def test_the_models_are_the_project_s_own() -> None:
    """What params.yaml ships is what a request without wishes asks for, filters apart."""
    from service.jobs.request import BuildRequest
    from stages.params.models import Params
    from stages.yaml_file import read_yaml

    held = read_yaml(ROOT / "params.yaml")
    asked = BuildRequest(name="card-games", version="v1", filters={"source": "ungar"})
    assert Params.model_validate(asked.params(held)) == load_params(ROOT / "params.yaml")
