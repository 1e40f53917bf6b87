"""Partitions follow from the data alone, so a change touches the one or two that hold it."""

from __future__ import annotations

import random
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.samples import trace_id
from traces.partitions import Fingerprint, Partition, Row, fingerprint, partition_name, row_digest, starts_partition

SIZE = 8


def rows_of(numbers: list[int]) -> list[Row]:
    return [Row(trace_id(n), n, "1.0", f"payload {n}") for n in sorted(numbers)]


def partitions(numbers: list[int]) -> list[Partition]:
    return list(fingerprint(rows_of(numbers), SIZE))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sets(st.integers(0, 400), min_size=20, max_size=200), st.sets(st.integers(401, 500), min_size=1))
def test_rows_added_at_the_end_touch_only_the_last_partition(before: set[int], new: set[int]) -> None:
    old, now = partitions(list(before)), partitions(list(before | new))
    assert now[: len(old) - 1] == old[:-1]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sets(st.integers(0, 400), min_size=20, max_size=200), st.data())
def test_a_row_removed_or_late_touches_at_most_two(numbers: set[int], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(sorted(numbers)))
    whole, less = set(partitions(list(numbers))), set(partitions(list(numbers - {gone})))
    assert 1 <= len(whole - less) <= 2
    assert len(less - whole) <= 2


def test_a_partition_begins_at_the_first_row_and_at_each_id_whose_hash_says_so() -> None:
    numbers = list(range(100))
    found = partitions(numbers)
    assert [p.first_id for p in found] == [
        trace_id(n) for n in numbers if n == 0 or starts_partition(trace_id(n), SIZE)
    ]
    assert sum(p.rows for p in found) == 100


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
    row = Row(trace_id(1), 1, "1.0", "payload")
    others = [
        row._replace(id=trace_id(2)),
        row._replace(created_us=2),
        row._replace(created_us=None),
        row._replace(trace_version="1.0|"),
        row._replace(payload="payloaD"),
        row._replace(payload=None),
        row._replace(trace_version="1", payload=".0|payload"),
    ]
    assert len({row_digest(r) for r in (row, *others)}) == 8
    assert row_digest(row) == row_digest(row._replace(payload=b"payload"))


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
