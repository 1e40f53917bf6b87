"""The results of a run of pytest, from its JUnit XML: how many of each kind passed, and why others were skipped."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

# The kind of a test, by the folder or the file that it is in; what is not listed is a kind of its own.
KINDS = {
    **dict.fromkeys(("traces", "training", "stages", "commands"), "unit"),
    "test_docs": "docs",
    **dict.fromkeys(("test_ci", "test_dvc_yaml", "test_support"), "project"),
}


@dataclass
class Results:
    """Tests by kind; `skipped` counts those of each reason."""

    passed: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)


def read_results(path: Path) -> Results:
    """The results of a run in which no test failed."""
    results = Results()
    for case in ET.parse(path).getroot().iter("testcase"):
        place = case.attrib["classname"].split(".")[1]
        kind = KINDS.get(place, place)
        skipped = case.find("skipped")
        if skipped is None:
            results.passed[kind] += 1
        else:
            results.left_out[kind] += 1
            results.skipped[skipped.attrib["message"]] += 1
    return results
