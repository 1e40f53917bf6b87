"""What is shown to somebody elsewhere of what this machine says: nothing of its paths and secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from stages.params.leaks import secrets_of
from traces.errors import one_line

# What Python says of itself where something broke that nobody foresaw.
_TRACEBACK = re.compile(r"^(?:Traceback |  File |    |\s*[~^]+$)")
_PATH = re.compile(r"(?<![\w.:/])/(?:[^\s/:'\"`,)]+/)+([^\s/:'\"`,)]*)")
# An address of a file here: of it, too, the name alone is shown.
_LOCAL = re.compile(r"\b(file|sqlite)[+\w]*:/{2,}(?:[^\s/'\"`,)]+/)*")
_PASSWORD = re.compile(r"(://[^\s/:@]*):[^\s/@]*@")
# DVC, of the folder of each format that nobody asked for.
_NOISE = re.compile(r"WARNING: '.*' is empty\.")
LINE = 500  # characters of a line that are passed on


def shown_lines(text: str) -> Iterator[str]:
    """The lines of a log for somebody elsewhere: without what is of this machine, secret, or a traceback."""
    secrets = secrets_of(os.environ)
    for line in re.split(r"[\r\n]+", text):
        if not line.strip() or _TRACEBACK.match(line) or _NOISE.fullmatch(line):
            continue
        for _, secret in secrets:
            line = line.replace(secret, "***")
        line = _PATH.sub(r"\1", _LOCAL.sub(r"\1:", _PASSWORD.sub(r"\1:***@", line)))
        yield one_line(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).strip(), LINE)
