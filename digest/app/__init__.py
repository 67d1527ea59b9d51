"""The composition root: reads the environment and the clock, builds the real parts, runs jobs.

Nothing below this package knows where a setting, a secret or the time came from. Only commands
that fetch or send pay for the imports of their parts.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from digest.config import loader
from digest.config.remarks import inactive_keys, warnings
from digest.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from digest.config.models import Config


def utc_now() -> datetime:
    """The machine's clock, UTC."""
    return datetime.now(UTC)


def open_config(path: Path | None, env: Mapping[str, str] | None = None) -> Config:
    """Find, read and validate the config. Raises ConfigError with every problem."""
    surroundings = os.environ if env is None else env
    return loader.load(loader.find(path, surroundings), surroundings)


def remarks(config: Config) -> list[str]:
    """What is allowed and yet worth a word: literal secrets, keys whose part is not built."""
    return [*warnings(config), *inactive_keys(config)]


def check_templates(config: Config) -> None:
    """Render the user's templates against sample reports. Raises ConfigError with every problem.

    They are rendered in a child process, so one that never ends is a problem like any other.
    Ours are checked by our own tests, so a config without templates costs nothing here.
    """
    if config.templates is None:
        return
    from digest.app.rendering import renderer_of  # noqa: PLC0415 — jinja2 is for those who render

    problems = renderer_of(config).check()
    if problems:
        raise ConfigError(problems)
