"""Checking and converting what only jobs have: apps, schedules, metrics, charts, baselines."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from pydantic import ValidationInfo  # noqa: TC002 — pydantic looks at the annotations

from digest.config.lists import choice, each, text_of
from digest.config.problems import BadValueError, Fault, bad, did_you_mean
from digest.config.schedule import Schedule, parse_schedule, zone_name
from digest.config.surroundings import around
from digest.core.metrics import Dimension, Metric
from digest.core.periods import BaselineKind, BaselineRule, PeriodKind

if TYPE_CHECKING:
    from collections.abc import Callable

Chart: TypeAlias = Metric | Dimension
Part = TypeVar("Part")

MOST_TRAILING: Final = 52
STANDARD_CHARTS: Final[tuple[Chart, ...]] = (
    Metric.SESSIONS,
    Metric.BOUNCE_RATE,
    Dimension.SESSIONS_COUNTRY,
    Dimension.EVENTS_EVENT_NAME,
)

_WHOLE = re.compile(r"\d{1,4}", re.ASCII)


class Window(StrEnum):
    """What an alert looks at: the day so far, or the last complete day, week or month."""

    TODAY = "today"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def app_name(value: object, info: ValidationInfo) -> str:
    """The name of an app of this config."""
    name, known = text_of(value), around(info).apps
    if name not in known:
        raise bad("unknown app {value}{hint}", value=name, hint=did_you_mean(name, known))
    return name


def schedule(value: object, info: ValidationInfo) -> Schedule:
    """A phrase or cron line in the config's zone, or `{at: …, timezone: …}`."""
    here = around(info).timezone
    if not isinstance(value, dict):
        return parse_schedule(text_of(value), here)
    known = ("at", "timezone")
    strange = [
        Fault(
            template="unknown key {value}{hint}",
            parts={"value": key, "hint": did_you_mean(key, known)},
            at=(key,),
            on_key=True,
        )
        for key in value
        if key not in known
    ]
    if strange:
        raise BadValueError(*strange)
    if "at" not in value:
        raise bad("is missing its key at")
    zone = _inside("timezone", lambda: zone_name(text_of(value.get("timezone") or here)))
    return _inside("at", lambda: parse_schedule(text_of(value["at"]), zone))


def _inside(key: str, read: Callable[[], Part]) -> Part:
    """Read a part of a mapping; what is wrong with it is wrong at that key."""
    try:
        return read()
    except BadValueError as error:
        raise BadValueError(
            *(Fault(template=f.template, parts=f.parts, at=(key, *f.at)) for f in error.faults)
        ) from None


def metric(value: object) -> Metric:
    """One metric of the catalogue."""
    return choice(Metric, value, "metric")


def metrics(value: object) -> tuple[Metric, ...]:
    """Metrics of the catalogue, at least one."""
    found = each(value, metric)
    if not found:
        raise bad("lists no metric")
    return found


def breakdowns(value: object) -> tuple[Dimension, ...]:
    """Breakdowns, none if the list is empty."""
    return each(value, lambda text: choice(Dimension, text, "breakdown"))


def charts(value: object, info: ValidationInfo) -> tuple[Chart, ...]:
    """Names of metrics and breakdowns that this digest shows."""

    def convert(text: str) -> Chart:
        if "." in text:
            return _shown(choice(Dimension, text, "breakdown"), "breakdowns", info)
        return _shown(choice(Metric, text, "metric"), "metrics", info)

    return each(value, convert)


def _shown(chart: Chart, part: str, info: ValidationInfo) -> Chart:
    if chart not in info.data.get(part, (chart,)):
        raise bad(f"{{value}} is not among the {part} of this digest", value=chart.value)
    return chart


def usual_charts(data: dict[str, Any]) -> tuple[Chart, ...]:
    """Four for a week or a month, none for a day, and only of what the digest shows."""
    if data["period"] is PeriodKind.DAY:
        return ()
    shown = {*data["metrics"], *data["breakdowns"]}
    return tuple(chart for chart in STANDARD_CHARTS if chart in shown)


def baseline(value: object) -> BaselineRule:
    """`previous`, `same_weekday`, `year` or `{trailing: N}`."""
    if not isinstance(value, dict):
        kind = choice(BaselineKind, value, "baseline")
        if kind is BaselineKind.TRAILING:
            raise bad("needs a number of periods, as in baseline: {trailing: 4}")
        return BaselineRule(kind)
    if list(value) != ["trailing"]:
        raise bad("must be previous, same_weekday, year or {trailing: N}")
    count = value["trailing"]
    if not isinstance(count, str) or not _WHOLE.fullmatch(count):
        raise bad("trailing must be a whole number")
    if not 1 <= int(count) <= MOST_TRAILING:
        raise bad(f"trailing must be from 1 to {MOST_TRAILING}")
    return BaselineRule(BaselineKind.TRAILING, int(count))
