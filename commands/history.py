"""The commits of a dataset's versions: by name, and whether all of them are here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from commands.options import require_repository
from commands.repository import failure, git, run_git
from traces.errors import TracesError, WrongUse, one_line

_NAMED = 5  # of the branches and tags that are not here


def require_git_repository() -> None:
    """Refuse to look for versions if the working directory is not the root of a Git repository.

    Raises:
        TracesError: it is a folder of a larger repository, or in none.
        WrongUse: it is not the root of a repository of datasets.
    """
    require_repository()
    if prefix := git("rev-parse", "--show-prefix").strip():
        raise TracesError(
            f"the project is in the folder {prefix} of a larger Git repository, whose history may have versions "
            "under other paths; keep it in a Git repository of its own (docs/versions.md)"
        )


def commit_of(revision: str) -> str:
    """The full hash of a commit, by any name that Git knows, or that of an experiment.

    Raises:
        TracesError: there is no repository, or Git cannot read what the name stands for, or the history is
            not whole and the name may be in what is missing.
        WrongUse: there is none by this name, or more than one experiment; or it is empty.
    """
    if not revision.strip():
        raise WrongUse("an empty name of a version: an unset variable? Name a commit, tag, branch or experiment")
    done = run_git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if not done.returncode:
        return done.stdout.strip()
    if done.stderr.strip():  # it is quiet about a name that does not exist
        raise failure(done)
    # DVC keeps an experiment at refs/exps/BASELINE/NAME, the baseline's hash in two parts.
    refs = (line.split() for line in git("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps").splitlines())
    found = {commit for commit, name in refs if name.count("/") == 4 and name.endswith(f"/{revision}")}
    if len(found) == 1:
        return found.pop()
    if revision == "HEAD":
        raise TracesError("this repository has no commit yet: `git add -A && git commit` makes the first")
    name = one_line(revision, 80)
    if found:
        raise WrongUse(f"{name}: more than one experiment, name its commit")
    absent = f"{name}: no commit, tag, branch or experiment here"
    require_whole_history(absent)
    raise WrongUse(absent)


def require_whole_history(what: str) -> None:
    """Fail if part of the history is not here; the error begins with `what` cannot be said or done then.

    Raises:
        TracesError: part of it is missing; the error names each part, and what brings it.
    """
    if parts := list(missing_parts()):
        raise TracesError(f"{what}: {'; '.join(parts)}")


def require_fetched(what: str) -> None:
    """Fail if a branch, tag or experiment of a remote is not here as the remote has it; the error begins with `what`.

    Raises:
        TracesError: something is not here; or a remote does not answer, so nobody knows.
    """
    commits = set(git("rev-list", "--all", "--reflog").split())
    commits |= set(git("for-each-ref", "--format=%(objectname) %(*objectname)").split())
    parts = []
    for name in _fetched_from():
        try:
            listed = [line.split("\t") for line in git("ls-remote", name).splitlines()]
        except TracesError as error:
            gone = f"`git remote remove {name}` if it is gone"
            parts.append(f"remote {name} does not say what it has ({error}); mend that, or {gone}")
            continue
        refs = {ref: commit for commit, ref in listed if ref.startswith(("refs/heads/", "refs/tags/", "refs/exps/"))}
        # Of an annotated tag the commit, which is in a line of its own, and not the tag.
        absent = [ref for ref, commit in refs.items() if refs.get(f"{ref}^{{}}", commit) not in commits]
        if named := sorted({ref.removesuffix("^{}").split("/", 2)[2] for ref in absent}):
            exps = any(ref.startswith("refs/exps/") for ref in absent)
            brings = f"git fetch {name} --tags" + (f" && dvc exp pull {name} --all-commits" if exps else "")
            more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
            parts.append(f"remote {name} has what is not here: {', '.join(named[:_NAMED])}{more}; `{brings}` brings it")
    if parts:
        raise TracesError(f"{what}: {'; '.join(parts)}")


def missing_parts() -> Iterator[str]:
    """Each part of the history that is not in this clone, as far as the clone itself knows, and what brings it."""
    if git("rev-parse", "--is-shallow-repository").strip() == "true":
        yield "this clone is shallow, so older commits are not here: `git fetch --unshallow` brings them"
    # Asked for `info/grafts` Git would name the file that GIT_GRAFT_FILE says.
    grafts = Path(git("rev-parse", "--git-path", "info").strip()) / "grafts"
    if grafts.is_file() and grafts.read_bytes().strip():
        yield f"{grafts} joins commits that Git cannot tell: `git replace --convert-graft-file` makes them known"
    for name, settings in _fetched_from().items():
        yield from _unfetched(name, settings)


def _fetched_from() -> dict[str, dict[str, list[str]]]:
    """The settings of each remote, in the order of their names, but not of mirrors that are pushed to: all is here."""
    return {
        name: settings
        for name, settings in sorted(_remotes().items())
        if settings.get("mirror", ["false"])[-1] != "true" or "fetch" in settings
    }


def _remotes() -> dict[str, dict[str, list[str]]]:
    """The settings of each remote that has an address."""
    found: dict[str, dict[str, list[str]]] = {}
    for item in git("config", "--null", "--list").split("\0"):
        key, _, value = item.partition("\n")
        section, _, rest = key.partition(".")
        name, _, setting = rest.rpartition(".")
        if section == "remote" and name:
            found.setdefault(name, {}).setdefault(setting, []).append(value)
    return {name: settings for name, settings in found.items() if "url" in settings}


def _unfetched(name: str, settings: dict[str, list[str]]) -> Iterator[str]:
    """What a fetch from a remote leaves out."""
    refspecs = [refspec.removeprefix("+") for refspec in settings.get("fetch", [])]
    whole = [refspec for refspec in refspecs if refspec.startswith(("refs/heads/*:", "refs/*:"))]
    if not whole or any(refspec.startswith("^") for refspec in refspecs):
        only = ", ".join(refspec.partition(":")[0].removeprefix("refs/heads/") for refspec in refspecs) or "nothing"
        yield (
            f"of the branches of remote {name} only these are fetched: {only}; "
            f"`git config --replace-all remote.{name}.fetch '+refs/heads/*:refs/remotes/{name}/*' "
            f"&& git fetch {name}` brings all"
        )
    elif not any(_has_refs(refspec.partition(":")[2].removesuffix("*")) for refspec in whole):
        yield f"nothing of remote {name} was ever fetched: `git fetch {name}`, or `git push {name}` if it is empty"
    if settings.get("tagopt", [""])[-1] == "--no-tags":
        yield (
            f"the tags of remote {name} are not fetched: "
            f"`git config --unset-all remote.{name}.tagOpt && git fetch {name} --tags` brings them"
        )


def _has_refs(prefix: str) -> bool:
    return bool(git("for-each-ref", "--count=1", "--format=%(refname)", prefix))
