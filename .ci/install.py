"""Build .venv from the locks. .ci/environment starts it, with the Python that the environment is for.

.ci/install.py [--check] bootstrap|dataset|all

The venv's own pip installs uv from requirements-bootstrap.lock, and uv the rest. `.venv/ready` says what is complete.
It is removed before anything changes, so an interrupted build is begun again.
"""

from __future__ import annotations

import ast
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir

sys.path.insert(0, str(Path(__file__).parent))

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
READY = VENV / "ready"
BIN = VENV / "bin"

# What decides about each set of packages, its lock second; a set holds those before it.
SETS = {
    "bootstrap": ("requirements-bootstrap.lock",),
    "dataset": ("requirements-bootstrap.lock", "requirements.lock", "pyproject.toml"),
    "all": ("requirements-bootstrap.lock", "requirements-training.lock", "pyproject.toml"),
}
# MB to fetch and MB on disk, uv included, on x86-64 Linux. `.ci/installation` fails if they are wrong.
SIZES = {"bootstrap": (25, 75), "dataset": (250, 580), "all": (740, 2070)}
CONTENTS = {"dataset": "what the dataset needs", "all": "everything, what training and the tests need included"}

# Lines of uv and pip that tell progress. Others can name the index, whose address is nobody else's business.
PROGRESS = re.compile(
    rb"^ *(Resolved|Prepared|Installed|Uninstalled|Downloading|Downloaded|Building|Built|Installing) (?!.*://)"
)
AGAIN = "then run make again"
CAUSES = {
    r"CERTIFICATE_VERIFY_FAILED|invalid peer certificate|UnknownIssuer": (
        "the package index shows a certificate that is not trusted; name your authority's file with PIP_CERT, "
    ),
    r"(?:[Ee]rror|status|failed)\W+(?:HTTP )?40[137]\b|\b40[137] (?:Client Error|Unauthorized|Forbidden|Proxy)": (
        "the package index or the proxy refused the request; check your user name and password for it, "
    ),
    r"ProxyError|Cannot connect to proxy|[Pp]roxy CONNECT|tunnel error|unsuccessful tunnel|proxy connect": (
        "the proxy does not answer; check HTTPS_PROXY and the proxy of pip.conf, "
    ),
    r"NewConnectionError|ConnectTimeout|ReadTimeout|Connection refused|Name or service not known|dns error|timed out|"
    r"Temporary failure in name|error sending request|unreachable|Connection reset|retries exceeded|"
    r"[Cc]onnection (?:broken|aborted|closed)|Could not connect": (
        "the package index cannot be reached; check the network (HTTPS_PROXY names a proxy, PIP_INDEX_URL or pip.conf "
        "an index of your own), "
    ),
    r"No matching distribution found|there is no version of|was not found in the package registry|no usable wheels|"
    r"is not available": (
        "the package index does not answer, or lacks a package of the lock; name another by PIP_INDEX_URL or pip.conf, "
    ),
}
FULL = re.compile(r"No space left on device|os error 28|Errno 28|Disk quota exceeded")
DENIED = re.compile(r"Permission denied|Read-only file system")
FORGED = re.compile(r"DO NOT MATCH THE HASHES|[Hh]ash mismatch")

# A person's settings of uv that say where packages come from. Others could change what is installed or where.
KEPT = re.compile(
    r"UV_(?:DEFAULT_INDEX|INDEX.*|EXTRA_INDEX_URL|FIND_LINKS|KEYRING_PROVIDER|INSECURE_HOST|SYSTEM_CERTS|NATIVE_TLS|"
    r"HTTP_.*|REQUEST_TIMEOUT|CACHE_DIR|NO_CACHE|LINK_MODE|OFFLINE|CONCURRENT_.*)"
)

# The settings of pip that say how an index is reached.
PIP_KEPT = re.compile(
    r"(?:extra-)?index-url|no-index|find-links|trusted-host|proxy|(?:client-)?cert|(?:default-)?timeout|retries|"
    r"(?:no-)?cache-dir|keyring-provider|use-(?:deprecated|feature)"
)


class CannotInstall(Exception):
    """Why the environment cannot be built, in a line."""


def key(packages: str, executable: str) -> str:
    """A hash of all that decides how the environment for a set of packages looks."""
    found = hashlib.sha256(f"{VENV}\n{executable}\n{sys.version}\n".encode())
    for name in SETS[packages]:
        found.update((ROOT / name).read_bytes())
    return found.hexdigest()


def installed() -> str | None:
    """The set of packages that .venv holds complete, as the locks are now; None if there is no such set."""
    try:
        ready = json.loads(READY.read_text())
        base = os.path.realpath(BIN / "python")
        return next(name for name in SETS if ready == {"packages": name, "key": key(name, base)})
    except (OSError, ValueError, StopIteration):
        return None


def holds(packages: str) -> bool:
    """Whether .venv holds these packages, complete, and perhaps more."""
    found = installed()
    return found is not None and list(SETS).index(found) >= list(SETS).index(packages)


def install(packages: str, lock: int) -> None:
    """Make .venv hold a set of packages.

    Raises:
        CannotInstall: it cannot be done; the next try begins again.
    """
    began = time.monotonic()
    before = installed()
    version = ".".join(map(str, sys.version_info[:3]))
    if before is None:
        create(version, lock)
    READY.unlink(missing_ok=True)
    if packages != "bootstrap":
        fetch, disk = (all_ - first for all_, first in zip(SIZES[packages], SIZES["bootstrap"], strict=True))
        say(f"installing {CONTENTS[packages]}: about {fetch} MB to fetch unless cached, {disk:,} MB on disk")
        install_locked(SETS[packages][1], packages, lock)
        # The project itself: nothing to fetch.
        project = ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
        uv(project, uv_environment({}, os.environ) | {"UV_OFFLINE": "1"}, packages, lock)
    aside = READY.with_suffix(".tmp")
    aside.write_text(json.dumps({"packages": packages, "key": key(packages, os.path.realpath(BIN / "python"))}))
    aside.replace(READY)
    say(f".venv is ready after {time.monotonic() - began:.0f} s")


def create(version: str, lock: int) -> None:
    """An empty environment with uv in it."""
    missing = [name for name in ("venv", "ensurepip") if find_spec(name) is None]
    if missing:
        short = version.rpartition(".")[0]
        raise CannotInstall(
            f"{sys.executable} (Python {version}) lacks its module {' and '.join(missing)}; install it "
            f"(Debian, Ubuntu: `apt install python{short}-venv`) or name another Python with `make PYTHON=python3.12`"
        )
    say(f"building .venv with Python {version}, once: about {SIZES['bootstrap'][0]} MB to fetch for the installer")
    if VENV.is_symlink() or (VENV.exists() and not VENV.is_dir()):
        raise CannotInstall(f"{VENV} is no folder of its own; remove it, {AGAIN}")
    READY.unlink(missing_ok=True)
    # pip apart, since venv does not say why its start of ensurepip failed.
    done(
        [sys.executable, "-E", "-m", "venv", "--clear", "--without-pip", str(VENV)], "python -m venv", "bootstrap", lock
    )
    done([str(BIN / "python"), "-I", "-m", "ensurepip", "--default-pip"], "ensurepip", "bootstrap", lock)
    lock_file = str(ROOT / SETS["bootstrap"][0])
    installer = pip("install", "--require-hashes", "--only-binary=:all:", "--no-compile", "-r", lock_file)
    done(installer, "pip", "bootstrap", lock, pip_environment(pip_settings(), os.environ))


def install_locked(name: str, packages: str, lock: int) -> None:
    """All that a lock pins, by uv; by pip if uv does not reach the index, since pip has just reached it."""
    arguments = ["--require-hashes", "--no-build-isolation", "-r", str(ROOT / name)]
    settings = pip_settings()
    try:
        uv(arguments, uv_environment(settings, os.environ), packages, lock)
    except Unreachable:
        say("uv does not reach the package index; trying with pip, which takes a few minutes")
        installer = pip("install", "--use-pep517", *arguments)
        done(installer, "pip", packages, lock, pip_environment(settings, os.environ))


def uv(arguments: list[str], environment: Mapping[str, str], packages: str, lock: int) -> None:
    """`uv pip install` into .venv, by no other settings than these."""
    command = [str(BIN / "uv"), "--no-config", "pip", "install", "--python", str(BIN / "python"), *arguments]
    done(command, "uv", packages, lock, environment)


def pip(*arguments: str) -> list[str]:
    return [str(BIN / "python"), "-I", "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]


def pip_settings() -> dict[str, str]:
    """What pip.conf and PIP_* variables say, by option."""
    heard = {name: value for name, value in os.environ.items() if name != "PIP_QUIET"}
    command = pip("config", "list")
    told = subprocess.run(command, capture_output=True, text=True, check=False, env=heard).stdout  # noqa: S603
    found = {}
    for section in ("global", "install", ":env:"):  # the later wins, as in pip
        for line in told.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(f"{section}."):
                found[name.removeprefix(f"{section}.")] = str(ast.literal_eval(value))
    return found


def pip_environment(settings: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for pip: of pip.conf and PIP_* variables only what says how an index is reached.

    `user`, `target`, `prefix`, `root` and `dry-run` would leave .venv empty; `constraint` asks for more.
    """
    found = {name: value for name, value in environment.items() if not name.startswith("PIP_")}
    reached = {f"PIP_{name.upper().replace('-', '_')}": settings[name] for name in settings if PIP_KEPT.fullmatch(name)}
    return found | reached | {"PIP_CONFIG_FILE": os.devnull}  # pip then reads no pip.conf at all


def uv_environment(settings: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for uv: pip's settings by uv's names, unless a person has set those.

    uv reads none of pip's settings. What has no counterpart is left out: if uv then fails, pip is tried.
    """
    found = {name: value for name, value in environment.items() if not name.startswith("UV_") or KEPT.fullmatch(name)}
    own_index = found.keys() & {"UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"}
    wanted = {
        "UV_INDEX_URL": "" if own_index else settings.get("index-url", ""),
        "UV_EXTRA_INDEX_URL": "" if own_index else " ".join(settings.get("extra-index-url", "").split()),
        "UV_FIND_LINKS": ",".join(settings.get("find-links", "").split()),
        # All indexes count alike, as in pip. The hashes decide what is taken.
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_INSECURE_HOST": " ".join(settings.get("trusted-host", "").split()),
        "UV_HTTP_TIMEOUT": settings.get("timeout", settings.get("default-timeout", "")),
        "UV_HTTP_RETRIES": settings.get("retries", ""),
        "SSL_CLIENT_CERT": settings.get("client-cert", ""),
    }
    found = {name: value for name, value in wanted.items() if value} | found
    # In pip these win over the variables that everybody reads.
    if proxy := settings.get("proxy"):
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        found |= dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"), proxy)
    if (
        authorities := settings.get("cert")
        or environment.get("REQUESTS_CA_BUNDLE")
        or environment.get("CURL_CA_BUNDLE")
    ):
        found["SSL_CERT_DIR" if Path(authorities).is_dir() else "SSL_CERT_FILE"] = authorities
    return found


class Unreachable(CannotInstall):
    """The index could not be reached, or did not give a file."""


def done(command: list[str], name: str, packages: str, lock: int, environment: Mapping[str, str] | None = None) -> None:
    """Run a command to its end.

    Raises:
        CannotInstall: it failed; the message says why, without an address.
    """
    from progress import follow

    code, told = follow(command, f"environment: {name}", environment=environment, lines=PROGRESS, pass_fds=[lock])
    if code == 0:
        return
    folders = {VENV: ".venv", uv_cache(): "the cache (UV_CACHE_DIR)", Path(gettempdir()): "TMPDIR"}
    room = {folder: shutil.disk_usage(existing(folder)).free // 1_000_000 for folder in folders}
    least = min(room, key=lambda folder: room[folder])
    if FULL.search(told) or room[least] < 10:
        raise CannotInstall(
            f"the disk of {folders[least]}, {least}, is full ({room[least]:,} MB free, about {SIZES[packages][1]:,} MB "
            f"are needed); free some, {AGAIN}"
        )
    if FORGED.search(told):
        raise CannotInstall(
            f"the package index gave a file whose hash is not the lock's; ask who runs that index, {AGAIN}"
        )
    for pattern, cause in CAUSES.items():
        if re.search(pattern, told):
            raise Unreachable(cause + AGAIN)
    if DENIED.search(told):
        raise CannotInstall(
            f"this user may not write into {VENV}, the cache or TMPDIR; change that or the user, {AGAIN}"
        )
    print(told[-3000:], file=sys.stderr)
    raise CannotInstall(f"{name} ended with {code}, as it says above; {AGAIN.removeprefix('then ')}")


def uv_cache() -> Path:
    """Where uv keeps what it fetched."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("UV_CACHE_DIR") or home / "uv")


def existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def say(text: str) -> None:
    print(f"environment: {text}", file=sys.stderr, flush=True)


def main() -> int:
    """Install, or check; the exit code."""
    packages = sys.argv[-1]
    if sys.argv[1:-1] == ["--check"]:
        return 0 if holds(packages) else 1
    if packages not in SETS or len(sys.argv) != 2:
        sys.exit(f"usage: .ci/environment {'|'.join(SETS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # `follow` then ends what it started
    # The lock ends with this process and with an installer that outlives it, so nobody works in a folder that changes.
    with Path(__file__).open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another make is building .venv; waiting for it")
            wait_for(lock.fileno())
        except OSError:  # a file system without locks
            pass
        try:
            if not holds(packages):
                install(packages, lock.fileno())
        except CannotInstall as fault:
            say(str(fault))
            return 1
        except OSError as fault:
            say(f"{fault.filename or VENV}: {fault.strerror or fault}; {AGAIN.replace('then', 'repair that and')}")
            return 1
        except KeyboardInterrupt:
            say("interrupted; the next make begins again")
            return 130
    return 0


def wait_for(lock: int) -> None:
    """Wait until the lock is free, and say every few seconds how long that has taken."""
    began = time.monotonic()
    while True:
        time.sleep(0.5)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if int((time.monotonic() - began) * 2) % 16 == 15:
                say(f"still waiting, {time.monotonic() - began:.0f} s so far")
        else:
            return


if __name__ == "__main__":
    sys.exit(main())
