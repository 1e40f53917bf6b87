"""The page and the API below a path of a host, behind a real nginx. No dataset is built here."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from starlette.routing import Route

from benchmarks.serving.servers import nginx_command
from service.app import create_app
from service.prefix import index_redirect, read_prefix
from service.settings import Settings
from tests.service.load_support import lay
from tests.service.proxy_support import KEPT, REMOVED, behind_nginx, written
from tests.service.running import TOKEN, Service, free_port, running
from tests.support.nginx import MISSING, nginx
from tests.support.shell import ROOT, copy_repository, run
from traces.errors import WrongUse

NAME = "datasets.example.org"  # as in docs/service.md
PARTS = ROOT / "service/page"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


@dataclass
class Site:
    """An nginx, the two services behind it, and the dataset that both have."""

    url: str
    plain: Service
    prefixed: Service
    export: str
    records: bytes


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if nginx_command() is None:
        pytest.skip(MISSING)
    work = tmp_path_factory.mktemp("prefix")
    folders = [copy_repository(work / name / "project") for name in ("plain", "prefixed")]
    (export, records), _ = [lay(folder, train=300_000, validation=7) for folder in folders]
    with running(folders[0], "--allow-host", NAME) as plain, running(folders[1], "--root-path", f"{KEPT}/") as prefixed:
        with behind_nginx(work / "nginx", plain, prefixed) as url:
            yield Site(url, plain, prefixed, export, records)
        for service in (plain, prefixed):
            assert "Traceback" not in service.log.read_text()


BASES = pytest.mark.parametrize("base", [REMOVED, KEPT, "/api", "/short"])


@BASES
def test_the_page_loads_its_parts_from_below_the_path(site: Site, base: str) -> None:
    with httpx.Client(follow_redirects=True) as client:
        page = client.get(f"{site.url}{base}")
        assert (page.status_code, str(page.url)) == (200, f"{site.url}{base}/")
        found = {urljoin(str(page.url), link) for link in re.findall(r'(?:href|src)="([^"#][^"]*)"', page.text)}
        addresses = [one for one in found if not one.startswith("data:")]
        seen = set()
        while addresses:
            address = addresses.pop()
            assert address.startswith(f"{site.url}{base}/"), address
            answer = client.get(address)
            assert answer.status_code == 200, address
            seen.add(address.removeprefix(f"{site.url}{base}/"))
            imports = re.findall(r'from "(\./[^"]+)"', answer.text) if address.endswith(".js") else []
            addresses += {urljoin(address, one) for one in imports} - {f"{site.url}{base}/{one}" for one in seen}
    assert {f"page/{path.name}" for path in PARTS.glob("*.*") if path.suffix != ".html"} <= seen
    assert {"api/openapi.json", "api/datasets"} <= seen


@BASES
def test_a_download_is_the_same_below_the_path(site: Site, base: str) -> None:
    with httpx.Client(base_url=f"{site.url}{base}", headers={"Accept-Encoding": "identity"}) as client:
        whole = client.get(site.export)
        assert (whole.content, whole.headers["content-length"]) == (site.records, str(len(site.records)))
        tag = whole.headers["etag"]
        assert client.get(site.export, headers={"If-None-Match": tag}).status_code == 304
        part = client.get(site.export, headers={"Range": "bytes=9-29", "If-Range": tag})
        assert (part.status_code, part.content) == (206, site.records[9:30])
        assert client.get(site.export, headers={"Range": "bytes=999999999-"}).status_code == 416
        for encoding in ("gzip", "zstd"):
            encoded = client.get(site.export, headers={"Accept-Encoding": encoding})
            assert (encoded.headers["content-encoding"], encoded.content) == (encoding, site.records)
            assert encoded.headers["etag"] == f'{tag[:-1]}-{encoding}"'
        head = client.head(site.export)
        assert (head.headers["content-length"], head.content) == (str(len(site.records)), b"")
        assert client.get("/api/datasets/none").json()["detail"].startswith("there is no such dataset")
        assert client.get("/datasets/none/report").json()["detail"].startswith("there is no such dataset")


@BASES
def test_a_job_is_found_by_its_location_and_its_events_arrive_at_once(site: Site, base: str) -> None:
    with httpx.Client(base_url=f"{site.url}{base}", headers=AUTHORIZED, timeout=60) as client:
        # The second job waits for the first, and so has little to tell: too little to fill a buffer of nginx's gzip.
        addresses = []
        for name in ("first", "second"):
            wanted = {"name": f"{name}{base.replace('/', '-')}", "version": "v1"}
            asked = client.post("/api/datasets/build", json=wanted)
            assert asked.status_code == 202, asked.text
            addresses.append(urljoin(str(asked.request.url), asked.headers["location"]))
            assert addresses[-1] == f"{site.url}{base}/api/jobs/{asked.json()['id']}"
            assert client.get(addresses[-1]).json()["id"] == asked.json()["id"]
        first, second = addresses
        with client.stream("GET", f"{second}/events") as events:
            lines = (line.removeprefix("data: ") for line in events.iter_lines() if line.startswith("data: {"))
            assert json.loads(next(lines))["state"] == "queued"
            assert client.get(first).json()["state"] in ("queued", "running")
            assert client.delete(second).status_code == 202
            assert json.loads([*lines][-1])["state"] == "cancelled"
        assert client.delete(first).status_code == 202


def test_the_openapi_document_names_the_path_it_was_started_with(site: Site) -> None:
    for base in (KEPT, "/short"):
        document = httpx.get(f"{site.url}{base}/api/openapi.json").json()
        assert document["servers"] == [{"url": KEPT}]
    assert "servers" not in httpx.get(f"{site.url}{REMOVED}/api/openapi.json").json()


def test_the_service_answers_without_the_path_too_and_redirects_to_its_own_page(site: Site) -> None:
    assert site.prefixed.reader.get("/api/status").status_code == 200
    for method in ("GET", "HEAD"):
        answer = site.prefixed.reader.request(method, KEPT)
        assert (answer.status_code, answer.headers["location"]) == (307, "data-sets/")
        assert "content-security-policy" in site.prefixed.reader.request("GET", f"{KEPT}/").headers
    # A slash too many is no other address, and no redirect that would name a host.
    for service, path in ((site.plain, "/api/datasets/"), (site.prefixed, f"{KEPT}/api/datasets/")):
        assert service.reader.get(path).status_code == 404


FORWARDED = {
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Port": "1",
    "X-Script-Name": "/evil",
    "X-Original-URL": "/api/jobs",
    "X-Rewrite-URL": "/api/jobs",
    "Forwarded": "for=1.2.3.4;host=evil.example;proto=https",
}


def test_no_forwarded_header_changes_an_answer(site: Site) -> None:
    for base in (f"{site.url}{REMOVED}", f"{site.url}{KEPT}", site.plain.url):
        for path in ("/", "/api/openapi.json", "/api/datasets"):
            plain, forwarded = (httpx.get(f"{base}{path}", headers=more) for more in ({}, FORWARDED))
            assert plain.status_code == 200
            assert plain.content == forwarded.content
            kept = [{k: v for k, v in one.headers.items() if k != "date"} for one in (plain, forwarded)]
            assert kept[0] == kept[1]
    redirect = site.prefixed.reader.get(KEPT, headers=FORWARDED)
    assert redirect.headers["location"] == "data-sets/"
    known = {"X-Forwarded-Host": "127.0.0.1", "Forwarded": "host=127.0.0.1", "Host": "evil.example"}
    for base in (f"{site.url}{REMOVED}", site.plain.url):
        assert httpx.get(f"{base}/api/status", headers=known).status_code == 421


def test_a_forwarded_address_does_not_widen_the_limits(site: Site) -> None:
    def asked(number: int) -> httpx.Response:
        spread = dict.fromkeys(("X-Forwarded-For", "X-Real-IP"), f"10.0.0.{number}")
        return client.delete("/api/jobs/none", headers=spread)

    with httpx.Client(base_url=f"{site.url}{REMOVED}") as client:
        assert {asked(number).status_code for number in range(130)} == {401, 429}


def test_odd_spellings_of_a_path_lead_nowhere_else(site: Site) -> None:
    for base in (REMOVED, KEPT, "/api"):
        for path in (
            f"{base}//evil.example/", f"/{base}/api/status", f"{base}/../params.yaml", f"{base}/%2e%2e/params.yaml",
            f"{base}/page/..%2f..%2fparams.yaml", f"{base}/page/%2e%2e%2fapp.py", f"{base}/page/..",
            f"{base}%2Fevil.example/..", f"{base}/{base}/", f"{base}x/api/status", f"{base}/api/status/",
        ):  # fmt: skip
            for port in (urlsplit(site.url).port, urlsplit(site.prefixed.url).port):
                head = raw(int(port or 0), path)
                status = int(head.split()[1])
                # nginx itself makes one slash of two before it looks for a location.
                assert status in (200, 301, 307, 400, 404), (path, head)
                assert "evil.example" not in head.partition("\r\n\r\n")[0].replace(path, ""), (path, head)
                assert "dataset:" not in head  # of params.yaml
    encoded = raw(int(urlsplit(site.url).port or 0), f"{KEPT.replace('-', '%2D')}/api/datasets")
    assert encoded.split()[1] == "200"


def raw(port: int, path: str) -> str:
    """The answer to a path that is sent as it is."""
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: client.recv(1 << 16), b"")).decode(errors="replace")


@pytest.mark.parametrize(
    ("given", "prefix"),
    [("/datasets", "/datasets"), ("/datasets/", "/datasets"), ("/a/b-c/d.e_f~/", "/a/b-c/d.e_f~"), ("/", ""), ("", "")],
)
def test_a_prefix_is_read_with_or_without_the_slash_at_its_end(given: str, prefix: str) -> None:
    assert read_prefix(given) == prefix


ODD = [
    "datasets", "//", "//evil.example", "/a//b", "/datasets//", "/..", "/a/../b", "/.", "/a/.", "/a%2Fb", "/a%20b",
    "/a b", "/a?b", "/a#b", "/a;b", "/{name}", "/a\n", "/\u00e4", "/a\\b", "http://host/a", "*",
]  # fmt: skip


@pytest.mark.parametrize("given", ODD)
def test_a_prefix_that_a_proxy_or_a_client_could_spell_in_two_ways_is_refused(given: str) -> None:
    with pytest.raises(WrongUse, match="--root-path .*expected a path such as /datasets"):
        read_prefix(given)


def test_a_prefix_that_is_an_address_of_the_service_is_refused_in_one_line(site: Site) -> None:
    done = run(site.plain.folder, "python", "-m", "service", "--port", "0", "--root-path", "/api/jobs/", code=2)
    assert done.err == (
        "service: --root-path /api/jobs: the service has an address of its own there; choose another prefix\n"
    )
    with pytest.raises(WrongUse, match="choose another prefix"):
        index_redirect("/page/main.js", [Route("/page/{name}", lambda: None)])


@pytest.mark.parametrize("prefix", ["/api", "/datasets", "/page", "/api/ungar", "/a/b"])
def test_a_prefix_may_begin_like_the_service_s_own_addresses(
    site: Site, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(site.plain.folder)
    settings = Settings(site.plain.folder, token=TOKEN, reads_need_token=True, root_path=prefix)
    transport = httpx.ASGITransport(create_app(settings))

    async def ask() -> None:
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            for base in ("", prefix):  # with a proxy that removes the path, and with one that passes it on
                for path in ("/", "/page/main.js"):
                    assert (await client.get(f"{base}{path}")).status_code == 200, (base, path)
                for path in ("/api/jobs", "/api/openapi.json", "/datasets/page/report", "/datasets/api/report"):
                    assert (await client.get(f"{base}{path}")).status_code == 401, (base, path)
                for path, status in (("/api/jobs", 200), ("/api/openapi.json", 200), ("/datasets/page/report", 404)):
                    answer = await client.get(f"{base}{path}", headers=AUTHORIZED)
                    assert answer.status_code == status, (base, path)
                    assert status == 200 or answer.json()["detail"].startswith("there is no such dataset")
            assert (await client.get(prefix)).headers["location"] == f"{prefix.rpartition('/')[2]}/"

    asyncio.run(ask())


def test_the_server_block_of_the_docs_works_over_tls(site: Site, tmp_path: Path) -> None:
    port = free_port()
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    made = ["openssl", "req", "-x509", *kind, *subject, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    block = written("a host of its own", site.plain)
    assert block.count("listen 443 ssl;") == 1
    mine = f"listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {key};"
    with nginx(tmp_path / "nginx", port, block.replace("listen 443 ssl;", mine)):
        trusted = ssl.create_default_context(cafile=str(certificate))
        options: Any = {"headers": {"Host": NAME}, "extensions": {"sni_hostname": NAME}}
        with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trusted) as client:
            assert client.get("/", **options).status_code == 200
            assert client.get(site.export, **options).content == site.records
            # nginx adds the token.
            assert client.delete("/api/jobs/none", **options).status_code == 404
            # nginx passes on what the service says of a body that is too large.
            for size in (70_000, 300_000, 900_000) * 4:
                refused = client.post("/api/datasets/build", content=b" " * size, **options)
                assert refused.status_code == 413, refused.text
                assert refused.json()["detail"] == "the request's body is over 65536 bytes"
