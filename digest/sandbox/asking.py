"""What a request asks of a report, read as the server reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.sandbox.dates import DAY, Moment, read_moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.sandbox.flavour import Traits
    from digest.sandbox.store import Store

DEFAULT_LIMIT = 10
MAX_LIMIT = 50
DEFAULT_DAYS = 7
MAX_DAYS = 365

_LEADING_INTEGER = re.compile(r"\s*([+-]?\d+)", re.ASCII)


class RangeRefusedError(Exception):
    """The dates can't be used; the message is what the server answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One report asked for: of which app, when, for which days.

    `now` is microseconds since 1970, cut to milliseconds as the server's clock is. `start` and
    `end` are None where the request left them out. `choice` is the metric or the dimension.
    `limit` is None where all rows are asked for.
    """

    store: Store
    traits: Traits
    app_id: str
    now: int
    choice: str
    start: Moment | None
    end: Moment | None
    limit: int | None

    @property
    def first(self) -> int:
        """Where a series starts: as asked, or seven times 24 hours ago."""
        return self.start.millis if self.start else self.now - DEFAULT_DAYS * DAY

    @property
    def last(self) -> int:
        """Where a series ends: as asked, or now."""
        return self.end.millis if self.end else self.now


def read_range(query: Mapping[str, str]) -> tuple[Moment | None, Moment | None]:
    """`startDate` and `endDate`, None where left out or blank. Raises RangeRefusedError.

    Length and order are only looked at when both are given.
    """
    start = _read(query, "startDate")
    end = _read(query, "endDate")
    if start and end:
        if start.millis > end.millis:
            raise RangeRefusedError("startDate must be before or equal to endDate")
        if end.millis - start.millis > MAX_DAYS * DAY:
            raise RangeRefusedError(f"Date range cannot exceed {MAX_DAYS} days")
    return start, end


def read_limit(text: str) -> int | None:
    """How many rows a limit allows: 1 to 50, by its leading integer; None (all) without one.

    A blank limit is the default of 10.
    """
    if not text:
        return DEFAULT_LIMIT
    match = _LEADING_INTEGER.match(text)
    return max(1, min(int(match[1][:20]), MAX_LIMIT)) if match else None


def _read(query: Mapping[str, str], name: str) -> Moment | None:
    text = query.get(name, "")
    if not text:
        return None
    moment = read_moment(text)
    if moment is None:
        raise RangeRefusedError(f"Invalid {name} format")
    return moment
