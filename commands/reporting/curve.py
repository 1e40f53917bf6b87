"""A loss by step, as a line."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from commands.reporting.bins import ticks
from commands.reporting.svg import WIDTH, drawing, element, path, point, rule, text

_HEIGHT, _LEFT, _RIGHT, _TOP, _FOOT = 226.0, 26.0, 14.0, 14.0, 40.0


def draw_curve(label: str, losses: Sequence[float]) -> Markup:
    """The loss of each step, at least one, counted from 1; the axis begins at 0."""
    ground, last = _HEIGHT - _FOOT, len(losses)
    high = max(losses) * 1.02

    def x(step: float) -> float:
        return _LEFT + 8 + (step - 1) / max(last - 1, 1) * (WIDTH - _LEFT - _RIGHT - 8)

    def y(loss: float) -> float:
        return ground - loss / high * (ground - _TOP)

    parts: list[Markup] = []
    for loss in ticks(0, high):
        parts += [rule(_LEFT, y(loss), WIDTH, y(loss)), text(_LEFT - 8, y(loss) + 4, f"{loss}", "tick", "end")]
    parts += [text(x(step), ground + 18, f"{step}", "tick", "middle") for step in ticks(1, last, 10)]
    parts.append(text(x((1 + last) / 2), ground + 36, "step", "name", "middle"))
    places = [(x(step), y(loss)) for step, loss in enumerate(losses, 1)]
    parts.append(path(f"M{'L'.join(point(*place) for place in places)}", "line"))
    parts += [element("circle", cx=a, cy=b, r=3, class_="dot") for a, b in places]
    return drawing(label, WIDTH, _HEIGHT, *parts)
