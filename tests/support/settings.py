"""Settings that a person may have for Git and DVC, as far from the usual ones as can be."""

from __future__ import annotations

import os
from pathlib import Path

# Each line would change what a command of the project says or does if it called Git or DVC without care.
_GIT = """\
[user]
    signingKey = 0000000000000000
[commit]
    gpgSign = true
[tag]
    gpgSign = true
    sort = -refname
[gpg]
    program = false
[core]
    autocrlf = true
    safecrlf = true
    quotePath = true
    precomposeUnicode = true
    ignoreStat = true
    pager = false
    editor = false
    abbrev = 4
    excludesFile = {folder}/ignored
    attributesFile = {folder}/attributes
    hooksPath = {folder}/hooks
    fsmonitor = {folder}/hooks/fsmonitor
    untrackedCache = true
[init]
    templateDir = {folder}/template
    defaultBranch = elsewhere
[alias]
    rev-parse = !false
    cat-file = !false
    st = status
[color]
    ui = always
    diff = always
    grep = always
    status = always
[column]
    ui = always
[log]
    showSignature = true
    showRoot = false
    follow = true
    date = relative
    decorate = full
    mailmap = true
    excludeDecoration = refs/tags
[format]
    pretty = fuller
[diff]
    external = false
    noprefix = true
    mnemonicPrefix = true
    renames = copies
    ignoreSubmodules = all
    orderFile = {folder}/ignored
[status]
    showUntrackedFiles = no
    short = true
    branch = true
[grep]
    patternType = fixed
    fullName = true
    lineNumber = true
[fetch]
    prune = true
    fsckObjects = true
[clone]
    defaultRemoteName = theirs
    rejectShallow = true
    filterSubmodules = true
[protocol]
    allow = never
[url "https://example.invalid/"]
    insteadOf = /
[submodule]
    recurse = true
[transfer]
    fsckObjects = true
    hideRefs = refs/tags
[advice]
    detachedHead = true
    statusHints = true
[checkout]
    defaultRemote = theirs
    guess = false
"""
_DVC = """\
[core]
    autostage = true
    remote = mine
    hardlink_lock = true
    no_scm = true
    checksum_jobs = 1
    analytics = true
    check_update = true
['remote "mine"']
    url = {folder}/nowhere
[cache]
    type = symlink
    slow_link_warning = true
[exp]
    auto_push = true
    git_remote = theirs
[parsing]
    bool = boolean_optional
    list = append
"""
_HOOKS = ("fsmonitor", "post-checkout", "post-index-change", "pre-commit", "reference-transaction")


def hostile_settings(folder: Path) -> dict[str, str]:
    """The variables that make these settings a person's. The file `hooked` in `folder` tells whether a hook ran."""
    for name in ("hooks", "template/hooks", "template/info", "dvc"):
        (folder / name).mkdir(parents=True)
    (folder / "gitconfig").write_text(_GIT.format(folder=folder))
    (folder / "dvc/config").write_text(_DVC.format(folder=folder))
    (folder / "ignored").write_text("*.lock\n*.yaml\n*.json\nreports/\ndata/\n")
    (folder / "attributes").write_text("* text=auto eol=crlf ident diff=none\n")
    (folder / "template/info/attributes").write_text("* text=auto eol=crlf ident\n")
    for name in _HOOKS:
        for place in ("hooks", "template/hooks"):
            hook = folder / place / name
            hook.write_text(f"#!/bin/sh\necho {name} >> '{folder}/hooked'\nexit 1\n")
            hook.chmod(0o755)
    return {
        "GIT_CONFIG_GLOBAL": str(folder / "gitconfig"),
        "GIT_EXTERNAL_DIFF": "false",
        "GIT_PAGER": "false",
        "GIT_TEMPLATE_DIR": str(folder / "template"),
        "GIT_TRACE": "1",
        "DVC_GLOBAL_CONFIG_DIR": str(folder / "dvc"),
        "DVC_EXP_AUTO_PUSH": "true",
        "PAGER": "false",
    }


def in_a_hook(folder: Path) -> dict[str, str]:
    """What Git sets for a hook of another repository, which it runs in this one."""
    elsewhere = folder / "elsewhere"
    return {
        "GIT_DIR": str(elsewhere),
        "GIT_WORK_TREE": str(elsewhere),
        "GIT_INDEX_FILE": os.devnull,
        "GIT_PREFIX": "x/",
    }
