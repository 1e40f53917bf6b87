"""`python -m service.datasets.fetch MD5`: a folder's listing and files, from DVC's default remote into the cache."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from dvc.config import NoRemoteError
from dvc.repo import Repo
from dvc_data.hashfile.hash_info import HashInfo

from stages.addresses.objects import open_objects


def main(md5: str) -> None:
    """Pull them; a fault is one line on stderr."""
    try:
        with Repo() as repo:
            failed = _pull(repo, [md5]) or _pull(repo, (open_objects().listing(md5) or {}).values())
    except NoRemoteError:
        sys.exit("there is no default remote")
    except Exception as error:  # whatever a remote says, it may hold its address
        sys.exit(f"the remote failed with {type(error).__name__}")
    if failed:
        sys.exit("the remote does not have it")


def _pull(repo: Repo, md5s: Iterable[str]) -> bool:
    """Whether not all could be had."""
    return bool(repo.cloud.pull([HashInfo("md5", md5) for md5 in sorted({*md5s})]).failed)


if __name__ == "__main__":
    main(sys.argv[1])
