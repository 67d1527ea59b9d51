"""What the daemon logs: one line for each thing that happened, for machines or for people.

Our modules log through the standard library, with an `action` and facts in `extra`. Here that
becomes a line; nothing leaves without having passed the redactor. The facts of the run at hand
(job, period, key) come from `run_context`, for every line that is logged inside it on the same
thread. Of other libraries only the fact that they warned is shown, since their words may quote
headers, addresses and bodies.
"""

from __future__ import annotations

import json
import logging
import os
import traceback
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.stdlib import ExtraAdder, ProcessorFormatter

from digest.errors import DigestError
from digest.service.console import Console
from digest.service.lines import Lines
from digest.service.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping
    from contextlib import AbstractContextManager
    from datetime import tzinfo
    from typing import Self, TextIO

    from digest.service.redaction import Plain

OURS: Final = "digest"
DEFAULT_ACTION: Final = "log"
STABLE: Final = ("time", "level", "action", "message", "logger")
"""The fields that every JSON line has, in this order; facts follow."""

_FIRST: Final = ("job", "period", "channel", "key")
_LIBRARY_ACTION: Final = "library_warning"
_MESSAGE: Final = "\0message"  # beside the facts, of which one may be called `event`
_INTERNAL: Final = frozenset({_MESSAGE, "_record", "_from_structlog", "exc_info", "stack_info"})
_PACKAGE: Final = Path(__file__).parents[1]


class LogForm(StrEnum):
    """For people, or one JSON object a line."""

    CONSOLE = "console"
    JSON = "json"


def run_context(**facts: str) -> AbstractContextManager[None]:
    """A `with` block in which every line has these facts: the run's job, period and key.

    It holds for the thread that entered it; what a line brings itself comes first.
    """
    return bound_contextvars(**facts)


class Log:
    """The logging that `configure` switched on. `close` puts things back as they were."""

    def __init__(self, form: LogForm, stream: TextIO | None, look: Console, level: int) -> None:
        self._level = level
        self._redactor = Redactor()
        self._console = look if form is LogForm.CONSOLE else None
        self._lines = Lines(stream)
        self._lines.setFormatter(
            ProcessorFormatter(
                foreign_pre_chain=[_keep_message, merge_contextvars, ExtraAdder()],
                processors=[self._redacted, self._rendered],
            )
        )
        self._before = (
            _take_over(logging.getLogger(), logging.WARNING, self._lines),
            _take_over(logging.getLogger(OURS), level, self._lines),
        )

    @property
    def dropped(self) -> int:
        """How many lines could not be written."""
        return self._lines.dropped

    def hide(self, secrets: Iterable[str]) -> None:
        """From now on these are the secrets; to be called with each config that is taken up."""
        self._redactor = Redactor(secrets)

    def close(self) -> None:
        """Stop logging, and put the loggers back as they were."""
        for settings in self._before:
            settings.restore()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _redacted(
        self, _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> dict[str, Plain]:
        record: logging.LogRecord = event["_record"]
        debug, fit = self._level <= logging.DEBUG, self._redactor
        facts = {key: held for key, held in event.items() if key not in _INTERNAL}
        message = event[_MESSAGE]
        if not (debug or _is_ours(record)):
            facts, message = {"action": _LIBRARY_ACTION}, f"{record.name} warned of something"
        line: dict[str, Plain] = {
            "time": _instant(record.created),
            "level": record.levelname.lower(),
            "action": fit.text(str(facts.pop("action", DEFAULT_ACTION))),
            "message": fit.text(message),
            "logger": record.name,
        }
        first = {name: facts.pop(name) for name in _FIRST if name in facts}
        for key, held in (first | facts).items():
            name = fit.text(key)
            line[f"{name}_" if name in STABLE else name] = fit.fact(held)
        error = (event.get("exc_info") or (None, None))[1]
        if error is not None:
            for key, text in _of_error(error, traced=debug).items():
                line.setdefault(key, fit.text(text))
        return line

    def _rendered(self, _logger: Any, _method: str, line: MutableMapping[str, Any]) -> str:
        if self._console is not None:
            return self._console.line(line)
        return json.dumps(line, ensure_ascii=False)


def configure(
    form: LogForm,
    secrets: Iterable[str],
    stream: TextIO | None,
    *,
    env: Mapping[str, str],
    level: int = logging.INFO,
    zone: tzinfo = UTC,
) -> Log:
    """Send what our modules log at `level` or above to `stream`, and nothing else there.

    `secrets` are never shown, nor are e-mail addresses, URLs' queries and their user names.
    `env` tells whether colours are wanted and whether the stream is systemd's journal; `zone` is
    that of the times in the console form (JSON has UTC). A traceback is shown only with
    `level=DEBUG`. A stream that can't be written to loses lines, which the result counts.
    """
    look = Console(
        zone=zone,
        colour=_is_terminal(stream) and not env.get("NO_COLOR") and env.get("TERM") != "dumb",
        journal=is_journal(stream, env.get("JOURNAL_STREAM", "")),
    )
    log = Log(form, stream, look, level)
    log.hide(secrets)
    return log


def is_journal(stream: TextIO | None, named: str) -> bool:
    """Whether a stream is the one that systemd named (`DEVICE:INODE`) in $JOURNAL_STREAM."""
    if stream is None or not named:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return named == f"{status.st_dev}:{status.st_ino}"


@dataclass(frozen=True, slots=True)
class _Settings:
    """How a logger was before."""

    logger: logging.Logger
    level: int
    propagate: bool
    handlers: tuple[logging.Handler, ...]

    def restore(self) -> None:
        self.logger.setLevel(self.level)
        self.logger.propagate = self.propagate
        self.logger.handlers[:] = self.handlers


def _take_over(logger: logging.Logger, level: int, handler: logging.Handler) -> _Settings:
    before = _Settings(logger, logger.level, logger.propagate, tuple(logger.handlers))
    logger.setLevel(level)
    logger.propagate = False
    logger.handlers[:] = [handler]
    return before


def _keep_message(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    event[_MESSAGE] = event.pop("event")
    return event


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name == OURS or record.name.startswith(f"{OURS}.")


def _is_terminal(stream: TextIO | None) -> bool:
    with suppress(OSError, ValueError):
        return stream is not None and stream.isatty()
    return False


def _instant(timestamp: float) -> str:
    moment = datetime.fromtimestamp(timestamp, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _of_error(error: BaseException, *, traced: bool) -> dict[str, str]:
    """What is shown of an exception: our own words, of any other only its type and its place."""
    kind = type(error).__name__
    said = {"error": f"{kind}: {error}" if isinstance(error, DigestError) else kind}
    if frames := traceback.extract_tb(error.__traceback__):
        inside = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
        frame = (inside or frames)[-1]
        path = Path(frame.filename)
        shown = path.relative_to(_PACKAGE.parent) if inside else path.name
        said["place"] = f"{shown}:{frame.lineno}"
    if traced:
        said["traceback"] = "".join(traceback.format_exception(error))
    return said
