"""The tables as stores have them; this project changes nothing in one that exists."""

from __future__ import annotations

from sqlalchemy import JSON, Column, DateTime, Float, Index, MetaData, String, Table, Uuid

metadata = MetaData()

# SQLAlchemy's Uuid is `uuid` in PostgreSQL and 32 hex digits in SQLite; DateTime there is naive UTC text.
traces = Table(
    "traces",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("trace_version", String(64), nullable=False),
    Column("payload", JSON, nullable=False),
    Index("ix_traces_created_at", "created_at"),
)

COLUMNS = ("id", "created_at", "trace_version", "payload")

# Of its own metadata: a store that this project makes has none.
scores = Table(
    "scores",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("trace_id", Uuid, nullable=False),
    Column("criteria", String(64), nullable=False),
    Column("score", Float, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

SCORE_COLUMNS = ("id", "trace_id", "criteria", "score", "created_at")
