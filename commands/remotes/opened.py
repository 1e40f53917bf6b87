"""A DVC remote that answers, or one line that says why it does not."""

from __future__ import annotations

import re
from typing import Any

from traces.errors import TracesError, WrongUse, one_line

# The bucket that .dvc/config names until somebody has one; no bucket can have this name.
UNSET = "<your-bucket>"
_PASSWORD = re.compile(r"//[^/\s]*@")
WEB = ("http", "https")  # asked file by file: a web server need not list its folders


def open_remote(repo: Any, name: str | None) -> tuple[str, Any]:
    """The name and the object store (`HashFileDB`) of a remote, or of the default one, after it has answered.

    Raises:
        WrongUse: there is no such remote, no default, or it has no address yet.
        TracesError: it cannot be reached, or its folder or bucket does not exist.
    """
    remotes = repo.config["remote"]
    name = repo.config["core"].get("remote") if name is None else name
    there_are = f"configured: {', '.join(remotes) or 'none'}"
    if name is None:
        raise WrongUse(
            f"--remote: no remote is the default; name one ({there_are}), or `dvc remote default NAME` sets it"
        )
    if name not in remotes:
        raise WrongUse(
            f"--remote {one_line(name, 80)}: no such remote; {there_are}; docs/remotes.md says how to add one"
        )
    if UNSET in remotes[name]["url"]:
        raise WrongUse(f"remote {name}: has no address yet; docs/remotes.md says how to set it up")
    try:
        remote = repo.cloud.get_remote(name)
        odb = repo.cloud.get_remote_odb(name, "verify --remote")
        there = _is_there(odb, remote.path)
    except Exception as error:  # whatever a remote's library raises
        raise TracesError(f"remote {name}: {reason(error)}") from None
    if not there:
        raise TracesError(
            f"remote {name}: its folder or bucket is not there: nobody has pushed to it yet, it is not mounted, or its "
            "url is wrong; `dvc push` makes a folder, and no bucket"
        )
    return name, odb


def _is_there(odb: Any, root: str) -> bool:
    """Whether the remote's folder exists, or its bucket; a library raises if it cannot be reached.

    A folder that is not mounted and a bucket that was removed would else look like a remote that lacks every file.
    """
    from dvc_objects.fs.base import ObjectFileSystem

    if odb.fs.protocol in WEB:
        return True
    try:
        odb.fs.ls(odb.path)
    except FileNotFoundError:
        is_store = isinstance(odb.fs, ObjectFileSystem)
        return bool(odb.fs.exists(odb.fs.parts(root)[0] if is_store else root))
    return True


def reason(error: BaseException) -> str:
    """What a library said, in one line and without the password of a URL."""
    return one_line(_PASSWORD.sub("//", str(error) or type(error).__name__))
