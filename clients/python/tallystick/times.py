"""Times: int microseconds since the epoch, or a datetime that knows its time zone."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Union

#: An int is microseconds since the epoch, UTC.
Time = Union[int, datetime]

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def to_timestamp(time: Time) -> int:
    """The microseconds of a time. ValueError for a datetime without a zone, TypeError for a float."""
    if isinstance(time, datetime):
        if time.tzinfo is None:
            raise ValueError("a datetime needs a time zone, such as timezone.utc")
        return (time - EPOCH) // timedelta(microseconds=1)
    if isinstance(time, int) and not isinstance(time, bool):
        return time
    raise TypeError(f"a time is an int of microseconds or a datetime, not {type(time).__name__}")


def to_datetime(micros: int) -> datetime:
    """The UTC datetime of an int of microseconds."""
    return EPOCH + timedelta(microseconds=micros)
