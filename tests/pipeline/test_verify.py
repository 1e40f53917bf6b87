"""`traces verify`: a dataset that is what its commit makes passes, and nothing else does."""

from __future__ import annotations

import copy
import hashlib
import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Json
from ruamel.yaml import YAML

from commands.verification import run_verification
from commands.verification.compare import check_rebuilt
from commands.verification.verdict import Verdict
from stages.addresses.lock import read_lock
from tests.support.samples import created_at, payload, trace_id
from tests.support.shell import HEEDING, commit, environment, run
from traces.errors import TracesError

OTHER = "0123456789abcdef0123456789abcdef"


def edit(path: str, old: str, new: str) -> None:
    text = Path(path).read_text()
    assert old in text
    Path(path).write_text(text.replace(old, new))


def test_every_word_of_the_lock_counts(built: Path) -> None:
    again = read_lock(built / "dvc.lock")
    for stage, entry in again.items():
        changes = [("cmd", None, "true"), ("params", None, {"params.yaml": {"selection": "other"}})]
        changes += [(kind, n, OTHER) for kind in ("deps", "outs") for n in range(len(entry.get(kind, ())))]
        for kind, number, value in changes:
            held = copy.deepcopy(again)
            if number is None:
                held[stage][kind] = value
            else:
                held[stage][kind][number]["md5"] = value
            verdict = Verdict("", "", [])
            check_rebuilt(held, again, list(again), verdict)
            assert len(verdict.faults) >= 1, (stage, kind, number)
    faults = {}
    for name, change in {
        "a param of another file": lambda held: held["select"].update(
            params={"other.yaml": held["select"]["params"]["params.yaml"]}
        ),
        "an output twice": lambda held: held["select"]["outs"].append({**held["select"]["outs"][0], "size": 1}),
        "a word that DVC does not write": lambda held: held["select"].update(desc="proven"),
        "a stage that foreach made": lambda held: held.update({"select@a": held["select"]}),
        "no stage": lambda held: held.pop("select"),
        "nothing": copy.copy,
    }.items():
        held = copy.deepcopy(again)
        change(held)
        verdict = Verdict("", "", [])
        check_rebuilt(held, again, list(again), verdict)
        faults[name] = verdict.faults
    assert [name for name, found in faults.items() if not found] == ["nothing"]


@pytest.mark.parametrize(
    ("path", "text", "says"),
    [
        ("dvc.yaml", "[]", "dvc.yaml: has no stages; `git checkout dvc.yaml` restores it"),
        ("dvc.yaml", "stages: {}", "dvc.yaml: has no stages"),
        (
            "data/manifest.json",
            '{"dataset_id": "x", "artefacts": {}, "trace_ids": {}, "exports": {"trace": null}}',
            "data/manifest.json: missing, or no manifest",
        ),
        ("dvc.lock", "", "dvc.lock: missing or empty, so there is nothing to verify"),
    ],
)
def test_what_is_no_dataset_is_one_line(workspace: Path, built: Path, path: str, text: str, says: str) -> None:
    run(workspace, "git", "init", "-q")
    commit(workspace, "a dataset")
    shutil.copytree(built / ".dvc", ".dvc", ignore=shutil.ignore_patterns("cache", "tmp"))
    for name in ("dvc.yaml", "dvc.lock", "data/manifest.json"):
        shutil.copy(built / name, name)
    Path(path).write_text(text)
    with pytest.raises(TracesError, match=re.escape(says)):
        run_verification(None, quick=True, until=None, attest=None)


def swap_shards() -> None:
    train, test = (next(Path("data/export/tunix_sft").glob(f"{split}-*")) for split in ("train", "test"))
    shutil.move(train, "aside")
    shutil.move(test, train)
    shutil.move("aside", test)


def cached(path: str) -> Path:
    (md5,) = {out["md5"] for entry in read_lock().values() for out in entry.get("outs", ()) if out["path"] == path}
    return Path(".dvc/cache/files/md5") / md5[:2] / md5[2:]


def damage_cache() -> None:
    item = json.loads(cached("data/rendered").read_text())[0]["md5"]
    held = Path(".dvc/cache/files/md5") / item[:2] / item[2:]
    held.chmod(0o644)
    held.write_bytes(held.read_bytes()[:-1])


def lose_output() -> None:
    shutil.rmtree("data/export/tunix_sft")
    cached("data/export/tunix_sft").unlink()


def edit_lock() -> None:
    (md5,) = {out["md5"] for out in read_lock()["render"]["outs"] if out["path"] == "data/rendered"}
    text = Path("dvc.lock").read_text()
    first, rest = text.split(md5, 1)
    Path("dvc.lock").write_text(f"{first}{OTHER}.dir{rest}")


def add_stage() -> None:
    md5 = hashlib.md5(Path("README.md").read_bytes(), usedforsecurity=False).hexdigest()
    out = f"    - path: README.md\n      hash: md5\n      md5: {md5}\n      size: 1\n"
    with Path("dvc.lock").open("a") as lock:
        lock.write(f"  publish:\n    cmd: publish\n    outs:\n{out}")


def drop_stage() -> None:
    lock = YAML()
    held = lock.load(Path("dvc.lock"))
    del held["stages"]["validate"]
    lock.dump(held, Path("dvc.lock"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (swap_shards, "data/export/tunix_sft: its md5 is "),
        (edit_lock, "dvc.lock: data/rendered has more than one hash: 0123456789abcdef"),
        (
            lambda: edit("data/manifest.json", "card-games-v1-", "card-games-v1-0"),
            "data/manifest.json: dataset_id says",
        ),
        (
            lambda: edit("params.yaml", "version: v1", "version: v2"),
            'ran with dataset.version "v1", params.yaml says "v2"',
        ),
        (lambda: edit("stages/selection/splits.py", "\n", "\n\n"), "stages/selection/splits.py: its md5 is "),
        (damage_cache, "data/rendered: .dvc/cache/files/md5/"),
        (add_stage, "dvc.lock: stage publish is none of dvc.yaml; `git checkout dvc.lock` restores it"),
        (drop_stage, "dvc.lock: no entry for stage validate; `dvc repro` makes it"),
        (lose_output, "data/export/tunix_sft: neither in the workspace nor in DVC's cache; `dvc pull` brings it"),
    ],
)
def test_quick_finds_what_was_changed_here(
    repository: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[], None], says: str
) -> None:
    monkeypatch.chdir(repository)
    change()
    found = run_verification(None, quick=True, until=None, attest=None)
    assert not found.sound
    assert any(says in fault.replace(f"{repository}/", "") for fault in found.faults), found.faults


@pytest.mark.soak
def test_what_was_pulled_is_proven_and_attested(repository: Path, tmp_path: Path) -> None:
    run(repository, "git", "tag", "v1.0.0")
    run(repository, "dvc", "remote", "add", "-d", "--local", "store", str(tmp_path / "remote"))
    run(repository, "dvc", "push", "-q")
    edit(str(repository / "params.yaml"), "version: v1", "version: v2")
    commit(repository, "another dataset")
    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "-q", str(repository), str(clone))
    run(clone, "dvc", "remote", "add", "-d", "--local", "store", str(tmp_path / "remote"))
    run(clone, "git", "checkout", "-q", "v1.0.0")
    done = run(clone, "traces", "verify", "--quick", code=1)
    assert "data/traces: neither in the workspace nor in DVC's cache; `dvc pull` brings it, where a" in done.out
    assert json.loads(run(clone, "traces", "verify", "--quick", "--json", code=1).out)["verified"] is False
    run(clone, "dvc", "pull", "-q", "-r", "store")
    quick = json.loads(run(clone, "traces", "verify", "--quick", "--json").out)
    assert quick["verified"] is None  # nothing was found, and nothing rebuilt
    assert {output["places"]["rebuilt"] for output in quick["outputs"]} == {None}
    done = run(clone, "traces", "verify", "--quick")
    assert done.out.splitlines()[-1].endswith("has the hashes of dvc.lock and the manifest; nothing was rebuilt")
    run(clone, "git", "checkout", "-q", "main")

    done = run(clone, "traces", "verify", "--rev", "v1.0.0", "--until", "validate", "--attest", "proof.json")
    assert json.loads(run(clone, "traces", "verify", "--until", "extract_traces", "--json").out)["verified"] is True
    assert "v1.0.0" not in run(clone, "git", "status", "--short").out
    (line,) = [line.split() for line in done.out.splitlines() if "data/export/tunix_sft" in line]
    assert line[0] == "export"
    assert line[3:] == ["missing", "same", "same", "same"]  # the copy of a revision has no outputs of its own
    head = run(clone, "git", "rev-parse", "v1.0.0").out.strip()
    assert done.out.splitlines()[-1] == (
        f"verified: {json.loads((repository / 'data/manifest.json').read_text())['dataset_id']} is what commit "
        f"{head[:12]} makes of its pinned inputs, 7 stages rebuilt"
    )
    proof = json.loads((clone / "proof.json").read_text())
    assert proof["_type"] == "https://in-toto.io/Statement/v1"
    subjects = {subject["name"]: subject["digest"]["sha256"] for subject in proof["subject"]}
    folder = repository / "data/export/tunix_sft"
    lines = "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(folder.iterdir())
    )
    assert subjects["data/export/tunix_sft"] == hashlib.sha256(lines.encode()).hexdigest()
    for path in folder.iterdir():
        assert subjects[f"data/export/tunix_sft/{path.name}"] == hashlib.sha256(path.read_bytes()).hexdigest()
    build = proof["predicate"]["buildDefinition"]
    assert build["resolvedDependencies"][0] == {"name": "commit", "digest": {"gitCommit": head}}
    assert build["externalParameters"]["params"]["extract"]["partition_rows"] == 20480
    assert {item["name"] for item in build["resolvedDependencies"]} == {
        "commit", "pin", "recordings", "params", "exclusions", "evalsets", "code",
    }  # fmt: skip
    assert not list(tmp_path.rglob(".*.tmp"))


def test_of_a_revision_it_says_what_brings_its_files(repository: Path, tmp_path: Path) -> None:
    run(repository, "dvc", "remote", "add", "-d", "store", str(tmp_path / "remote"))
    commit(repository, "a remote")
    run(repository, "git", "tag", "v1.0.0")
    run(repository, "dvc", "push", "-q")
    edit(str(repository / "params.yaml"), "system: null", "system: Think.")
    run(repository, "dvc", "repro", "-q", "validate")
    commit(repository, "another dataset")
    run(repository, "dvc", "push", "-q")
    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "-q", str(repository), str(clone))
    run(clone, "dvc", "pull", "-q")
    quick = ["traces", "verify", "--rev", "v1.0.0", "--quick"]
    done = run(clone, *quick, code=1)
    says = "data/rendered: neither in the workspace nor in DVC's cache; `dvc fetch --all-commits` brings it, where a"
    assert says in done.out
    assert "dvc pull" not in done.out
    run(clone, "dvc", "fetch", "-q", "--all-commits")
    run(clone, *quick)


def test_a_lie_that_agrees_with_itself_is_found_by_rebuilding(repository: Path) -> None:
    shard = next((repository / "data/export/tunix_sft").glob("train-*"))
    shard.write_bytes(shard.read_bytes().replace(b"Legal moves", b"Legal Moves", 1))
    for stage in ("export", "manifest", "card", "validate", "smoke_train"):
        if stage in ("manifest", "card"):
            run(repository, "dvc", "repro", "-q", "-f", "-s", stage)
        else:
            run(repository, "dvc", "commit", "-q", "-f", stage)
    commit(repository, "a lie")
    run(repository, "traces", "verify", "--quick")
    done = run(repository, "traces", "verify", "--until", "validate", "--attest", "proof.json", code=1)
    assert "data/export/tunix_sft of stage export: rebuilding gives" in done.out
    assert "data/manifest.json of stage manifest: rebuilding gives" in done.out
    assert done.out.splitlines()[-1].startswith("not verified: ")
    assert not (repository / "proof.json").exists()


def test_other_code_than_the_commit_s_is_found(repository: Path) -> None:
    edit(str(repository / "training/formats/tunix_sft.py"), 'format="tunix_sft"', 'format="tunix-sft"')
    run(repository, "dvc", "repro", "-q", "manifest")
    done = run(repository, "traces", "verify", "--until", "manifest", code=1)
    assert "training/formats/tunix_sft.py of stage export: rebuilding gives" in done.out
    assert "data/export/tunix_sft of stage export: rebuilding gives" in done.out


def test_the_commit_s_stages_are_rebuilt_in_a_hook_of_git_too(repository: Path, tmp_path: Path) -> None:
    # Neither a dvc.yaml that begins otherwise, nor what Git sets for a hook, has any say in it.
    pipeline = YAML()
    held = pipeline.load(repository / "dvc.yaml")
    del held["stages"]["select"]
    pipeline.dump(held, repository / "dvc.yaml")
    settings = {"GIT_DIR": str(repository / ".git"), "GIT_INDEX_FILE": ".git/index", "TMPDIR": str(tmp_path / "a tmp")}
    (tmp_path / "a tmp").mkdir()
    done = run(repository, "traces", "verify", "--until", "select", **settings)
    assert done.out.endswith("makes of its pinned inputs, 2 stages rebuilt\n")
    assert run(repository, "git", "symbolic-ref", "HEAD").out == "refs/heads/main\n"
    assert not list((tmp_path / "a tmp").iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_where_it_is_ended(built: Path, tmp_path: Path, number: signal.Signals) -> None:
    command = [*HEEDING, "traces", "verify", "--until", "validate"]
    settings = environment(TMPDIR=str(tmp_path))
    with subprocess.Popen(command, cwd=built, env=settings, stdout=subprocess.DEVNULL) as process:
        while not (running := list(tmp_path.glob("*/copy/data/.*.tmp"))) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(number)
    assert running  # a stage was at work
    assert process.returncode == 128 + number
    assert not list(tmp_path.iterdir())


@pytest.mark.soak
def test_a_store_that_lost_what_is_pinned_is_found(repository: Path, database: Callable[[str], str]) -> None:
    url = database("json")
    with psycopg.connect(url, autocommit=True) as connection:
        for n in range(40):
            values = (trace_id(n), created_at(n), "1.0", Json(payload(n, meta={"source": "ungar", "game": "sums"})))
            connection.execute("INSERT INTO traces VALUES (%s, %s, %s, %s)", values)
        settings = {"TRACES_DATABASE_URL": url}
        run(repository, "traces", "pin", "--settle", "0", **settings)
        edit(str(repository / "params.yaml"), "  group_by: [source, game, seed, episode_index]", "  group_by: []")
        run(repository, "dvc", "repro", "-q", "manifest", **settings)
        commit(repository, "of a database")
        run(repository, "traces", "verify", "--until", "manifest", **settings)
        connection.execute("DELETE FROM traces WHERE id = %s", (trace_id(3),))
    done = run(repository, "traces", "verify", "--until", "manifest", code=1, **settings)
    assert "rebuilding failed at stage extract_traces: extract_traces: postgresql://" in done.out
    assert "not what data/snapshot.json pins" in done.out
    done = run(repository, "traces", "verify", "--until", "extract_traces", code=1)
    assert "was pinned from postgresql" in done.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--rev", "v9"], "v9: no commit, tag, branch or experiment here"),
        (["--rev", "--help"], "--help: no commit, tag, branch or experiment here"),
        (["--quick", "--attest", "x"], "--quick rebuilds nothing, so there is nothing to attest: leave out --attest"),
        (["--until", "select", "--attest", "x"], "--attest: none of these stages makes an export; leave out --until"),
        (["--attest", "docs"], "docs: is a folder; name a file"),
        (["--until", "publish"], "--until publish: no stage of dvc.yaml; one of extract_traces, select"),
    ],
)
def test_wrong_use_is_one_line(built: Path, arguments: list[str], says: str) -> None:
    done = run(built, "traces", "verify", *arguments, code=2)
    assert says in done.err
    assert done.out == ""
