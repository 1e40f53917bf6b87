"""DVC's cache: what is not what its name says is found, and taken out."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from stages.addresses.objects import Objects


def put(objects: Objects, data: bytes, suffix: str = "") -> str:
    """The name of an object that holds `data`."""
    md5 = hashlib.md5(data).hexdigest() + suffix
    objects.path(md5).parent.mkdir(parents=True, exist_ok=True)
    objects.path(md5).write_bytes(data)
    return md5


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path)


def test_of_a_folder_each_file_is_looked_at(objects: Objects) -> None:
    one, two = put(objects, b"one"), put(objects, b"two")
    files = [{"relpath": "1", "md5": one}, {"relpath": "2", "md5": two}, {"relpath": "3", "md5": "0" * 32}]
    listing = put(objects, json.dumps(files).encode(), ".dir")
    assert objects.damaged(listing) == []  # what is missing is not damaged
    objects.path(two).write_bytes(b"tw")
    assert objects.damaged(listing) == objects.damaged(two) == [objects.path(two)]
    assert objects.remove_damaged([listing, two]) == [objects.path(two)]
    assert not objects.path(two).exists()
    assert objects.path(one).exists()


def test_a_listing_that_is_damaged_names_no_files(objects: Objects) -> None:
    listing = put(objects, json.dumps([{"relpath": "1", "md5": "0" * 32}]).encode(), ".dir")
    objects.path(listing).write_bytes(b"[")
    assert objects.remove_damaged([listing]) == [objects.path(listing)]
