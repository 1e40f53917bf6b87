"""Every line of a JSON Lines file against its JSON Schema, with `jsonschema` in two processes."""

from __future__ import annotations

import json
import multiprocessing
import sys
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from itertools import islice
from pathlib import Path

from jsonschema import Draft202012Validator

SCHEMA = Path(__file__).parent.parent.parent / "schemas/export/tunix_sft.schema.json"
PROCESSES = 2
BATCH = 1000


@cache
def validator() -> Draft202012Validator:
    """The schema's validator, once a process."""
    checker = Draft202012Validator.FORMAT_CHECKER
    checker.checks("date-time", ValueError)(is_time)  # it has none of its own, without more packages
    return Draft202012Validator(json.loads(SCHEMA.read_text()), format_checker=checker)


def is_time(value: object) -> bool:
    """Whether a text is a time with its zone; what is no text is none of a format's business."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def faults(lines: list[bytes]) -> list[str]:
    """What is wrong with some lines."""
    return [error.message for line in lines for error in validator().iter_errors(json.loads(line))]


def batches(path: Path) -> Iterator[list[bytes]]:
    """The lines of a file, some at a time."""
    with path.open("rb") as file:
        while batch := list(islice(file, BATCH)):
            yield batch


def validate(path: Path) -> None:
    """Exit with the first faults where there are any."""
    with multiprocessing.Pool(PROCESSES) as pool:
        found = [fault for batch in pool.imap_unordered(faults, batches(path)) for fault in batch]
    if found:
        sys.exit(f"{path}: {len(found)} faults: {found[:5]}")
