"""Everything that can go wrong and be said to a person, with its exit code.

    DigestError                    1   something was not delivered or needs a person
    ├── UsageError                 2   unknown job, period of the wrong kind
    ├── ConfigError               78   the configuration, with every problem at once
    ├── PutOffError               75   not now: try again later
    │   └── PeriodNotOverError    75   the period has not ended; says from when it can be done
    ├── PhaseError                 1   the API refused or answered nonsense
    │   └── PhaseUnavailableError 75   the API is down, slow or asks to wait long
    ├── TemplateError              1   a template failed while rendering
    ├── DeliveryError              1   a channel could not take a message
    │   └── NotArmedError          1   the risk of sending could not be made durable
    └── StoreError                 1   the ledger could not be written, or its state is not known
        ├── UnsureError            1   it is not known what is on the disk
        ├── StateRefusedError     78   the ledger is damaged, newer, older than it was, or elsewhere
        └── StateBusyError        75   another process uses the ledger, or its disk is full

Messages are one sentence for a person. They never hold a key, a password, a raw answer body or a
URL with a query.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class ExitCode(IntEnum):
    """What the process says to its caller (sysexits.h where a code has a name there)."""

    OK = 0
    FAILED = 1
    USAGE = 2
    PUT_OFF = 75
    CONFIG = 78


class DigestError(Exception):
    """Root of all errors that a user may see."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED


class UsageError(DigestError):
    """The command line asks for something that does not exist."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the configuration: where, and what to do about it."""

    source: str
    message: str
    path: str = ""
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        """Format as `config.yaml:14:5: digests.weekly.to: unknown channel "slck"`."""
        place = ":".join(str(p) for p in (self.source, self.line, self.column) if p is not None)
        return ": ".join(part for part in (place, self.path, self.message) if part)


class ConfigError(DigestError):
    """The configuration is not usable; carries every problem found."""

    exit_code = ExitCode.CONFIG

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class PutOffError(DigestError):
    """Nothing is wrong for good: the same command can work later."""

    exit_code = ExitCode.PUT_OFF


class PeriodNotOverError(PutOffError):
    """The period has not ended in UTC, or has not settled yet."""

    def __init__(self, message: str, *, ready_at: datetime) -> None:
        self.ready_at = ready_at
        super().__init__(message)


class PhaseError(DigestError):
    """The Phase API refused a request for good, or answered something that can't be trusted.

    `report` names the report that was asked for, such as `sessions/timeseries`.
    """

    def __init__(self, message: str, *, report: str, status: int | None = None) -> None:
        self.report = report
        self.status = status
        super().__init__(message)


class PhaseUnavailableError(PhaseError):
    """The Phase API is down, too slow, or asks to wait longer than we do; later may work.

    `retry_after` is in seconds where the server named a time. `everywhere` says that any other
    question would fare the same.
    """

    exit_code = ExitCode.PUT_OFF

    def __init__(
        self,
        message: str,
        *,
        report: str,
        status: int | None = None,
        retry_after: float | None = None,
        everywhere: bool = True,
    ) -> None:
        self.retry_after = retry_after
        self.everywhere = everywhere
        super().__init__(message, report=report, status=status)


class TemplateError(DigestError):
    """A template is missing, does not parse, or failed; names its file and line.

    `template` is its name inside the folder, where that is known: it may be shown to readers.
    """

    def __init__(self, message: str, *, template: str = "") -> None:
        self.template = template
        super().__init__(message)


class DeliveryError(DigestError):
    """A channel could not be used at all (connection, login, TLS, a whole-method refusal)."""


class NotArmedError(DeliveryError):
    """Nothing may be sent: the ledger could not record that it is about to be."""


class StoreError(DigestError):
    """The ledger could not be written, or it is not known what was written."""


class UnsureError(StoreError):
    """It is not known what is on the disk, so nothing more is sent."""


class StateRefusedError(StoreError):
    """The ledger must not be used as it is; the file is left as it was found."""

    exit_code = ExitCode.CONFIG


class StateBusyError(StoreError):
    """The ledger can't be written now; later may work.

    `holder` is the command of the process that has it, where that is the reason.
    """

    exit_code = ExitCode.PUT_OFF

    def __init__(self, message: str, *, holder: str = "") -> None:
        self.holder = holder
        super().__init__(message)
