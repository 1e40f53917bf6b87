"""Files in data/evalsets/ as people bring them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from stages.params.models import Decontaminate
from stages.selection.evalsets import Match, load_evalsets
from traces.errors import TracesError

QUESTION = "A farmer has seventeen sheep and all but nine run away; how many sheep are left?"
FORMS = {
    "a byte order mark": lambda text: text.encode("utf-8-sig"),
    "Windows line ends": lambda text: text.replace("\n", "\r\n").encode("utf-8-sig"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-be"),
    "gzip": lambda text: gzip.compress(text.encode()),
    "gzip of UTF-16": lambda text: gzip.compress(text.encode("utf-16")),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_set_is_read_whatever_its_encoding_and_packing(workspace: Path, form: str) -> None:
    text = "".join(
        json.dumps({"prompt": prompt}, ensure_ascii=False) + "\n" for prompt in (QUESTION, "\u00bfQu\u00e9?")
    )
    path = Path("data/evalsets/set.jsonl")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(FORMS[form](text))
    found = load_evalsets(Decontaminate(evalsets=["set.jsonl"]))
    assert found is not None
    assert found.match("\u00bfqu\u00e9?", []) == Match("set.jsonl", 2, 1, 1)


def test_a_set_of_another_kind_is_named(workspace: Path) -> None:
    path = Path("data/evalsets/set.jsonl")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"PAR1")
    with pytest.raises(TracesError, match=r"set.jsonl: this is Parquet; write its rows as JSON Lines"):
        load_evalsets(Decontaminate(evalsets=["set.jsonl"]))
