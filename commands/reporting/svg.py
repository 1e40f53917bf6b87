"""Elements of an SVG inside a page: their colours are classes of style.css, so that both grounds have theirs."""

from __future__ import annotations

from markupsafe import Markup, escape

# Of all drawings but the flow: on a page of 400 pixels they are shown as they are, with text as large as the page's.
WIDTH = 352.0


def element(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """An element, its text and attributes escaped. `class_` is class, `_` stands for a hyphen; None is left out."""
    shown = [
        f' {key.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    ]
    return Markup(f"<{name}{''.join(shown)}>{''.join(map(escape, children))}</{name}>")  # noqa: S704 - escaped


def drawing(label: str, width: float, height: float, *children: str, class_: str | None = None) -> Markup:
    """An image that is read out as its label; a table beside it says the rest."""
    view_box = f"0 0 {_value(width)} {_value(height)}"
    return element("svg", *children, class_=class_, viewBox=view_box, role="img", aria_label=label)


def text(x: float, y: float, shown: str, class_: str | None = None, anchor: str | None = None) -> Markup:
    """A line of text; `anchor` is middle or end."""
    return element("text", shown, x=x, y=y, class_=class_, text_anchor=anchor)


def path(shape: str, class_: str) -> Markup:
    """A shape in SVG's own language."""
    return element("path", d=shape, class_=class_)


def rule(x1: float, y1: float, x2: float, y2: float, class_: str = "rule") -> Markup:
    """A straight line."""
    return path(f"M{point(x1, y1)}L{point(x2, y2)}", class_)


def block(x: float, y: float, width: float, height: float) -> str:
    """The shape of a rectangle, for `path`."""
    return f"M{point(x, y)}h{_value(width)}v{_value(height)}h{_value(-width)}z"


def point(x: float, y: float) -> str:
    """A place as `path` has it."""
    return f"{_value(x)},{_value(y)}"


def _value(value: str | float) -> str:
    """A number with at most two decimals, and no sign on a zero; a text as it is."""
    return value if isinstance(value, str) else f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")
