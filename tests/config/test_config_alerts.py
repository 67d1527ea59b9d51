"""What an alert in the file becomes: its rule, its policy and scope, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml
from jsonschema import Draft202012Validator

from digest.config.remarks import inactive_keys, warnings
from digest.config.schema import json_schema
from digest.core.alert_model import Missing, Policy, Severity, Span
from digest.core.hushing import QuietHours
from digest.core.metrics import Dimension, Metric
from digest.core.periods import BaselineKind, BaselineRule, PeriodKind, day_of
from digest.core.rules.change import Changes
from digest.core.rules.deviates import Deviates
from digest.core.rules.deviates_writing import Direction
from digest.core.rules.limits import Line
from digest.core.rules.new_value import NewValue
from digest.core.rules.no_data import NoData
from digest.core.rules.reading import Scope
from digest.core.rules.share import Share
from digest.core.rules.threshold import Threshold
from digest.core.rules.writing import Amount
from tests.support.configs import ENV, SMALL, config_of, problems_of

if TYPE_CHECKING:
    from digest.config.alerts import Alert
    from digest.core.rules.reading import Rule

HEAD = SMALL + "ops: {slack: '#ops'}\nalerts:\n"
VALIDATOR = Draft202012Validator(json_schema())


def text(keys: str) -> str:
    return f"{HEAD}  b: {{app: shop, schedule: every 15m, to: {{slack: '#a'}}, {keys}}}\n"


def alert(keys: str) -> Alert:
    return config_of(text(keys)).alerts["b"]


def complaints(keys: str) -> list[str]:
    """Each problem without the file's name."""
    return [line.removeprefix("config.yaml:12:") for line in problems_of(text(keys))]


def line(limit: float, clear: float, *, up: bool) -> Line:
    return Line(up=up, limit=limit, clear=cast("float", pytest.approx(clear)))


DAY, WEEK = PeriodKind.DAY, PeriodKind.WEEK
SESSIONS_DAY = "metric: sessions, window: day"
RULES: dict[str, Rule] = {
    "metric: bounce_rate, when: {above: 60}, clear: {below: 50}": Threshold(
        metric=Metric.BOUNCE_RATE, line=line(60, 50, up=True)
    ),
    "metric: bounce_rate, when: {above: 60}": Threshold(
        metric=Metric.BOUNCE_RATE, line=line(60, 54, up=True)
    ),
    "metric: sessions, window: week, when: {below: 1000}": Threshold(
        metric=Metric.SESSIONS, line=line(1000, 1100, up=False), kind=WEEK
    ),
    "metric: total_users, when: {below: 10}": Threshold(
        metric=Metric.TOTAL_USERS, line=line(10, 11, up=False)
    ),
    f"{SESSIONS_DAY}, when: {{falls_by: 40%, against: same_weekday}}, clear: {{falls_by: 10%}}": (
        Changes(
            metric=Metric.SESSIONS, rises=False, by=Amount(40), clear=Amount(10),
            against=BaselineRule(BaselineKind.SAME_WEEKDAY),
        )
    ),
    "metric: bounce_rate, window: week, when: {rises_by: 5 pp, against: {trailing: 4}}": Changes(
        metric=Metric.BOUNCE_RATE, rises=True, by=Amount(5, points=True),
        clear=Amount(4.5, points=True), against=BaselineRule(BaselineKind.TRAILING, 4), kind=WEEK,
    ),
    f"{SESSIONS_DAY}, when: {{rises_by: 250%}}": Changes(
        metric=Metric.SESSIONS, rises=True, by=Amount(250), clear=Amount(225)
    ),
    f"{SESSIONS_DAY}, when: {{deviates: 3.5, weeks: 12, direction: down}}, "
    "clear: {deviates: 2}": (
        Deviates(
            metric=Metric.SESSIONS, times=3.5, clear=2, weeks=12, direction=Direction.DOWN
        )
    ),
    "when: no_data": NoData(),
    "window: day, when: {no_data: true}, metric: events": NoData(watched=Metric.EVENTS),
    "window: day, when: {new_value: events.screenName, days: 30}": NewValue(
        dimension=Dimension.EVENTS_SCREEN_NAME, days=30
    ),
    "when: {share: sessions.platform, of: iOS, below: 40}, clear: {above: 45}": Share(
        dimension=Dimension.SESSIONS_PLATFORM, of="iOS", line=line(40, 45, up=False)
    ),
    "when: {share: users.country, of: NO, above: 99}": Share(
        dimension=Dimension.USERS_COUNTRY, of="NO", line=line(99, 89.1, up=True)
    ),
}  # fmt: skip


@pytest.mark.parametrize(("keys", "rule"), RULES.items())
def test_what_is_written_becomes_a_rule(keys: str, rule: Rule) -> None:
    found = alert(keys).rule
    assert found == rule
    plain = yaml.safe_load(text(keys))
    assert [error.json_path for error in VALIDATOR.iter_errors(_clean(plain))] == []


def _clean(plain: Any) -> Any:
    """YAML 1.1 reads `NO` as false; the loader does not."""
    if isinstance(plain, dict):
        return {key: _clean(held) for key, held in plain.items() if key != "of"} | (
            {"of": "x"} if "of" in plain else {}
        )
    return [_clean(one) for one in plain] if isinstance(plain, list) else plain


def test_without_a_word_an_alert_behaves_as_documented() -> None:
    usual = alert("metric: bounce_rate, when: {above: 60}")

    assert usual.policy == Policy(
        hold=Span(), keep=Span(), cooldown=timedelta(hours=6), repeat=timedelta(days=1),
        repeat_most=timedelta(days=7), missing=Missing.KEEP, lasting=True,
        flap_within=timedelta(days=1),
    )  # fmt: skip
    assert (usual.severity, usual.quiet_hours, usual.hushed_by) == (Severity.WARNING, None, ())
    assert (usual.owner, usual.action, usual.link, usual.group) == (None, None, None, True)
    assert (usual.settle, usual.timezone) == (timedelta(hours=2), "Europe/Berlin")
    assert (usual.kind, usual.is_partial) == (PeriodKind.DAY, True)


def test_an_alert_takes_every_key() -> None:
    full = config_of(
        text(
            "metric: sessions, window: day, when: {below: 5}, for: 3, keep_for: 2d, "
            "min_sessions: 2, min_count: 4, severity: info, owner: Ana, action: Look., "
            "link: 'https://wiki.example.com/a?b=c#d', cooldown: 1h, repeat: never, "
            "quiet_hours: 22:00-07:30, hushed_by: [c], no_data: alert, settle: 3h, group: false, "
            "title: Few, enabled: false"
        )
        + "  c: {app: shop, schedule: mon 09:00, window: month, when: no_data, to: {slack: '#a'}}\n"
        "alerting: {most_per_hour: 5}\n"
    )
    one = full.alerts["b"]

    assert one.policy == Policy(
        hold=Span(looks=3), keep=Span(time=timedelta(days=2)), cooldown=timedelta(hours=1),
        repeat=None, missing=Missing.ALERT, flap_within=timedelta(days=14),
    )  # fmt: skip
    assert one.quiet_hours == QuietHours(time(22), time(7, 30))
    assert (one.severity, one.owner, one.action) == (Severity.INFO, "Ana", "Look.")
    assert one.link == "https://wiki.example.com/a?b=c#d"
    assert (one.hushed_by, one.group, one.settle) == (("c",), False, timedelta(hours=3))
    assert (one.title, one.enabled) == ("Few", False)
    day = day_of(date(2026, 11, 21))
    assert one.scope(day) == Scope(period=day, partial=False, min_sessions=2, min_count=4)
    assert full.alerts["c"].policy.flap_within == timedelta(days=365)
    assert full.alerting.most_per_hour == 5


def test_quiet_hours_are_those_of_the_schedule_s_zone() -> None:
    one = alert("metric: events, when: {above: 5}, quiet_hours: 22:00-07:00")
    assert one.quiet_hours is not None
    zone = one.schedule.zone
    night = datetime(2026, 11, 21, 23, 30, tzinfo=zone)
    assert one.quiet_hours.until(night, zone) == datetime(2026, 11, 22, 7, tzinfo=zone)


@pytest.mark.parametrize(
    ("keys", "least"),
    [
        ("metric: bounce_rate, when: {above: 60}", 30),
        ("metric: session_duration, window: day, when: {falls_by: 20%}", 30),
        ("metric: events_per_session, when: {below: 2}", 30),
        ("when: {share: sessions.platform, of: iOS, above: 60}", 30),
        ("when: {share: users.platform, of: iOS, above: 60}", 0),
        ("metric: sessions, when: {above: 60}", 0),
        (f"{SESSIONS_DAY}, when: {{deviates: 3}}", 0),
        ("when: no_data", 0),
        ("window: day, when: {new_value: sessions.country}", 0),
        ("metric: bounce_rate, when: {above: 60}, min_sessions: 0", 0),
        ("metric: sessions, when: {above: 60}, min_sessions: 7", 7),
    ],
)
def test_rates_and_shares_rest_on_thirty_sessions_and_counts_on_none(keys: str, least: int) -> None:
    assert alert(keys).scope(day_of(date(2026, 11, 21)), partial=True).min_sessions == least


WRONG: dict[str, list[str]] = {
    "metric: sessions, when: {abvoe: 1}": [
        '83: alerts.b.when.abvoe: unknown key "abvoe" (did you mean "above"?)'
    ],
    "metric: sessions, when: {above: 1, belo: 2}": [
        '93: alerts.b.when.belo: unknown key "belo" (did you mean "below"?)'
    ],
    "metric: sessions, when: nodata": [
        (
            "82: alerts.b.when: must say one of above, below, rises_by, falls_by, deviates, share, "
            "new_value or no_data, such as {above: 60}"
        )
    ],
    "when: {above: 1}": ["3: alerts.b.metric: is missing"],
    "metric: sessions, when: {below: 5}": [
        (
            "90: alerts.b.when.below: can't judge a count of the day so far, which is low until "
            "the "
            "day is over; use window: day"
        )
    ],
    "metric: sessions, when: {rises_by: 30%}": [
        (
            "3: alerts.b.window: rises_by can't judge the day so far, because what it is "
            "compared with "
            "are whole days; use window: day"
        )
    ],
    "metric: sessions, when: {deviates: 3}": [
        (
            "3: alerts.b.window: deviates can't judge the day so far, because what it is held "
            "against "
            "are whole days; use window: day"
        )
    ],
    "when: {new_value: sessions.country}": [
        (
            "3: alerts.b.window: new_value would tell the same value at each look of the day; use "
            "window: day"
        )
    ],
    "metric: bounce_rate, window: day, when: {rises_by: 30%}": [
        (
            "109: alerts.b.when.rises_by: bounce_rate is a percentage, so its changes are in "
            "points, "
            "such as 5pp: a rise of 10% could be meant in two ways"
        )
    ],
    f"{SESSIONS_DAY}, when: {{rises_by: 5pp}}": [
        (
            "106: alerts.b.when.rises_by: points are for percentages, and sessions is none; use a "
            "percent such as 30%"
        )
    ],
    f"{SESSIONS_DAY}, when: {{rises_by: much}}": [
        "106: alerts.b.when.rises_by: must be a percent such as 30%, or points such as 5pp"
    ],
    f"{SESSIONS_DAY}, when: {{falls_by: 100%}}": [
        "106: alerts.b.when.falls_by: must be less than 100%, which nothing goes beyond"
    ],
    f"{SESSIONS_DAY}, when: {{rises_by: 30%, against: year}}": [
        "120: alerts.b.when.against: must be previous, same_weekday or {trailing: N}"
    ],
    "metric: sessions, window: week, when: {rises_by: 30%, against: same_weekday}": [
        "121: alerts.b.when.against: same_weekday is for window: day; use previous"
    ],
    "metric: sessions, window: month, when: {rises_by: 30%, against: {trailing: 12}}": [
        "122: alerts.b.when.against: trailing must be at most 11 for a month"
    ],
    f"{SESSIONS_DAY}, when: {{rises_by: 30%}}, clear: {{falls_by: 10%}}": [
        "119: alerts.b.clear: must be rises_by, as in when"
    ],
    f"{SESSIONS_DAY}, when: {{rises_by: 30%}}, clear: {{rises_by: 30%}}": [
        "119: alerts.b.clear: must be less than in when, or the alert would flutter"
    ],
    f"{SESSIONS_DAY}, when: {{rises_by: 30%}}, clear: {{rises_by: 3pp}}": [
        "130: alerts.b.clear.rises_by: must be in percent (%), as in when"
    ],
    f"{SESSIONS_DAY}, when: {{rises_by: 30%, above: 4}}": [
        "95: alerts.b.when: has above and rises_by, which are two rules; make two alerts of them"
    ],
    "metric: sessions, window: month, when: {deviates: 3}": [
        "84: alerts.b.window: deviates is for window: day or week, not for a month"
    ],
    f"{SESSIONS_DAY}, when: {{deviates: 3, weeks: 27}}": [
        "116: alerts.b.when.weeks: must be from 4 to 26"
    ],
    f"{SESSIONS_DAY}, when: {{deviates: 3, direction: left}}": [
        "120: alerts.b.when.direction: must be up, down or both"
    ],
    f"{SESSIONS_DAY}, when: {{deviates: 3}}, clear: {{deviates: 3}}": [
        "117: alerts.b.clear: must be less than in when, or the alert would flutter"
    ],
    "when: {share: sessions.platform, above: 40}": ["58: alerts.b.when.of: is missing"],
    "when: {share: sessions.platform, of: iOS}": ["64: alerts.b.when: needs above or below"],
    "when: {share: events.eventName, of: x, above: 40}": [
        (
            "72: alerts.b.when.share: must be one of sessions.platform, sessions.country, "
            "sessions.city, users.platform, users.country, users.city"
        )
    ],
    "when: {share: sessions.platfrom, of: x, above: 40}": [
        (
            '72: alerts.b.when.share: unknown breakdown "sessions.platfrom" (did you mean '
            '"sessions.platform"?)'
        )
    ],
    "metric: events, when: {share: sessions.platform, of: x, above: 40}": [
        "66: alerts.b.metric: is not for share, which says itself what it counts"
    ],
    "metric: bounce_rate, when: {above: 100}": [
        "93: alerts.b.when.above: must be less than 100, because nothing comes above it"
    ],
    "metric: sessions, window: day, when: {below: 0}": [
        "103: alerts.b.when.below: must be more than 0, because nothing comes below it"
    ],
    "metric: sessions, when: {above: 5}, clear: {below: 0}": [
        "101: alerts.b.clear: is never met, so the alert would never be over"
    ],
    "window: day, when: {new_value: sessions.country}, clear: {above: 4}": [
        "115: alerts.b.clear: is not for new_value: what is new is told once and does not end"
    ],
    "window: day, when: {new_value: sessions.country}, for: 3, keep_for: 2, repeat: 1d": [
        (
            "113: alerts.b.for: is not for new_value: what is new is told the first time, and "
            "the next "
            "time it is not new any more"
        ),
        "126: alerts.b.keep_for: is not for new_value: what is new does not end",
        "137: alerts.b.repeat: is not for new_value: what is new is told once",
    ],
    "when: no_data, min_sessions: 3, no_data: alert, min_count: 1, settle: 1h": [
        (
            "87: alerts.b.min_sessions: would keep it from ever firing, because there are no "
            "sessions "
            "then"
        ),
        "99: alerts.b.no_data: is not for a rule that is itself about missing data",
        "117: alerts.b.min_count: would keep it from ever firing, because nothing is counted then",
        "128: alerts.b.settle: is for closed windows (day, week, month); the day so far has none",
    ],
    "metric: sessions, when: {above: 1}, hushed_by: [b]": [
        "105: alerts.b.hushed_by: can't be hushed by itself"
    ],
    "metric: sessions, when: {above: 1}, hushed_by: [c]": [
        '106: alerts.b.hushed_by[0]: unknown alert "c"'
    ],
    "severity: critical, quiet_hours: 22:00-07:00, metric: sessions, when: {above: 2}": [
        "91: alerts.b.quiet_hours: is not for a critical alert, which is told at once"
    ],
    "metric: sessions, when: {above: 1}, for: 0, keep_for: x, repeat: 1s, quiet_hours: 22-7, "
    "link: 'ftp://x', severity: warn, no_data: tell, cooldown: soon, fro: 3": [
        "99: alerts.b.for: must be from 1 to 100 looks, or a time such as 30m",
        "112: alerts.b.keep_for: must be a duration, such as 90s, 15m, 2h or 3d",
        "123: alerts.b.repeat: must be at least 1m, or never",
        "140: alerts.b.quiet_hours: must be two times of day, such as 22:00-07:00",
        "152: alerts.b.link: must be a URL that begins with https:// or http://",
        '173: alerts.b.severity: unknown severity "warn" (did you mean "warning"?)',
        '188: alerts.b.no_data: unknown no_data "tell"; there are keep, alert and ignore',
        "204: alerts.b.cooldown: must be a duration, such as 90s, 15m, 2h or 3d",
        '210: alerts.b.fro: unknown key "fro" (did you mean "for"?)',
    ],
    "metric: sessions, when: {above: 1}, quiet_hours: 07:00-07:00, link: 'https://a:b@c/'": [
        (
            "107: alerts.b.quiet_hours: begin and end at the same time; to hold back "
            "everything, use "
            "enabled: false"
        ),
        "126: alerts.b.link: must not hold a user name or password",
    ],
}


@pytest.mark.parametrize(("keys", "lines"), WRONG.items())
def test_a_mistake_is_a_sentence_at_its_place(keys: str, lines: list[str]) -> None:
    assert complaints(keys) == lines


def test_alerts_can_t_hush_each_other_in_a_circle() -> None:
    rows = "".join(
        f"  {name}: {{app: shop, schedule: every 15m, metric: events, when: {{above: 5}}, "
        f"hushed_by: {louder}, to: {{slack: '#a'}}}}\n"
        for name, louder in [("x", "a"), ("a", "b"), ("b", "[c, d]"), ("c", "a"), ("d", "[]")]
    )
    assert problems_of(HEAD + rows) == [
        (
            "config.yaml:13:84: alerts.a.hushed_by: goes in a circle: a is hushed by b is "
            "hushed by c "
            "is hushed by a"
        )
    ]


@pytest.mark.parametrize("place", ["when: {above: %s}", "when: {rises_by: %s}, window: day",
    "when: {share: %s, of: x, above: 4}", "when: {%s: 3}", "hushed_by: %s, when: {above: 5}",
    "link: %s, when: {above: 5}", "quiet_hours: %s, when: {above: 5}", "for: %s, when: {above: 5}",
    "severity: %s, when: {above: 5}", "when: %s",
    "clear: {below: %s}, when: {above: 5}"])  # fmt: skip
def test_no_reference_s_value_is_ever_shown(place: str) -> None:
    canary = "hunter2-sessions.platfrom"
    written = text("metric: sessions, " + place % '"${CANARY}"')
    for line_ in problems_of(written, {**ENV, "CANARY": canary}):
        assert "hunter2" not in line_


@pytest.mark.parametrize(
    ("keys", "ops", "said"),
    [
        ("metric: events, when: {above: 5}", True, []),
        (
            "metric: events, when: {above: 5}", False,
            [("alerts.b: when there is no data to judge by, the operator should hear of it, but "
              "there is no ops; or say no_data: alert or ignore")],
        ),
        ("metric: events, when: {above: 5}, no_data: ignore", False, []),
        ("metric: events, when: {above: 5}, enabled: false", False, []),
        ("when: no_data, for: 3h", False, []),
        ("when: no_data, window: day", False, []),
        (
            "when: no_data, for: 2", True,
            [("alerts.b: just after midnight UTC the day so far is always empty; give it time, "
              "such as for: 3h, or use window: day")],
        ),
    ],
)  # fmt: skip
def test_what_works_but_may_not_be_meant_is_said(keys: str, ops: bool, said: list[str]) -> None:  # noqa: FBT001
    written = text(keys) if ops else text(keys).replace("ops: {slack: '#ops'}\n", "")
    config = config_of(written)
    assert warnings(config) == said
    assert inactive_keys(config) == []


def test_alerts_alone_are_something_to_send() -> None:
    alone = text("metric: events, when: {above: 5}").replace(SMALL[SMALL.index("digests:") :], "")
    assert warnings(config_of(alone)) == []


@pytest.mark.parametrize(
    "keys",
    [
        "metric: sessions, when: {above: 1, below: 2}", "metric: sessions, when: {}",
        "metric: sessions, when: {rises_by: much}", "when: {share: sessions.platform, above: 40}",
        "when: {new_value: users.country}", "metric: sessions, when: data",
        "metric: sessions, when: {above: 1}, for: soon", "metric: sessions, when: {above: 1}, x: y",
        "metric: sessions, when: {above: 1}, quiet_hours: never",
    ],
)  # fmt: skip
def test_the_schema_refuses_what_the_loader_refuses(keys: str) -> None:
    assert complaints(keys) != []
    assert [error.json_path for error in VALIDATOR.iter_errors(yaml.safe_load(text(keys)))] != []


def test_a_config_without_alerts_imports_no_rule_but_that_of_missing_data() -> None:
    code = (
        "import sys, digest.config.loader\n"
        "print([m for m in sys.modules if m.startswith('digest.core.rules.') and m.rpartition('.')"
        "[2] in ('threshold', 'change', 'deviates', 'share', 'new_value')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
