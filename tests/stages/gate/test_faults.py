"""Faults: every one counted, the first hundred named."""

from __future__ import annotations

import errno

import pytest

from stages.gate.faults import NAMED, Faults


def test_the_first_are_named_and_all_are_counted() -> None:
    whole = Faults()
    for part in range(3):
        faults = Faults()
        for number in range(60):
            faults.add("schema" if part else "ids", f"part {part}", f"fault {number}\n")
        whole.merge(faults)
    assert whole.counts == {"ids": 60, "schema": 120}
    assert (whole.total, len(whole.lines)) == (180, NAMED)
    assert whole.lines[0] == "part 0: fault 0\\n"
    assert whole.lines[-1] == "part 1: fault 39\\n"


def test_a_full_disk_is_no_fault_of_the_dataset() -> None:
    faults = Faults()
    with pytest.raises(OSError), faults.guard("data/export"):
        raise OSError(errno.ENOSPC, "No space left on device")
    with faults.guard("data/export"):
        raise ValueError("no record")
    assert faults.lines == ["data/export: cannot be checked: ValueError: no record"]
