"""Every command in the docs is run, and every output in them is a real one."""

from __future__ import annotations

import ast
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.docs import blocks, marked
from tests.support.s3 import CREDENTIALS, S3Server
from tests.support.shell import BIN, ON_PATH, ROOT, Done, commit, run
from training.renderers.tunix_sft import render_tunix_prompt
from training.smoke.sft import CHECKS

README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]

# Blocks that need what a test machine may not have, and why. What they say is checked another way.
OUTSIDE = {
    "README.md": [
        "builds the environment from the package index; .ci/run runs both on a clean checkout",
        "builds the environment from the package index; .ci/installation runs it",
    ],
    "docs/security.md": ["asks a service on the network; tests/test_audit.py runs it against one of its own"],
    "docs/ungar.md": [
        "needs the network to reach UNGAR's public repository",
        "needs the network for the environment and for UNGAR; the lines after them run where UNGAR is installed",
    ],
}


def test_what_the_docs_test_leaves_out_is_this_list() -> None:
    found = {
        page.relative_to(ROOT).as_posix(): reasons
        for page in PAGES
        if (reasons := [block.outside for block in blocks(page) if block.outside])
    }
    assert found == OUTSIDE


def shell_text(page: Path) -> str:
    """A page's shell blocks one after the other, without those that need the outside."""
    return "\n".join(block.text for block in blocks(page) if block.language == "sh" and not block.outside)


def run_script(repository: Path, script: str, **settings: str) -> Done:
    """Run a script in a repository that has its environment, as `make repro` would have made it."""
    activate = repository / ".venv/bin/activate"
    activate.parent.mkdir(parents=True)
    activate.symlink_to(BIN / "activate")
    return run(repository, "bash", "-euo", "pipefail", "-c", script, timeout=900, **settings)


def test_the_readme_s_commands_run(repository: Path) -> None:
    done = run_script(repository, shell_text(README))
    assert "reports/dataset.html: open it in a browser" in done.out
    assert "selected    700 traces" in done.out
    page = (repository / "reports/dataset.html").read_text()
    assert "Loss by step, from " in page
    assert "The gate passed it" in page


@pytest.mark.soak
def test_the_commands_about_scale_run(repository: Path) -> None:
    done = run_script(repository, shell_text(ROOT / "docs/scale.md"))
    assert "Running stage 'validate'" in done.out
    assert run(repository, "git", "status", "--porcelain").out == ""


@pytest.mark.soak
def test_the_commands_about_datasets_run_and_leave_nothing_behind(repository: Path) -> None:
    done = run_script(repository, shell_text(ROOT / "docs/datasets.md"))
    assert "selected    500 traces" in done.out
    assert marked(ROOT / "docs/datasets.md", "set aside: held-out") in done.out
    assert run(repository, "git", "status", "--porcelain").out == ""


@pytest.mark.soak
def test_the_commands_about_the_service_run_and_leave_nothing_behind(repository: Path) -> None:
    done = run_script(repository, shell_text(ROOT / "docs/service.md"))
    assert re.search(r"duels-v1-[0-9a-f]{12}$", done.out, re.MULTILINE)
    assert re.search(r"^ +500 all\.jsonl$", done.out, re.MULTILINE)
    assert done.out.startswith("service: http://127.0.0.1:8765/\n{")
    assert "'removed': " in done.out
    assert '"state":"succeeded"' in done.out
    assert run(repository, "git", "status", "--porcelain").out == ""


MESSAGES = {
    "stages": ("a worker was killed, most likely for memory", "interrupted; nothing half-written was left",
               "another stage is at work in this folder", "was damaged in DVC's cache, and is removed from it"),
    "traces": ("no space left on this disk", "the disk is read-only", "this user may not"),
}  # fmt: skip


def test_what_the_docs_say_of_faults_is_what_the_code_says() -> None:
    page = (ROOT / "docs/trust.md").read_text()
    for package, messages in MESSAGES.items():
        code = "".join(path.read_text() for path in (ROOT / package).rglob("*.py"))
        assert [text for text in messages if text not in page or text not in code] == []


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH's ssh-keygen, which signs, is not installed")
def test_the_commands_about_trust_run(repository: Path) -> None:
    page = ROOT / "docs/trust.md"
    done = run_script(repository, shell_text(page))
    assert done.out.startswith(marked(page, "verdict: traces verify --until validate"))
    assert 'Good "trace-datasets" signature for builder with ED25519 key' in done.out
    assert run(repository, "git", "status", "--porcelain").out == ""


def test_the_commands_about_versions_run(repository: Path, tmp_path: Path) -> None:
    page = ROOT / "docs/versions.md"
    (tmp_path / "tmp").mkdir()
    done = run_script(repository, f"export TMPDIR={tmp_path}/tmp\n{shell_text(page)}")
    (elsewhere,) = (tmp_path / "tmp").glob("tmp.*")
    for name, held in (("training-data", "tunix_sft"), ("traces", "trace")):
        found, right = elsewhere / name, repository / "data/export" / held
        assert {p.name: p.read_bytes() for p in found.iterdir()} == {p.name: p.read_bytes() for p in right.iterdir()}
    assert (elsewhere / "manifest.json").read_bytes() == (repository / "data/manifest.json").read_bytes()
    assert marked(page, "output: traces diff tunix-sft@v1.0.0 spades") in done.out
    assert run(repository, "git", "status", "--porcelain").out == ""


@pytest.mark.soak
def test_the_commands_about_experiments_run_and_compare_as_shown(repository: Path, tmp_path: Path) -> None:
    page = ROOT / "docs/experiments.md"
    run(repository, "dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    commit(repository, "a remote")
    run(tmp_path, "git", "init", "-q", "--bare", "-b", "main", "origin")
    run(repository, "git", "remote", "add", "origin", str(tmp_path / "origin"))
    run(repository, "git", "push", "-q", "origin", "main")
    done = run_script(repository, shell_text(page))
    assert rows(marked(page, "table: experiments")) == rows(done.out)
    colleague = json.loads((tmp_path / "colleague/data/manifest.json").read_text())
    assert (colleague["filters"]["game"], colleague["counts"]["selected"]) == ("spades_mini", 300)
    assert run(repository, "git", "log", "-1", "--format=%s").out == "Train on 600 traces of Mini Spades\n"
    assert "params.yaml" in run(repository, "git", "diff", "--stat", "main", "fewer").out
    assert run(repository, "git", "status", "--porcelain").out == ""


def test_the_commands_about_remotes_run(repository: Path, s3: S3Server) -> None:
    s3.make_bucket("our-bucket")
    script = shell_text(ROOT / "docs/remotes.md")
    written = "https://s3.example.com"
    assert written in script
    done = run_script(repository, script.replace(written, s3.endpoint), **CREDENTIALS)
    assert "Cache and remote 's3' are in sync." in done.out
    assert done.out.count("Running stage 'validate'") == 1
    assert not list((repository.parent / "colleague").glob(".dvc/cache/files/md5/*"))
    for folder in (repository, repository.parent / "colleague"):
        assert run(folder, "git", "status", "--porcelain").out == ""


def test_the_commands_about_working_together_run(two_branches: Path, tmp_path: Path) -> None:
    repository = shutil.copytree(two_branches, tmp_path / "project", symlinks=True)
    done = run_script(repository, shell_text(ROOT / "docs/together.md"), **ON_PATH)
    assert {"dvc.lock", "data/snapshot.json", "data/manifest.json"} < set(done.out.splitlines())
    assert "- `nothing differs`" in done.out
    manifest = json.loads((repository / "data/manifest.json").read_text())
    assert (manifest["counts"]["read"], manifest["system"], manifest["selection"]["min_characters"]) == (
        240,
        "Think.",
        20,
    )
    assert run(repository, "git", "status", "--porcelain").out == "?? dataset.md\n"


@pytest.mark.soak
def test_the_commands_about_training_run(repository: Path) -> None:
    done = run_script(repository, shell_text(ROOT / "docs/training.md"))
    assert "gemma3 (lora), 32 records, 10 steps: eval loss " in done.out
    assert re.search(r"reports/smoke_dpo.json +0\.693 +0\.[0-6]\d+ +gemma3 +\d+ +10", done.out), done.out
    compared = [line.split() for line in done.out.splitlines() if "last_eval_loss" in line]
    assert len(compared) == 2
    assert all(before != after for _, _, before, after, *_ in compared)
    (drawn,) = (repository / "dvc_plots").glob("*.html")
    page = drawn.read_text()
    assert all(shown in page for shown in ("Loss of the smoke run by step", "adapters", "longer"))
    assert not re.search("adapters|longer", run(repository, "dvc", "exp", "list").out)
    assert run(repository, "git", "status", "--porcelain").out == ""


def test_the_training_script_is_short_and_trains(repository: Path) -> None:
    (script,) = (block.text for block in blocks(ROOT / "docs/training.md") if block.language == "python")
    assert len([line for line in script.splitlines() if line.strip()]) <= 15
    (repository / "train.py").write_text(script)
    done = run(repository, "python", "-W", "ignore", "train.py", JAX_PLATFORMS="cpu", timeout=600)
    said = re.fullmatch(r"trained 10 steps: eval loss (\d\.\d+) to (\d\.\d+)", done.out.splitlines()[-1])
    assert said is not None, done.out
    assert float(said[2]) < 0.8 * float(said[1])


def test_the_docs_way_of_loading_with_datasets_works(repository: Path, tmp_path: Path) -> None:
    scripts = (block.text for block in blocks(ROOT / "docs/datasets.md") if block.language == "python")
    settings = {"HF_HOME": str(tmp_path), "HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1"}
    found = (run(repository, "python", "-W", "ignore", "-c", script, **settings).out for script in scripts)
    by_card, parquet, croissant = (out.splitlines()[-1] for out in found)
    games = {"high_card_duel", "spades_mini", "gin_rummy"}
    game, _, counts = by_card.partition(" ")
    assert (game in games, counts) == (True, "{'train': 1805, 'validation': 240, 'test': 293}")
    game, _, counted = parquet.partition(" ")
    count = dict(ast.literal_eval(counted))
    assert (game in games, count.keys(), sum(count.values())) == (True, games, 1805)
    assert croissant in games


def test_the_docs_name_every_check_of_the_smoke_run() -> None:
    assert marked(ROOT / "docs/training.md", "checks: smoke_train").splitlines() == list(CHECKS)


def rows(text: str) -> set[str]:
    """The rows of a Markdown table without the names of commits, which differ from run to run."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return {re.sub(r"[ ├└─]+", " ", re.sub(r"\b[0-9a-f]{7} \[", "[", line)) for line in lines}


@pytest.mark.soak
def test_the_commands_about_postgresql_run(
    repository: Path, database: Callable[[str], str], reader: Callable[[str, str], str]
) -> None:
    url = database("json")
    recording = str(next((repository / "data/recorded").glob("spades*.jsonl.gz")))
    run(repository, "traces", "ingest", recording, TRACES_DATABASE_URL=url)
    written = "postgresql://reader:secret@localhost:5432/traces"
    script = shell_text(ROOT / "docs/postgresql.md")
    assert written in script
    done = run_script(repository, script.replace(written, f"'{reader(url, 'secret')}'"))
    assert "fresh: 900 rows of postgresql://reader:***@" in done.out
    assert "secret" not in done.text
    assert run(repository, "git", "log", "-1", "--format=%s").out == "Pin our own traces\n"


@pytest.mark.ungar
def test_the_commands_about_ungar_run(repository: Path) -> None:
    run_script(repository, shell_text(ROOT / "docs/ungar.md"))
    assert (repository / "data/recorded/evening-spades.provenance.json").is_file()


@pytest.mark.ungar
def test_ungar_s_quick_start_ends_in_a_record(repository: Path) -> None:
    (start,) = (b.text for b in blocks(ROOT / "docs/ungar.md") if b.text.startswith("make "))
    lines = [line for line in start.splitlines() if not line.startswith(("make ", "source ", "pip "))]
    done = run_script(repository, "\n".join(lines))
    assert json.loads(done.out.splitlines()[-1])["metadata"]["source"] == "ungar"
    assert "selected    2,838 traces" in done.out


def test_the_readme_shows_the_real_summary(built: Path) -> None:
    assert marked(README, "output: traces summary") == run(built, "traces", "summary").out


def test_the_readme_shows_a_real_record(built: Path) -> None:
    shown = json.loads(marked(README, "record: tunix_sft"))
    lines = [line for path in (built / "data/export/tunix_sft").iterdir() for line in path.read_text().splitlines()]
    assert shown in map(json.loads, lines)


def test_the_docs_show_what_the_renderer_makes() -> None:
    text = render_tunix_prompt(
        {
            "prompt": "Which card is higher, 9S or 5H?",
            "trace_steps": ["9S has rank nine.", "5H has rank five."],
            "final_answer": "9S",
        }
    )
    assert marked(ROOT / "docs/datasets.md", "rendered: example") == text + "\n"


def test_the_readme_s_map_names_the_folders_that_there_are() -> None:
    map_block = next(block.text for block in blocks(README) if not block.language)
    named = set(re.findall(r"^\w+/|(?<=^tests/  )docs/", map_block, re.MULTILINE))
    tracked = run(ROOT, "git", "ls-files", "--cached", "--others", "--exclude-standard").out.splitlines()
    assert named == {f"{path.split('/')[0]}/" for path in tracked if "/" in path and not path.startswith(".")}


def test_the_readme_s_pictures_are_there_and_small() -> None:
    pictures = re.findall(r'<img src="([^"]+)" width="\d+" alt="[^"]+">', README.read_text())
    assert len(pictures) == 2
    assert sum((ROOT / picture).stat().st_size for picture in pictures) < 200_000


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_the_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_every_subcommand_is_named_in_the_readme() -> None:
    from commands.app import app

    for command in app.registered_commands:
        assert command.callback is not None
        assert f"`{command.callback.__name__}`" in README.read_text()
