"""Made-up messages about alerts, one for each way that they can look; the numbers are invented."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from digest.core.alert_model import HeldBack, Severity, VerdictKind
from digest.core.alert_notice import AlertItem, AlertNotice
from digest.core.causes import Cause
from digest.core.charts_spec import NoChart
from digest.core.content import Picture
from digest.core.metrics import Dimension, Unit
from digest.core.periods import day_of, week_of
from digest.core.report_model import Note, Tone
from digest.render.sample import DOT

if TYPE_CHECKING:
    Sample = tuple[AlertNotice, tuple[Picture | NoChart, ...]]

_DAY = date(2026, 11, 21)
_SINCE = datetime(2026, 11, 21, tzinfo=UTC)
_AT = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
_PICTURE = "alert-bounce"
_LONG = "<b>*long*</b> @here {{ name }} " * 40


@cache
def sample_notices() -> dict[str, Sample]:
    """Messages with their pictures, by what they show."""
    words = "Bounce rate by day: 64.1 % on Nov 21, limit 60 %."
    title = "Bounce rate"
    picture = Picture(name=_PICTURE, png=DOT, alt=words, width=600, height=260, title=title)
    missing = NoChart(
        name="alert-sessions",
        title="Sessions",
        sentence="Sessions: only one day has a value, so there is no chart.",
    )
    return {
        "firing": (notice_of(firing()), (picture,)),
        "still firing": (notice_of(still_firing()), (picture,)),
        "resolved": (notice_of(resolved()), (picture,)),
        "held back": (notice_of(held_back()), (picture,)),
        "no data": (notice_of(without_data()), ()),
        "data again": (notice_of(data_again()), ()),
        "group": (notice_of(firing(), resolved_sessions(), so_far()), (picture, missing)),
        "long names": (notice_of(long_names(), resolved_sessions()), (picture, missing)),
        "many": (notice_of(*(replace(firing(), alert=f"bounce-{n}") for n in range(40))), ()),
    }


def notice_of(*items: AlertItem) -> AlertNotice:
    """A message about these alerts of one app."""
    return AlertNotice(
        name=items[0].alert if len(items) == 1 else "alerts",
        app="shop",
        app_title="Acme Shop",
        items=items,
        at=_AT,
        timezone="Europe/Berlin",
        locale="en",
        generated_at=_AT - timedelta(minutes=1),
        requests=3,
        notes=(
            Note(text="Nov 21 was looked at again, because numbers came late."),
            Note(text="Phase answers slowly today.", tone=Tone.WARNING),
        ),
    )


def firing() -> AlertItem:
    """A limit that was crossed, with everything that can be said about it."""
    return AlertItem(
        alert="bounce",
        title="Bounce spike",
        what="Bounce rate",
        kind=VerdictKind.FIRE,
        firing=True,
        severity=Severity.CRITICAL,
        unit=Unit.PERCENT,
        reason="Bounce rate 64.1 % is above 60 % (312 sessions).",
        bucket="2026-11-21",
        period=day_of(_DAY),
        partial=False,
        at=_AT,
        value=64.1,
        limit=60.0,
        measured="64.1 %",
        bound="above 60 %",
        clear="below 50 %",
        since=_SINCE,
        worst=64.1,
        episode=3,
        again=_AT + timedelta(days=1),
        unusual="Higher than on any of the last 84 days; usual is 28 to 41 %.",
        causes=(
            Cause(
                dimension=Dimension.SESSIONS_PLATFORM,
                value="android",
                before=86,
                now=301,
                share=None,
                sentence="Sessions from android rose from 86 to 301 (34 % → 71 % of sessions) at"
                " the same time. Phase does not tell bounce rate by platform.",
            ),
            Cause(
                dimension=Dimension.EVENTS_EVENT_NAME,
                value="checkout_failed",
                before=None,
                now=140,
                share=62.0,
                sentence="The event “checkout_failed” explains at least 62 % of the rise: "
                "at most 3 → 140 events.",
            ),
        ),
        owner="Ana, growth team",
        action="Look at the newest release of the Android app, and roll it back if it crashes.",
        link="https://wiki.example.com/runbooks/bounce?app=shop&limit=60",
        picture=_PICTURE,
    )


def still_firing() -> AlertItem:
    """The same two days later, when it has flapped and messages were held back before."""
    return replace(
        firing(),
        kind=VerdictKind.REPEAT,
        severity=Severity.WARNING,
        period=day_of(_DAY + timedelta(days=1)),
        value=62.3,
        measured="62.3 %",
        worst=71.2,
        repeats=1,
        again=_AT + timedelta(days=3),
        held=_held(),
        flapping=True,
        causes=(),
    )


def resolved() -> AlertItem:
    """It is over."""
    return replace(
        firing(),
        kind=VerdictKind.RESOLVE,
        firing=False,
        period=day_of(_DAY + timedelta(days=2)),
        value=48.2,
        measured="48.2 %",
        worst=71.2,
        lasted=timedelta(days=2),
        unusual="",
        causes=(),
        again=None,
    )


def resolved_sessions() -> AlertItem:
    """Another one, about a change over a week, which is over and has no chart."""
    return replace(
        resolved(),
        alert="sessions",
        title="Sessions fall",
        what="Sessions",
        severity=Severity.INFO,
        unit=Unit.COUNT,
        period=week_of(_DAY),
        value=2784,
        limit=1900.0,
        worst=1720,
        measured="+1.3 % to 2,784",
        bound="a fall of 30 % against the week before",
        clear="",
        lasted=timedelta(days=7),
        picture="alert-sessions",
    )


def so_far() -> AlertItem:
    """A share of the day that is not over."""
    return replace(
        still_firing(),
        alert="ios-share",
        title="Too much iOS",
        what="Sessions by platform: ios",
        subject="ios",
        partial=True,
        held=None,
        flapping=False,
        unusual="",
        picture="",
    )


def held_back() -> AlertItem:
    """It fired and was over while messages were held back."""
    return replace(resolved(), kind=VerdictKind.SUMMARY, lasted=None, held=_held())


def without_data() -> AlertItem:
    """There is nothing to judge by."""
    return replace(
        firing(),
        kind=VerdictKind.NO_DATA,
        firing=False,
        severity=Severity.WARNING,
        reason="Phase has no sessions for Nov 21, 2026.",
        value=None,
        measured="",
        since=None,
        worst=None,
        unusual="",
        causes=(),
        again=None,
        picture="",
    )


def data_again() -> AlertItem:
    """There is something again, after readers were told that there was not."""
    return replace(
        without_data(),
        kind=VerdictKind.DATA_AGAIN,
        period=day_of(_DAY + timedelta(days=1)),
        value=48.2,
        measured="48.2 %",
    )


def long_names() -> AlertItem:
    """Names and sentences without end, and with what is mark-up somewhere."""
    return replace(
        still_firing(),
        alert=_LONG,
        title=_LONG,
        what=_LONG,
        subject=_LONG,
        measured=_LONG,
        bound=_LONG,
        clear=_LONG,
        unusual=_LONG,
        owner=_LONG,
        action=_LONG,
        link=_LONG,
        causes=tuple(replace(cause, sentence=_LONG) for cause in firing().causes),
    )


def _held() -> HeldBack:
    return HeldBack(
        count=3,
        since=datetime(2026, 11, 18, tzinfo=UTC),
        until=datetime(2026, 11, 20, tzinfo=UTC),
        worst=66.0,
        excess=6.0,
        why="silenced until 2026-11-20 09:00 UTC by ana: deploy",
    )
