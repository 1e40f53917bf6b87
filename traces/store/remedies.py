"""What a database server or a pooler before it says, in one line, with what to do about it."""

from __future__ import annotations

from traces.errors import said_by_database

POOLER = "a pooler such as PgBouncer stands between"
_REMEDIES = {
    "in statement pooling mode": f"{POOLER}: set its pool_mode to transaction or session, "
    "or name the server's own address",
    "unsupported startup parameter": f"{POOLER} and accepts no such setting: set it by ALTER ROLE ... SET, "
    "or name the server's own address",
    "query_wait_timeout": f"{POOLER} and has no session free: set its default_pool_size higher, "
    "or TRACES_WORKERS lower",
    "conflict with recovery": "this server is a replica: set max_standby_streaming_delay higher or "
    "hot_standby_feedback on there, or name the primary",
}


def said_by_server(error: BaseException) -> str:
    """The first line of what it says, and the remedy if one is known."""
    said = said_by_database(error)
    return next((f"{said}; {remedy}" for words, remedy in _REMEDIES.items() if words in str(error)), said)
