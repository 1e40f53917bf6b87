"""What every documented reader gives is what was stored: each text, time and number, in every format and split."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from stages import validate
from stages.params.reading import load_params
from stages.paths import EXPORT, VALIDATION
from tests.stages.lockfile import rebuild, set_params
from tests.support.readers import READERS, Records, json_lines
from tests.support.samples import payload, trace_id, write_sqlite
from traces.store import DATABASE_URL
from traces.texts import is_blank
from training.formats import FORMATS

pytest.importorskip("datasets", reason="the training packages are not installed")
pytest.importorskip("mlcroissant", reason="the training packages are not installed")
# Of what mlcroissant imports and calls.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Stored(NamedTuple):
    """A trace as it is put into the store: its time, and its payload's parts. `number` is JSON text."""

    created_at: str
    prompt: str
    step: str
    answer: str
    text: str
    number: str

    def row(self, place: int) -> tuple[str, str, str, str]:
        """The row of a SQLite store. Every second trace shares its prompt with the one before, to make pairs."""
        meta = {"episode_index": place, "text": self.text, f"k{place % 3}": [{"K": "@"}, {}, [], None], "n": "@"}
        held = payload(
            prompt=self.prompt,
            final_answer=self.answer,
            steps=[{"i": 0, "type": "think", "content": self.step}],
            meta=meta | {"game": self.text, "created_at": self.created_at},
        )
        return trace_id(place).replace("-", ""), self.created_at, "1.0", json.dumps(held).replace('"@"', self.number)


# Each is a kind of text that some reader takes for another type if a whole column is of that kind.
KINDS: dict[str, st.SearchStrategy[str]] = {
    "dates": st.dates().map(str),
    "times of a day": st.times().map(str),
    "times": st.datetimes(timezones=st.timezones()).map(lambda time: time.isoformat()),
    "times in UTC": st.datetimes().map(lambda time: f"{time.isoformat(timespec='seconds')}Z"),
    "times in other forms": st.datetimes().map(lambda time: time.strftime("%d/%m/%Y %H:%M")),
    "years": st.integers(1, 9999).map("{:04}".format),
    "whole numbers": st.integers().map(str),
    "numbers with zeros": st.integers(0, 10**6).map("{:09}".format),
    "fractions": st.floats().map(repr),
    "decimals": st.decimals(allow_nan=False, places=20, min_value=-(10**9), max_value=10**9).map(str),
    "words": st.sampled_from(["nan", "NaN", "NULL", "null", "None", "NA", "inf", "-Infinity", "true", "False"]),
    "notations": st.sampled_from(["1e5", "1E-7", "007", "1_000", "+1", "0x10", "1.50", "-0", ".5", "5.", "1,5", "½"]),
    "JSON": st.sampled_from(["{}", "[]", '{"a": 1}', "[1.50]", '"quoted"', "[[]]", "{", "null"]),
    "line ends": st.text(st.sampled_from("a \r\n\t\x85\u2028\u2029\x1f\x7f\ufeff"), min_size=1),
    "long": st.just("1" * 50_000),
    "any": st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=20),
}
NUMBERS = st.one_of(
    st.sampled_from(
        [
            *("1e-12", "0.12345678901234568", "0.30000000000000004", "18446744073709551616", "-0.0", "1.50", "1e308"),
            *("5e-324", "1.7976931348623157e308", "9007199254740993", "-9223372036854775809", f"{2**128 + 1}", "1e400"),
            *("0.1000000000000000055", "1e-400", "123456789012345678.5"),
        ]
    ),
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)
TIMES = st.datetimes(timezones=st.just(None)).filter(lambda time: 1971 < time.year < 2026)


@st.composite
def stores(draw: st.DrawFn) -> list[Stored]:
    """Traces of a store. Most columns of it are of one kind, as those are that readers guess wrongly."""
    kinds = [KINDS[draw(st.sampled_from(sorted(KINDS)))] for _ in range(4)]
    texts = [kind.filter(lambda text: not is_blank(text)) for kind in kinds]  # a blank text would be quarantined
    times = TIMES.map(lambda time: time.isoformat(sep=" ", timespec="microseconds"))
    return draw(st.lists(st.builds(Stored, times, *texts, NUMBERS), min_size=30, max_size=45))


def build(folder: Path, monkeypatch: pytest.MonkeyPatch, traces: list[Stored]) -> None:
    """Export them in all formats, in shards of a few records, with pairs; the gate passes."""
    set_params(
        filters={"source": None},
        # One split is empty, and so are shards of another.
        split={"validation": 0.05, "test": 0, "group_by": ["episode_index"]},
        extract={"partition_rows": 16},
        export={"formats": [*FORMATS], "preference": {"key": "episode_index", "order": None}},
    )
    store = folder / "store.db"
    store.unlink(missing_ok=True)
    monkeypatch.setenv(DATABASE_URL, write_sqlite(store, [held.row(place) for place, held in enumerate(traces)]))
    rebuild()
    validate.work(load_params())


def check_formats(read: dict[str, Records]) -> None:
    """Every reader gives the records of the JSON Lines."""
    for name in FORMATS:
        expected = read[name]
        assert "test" not in expected
        for reader, call in READERS.items() if expected else ():
            found = call(EXPORT, name)
            assert found.keys() == expected.keys(), (reader, name)
            for split, rows in expected.items():
                for one, other in zip(found[split], rows, strict=True):
                    assert one == other, (reader, name, split)


def check_stored(read: dict[str, Records], traces: list[Stored]) -> None:
    """The records of the `trace` format say what was stored."""
    rounded = {line.split(":")[0].removeprefix("id ") for line in json.loads(VALIDATION.read_text())["notes"]}
    rows = {row["id"]: row for rows in read["trace"].values() for row in rows}
    assert rows.keys() == {trace_id(place) for place in range(len(traces))}
    for place, held in enumerate(traces):
        row = rows[trace_id(place)]
        assert (row["prompts"], row["trace_steps"], row["final_answer"]) == (held.prompt, [held.step], held.answer)
        by_digits, by_value = json.loads(row["metadata"], parse_float=Decimal), json.loads(row["metadata"])
        assert datetime.fromisoformat(by_digits["created_at"]) == datetime.fromisoformat(f"{held.created_at}+00:00")
        assert (by_digits["text"], by_digits["game"], by_digits["meta.created_at"]) == (
            *[held.text] * 2,
            held.created_at,
        )
        assert by_digits[f"k{place % 3}"] == [{"K": Decimal(held.number)}, {}, [], None]
        assert by_digits["n"] == Decimal(held.number)
        assert (Decimal(repr(by_value["n"])) == Decimal(held.number)) is (row["id"] not in rounded)


def read_back(folder: Path, monkeypatch: pytest.MonkeyPatch, traces: list[Stored]) -> None:
    build(folder, monkeypatch, traces)
    read = {name: json_lines(EXPORT, name) for name in FORMATS}
    check_formats(read)
    check_stored(read, traces)


@pytest.fixture
def store_folder(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(workspace / "hugging-face"))
    monkeypatch.setenv("TRACES_MEMO", "off")
    return workspace


def known() -> list[Stored]:
    """Columns that are of one kind throughout: dates, and numbers as text."""
    numbers = ["1e-12", "0.12345678901234568", "0.30000000000000004", "18446744073709551616"]
    return [
        Stored(
            f"2026-01-{1 + n % 28:02d} 12:00:00.000000",
            f"{n % 20:03}",
            "2026-01-01T00:00:00+02:00",
            f"2026-01-{1 + n % 28:02d}",
            f"{n}.50",
            numbers[n % 4],
        )
        for n in range(40)
    ]


def test_dates_and_numbers_come_back_through_every_reader(store_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_back(store_folder, monkeypatch, known())
    assert json_lines(EXPORT, "tunix_dpo")
    shards = {len(list((EXPORT / "trace").glob(f"{split}-*"))) for split in ("train", "validation")}
    assert len(shards) == 2  # some partition has no record for validation


GENERATED: dict[str, Any] = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "phases": [Phase.generate],
    "suppress_health_check": list(HealthCheck),
}


@settings(max_examples=1, **GENERATED)
@given(traces=stores())
def test_generated_traces_come_back_through_every_reader(
    store_folder: Path, monkeypatch: pytest.MonkeyPatch, traces: list[Stored]
) -> None:
    read_back(store_folder, monkeypatch, traces)


@pytest.mark.soak
@settings(max_examples=100, **GENERATED)
@given(traces=stores())
def test_many_generated_traces_come_back_through_every_reader(
    store_folder: Path, monkeypatch: pytest.MonkeyPatch, traces: list[Stored]
) -> None:
    read_back(store_folder, monkeypatch, traces)
