"""The dataset card and its Croissant metadata: what they say, and that it follows from nothing but the data."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from stages import card, validate
from stages.cards.croissant import CONFORMS_TO, semantic_version
from stages.cards.front_matter import size_category
from stages.params.reading import load_params
from stages.paths import CARD, CROISSANT, MANIFEST, VALIDATION
from tests.stages.lockfile import build, set_params, write_lock
from tests.support.samples import row, trace_id
from traces.errors import TracesError

ALL_TRAIN = {"validation": 0, "test": 0, "group_by": []}


def front_matter() -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(CARD.read_text().split("---\n")[1])
    return found


def metadata() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(CROISSANT.read_text())
    return found


def test_it_says_what_there_is(workspace: Path) -> None:
    build(row(n) for n in range(60))
    manifest = json.loads(MANIFEST.read_text())
    front, described = front_matter(), metadata()
    assert [config["config_name"] for config in front["configs"]] == ["tunix_sft", "trace", "tunix_grpo"]
    assert [config.get("default") for config in front["configs"]] == [True, None, None]
    for config, info in zip(front["configs"], front["dataset_info"], strict=True):
        name = config["config_name"]
        for files, split in zip(config["data_files"], info["splits"], strict=True):
            assert files["path"] == f"parquet/{name}/{files['split']}-*.parquet"
            shards = list(Path(f"data/export/{name}").glob(f"{files['split']}-*.jsonl"))
            copies = list(Path("data/export").glob(files["path"]))
            assert [path.stem for path in copies] == [path.stem for path in shards]
            assert split["num_bytes"] == sum(path.stat().st_size for path in shards)
            assert split["num_examples"] == manifest["exports"][name]["records"][files["split"]]
    assert described["conformsTo"] == CONFORMS_TO
    assert described["identifier"] == manifest["dataset_id"]
    assert described["datePublished"] == manifest["exported_at"] == row(59)["created_at"]
    parquet, lines = described["distribution"][::2], described["distribution"][1::2]
    assert [files["md5"] for files in lines] == [manifest["exports"][files["@id"][:-6]]["md5"] for files in lines]
    for files in described["distribution"]:
        held = list(Path("data/export").glob(files["includes"]))
        assert files["contentSize"] == f"{sum(path.stat().st_size for path in held)} B"
    assert [files["@id"][:-8] for files in parquet] == ["tunix_sft", "trace", "tunix_grpo"]
    text = CARD.read_text()
    assert f"`{manifest['dataset_id']}`: 60 reasoning traces, of 60 stored as of" in text
    assert "| `sums` | 60 |" in text
    example = json.loads(text.split("```json\n")[1].split("```")[0])
    assert example == json.loads(min(Path("data/export/tunix_sft").glob("train-*")).read_text().splitlines()[0])


def test_it_is_the_same_again_and_names_no_machine(workspace: Path) -> None:
    build(row(n) for n in range(60))
    before = [path.read_bytes() for path in (CARD, CROISSANT)]
    for path in (CARD, CROISSANT):
        path.unlink()
    card.work(load_params())
    assert [path.read_bytes() for path in (CARD, CROISSANT)] == before
    assert not any(str(workspace).encode() in data for data in before)


def test_what_is_empty_or_was_not_asked_for_is_not_there(workspace: Path) -> None:
    set_params(split=ALL_TRAIN, export={"formats": ["messages", "tunix_dpo"]})
    build(row(n, meta={"source": "ungar", "result": "win"}) for n in range(3))
    (config,) = front_matter()["configs"]
    assert (config["config_name"], config["default"]) == ("messages", True)
    assert [files["split"] for files in config["data_files"]] == ["train"]
    assert [records["@id"] for records in metadata()["recordSet"]] == ["splits", "messages"]


def test_a_pair_is_no_example(workspace: Path) -> None:
    """Its record names one of two traces, and holds the text of both."""
    set_params(split=ALL_TRAIN, export={"formats": ["tunix_dpo"]})
    build(row(n, prompt="Which?", meta={"source": "ungar", "result": r}) for n, r in enumerate(("win", "loss")))
    assert front_matter()["configs"][0]["config_name"] == "tunix_dpo"
    assert "## Example" not in CARD.read_text()
    assert trace_id(0) not in CARD.read_text()


def test_the_example_can_be_left_out_and_a_long_one_is_cut(workspace: Path) -> None:
    build(row(n, prompt="x" * 10_000) for n in range(60))
    assert re.search(r"xxx\n… of \d\d,\d{3} characters\n```\n", CARD.read_text())
    set_params(card={"example": False})
    card.work(load_params())
    assert "## Example" not in CARD.read_text()
    assert "xxx" not in CARD.read_text()


def test_text_of_a_trace_stays_in_its_place(workspace: Path) -> None:
    set_params(filters={"source": None}, split={"group_by": ["episode_index"]})
    hostile = '\n```\n---\n| <script> [x](https://example.invalid) \u202e"\u2028\U000e0041'
    build(row(n, prompt=hostile, meta={"source": hostile, "game": "a|b" * 50, "episode_index": n}) for n in range(60))
    text = CARD.read_text()
    assert len(re.findall("^```", text, re.MULTILINE)) % 2 == 0
    assert len(re.findall("^---$", text, re.MULTILINE)) == 2
    assert not re.search("[\u202e\u2028\U000e0041]", text)
    example = json.loads(text.split("```json\n")[1].split("\n```")[0])
    assert hostile in example["prompts"]
    outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    assert not re.search(r"(?<!\\)<script|(?<!\\)\[x|https://example", outside)
    rows = [line for line in outside.splitlines() if line.startswith("|") and "60 |" in line]
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in rows] == [3, 3]


@pytest.mark.parametrize(
    ("license_", "front", "described"),
    [
        (None, {"license": "unknown"}, {"@type": "sc:CreativeWork", "name": "unknown"}),
        ("CC-BY-4.0", {"license": "cc-by-4.0"}, "https://spdx.org/licenses/CC-BY-4.0.html"),
        (
            "https://example.invalid/terms",
            {"license": "other", "license_link": "https://example.invalid/terms"},
            "https://example.invalid/terms",
        ),
    ],
)
def test_a_license_is_what_somebody_has_said(
    workspace: Path, license_: str | None, front: dict[str, str], described: object
) -> None:
    set_params(card={"license": license_, "creator": "A {Lab}", "homepage": "https://example.invalid/"})
    build(row(n) for n in range(60))
    assert {key: value for key, value in front_matter().items() if key.startswith("license")} == front
    assert metadata()["license"] == described
    assert metadata()["url"] == "https://example.invalid/"
    assert metadata()["creator"] == {"@type": "sc:Organization", "name": "A {Lab}"}
    assert "author = {A Lab}" in metadata()["citeAs"]


@pytest.mark.parametrize("license_", ["", "see below", "${oc.env:HOME}", "javascript:alert(1)"])
def test_what_is_no_license_is_refused(workspace: Path, license_: str) -> None:
    with pytest.raises(TracesError, match="params.yaml: card.license: "):
        set_params(card={"license": license_})


def test_without_a_word_about_it_nothing_is_made_up(workspace: Path) -> None:
    set_params(card=dict.fromkeys(("description", "source", "license", "homepage", "creator")))
    build(row(n) for n in range(60))
    assert "Nobody has said where the traces come from.\n\nLicense: unknown." in CARD.read_text()
    assert not {"url", "creator", "rai:dataCollection"} & set(metadata())


@pytest.mark.parametrize("path", [CARD, CROISSANT])
def test_the_gate_finds_an_edit(workspace: Path, path: Path) -> None:
    build(row(n) for n in range(60))
    validate.work(load_params())
    path.write_text(path.read_text().replace("card-games", "cards"))
    write_lock()
    with pytest.raises(TracesError, match="1 faults, named above"):
        validate.work(load_params())
    found = json.loads(VALIDATION.read_text())
    assert found["faults_by_kind"] == {"card": 1}
    assert re.fullmatch(rf"{path}, line \d+: not what making it again gives", found["first_faults"][0])


def test_without_a_manifest_it_says_so(workspace: Path) -> None:
    with pytest.raises(TracesError, match=r"data/manifest.json: .*; `dvc repro` makes it"):
        card.work(load_params())


@pytest.mark.parametrize(("given", "said"), [("v1", "1.0.0"), ("2.3", "2.3.0"), ("v1.2.3", "1.2.3"), ("may", "may")])
def test_a_version_is_semantic_where_it_can_be(given: str, said: str) -> None:
    assert semantic_version(given) == said


def test_sizes_are_named_as_the_hub_names_them() -> None:
    assert [size_category(n) for n in (1, 999, 1000, 10**6, 10**7)] == ["n<1K", "n<1K", "1K<n<10K", "1M<n<10M", "n>10M"]
