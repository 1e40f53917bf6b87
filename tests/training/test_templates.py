"""Templates are data with a hash."""

from __future__ import annotations

import pytest

from traces.errors import TracesError
from training.templates import load_template, template_names


@pytest.mark.parametrize("name", template_names())
def test_a_template_s_own_turns_are_made_of_its_control_tokens(name: str) -> None:
    template = load_template(name)
    assert template.name == name
    turns = template.user_open + template.user_close + template.model_open + template.model_close
    assert any(token in turns for token in template.control_tokens)
    assert len(template.sha256) == 64


def test_an_unknown_template_is_named() -> None:
    with pytest.raises(TracesError, match=r"render.template: 'alpaca' is not one of gemma"):
        load_template("alpaca")
