"""What a part of the config must know of the rest of it while it is being validated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digest.config.problems import BadValueError
from digest.config.schedule import zone_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import ValidationInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Names and defaults from the rest of the file, and where its relative paths start.

    `channels` gives the kind of each channel, None where that is wrong; `home` is for `~/`.
    """

    base_dir: Path
    home: str | None
    timezone: str
    apps: tuple[str, ...]
    channels: Mapping[str, str | None]
    alerts: tuple[str, ...] = ()

    def path(self, text: str) -> Path:
        """The absolute path that is meant."""
        if text.startswith("~/") and self.home:
            return Path(self.home) / text[2:]
        return (self.base_dir / text).absolute()


def surroundings_of(data: Mapping[Any, Any], base_dir: Path, home: str | None) -> Surroundings:
    """Look around in a tree that is not validated yet; whatever is wrong there is left out."""
    apps, channels, alerts = data.get("apps"), data.get("channels"), data.get("alerts")
    return Surroundings(
        base_dir=base_dir,
        home=home,
        timezone=_zone(data.get("timezone")),
        apps=tuple(apps) if isinstance(apps, dict) else (),
        channels={name: _kind(held) for name, held in channels.items()}
        if isinstance(channels, dict)
        else {},
        alerts=tuple(alerts) if isinstance(alerts, dict) else (),
    )


def around(info: ValidationInfo) -> Surroundings:
    """The surroundings that the loader handed to pydantic."""
    if not isinstance(info.context, Surroundings):
        raise TypeError("a config is validated by digest.config.loader, which knows its file")
    return info.context


def _zone(value: object) -> str:
    try:
        return zone_name(value) if isinstance(value, str) else "UTC"
    except BadValueError:
        return "UTC"


def _kind(held: object) -> str | None:
    kind = held.get("type") if isinstance(held, dict) else None
    return kind if isinstance(kind, str) else None
