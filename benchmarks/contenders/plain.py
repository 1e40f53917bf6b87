"""The plain script: SQLAlchemy's ORM, a pydantic model a row, `json.dumps`, one file, then validate.

`python -m benchmarks.contenders.plain URL FOLDER`
"""

from __future__ import annotations

import json
import sys
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from sqlalchemy import JSON, create_engine, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from benchmarks.contenders.records import record
from benchmarks.contenders.validation import validate

BATCH = 1000


class Base(DeclarativeBase):
    """What SQLAlchemy's models are made of."""


class StoredTrace(Base):
    """A row of the store."""

    __tablename__ = "traces"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    trace_version: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)


class Step(BaseModel):
    """A step of a trace."""

    i: int
    type: str
    content: str


class Trace(BaseModel):
    """A payload."""

    trace_version: str
    prompt: str
    final_answer: str
    steps: list[Step]
    meta: dict[str, Any] | None = None


def line(row: StoredTrace) -> str:
    """The record of a row, as JSON."""
    trace = Trace.model_validate(row.payload)
    steps = [step.content for step in sorted(trace.steps, key=lambda step: step.i)]
    made = record(
        str(row.id), row.created_at, trace.prompt, steps, trace.final_answer, trace.trace_version, trace.meta or {}
    )
    return json.dumps(made, ensure_ascii=False)


def main(url: str, folder: Path) -> None:
    """Write the file and validate it."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    path = folder / "tunix_sft.jsonl"
    with Session(engine) as session, path.open("w", encoding="utf-8") as file:
        statement = select(StoredTrace).order_by(StoredTrace.created_at, StoredTrace.id)
        for row in session.scalars(statement.execution_options(yield_per=BATCH)):
            file.write(line(row) + "\n")
    validate(path)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
