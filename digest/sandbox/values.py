"""How sessions and users are broken down: unknown values, platform names, cities with countries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

UNKNOWN = "unknown"
NAMED_PLATFORMS = ("ios", "android")

Group = tuple[str | None, str | None, int]
"""The raw value, the country of a city, and the count."""


def platform_name(raw: str) -> str | None:
    """`ios` or `android` in any spelling, `unknown` for others, None for an empty one."""
    lower = raw.lower()
    if not lower:
        return None
    return lower if lower in NAMED_PLATFORMS else UNKNOWN


def breakdown_rows(dimension: str, groups: Iterable[Group]) -> list[dict[str, Any]]:
    """The rows of an answer. Values are grouped before they are named, so names can repeat."""
    return [_row(dimension, *group) for group in groups]


def _row(dimension: str, raw: str | None, country: str | None, count: int) -> dict[str, Any]:
    value = UNKNOWN if raw is None else raw
    if dimension == "platform":
        return {"value": platform_name(value) or UNKNOWN, "count": count}
    if dimension == "city":
        return {"value": value, "count": count, "country": country or ""}
    return {"value": value, "count": count}
