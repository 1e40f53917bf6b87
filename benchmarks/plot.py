"""Lines on logarithmic axes as an SVG: the same bytes for the same numbers, readable on light and on dark ground."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 200, 40, 48  # around the axes; the lines' names stand on the right
COLOURS = ("#2f81f7", "#d9730d", "#2da44e")  # each told from white and from black
STYLE = (
    "text{font:13px sans-serif;fill:#1f2328}.axis{stroke:#8c959f;stroke-width:1}.grid{stroke:#8c959f;stroke-opacity:.3}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}}"
)


class Line(NamedTuple):
    """Points (x, y), all above 0, x rising."""

    name: str
    points: Sequence[tuple[float, float]]


class Axis(NamedTuple):
    """A logarithmic axis of whole powers of ten from `low` to `high`, drawn from `start` to `end`."""

    low: int
    high: int
    start: float
    end: float

    @classmethod
    def of(cls, values: Sequence[float], start: float, end: float) -> Axis:
        """The smallest that has room for all values."""
        low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        return cls(low, max(high, low + 1), start, end)

    def place(self, value: float) -> float:
        """Where a value stands."""
        return self.start + (math.log10(value) - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[int]:
        """The powers of ten."""
        return list(range(self.low, self.high + 1))


def draw(title: str, x_name: str, lines: Sequence[Line]) -> str:
    """The text of an SVG. A line of slope 1 is twice as much for twice as many."""
    x = Axis.of([point[0] for line in lines for point in line.points], LEFT, WIDTH - RIGHT)
    y = Axis.of([point[1] for line in lines for point in line.points], HEIGHT - BOTTOM, TOP)
    parts = [_text(LEFT, 22, title), _text((x.start + x.end) / 2, HEIGHT - 8, x_name, "middle")]
    for power in x.ticks():
        at = x.place(10.0**power)
        parts += [_rule(at, y.start, at, y.end), _text(at, HEIGHT - BOTTOM + 18, _power(power), "middle")]
    for power in y.ticks():
        at = y.place(10.0**power)
        parts += [_rule(x.start, at, x.end, at), _text(LEFT - 8, at + 4, _power(power), "end")]
    parts.append(f'<path class="axis" fill="none" d="M{x.start:.1f} {y.end:.1f}V{y.start:.1f}H{x.end:.1f}"/>')
    ends = _apart([y.place(line.points[-1][1]) for line in lines])
    for line, colour, end in zip(lines, COLOURS, ends, strict=False):
        places = [(x.place(a), y.place(b)) for a, b in line.points]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{path}"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" fill="{colour}"/>' for a, b in places]
        parts.append(f'<circle cx="{WIDTH - RIGHT + 14}" cy="{end:.1f}" r="4" fill="{colour}"/>')
        parts.append(_text(WIDTH - RIGHT + 24, end + 4, line.name))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
    return "\n".join([head, f"<title>{escape(title)}</title>", f"<style>{STYLE}</style>", *parts, "</svg>"]) + "\n"


def _apart(heights: list[float]) -> list[float]:
    """Heights of the lines' names: those of the lines' ends, moved down as far as each needs 18 for itself."""
    placed: dict[int, float] = {}
    last = -math.inf
    for number in sorted(range(len(heights)), key=lambda n: heights[n]):
        last = placed[number] = max(heights[number], last + 18)
    return [placed[number] for number in range(len(heights))]


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="grid" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _power(power: int) -> str:
    return f"{10**power:,}" if power >= 0 else f"{10.0**power:.{-power}f}"
