"""What alerts are made of: looks at a bucket, the state of a rule, and what comes of them.

A bucket is what is judged once: a closed UTC day, week or month, or one look at the day so far.
The numbers' truth (`AlertState.phase`) and what readers were told (`AlertState.told`) are kept
apart, so that whatever holds messages back never changes what is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class Phase(StrEnum):
    """Where a rule stands."""

    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"
    NO_DATA = "no_data"


class Seen(StrEnum):
    """What a look at a bucket showed.

    BETWEEN is within the limit, but not clear of it. TOO_FEW says that too little was counted to
    judge by, MISSING that the number can't be known.
    """

    BREACH = "breach"
    BETWEEN = "between"
    CLEAR = "clear"
    TOO_FEW = "too few"
    MISSING = "missing"


class Severity(StrEnum):
    """How much an alert matters; what is critical is not held back at night, nor by the cap."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Missing(StrEnum):
    """Who hears that a rule has had nothing to judge by for a while: the operator, or readers."""

    KEEP = "keep"
    ALERT = "alert"
    IGNORE = "ignore"


class HushKind(StrEnum):
    """What holds messages back."""

    SILENCED = "silenced"
    QUIET_HOURS = "quiet hours"
    INHIBITED = "inhibited"
    CAP = "cap"
    COOLDOWN = "cooldown"


class VerdictKind(StrEnum):
    """What is said after a look."""

    FIRE = "fire"
    REPEAT = "repeat"
    RESOLVE = "resolve"
    SUMMARY = "summary"
    NO_DATA = "no data"
    DATA_AGAIN = "data again"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """How long something must hold: so many looks in a row, and so much time from first to last."""

    looks: int = 1
    time: timedelta = timedelta()

    def is_met(self, looks: int, since: datetime | None, now: datetime) -> bool:
        """Whether `looks` looks in a row are enough.

        The bucket of the first of them ended at `since`, that of the newest at `now`.
        """
        if looks < self.looks:
            return False
        return since is not None and now - since >= self.time


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a rule behaves.

    `hold` is how long a breach must last to fire, `keep` how long it must be clear to be over.
    `cooldown` is the least time from one firing that was told to the next. What still fires is
    told again after `repeat` (None: never), then after twice that, at most every `repeat_most`.
    Readers or the operator hear of missing data after `missing_after` looks. A rule that is not
    `lasting` tells news, such as a new country: nothing resolves. Firing `flaps` times within
    `flap_within` is flapping.
    """

    hold: Span = field(default_factory=Span)
    keep: Span = field(default_factory=Span)
    cooldown: timedelta = timedelta(hours=6)
    repeat: timedelta | None = timedelta(days=1)
    repeat_most: timedelta = timedelta(days=7)
    missing: Missing = Missing.KEEP
    missing_after: int = 2
    lasting: bool = True
    flaps: int = 3
    flap_within: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look of a rule at a bucket.

    `begins_at` and `ends_at` bound the bucket, UTC; of the day so far both are the instant of the
    look. Buckets are judged in the order of `ends_at`. `at` is when it was looked. `value` is in
    the metric's unit; `excess` how far beyond the limit it is, to know the worst by. `reason` says
    in words what was seen.
    """

    bucket: str
    begins_at: datetime
    ends_at: datetime
    at: datetime
    seen: Seen
    value: float | None = None
    excess: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hush:
    """Why messages are held back, and until when, where that is known."""

    kind: HushKind
    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What readers believe to be firing: since when, when they last heard, and how often again."""

    episode: int
    since: datetime
    at: datetime
    repeats: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """Whole episodes that nobody was told of: how many, from when until when, the worst value."""

    count: int
    since: datetime
    until: datetime
    worst: float | None
    excess: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertState:
    """Everything that is remembered of a rule from one look to the next.

    `since` is when its phase began. `before` is the phase that missing data interrupted. `judged`
    is the end of the newest bucket. `breaches` and `clears` count looks in a row; of the first of
    them, `…_since` is the begin of its bucket and `…_seen` its end. `clear_since` is kept until it
    fires again: since then it is over. `episode` counts firings; `worst` and `excess` are of the
    present or last breaches in it. `told_at` is when a firing or a summary was last told. `fired`
    are the latest firings, to notice flapping by. `errors` counts looks in a row that failed,
    `first` is the first look ever.
    """

    phase: Phase = Phase.OK
    before: Phase = Phase.OK
    since: datetime | None = None
    bucket: str = ""
    judged: datetime | None = None
    value: float | None = None
    reason: str = ""
    breaches: int = 0
    breach_since: datetime | None = None
    breach_seen: datetime | None = None
    clears: int = 0
    clear_since: datetime | None = None
    clear_seen: datetime | None = None
    missing: int = 0
    missing_told: bool = False
    episode: int = 0
    episode_since: datetime | None = None
    worst: float | None = None
    excess: float = 0.0
    told: Told | None = None
    told_at: datetime | None = None
    held: HeldBack | None = None
    fired: tuple[datetime, ...] = ()
    errors: int = 0
    first: datetime | None = None

    @property
    def truth(self) -> Phase:
        """The phase by the newest data that there was."""
        return self.before if self.phase is Phase.NO_DATA else self.phase

    def is_flapping(self, policy: Policy, at: datetime) -> bool:
        """Whether it fired so often of late that its limit should be looked at."""
        recent = [one for one in self.fired if at - one <= policy.flap_within]
        return len(recent) >= policy.flaps


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a look comes to: what is said, the new state, and why in words.

    `hush` is what held a message back. `began` and `ended` say that an episode did. `held` is what
    this message makes up for: episodes that nobody was told of. `lasted` is how long the episode
    was that readers are told is over. `operator` is a sentence for the operator.
    """

    kind: VerdictKind
    state: AlertState
    reason: str
    hush: Hush | None = None
    began: bool = False
    ended: bool = False
    held: HeldBack | None = None
    told: Told | None = None
    lasted: timedelta | None = None
    operator: str = ""
