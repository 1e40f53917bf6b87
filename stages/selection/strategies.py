"""What the `selection` group asks for, as SQL over the candidates. Every order ends in the id: there are no ties."""

from __future__ import annotations

from typing import Any

from stages.params.models import Selection

EVERY = "SELECT * FROM candidates"
ORDER = "part, place"  # that of (created_at, id)
_PLACE = "(part::BIGINT << 40 | place)"  # in one number, in that order
_KEYED = "random, id_high, id_low"


def preferred(selection: Selection) -> str:
    """The order in which the first of duplicates is the one that stays."""
    return f"score DESC, {ORDER}" if selection.strategy == "quality" else ORDER


def chosen_sql(selection: Selection) -> str:
    """The candidates that are selected. Of exact duplicates the table `firsts` has those that stay, of near ones `gone`
    those that go.
    """
    sql = EVERY
    if selection.dedup == "exact":
        sql += f" SEMI JOIN firsts ON {_PLACE} = first"
    elif selection.dedup == "near":
        sql += " ANTI JOIN gone USING (part, place)"
    if selection.strategy == "stratified":
        turn = f"row_number() OVER (PARTITION BY stratum ORDER BY {_KEYED}) AS turn"
        sql = f"SELECT *, {turn} FROM ({sql})"  # noqa: S608 - no user's text
        if selection.stratify.quotas is not None:
            return f"SELECT * FROM ({sql}) JOIN quotas USING (stratum) WHERE turn <= quota"  # noqa: S608 - no user's text
    # Strata take turns: their shares are equal, and what a small one lacks goes to the others.
    order = {
        "latest": "part DESC, place DESC",
        "random": _KEYED,
        "stratified": f"turn, {_KEYED}",
        "quality": preferred(selection),
    }.get(selection.strategy)
    if selection.limit is not None and order:
        sql = f"SELECT * FROM ({sql}) ORDER BY {order} LIMIT {selection.limit:d}"  # noqa: S608 - no user's text
    return sql


def firsts_sql(selection: Selection) -> str:
    """Of candidates with equal content, the place of the one that stays. A window would hold every row at once."""
    best = f"min(ROW(-score, {_PLACE}))[2]" if selection.strategy == "quality" else f"min({_PLACE})"
    return f"SELECT {best} AS first FROM candidates GROUP BY content_high, content_low"  # noqa: S608 - no user's text


def create_quotas(database: Any, selection: Selection) -> None:
    """The table of how many are wanted of each stratum, where that is asked for."""
    if selection.stratify.quotas is not None:
        database.execute("CREATE TABLE quotas (stratum VARCHAR, quota BIGINT)")
        database.executemany("INSERT INTO quotas VALUES (?, ?)", list(selection.stratify.quotas.items()))
