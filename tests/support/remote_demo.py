"""`make remote-demo`: a real S3 server and two clones that share nothing else, each command shown as it runs."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from tests.support.s3 import CREDENTIALS, S3Server, s3_server, use_bucket
from tests.support.shell import ROOT, environment, run


def demo(source: Path, server: S3Server, folder: Path) -> None:
    """Push the last commit of the repository `source` from one clone in `folder`; pull, check and gate it in two."""
    bucket = server.make_bucket("demo")
    for name in ("one", "two"):
        run(source, "git", "clone", "--quiet", ".", str(folder / name))
        use_bucket(folder / name, server, bucket)
    # What was built before need not be built for this.
    run(folder / "one", "dvc", "cache", "dir", "--local", run(source, "dvc", "cache", "dir").out.strip())
    _show(folder / "one", "dvc repro --quiet validate")
    _show(folder / "one", "dvc push")
    _show(folder / "two", "dvc pull")
    _show(folder / "two", "dvc status --cloud")
    _show(folder / "two", "traces verify --quick --until validate")
    _show(folder / "two", "dvc repro --force --single-item validate")


def _show(clone: Path, command: str) -> None:
    print(f"\n{clone.name}$ {command}", flush=True)
    subprocess.run(command.split(), cwd=clone, env=environment(**CREDENTIALS), check=True)


if __name__ == "__main__":
    with s3_server() as server, tempfile.TemporaryDirectory(prefix="remote-demo.") as scratch:
        print(f"S3 at {server.endpoint}, for as long as this takes")
        demo(ROOT, server, Path(scratch))
