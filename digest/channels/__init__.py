"""Ways to deliver. Every module or package in this folder is one kind of channel.

The name of the module is the kind (`type: smtp` in the config); one with a leading underscore is
not a kind. A module has `KIND`, a frozen settings dataclass, and
`build(name, settings, outside) -> Channel`. There is no table to edit: a new file here is a new
kind. Only the module of the kind that is asked for gets imported.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from digest.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.core.content import Channel


class Secret(Protocol):
    """A value that must not be printed; pydantic's SecretStr is one."""

    def get_secret_value(self) -> str:
        """The value itself, for the one place that needs it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What a channel may use of the world: a monotonic clock and a way to wait, in seconds."""

    monotonic: Callable[[], float]
    sleep: Callable[[float], None]


class Factory(Protocol):
    """What `build` gives: the `build` function of one kind's module."""

    def __call__(self, name: str, settings: Any, outside: Outside) -> Channel:
        """Make the channel called `name` in the config. Raises DeliveryError on bad settings."""
        ...


def kinds() -> tuple[str, ...]:
    """Every kind of channel there is, sorted; nothing is imported."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name for name in names if not name.startswith("_")))


def build(kind: str) -> Factory:
    """The factory of one kind. Raises ConfigError when there is no such kind."""
    known = kinds()
    if kind not in known:
        message = f'there is no channel type "{kind}"; the types are {", ".join(known)}'
        raise ConfigError([Problem(source="channels", message=message)])
    return cast("Factory", importlib.import_module(f"{__name__}.{kind}").build)
