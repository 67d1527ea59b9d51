"""Reading the config again while the daemon runs; a broken one leaves the old one in use."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.app import check_templates, open_config
from digest.app.parts import place_of
from digest.errors import ConfigError, Problem, StateBusyError
from digest.service import note
from digest.store.places import note_place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from digest.config.models import Config
    from digest.store.places import StatePlace

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Reloads:
    """The config file, and how the last reload of it went.

    `loaded` is when the config in use was read, `problems` are those of the one that was refused
    at `refused`.
    """

    path: Path | None
    env: Mapping[str, str]
    clock: Callable[[], datetime]
    loaded: datetime
    refused: datetime | None = None
    problems: tuple[str, ...] = ()
    count: int = 0

    @property
    def shown(self) -> str:
        """The file as a person may look for it."""
        return str(self.path or "the usual place")

    def read(self) -> Config:
        """The config of the file. Raises ConfigError with every problem."""
        config = open_config(self.path, self.env)
        check_templates(config)
        return config

    def reload(self, old: Config, take_up: Callable[[Config], None]) -> bool:
        """Have the file's config taken up; whether that went well.

        `take_up` raises StateBusyError, and leaves all as it was, where the ledger can't be
        written just now.
        """
        self.count += 1
        try:
            config = self.read()
            self._refuse_to_move(old, config)
            take_up(config)
        except (ConfigError, StateBusyError) as error:
            problems = error.problems if isinstance(error, ConfigError) else (error,)
            self.problems, self.refused = tuple(map(str, problems)), self.clock()
            said = "; ".join(self.problems)
            logger.error(  # noqa: TRY400 — the problems say all
                "the config was not reloaded: %s", said, extra={"action": "reload_refused"}
            )
            return False
        self.problems, self.refused, self.loaded = (), None, self.clock()
        logger.info("the config is reloaded", extra={"action": "reloaded"})
        return True

    def write_note(self, place: StatePlace) -> None:
        """Say beside the ledger who we are, and what became of the last reload."""
        where = note_place(place, self.env)
        said = note.Note(
            pid=os.getpid(), config=self.shown, reloads=self.count, problems=self.problems
        )
        try:
            note.write(where, said)
        except OSError as error:  # on a full disk nobody can ask for a reload; the rest goes on
            logger.warning(
                "%s can't be written: %s", where, error.strerror, extra={"action": "note_lost"}
            )

    def _refuse_to_move(self, old: Config, new: Config) -> None:
        if place_of(new) != place_of(old):
            message = "`state` can't change while digest serve runs; restart it"
            raise ConfigError([Problem(source=self.shown, message=message)])
