"""`traces ingest`: take in JSON Lines of traces or of whole rows."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from commands.options import Json, ToUrl, counted, require_repository, require_url, time_option


def ingest(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="JSON Lines, plain or gzip; UTF-8, UTF-16 or UTF-32.", show_default=False
        ),
    ],
    to: ToUrl = None,
    quarantine: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Set bad lines aside here instead of stopping at the first.")
    ] = None,
    created_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="created_at of lines that give none. \\[default: now]")
    ] = None,
    json: Json = False,
) -> None:
    """Add traces to TRACES_DATABASE_URL or --to URL; without either, to data/recorded/.

    A line is a trace, or a row: id, created_at, trace_version, payload. Rows that are there already are
    left alone; a trace without an id gets one that follows from its content. A bad line stops it, and nothing
    is written: a database that was not there before is not there afterwards.

    [bold]Examples[/bold]

      traces ingest traces.jsonl

      traces ingest export.jsonl.gz --to sqlite:///traces.db --quarantine bad.jsonl
    """
    from datetime import UTC, datetime

    from stages.runtime.progress import progress
    from traces.ingest import NumberedLine, ingest_into_recordings, ingest_into_store
    from traces.recordings import RECORDED
    from traces.store import DATABASE_URL

    def watch(lines: Iterable[NumberedLine], name: str) -> Iterable[NumberedLine]:
        return progress(lines, None, name)

    now = datetime.now(UTC).replace(microsecond=0).isoformat()
    created_us = time_option(now if created_at is None else created_at, "--created-at")
    require_url(to)
    url = to or os.environ.get(DATABASE_URL)
    if url:
        done = ingest_into_store(url, files, created_us, quarantine, watch)
    else:
        require_repository()
        done = ingest_into_recordings(RECORDED, files, created_us, quarantine, watch)
    if done.blank:
        print(
            f"traces: note: a build will quarantine {counted(done.blank, 'trace')}: {done.first_blank}"
            f"{' ...' if done.blank > 1 else ''}; extract.max_quarantined says how many it may",
            file=sys.stderr,
        )
    if json:
        import json as json_module

        print(json_module.dumps({"added": done.added, "present": done.present, "quarantined": done.quarantined}))
        return
    aside = f", {counted(done.quarantined, 'bad line')} in {quarantine}" if done.quarantined else ""
    where = " with TRACES_DATABASE_URL set to it" if to and to != os.environ.get(DATABASE_URL) else ""
    after = f"; next{where}: traces pin && dvc repro" if done.added else ""
    print(f"{counted(done.added, 'trace')} added, {done.present:,} there already{aside}{after}")
