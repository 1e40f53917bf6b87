"""Partitions follow from the data alone, so a change touches the one or two that hold it."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.samples import trace_id
from traces.partitions import Cut, Fingerprint, Partition, Row, fingerprint, partition_name, row_digest

SIZE = 8


def rows_of(numbers: list[int]) -> list[Row]:
    return [Row(trace_id(n), n, "1.0", b"payload %d" % n) for n in sorted(numbers)]


def partitions(numbers: list[int]) -> list[Partition]:
    return list(fingerprint(rows_of(numbers), SIZE))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sets(st.integers(0, 400), min_size=20, max_size=200), st.sets(st.integers(401, 500), min_size=1))
def test_rows_added_at_the_end_touch_only_the_last_partition(before: set[int], new: set[int]) -> None:
    old, now = partitions(list(before)), partitions(list(before | new))
    assert now[: len(old) - 1] == old[:-1]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sets(st.integers(0, 400), min_size=20, max_size=200), st.data())
def test_a_row_removed_or_late_touches_its_partition_and_those_until_two_begin_alike(
    numbers: set[int], data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(sorted(numbers)))
    whole, less = partitions(list(numbers)), partitions(list(numbers - {gone}))
    assert [p for p in whole if p.first_us is not None and p.first_us < gone][:-1] == [
        p for p in less if p.first_us is not None and p.first_us < gone
    ][:-1]
    # From the first later row at which one begins in both, all are the same.
    later = [{p.first_us for p in found if p.first_us is not None and p.first_us > gone} for found in (whole, less)]
    if both := later[0] & later[1]:
        again = min(us for us in both if us is not None)
        tails = [[p for p in found if p.first_us is not None and p.first_us >= again] for found in (whole, less)]
        assert tails[0] == tails[1]


def test_a_late_row_seldom_touches_more_than_two() -> None:
    numbers = list(range(0, 4000, 2))
    size = 64
    whole = set(fingerprint(rows_of(numbers), size))
    touched = [len(whole - set(fingerprint(rows_of([*numbers, late]), size))) for late in range(1, 4000, 200)]
    assert sum(count <= 2 for count in touched) >= 0.8 * len(touched)


def test_a_partition_begins_at_the_first_id_whose_hash_says_so_once_the_one_before_has_three_quarters() -> None:
    numbers = list(range(1000))
    size = 64
    cut = Cut(size)
    found = list(fingerprint(rows_of(numbers), size))
    assert sum(p.rows for p in found) == 1000
    assert all(p.rows >= 48 for p in found[:-1])
    assert all(cut.may_begin(p.first_id) for p in found[1:])
    position = 0
    for partition in found:
        begun = [n for n in range(position + 48, position + partition.rows) if cut.may_begin(trace_id(n))]
        assert not begun
        position += partition.rows


@pytest.mark.parametrize("size", [1, 2, 3, 8, 64, 5000])
def test_pieces_joined_are_the_partitions(size: int) -> None:
    rows = rows_of(list(range(500)))
    cut = Cut(size)
    pieces: list[Partition] = []
    held = Fingerprint()
    for row in rows:
        if held.rows and cut.may_begin(row.id):
            pieces.append(held.partition)
            held = Fingerprint()
        held.add(row)
    pieces.append(held.partition)
    assert list(cut.joined(pieces)) == list(fingerprint(rows, size))


def test_the_digest_needs_no_order() -> None:
    rows = rows_of(list(range(50)))
    shuffled = rows[1:]
    random.Random(1).shuffle(shuffled)
    digests = set()
    for order in (rows, [rows[0], *shuffled]):
        gathered = Fingerprint()
        for row in order:
            gathered.add(row)
        digests.add(gathered.partition.digest)
    assert len(digests) == 1


def test_every_part_of_a_row_is_in_its_digest() -> None:
    row = Row(trace_id(1), 1, "1.0", b"payload")
    others = [
        row._replace(id=trace_id(2)),
        row._replace(created_us=2),
        row._replace(created_us=None),
        row._replace(trace_version="1.0|"),
        row._replace(payload=b"payloaD"),
        row._replace(payload=None),
        row._replace(trace_version="1", payload=b".0|payload"),
    ]
    assert len({row_digest(r) for r in (row, *others)}) == 8


UUID = "6f1d1c9a-54d5-5a0e-9d0b-0f2f6c2b7c11"


def test_the_names_of_partitions_are_in_the_order_of_their_rows() -> None:
    keys = [(None, "z"), (-1, "b"), (0, "a"), (0, "b"), (1_000_000, "0"), (10**15, "0")]
    names = [partition_name(us, first) for us, first in keys]
    assert names == sorted(names)
    assert partition_name(0, UUID) == f"19700101T000000000000Z-{UUID.replace('-', '')}"


def test_a_name_never_leaves_its_folder() -> None:
    assert re.fullmatch(r"19700101T000000000000Z-etcpasswd-[0-9a-f]{12}", partition_name(0, "../../etc/passwd"))


def test_no_two_first_rows_have_one_name() -> None:
    assert len({partition_name(None, first) for first in ("ab", "a-b", "a b", "ab" * 20, "ab" * 21, "", "\0")}) == 7
