"""What the service runs with: where it listens, and how much it takes."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path

from traces.errors import WrongUse

TOKEN = "TRACES_SERVE_TOKEN"  # noqa: S105 - the variable's name
SHORTEST_TOKEN = 16  # characters
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class Limits:
    """What one service takes on."""

    body_bytes: int = 64 * 1024
    reads_a_second: int = 5000  # a client's address
    writes_a_minute: int = 120
    queued_jobs: int = 20
    free_bytes: int = 10**9  # that whatever writes leaves alone: under it none begins
    connections: int = 400  # at a time: each may have a file open, and a process has a thousand


@dataclass(frozen=True)
class Settings:
    """`hosts` are the names under which it is asked: a page elsewhere that points its own name here is refused."""

    root: Path
    host: str = "127.0.0.1"
    token: str | None = None
    reads_need_token: bool = False
    hosts: frozenset[str] = frozenset(LOOPBACK)
    root_path: str = ""  # the public path prefix, without a slash at its end
    jobs: int = 1  # experiments at a time
    limits: Limits = field(default_factory=Limits)


def load_token(host: str) -> str | None:
    """The token in the environment.

    Raises:
        WrongUse: it is too short, or missing where others than this machine could ask.
    """
    token = os.environ.get(TOKEN) or None
    if token is None and not is_loopback(host):
        raise WrongUse(f"--host {host}: others can reach it, so set {TOKEN} to a secret that they must know")
    if token is not None and (len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
        raise WrongUse(f"{TOKEN}: expected {SHORTEST_TOKEN} or more printable ASCII characters: `openssl rand -hex 32`")
    return token


def without_token() -> dict[str, str]:
    """The environment for other processes: none of them has to know the token."""
    return {key: value for key, value in os.environ.items() if key != TOKEN}


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
