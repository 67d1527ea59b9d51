"""What the sandbox serves: devices, sessions, events and keys, and how they are read from files."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from digest.errors import UsageError
from digest.sandbox.csvrows import records
from digest.sandbox.dates import micros

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Device(NamedTuple):
    """One user. `first_seen` is microseconds since 1970 UTC; None is an unknown value."""

    device_id: str
    app_id: str
    platform: str | None
    country: str | None
    city: str | None
    first_seen: int


class Session(NamedTuple):
    """One session; times are microseconds since 1970 UTC."""

    session_id: str
    device_id: str
    started_at: int
    last_activity_at: int


class Event(NamedTuple):
    """One event or (`is_screen`) one screen view; `at` is microseconds since 1970 UTC."""

    app_id: str
    device_id: str
    name: str
    is_screen: bool
    is_debug: bool
    at: int


class KeyState(StrEnum):
    """What has become of a key; where it has the date of that, the date decides."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key: what to send as the bearer token, and which app it opens."""

    name: str = field(repr=False)
    app_id: str
    state: KeyState = KeyState.ACTIVE
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def opens(self, app_id: str, now: datetime) -> bool:
        """Whether this key may read that app at that time."""
        ends = [moment for moment in (self.expires_at, self.revoked_at) if moment is not None]
        usable = all(now < end for end in ends) if ends else self.state is KeyState.ACTIVE
        return usable and app_id == self.app_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Everything that one sandbox serves."""

    devices: tuple[Device, ...]
    sessions: tuple[Session, ...]
    events: tuple[Event, ...]
    keys: tuple[Key, ...]

    def first_key(self, now: datetime) -> Key:
        """The first key that can be used. Raises UsageError when there is none."""
        for key in self.keys:
            if key.opens(key.app_id, now):
                return key
        raise UsageError("none of the keys is active: keys.json needs one")


def read_rows(folder: Path) -> Rows:
    """Rows from `devices`, `sessions` and `events` (.csv.gz or .csv) and `keys.json`.

    Raises UsageError that says which file, and where in it.
    """
    return Rows(
        devices=tuple(_devices(folder)),
        sessions=tuple(_sessions(folder)),
        events=tuple(_events(folder)),
        keys=tuple(_keys(folder)),
    )


def _devices(folder: Path) -> Iterator[Device]:
    for device, app, platform, country, city, seen in records(folder, "devices", Device._fields):
        yield Device(
            device or "", app or "", platform, country, city, _instant(folder, "devices", seen)
        )


def _sessions(folder: Path) -> Iterator[Session]:
    for session, device, start, last in records(folder, "sessions", Session._fields):
        yield Session(
            session or "",
            device or "",
            _instant(folder, "sessions", start),
            _instant(folder, "sessions", last),
        )


def _events(folder: Path) -> Iterator[Event]:
    header = (*Event._fields[:-1], "timestamp")
    for app, device, name, screen, debug, at in records(folder, "events", header):
        yield Event(
            app or "",
            device or "",
            name or "",
            screen == "t",
            debug == "t",
            _instant(folder, "events", at),
        )


def _instant(folder: Path, name: str, text: str | None) -> int:
    """Microseconds of `2026-08-25 02:57:01.042` or an ISO text; UTC where no zone is given."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        raise UsageError(f"{folder}: {name} has a time that is none: {text!r}") from None
    return micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _keys(folder: Path) -> Iterator[Key]:
    path = folder / "keys.json"
    try:
        found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        for name, about in found.items():
            yield Key(
                name=name,
                app_id=str(about["app_id"]),
                state=KeyState(about.get("state", KeyState.ACTIVE)),
                expires_at=_aware(about.get("expires_at")),
                revoked_at=_aware(about.get("revoked_at")),
            )
    except FileNotFoundError:
        raise UsageError(f"{folder} has no keys.json") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(
            f"{path}: has to be"
            ' {"NAME": {"app_id": "…", "state": "active|expired|revoked", "expires_at": "…"}}'
        ) from None


def _aware(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
