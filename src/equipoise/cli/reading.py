"""A record as commands read it: up to a position, up to a date."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from equipoise.record.event import Event

BANNER = "REHEARSAL: synthetic patients, not a trial"


def last_day_begun() -> datetime.date:
    """The last day that has begun anywhere on earth: nothing was done after it."""
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=14)).date()


def events_of(record: str, schema: str, as_of: int | None, option: str = "--as-of") -> list[Event]:
    """The events of a record up to a position. RecordError for an empty one, BadInput for a
    position that it does not have."""
    from equipoise.errors import BadInput, RecordError
    from equipoise.record.stores import opened

    log = opened(record, schema=schema)
    try:
        last = log.head().seq
        if not last:
            raise RecordError("the record is empty")
        if as_of is not None and not 1 <= as_of <= last:
            raise BadInput(f"an event from 1 to {last}", field=option, found=as_of)
        return log.read(upto=as_of)
    finally:
        log.close()


def day(text: str | None, option: str) -> datetime.date | None:
    """The date that an option was given, None without one; BadInput for what is no date."""
    from equipoise.errors import BadInput

    if text is None:
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise BadInput("a date as YYYY-MM-DD", field=option, found=text) from error
