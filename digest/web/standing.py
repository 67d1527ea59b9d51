"""Everything that the status page shows, as plain data. Instants are aware.

Texts are data: names, addresses and servers' words may hold anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from digest.core.content import DeliveryKind
from digest.core.outbox import NEEDS_PERSON

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta, tzinfo

    from digest.core.content import DeliveryState
    from digest.web.alert_standing import Alert


class JobKind(StrEnum):
    """What a job makes."""

    DIGEST = "digest"
    ALERT = "alert"


class RunState(StrEnum):
    """How one period of a job ended, or where it stands."""

    SENT = "sent"
    PARTLY = "partly sent"
    HELD = "held"
    FAILED = "failed"
    MISSED = "missed"
    SKIPPED = "skipped"
    WAITING = "waiting"
    RUNNING = "running"


BAD_RUNS = frozenset({RunState.PARTLY, RunState.HELD, RunState.FAILED, RunState.MISSED})
"""States in which somebody did not get what they should have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The config in use. `problems` are those of the last reload, tried at `refused`."""

    path: str
    loaded: datetime
    problems: tuple[str, ...] = ()
    refused: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """The next time of a job, in its own zone.

    `ready` is when the period is over and settled, if that is later: it waits until then.
    """

    at: datetime
    period: str
    ready: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One period of a job that is over with, or under way.

    `at` is when it was sent or given up, `late` how much that was after its time.
    """

    period: str
    state: RunState
    at: datetime | None = None
    late: timedelta | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job. `past` are its latest periods, oldest first; a dozen or so are shown.

    `schedule` is the phrase of the config, `explanation` the same in full words.
    """

    name: str
    app: str
    schedule: str
    timezone: str
    kind: JobKind = JobKind.DIGEST
    explanation: str = ""
    enabled: bool = True
    next: Fire | None = None
    past: tuple[Past, ...] = ()

    @property
    def last(self) -> Past | None:
        """The latest period."""
        return self.past[-1] if self.past else None

    @property
    def troubled(self) -> bool:
        """Whether the latest period went wrong."""
        return self.last is not None and self.last.state in BAD_RUNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What is done just now. `step` is such as `fetching 5 of 12`."""

    job: str
    period: str
    since: datetime
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A period that is due and has not begun. `until` is None where nobody can know."""

    job: str
    period: str
    why: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One delivery of a run. `id` is as short as the commands take it; `at` its last change."""

    id: str
    channel: str
    recipient: str
    state: DeliveryState
    at: datetime
    error: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def troubled(self) -> bool:
        """Whether it needs a person."""
        return self.state in NEEDS_PERSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One of the last runs. `counts` is of all its deliveries, `deliveries` may be fewer."""

    job: str
    app: str
    period: str
    state: RunState
    at: datetime
    kind: DeliveryKind = DeliveryKind.DIGEST
    generation: int = 0
    late: timedelta | None = None
    counts: Mapping[DeliveryState, int] = field(default_factory=dict)
    deliveries: tuple[Delivered, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that needs a person: what, why, what to do, and the commands to type."""

    what: str
    why: str
    advice: str
    commands: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A channel in trouble. `passing` says that it is tried again by itself, at `until`."""

    channel: str
    since: datetime
    until: datetime
    passing: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """The daemon's own trouble: a sentence, and since when."""

    sentence: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Requests to the API in the running minute, and how many are allowed."""

    app: str
    used: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How things stand at `now`. Times are shown in `zone` where no job has its own.

    `words` is one more sentence under the verdict, if any. `needs` is every delivery (or what
    else the daemon knows) that needs a person, at most a few dozen of the `needs_total`; a
    refused reload and a channel that does not recover by itself are added by the page.
    `queue` is such as `{"due periods": 3, "deliveries": 41}`. `plan` are sentences about what
    is fetched next.
    """

    version: str
    now: datetime
    started: datetime
    zone: tzinfo
    config: Config
    words: str = ""
    jobs: tuple[Job, ...] = ()
    running: tuple[Running, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    runs: tuple[Run, ...] = ()
    needs: tuple[Need, ...] = ()
    needs_total: int | None = None
    holds: tuple[Hold, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    alerts: tuple[Alert, ...] = ()
    budgets: tuple[Budget, ...] = ()
    queue: Mapping[str, int] = field(default_factory=dict)
    plan: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether the daemon's loop turns (`alive`), and whether it can do its work (`ready`).

    `reasons` are read by everybody who reaches the port: no names, no addresses.
    """

    alive: bool
    ready: bool
    reasons: tuple[str, ...] = ()
