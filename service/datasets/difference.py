"""`python -m service.datasets.difference COMMIT COMMIT TARGET`: what `traces diff` says of two commits, as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from commands.differences.join import compare_records
from commands.differences.reasons import reasons
from commands.differences.shards import pair_shards
from commands.differences.show import Comparison, as_json
from commands.versions import find_version
from service.datasets.making import fail
from stages.addresses.objects import open_objects
from traces.errors import TracesError
from traces.files import write_text


def main(before: str, after: str, target: Path) -> None:
    """Write it."""
    old, new = find_version(before), find_version(after)
    counts = compare_records(pair_shards(old, new, open_objects()))
    write_text(target, json.dumps(as_json(Comparison(old, new, reasons(old, new), counts))) + "\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    except TracesError as error:
        fail(error)
