"""Seeds of what is random: a few in every run, the others in `make soak`. The failing one is in the test's name."""

from __future__ import annotations

import pytest


def seeds(few: int, many: int) -> pytest.MarkDecorator:
    """The parameter `seed`: 0 to `few` - 1 always, and so on to `many` - 1."""
    others = [pytest.param(seed, marks=pytest.mark.soak) for seed in range(few, many)]
    return pytest.mark.parametrize("seed", [*range(few), *others])
