"""`traces status`: which store, what is in it, how the pin stands, what is installed."""

from __future__ import annotations

import os
from typing import Any

from commands.options import Json, require_repository, waiting

_NAME = 60  # characters of a source's or game's name that are shown; --json has all


def status(json: Json = False) -> None:
    """Show the store, its content, the pin, and whether UNGAR and Tunix are installed.

    [bold]Examples[/bold]

      traces status

      TRACES_DATABASE_URL=postgresql://reader@localhost/traces traces status --json
    """
    require_repository()
    facts = gather()
    if json:
        import json as json_module

        print(json_module.dumps(facts, indent=2, ensure_ascii=False))
    else:
        show(facts)


def gather() -> dict[str, Any]:
    """All that `status` says. A missing pin is a fact here, not a fault."""
    from traces.embedded import open_configured
    from traces.store import DATABASE_URL
    from traces.times import to_iso

    def time(us: int | None) -> str | None:
        return None if us is None else to_iso(us)

    with waiting("reading the store"), open_configured(os.environ.get(DATABASE_URL)) as store:
        census = store.census()
        facts: dict[str, Any] = {
            "store": {
                "name": store.label,
                "kind": store.kind,
                "rows": census.rows,
                "first": time(census.first_us),
                "last": time(census.last_us),
                "sources": census.sources,
                "games": census.games,
                "uncounted": census.uncounted,
            },
            "pin": pin_facts(store),
        }
    return facts | installed()


def installed() -> dict[str, Any]:
    """Whether UNGAR and Tunix are, and how they are installed."""
    from importlib import metadata

    from traces.ungar.install import INSTALL, ungar_version
    from training.install import INSTALL as INSTALL_TRAINING

    try:
        tunix: str | None = metadata.version("google-tunix")
    except metadata.PackageNotFoundError:
        tunix = None
    return {
        "ungar": {"version": ungar_version(), "install": INSTALL},
        "tunix": {"version": tunix, "install": INSTALL_TRAINING},
    }


def pin_facts(store: Any) -> dict[str, Any]:
    """How the store stands to data/snapshot.json."""
    from traces.errors import TracesError
    from traces.pin import load_pin
    from traces.pinning import compare_pin

    try:
        pin = load_pin()
        state = compare_pin(pin, store)
    except TracesError as error:
        return {"state": "unusable", "why": str(error)}
    return {
        "state": state.word,
        "as_of": pin.as_of,
        "rows": pin.rows,
        "behind": state.behind,
        "differences": state.differences,
    }


def show(facts: dict[str, Any]) -> None:
    """The facts as a table for a person."""
    from rich.console import Console
    from rich.text import Text

    from traces.errors import one_line

    store, pin = facts["store"], facts["pin"]
    console = Console()

    def row(name: str, value: str) -> None:
        # As text: a game's name is data, not markup. Never cut into lines: a command in it may be copied.
        console.print(Text.assemble((f"{name:<9}", "bold"), value), soft_wrap=True)

    row("store", f"{store['name']}, {store['kind']}")
    row("rows", f"{store['rows']:,}" + (f", {store['first']} to {store['last']}" if store["first"] else ""))
    for name in ("sources", "games"):
        # A name is a trace's own text: what would steer the terminal is shown and not sent.
        counts = ", ".join(f"{one_line(key, _NAME) or '(empty)'} {count:,}" for key, count in store[name].items())
        row(name, counts or (f"not counted: {store['uncounted']}" if store["uncounted"] else "none"))
    row("pin", pin_line(pin))
    for line in pin.get("differences", [])[:10]:
        row("", line)
    for name, title in (("ungar", "UNGAR"), ("tunix", "Tunix")):
        held = facts[name]
        row(title, held["version"] or f"Not Installed: {held['install']}")


def pin_line(pin: dict[str, Any]) -> str:
    """The pin's state in a line."""
    if pin["state"] == "unusable":
        return str(pin["why"])
    detail = {
        "fresh": f"fresh: {pin['rows']:,} rows as of {pin['as_of']}",
        "behind": f"behind by {pin['behind']:,} rows later than {pin['as_of']}; `traces pin` takes them in",
        "broken": (
            f"broken: of the rows up to {pin['as_of']} some were added, changed or removed; "
            "bring them back, or take the store as it is with `traces pin`"
        ),
    }
    return detail[pin["state"]]
