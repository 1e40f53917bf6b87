"""The address of a PostgreSQL: a URL, service files and PG* variables, read by libpq, which psql uses too."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from traces.errors import TracesError

CONNECT_TIMEOUT_S = 10
# libpq's own schemes, and SQLAlchemy's, which name a driver after a plus sign.
_SCHEME = re.compile(r"(postgres|postgresql)(\+\w+)?://", re.IGNORECASE)
_SLIP = "an @, / or ? in the user's name or the password must be written %40, %2F or %3F"


@dataclass(frozen=True)
class Address:
    """What a URL says: libpq's parameters, and how messages name it, without a password and without its query."""

    given: dict[str, Any] = field(repr=False)
    label: str

    @property
    def password(self) -> str | None:
        return self.given.get("password")

    def parameters(self) -> dict[str, Any]:
        """What psycopg connects with: the URL's parameters, then those of a service file, then those of PG* variables.

        libpq itself would take the last two from where it runs. Here they are read once, so that workers in other
        processes and on other machines connect as this process does. psycopg looks for no host and no timeout in a
        service file.
        """
        return {
            "connect_timeout": str(CONNECT_TIMEOUT_S),
            **_defaults(self.given),
            **self.given,
            # Texts come as bytes in this encoding, and are hashed and decoded as such.
            "client_encoding": "UTF8",
            # A pooler gives the next transaction another session, which does not know what was prepared.
            "prepare_threshold": None,
        }


def is_postgresql(url: str) -> bool:
    """Whether a URL is one of a PostgreSQL."""
    return _SCHEME.match(url) is not None


def parse_address(url: str, where: str, expected: str) -> Address:
    """What the URL of a PostgreSQL says.

    Raises:
        TracesError: libpq does not understand it, or a password in it would end early. It is never quoted.
    """
    url = _SCHEME.sub("postgresql://", url, count=1)
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error as error:
        unknown = re.match(r'invalid URI query parameter: "(\w+)"', str(error))
        unescaped = re.match(r'extra key/value separator "=" in URI query parameter: "(\w+)"', str(error))
        if "@" in url.partition("@")[2].partition("?")[2] and "percent" not in str(error):
            raise TracesError(f"{where}: {_SLIP}") from None
        if unknown:
            raise TracesError(f"{where}: libpq knows no parameter {unknown[1]}; see docs/postgresql.md") from None
        if unescaped:
            raise TracesError(f"{where}: an = in the value of {unescaped[1]} must be written %3D") from None
        raise TracesError(f"{where}: not a database URL; expected {expected}") from None
    hosts, ports = (str(given.get(name, "")).split(",") for name in ("host", "port"))
    shown = _hosts(hosts, ports)
    if any("@" in part for part in (*hosts, *ports, str(given.get("dbname", "")))) and not _in_query(url, given):
        raise TracesError(f"{where}: {_SLIP}")
    if not all(re.fullmatch(r"\d*", port) for port in ports):
        raise TracesError(f"{where}: not a database URL; expected {expected}")
    user = f"{given['user']}{':***' if 'password' in given or ':@' in url else ''}@" if "user" in given else ""
    service = f"?service={given['service']}" if "service" in given else ""
    return Address(given, f"postgresql://{user}{shown}/{given.get('dbname', '')}{service}")


def _in_query(url: str, given: dict[str, Any]) -> bool:
    """Whether the only part with an @ is a value of the query, such as a socket's folder."""
    address = url.partition("://")[2].partition("?")[0]
    return address.count("@") <= 1 and "@" not in address.rpartition("@")[2] and "@" not in str(given.get("dbname", ""))


def _hosts(hosts: list[str], ports: list[str]) -> str:
    """Hosts as a URL has them; a socket's folder, which would need percent signs, is left out."""
    if len(ports) == 1:
        ports *= len(hosts)
    pairs = zip(hosts, ports, strict=False)
    return ",".join(
        (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
        for host, port in pairs
        if host and not host.startswith("/")
    )


def _defaults(given: dict[str, Any]) -> dict[str, str]:
    """What libpq takes from a service file and from PG* variables, in its own order."""
    named = {
        variable: str(given[name])
        for name, variable in (("service", "PGSERVICE"), ("servicefile", "PGSERVICEFILE"))
        if name in given
    }
    held = {variable: os.environ.get(variable) for variable in named}
    os.environ.update(named)
    try:
        options = psycopg.pq.Conninfo.get_defaults()
    finally:
        for variable, value in held.items():
            if value is None:
                del os.environ[variable]
            else:
                os.environ[variable] = value
    return {
        option.keyword.decode(): option.val.decode()
        for option in options
        if option.val is not None and option.val != option.compiled
    }
