"""JSON Lines on their way into a store: a bare trace a line, or a whole row with its payload."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from traces.errors import one_line
from traces.ids import derived_id, is_id, normalise_id
from traces.model import InvalidTrace, Trace, decode_trace, encode_payload
from traces.times import parse_us, to_iso


class IncomingRow(NamedTuple):
    """A row to be stored. `payload` is canonical JSON; `created_us` None: the line gave no time."""

    id: str
    created_us: int | None
    trace_version: str
    payload: bytes
    blank: str | None = None  # the field that shows nothing, as `Trace.blank_field` says it

    def line(self, created_us: int) -> bytes:
        """The row as a recording's line, canonical, with its newline."""
        return (
            _row_encoder.encode(
                {
                    "id": self.id,
                    "created_at": to_iso(created_us),
                    "trace_version": self.trace_version,
                    "payload": msgspec.Raw(self.payload),
                }
            )
            + b"\n"
        )


class BadLine(Exception):
    """A line that is no trace and no row. `str(error)` is the reason."""


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    payload: msgspec.Raw
    id: str | None = None
    created_at: str | None = None
    trace_version: str | None = None


_row_encoder = msgspec.json.Encoder()
_line_decoder = msgspec.json.Decoder(_Line)
_shape_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def parse_line(line: bytes) -> IncomingRow:
    """The row in one line.

    Raises:
        BadLine: it is none.
    """
    try:
        shape = _shape_decoder.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadLine(f"not a JSON object: {error}") from None
    if "payload" not in shape:
        return incoming_row(_decode(line), None, None)
    try:
        row = _line_decoder.decode(line)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise BadLine(str(error).replace("`", "")) from None
    trace = _decode(bytes(row.payload))
    if row.trace_version is not None and row.trace_version != trace.trace_version:
        raise BadLine(f"the row's trace_version is {row.trace_version!r}, its payload's {trace.trace_version!r}")
    if row.id is not None and not is_id(normalise_id(row.id)):
        raise BadLine(f"id {one_line(row.id, 60)!r} is not a UUID")
    created_us = parse_us(row.created_at)
    if row.created_at is not None and created_us is None:
        raise BadLine(f"created_at {one_line(row.created_at, 60)!r} is not an ISO 8601 time of the years 1 to 9999")
    return incoming_row(trace, row.id, created_us)


def incoming_row(trace: Trace, row_id: str | None, created_us: int | None) -> IncomingRow:
    """A row for `trace`; without an id it gets the one that follows from its content."""
    payload = encode_payload(trace)
    trace_id = derived_id(payload) if row_id is None else normalise_id(row_id)
    return IncomingRow(trace_id, created_us, trace.trace_version, payload, trace.blank_field())


def _decode(payload: bytes) -> Trace:
    try:
        return decode_trace(payload)
    except InvalidTrace as error:
        raise BadLine(str(error)) from None
