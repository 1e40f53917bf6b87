"""The service keeps to the OpenAPI document that it serves, whatever it is asked: schemathesis asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.running import TOKEN, Service, running
from tests.support.shell import run


@pytest.fixture(scope="module")
def service(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for all requests. Nothing that it is asked to build goes on after the test."""
    folder = tmp_path_factory.mktemp("schema") / "project"
    run(built, "cp", "-a", str(built), str(folder))
    with running(folder, "--writes-a-minute", "100000") as found:
        yield found
        assert "Traceback" not in found.log.read_text()


# What is waited for would have to be built first, and what needs what (`random` a seed) no schema says.
# A job that was cancelled can still be looked at. UNGAR is missing here, and 501 is how that is said.
_SETTINGS = """
[checks]
use_after_free.enabled = false
allow_header_conformance.enabled = false

[[operations]]
include-path = "/api/datasets/build"
parameters = { "query.wait" = false }
checks.positive_data_acceptance.enabled = false

[[operations]]
include-path = "/api/ungar/{game}/record"
checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "501"]
"""


@pytest.mark.soak
def test_it_answers_as_its_document_says(service: Service, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(_SETTINGS)
    command = ["schemathesis", "--config-file", "schemathesis.toml", "run", f"{service.url}/api/openapi.json"]
    header = f"Authorization: Bearer {TOKEN}"
    done = run(
        tmp_path,
        *command,
        "-H",
        header,
        "--max-examples",
        "10",
        "--seed",
        "1",
        "--request-timeout",
        "120",
        "--no-color",
        code=None,
    )
    assert done.code == 0, done.text


def test_the_document_has_every_route_of_the_api(standing: Service) -> None:
    document = standing.reader.get("/api/openapi.json").json()
    assert set(document["paths"]) == {
        "/api/datasets", "/api/datasets/build", "/api/datasets/{dataset_id}", "/api/datasets/{dataset_id}/export.jsonl",
        "/api/datasets/{dataset_id}/files", "/api/datasets/{dataset_id}/diff/{other_id}",
        "/datasets/{dataset_id}/report", "/api/jobs", "/api/jobs/{job_id}", "/api/jobs/{job_id}/events", "/api/status",
        "/api/ungar/{game}/record",
    }  # fmt: skip
    assert document["components"]["securitySchemes"]
