"""What a message about alerts says: everything that its templates may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from digest.core.alert_model import HeldBack, Severity, VerdictKind
    from digest.core.causes import Cause
    from digest.core.metrics import Unit
    from digest.core.periods import Period
    from digest.core.report_model import Note


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertItem:
    """One alert in a message.

    `kind` is what is said about it now; `firing` whether it fires by the newest numbers. `what`
    is what it watches (`Bounce rate`), `title` what its owner calls it. `measured`, `bound` and
    `clear` are in words (`64.1 %`, `above 60 %`, `below 50 %`), `value`, `limit` and `worst` raw
    in `unit`. `bucket` is what was looked at, `period` its UTC days; `partial` is the day so far.
    `since` is when the episode began, `lasted` how long it was once it is over. `held` is what
    this message makes up for. `unusual` says how the value stands to the app's own past, `causes`
    what moved with it, the weightiest first. `again` is when it will be told again if it still
    fires. `picture` is the name of its chart, empty where there is none.
    """

    alert: str
    title: str
    what: str
    kind: VerdictKind
    firing: bool
    severity: Severity
    unit: Unit
    reason: str
    bucket: str
    period: Period
    partial: bool
    at: datetime
    value: float | None = None
    limit: float | None = None
    measured: str = ""
    bound: str = ""
    clear: str = ""
    subject: str = ""
    since: datetime | None = None
    lasted: timedelta | None = None
    worst: float | None = None
    episode: int = 0
    repeats: int = 0
    again: datetime | None = None
    held: HeldBack | None = None
    flapping: bool = False
    unusual: str = ""
    causes: tuple[Cause, ...] = ()
    owner: str = ""
    action: str = ""
    link: str = ""
    picture: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertNotice:
    """One message about one or more alerts of an app.

    `name` is the alert's name, or `alerts` where there are several. `generated_at` is the server's
    clock of the newest answer, `requests` how many it took. What fires comes before what is over.
    """

    name: str
    app: str
    app_title: str
    items: tuple[AlertItem, ...]
    at: datetime
    timezone: str
    locale: str
    generated_at: datetime | None = None
    requests: int = 0
    notes: tuple[Note, ...] = ()
