"""The service behind a real nginx, below several paths of one host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.service.running import TOKEN, Service, free_port
from tests.support.docs import marked
from tests.support.nginx import nginx
from tests.support.shell import ROOT

PAGE = ROOT / "docs/service.md"
KEPT = "/tools/data-sets"  # nginx passes this path on unchanged
REMOVED = "/datasets"  # nginx removes this one, as docs/service.md has it


def written(mark: str, service: Service, token: str = TOKEN) -> str:
    """An nginx block of docs/service.md, for this service."""
    text = marked(PAGE, f"nginx: {mark}")
    for old, new in (("http://127.0.0.1:8766", service.url), ("SECRET", token)):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def without_token(block: str) -> str:
    """The block without the line that adds the token, as the page's users then type it."""
    return "\n".join(line for line in block.splitlines() if "Authorization" not in line)


@contextmanager
def behind_nginx(folder: Path, plain: Service, prefixed: Service) -> Iterator[str]:
    """The address of an nginx in front of a service without settings and of one with `--root-path KEPT`."""
    port = free_port()
    locations = [
        without_token(written("below a path", plain)),
        # The service's own addresses begin with both: /api/..., /datasets/ID/report.
        f"location /api/ {{ proxy_pass {plain.url}/; }}",
        f"location {KEPT} {{ proxy_pass {prefixed.url}; }}",
        # With `gzip`, nginx holds events back, unless the service forbids it; without, it passes them on by itself.
        f"location /short/ {{ proxy_pass {prefixed.url}/; gzip on; gzip_types *; }}",
    ]
    server = f"server {{ listen 127.0.0.1:{port};\n{chr(10).join(locations)}\n}}"
    with nginx(folder, port, server):
        yield f"http://127.0.0.1:{port}"
