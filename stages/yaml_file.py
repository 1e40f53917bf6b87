"""YAML files, by the parser that DVC uses."""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from traces.errors import TracesError, one_line
from traces.text_files import read_text


def read_yaml(path: Path) -> Any:
    """What a YAML file holds.

    Raises:
        TracesError: it is missing or not YAML in UTF-8.
    """
    try:
        text, encoding = read_text(path)
        if encoding != "utf-8":
            raise TracesError(f"{path}: this is {encoding.upper()}, which DVC cannot read; save the file as UTF-8")
        return deepcopy(_parsed(text))
    except FileNotFoundError:
        raise TracesError(f"{path}: no such file; run from the repository's root, or `git checkout {path}`") from None
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise TracesError(f"{path}{line}: {one_line(str(error.problem or error.context))}") from None
    except (OSError, ValueError, YAMLError) as error:
        raise TracesError(f"{path}: {one_line(str(error))}") from None


@lru_cache(maxsize=2)
def _parsed(text: str) -> Any:
    """What a text says. Remembered: dvc.lock takes a quarter of a second, and a stage looks into it more than once."""
    return YAML(typ="safe").load(text)
