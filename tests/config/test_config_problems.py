"""Each mistake gives exactly these lines: place, path, sentence, suggestion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.configs import SMALL, changed, config_of, problems_of

if TYPE_CHECKING:
    from pathlib import Path

APP = '{app_id: "482913750261048", api_key: "${PHASE_SHOP_KEY}"}'
MAIL = "{type: smtp, host: smtp.example.com, from: digest@example.com}"
SLACK = '{type: slack, token: "${SLACK_BOT_TOKEN}"}'
FILES = "{type: folder, path: out}"
WEEKLY = "{app: shop, period: week, schedule: mon 08:00, to: {mail: ana@example.com}}"


def app(new: str) -> str:
    return changed(APP, new)


def mail(new: str) -> str:
    return changed(MAIL, f"{{type: smtp, {new}}}")


def slack(new: str) -> str:
    return changed(SLACK, f"{{type: slack, {new}}}")


def weekly(**keys: str) -> str:
    """The small config, its digest with other values; an empty one leaves the key out."""
    usual = {
        "app": "shop", "period": "week", "schedule": "mon 08:00", "to": "{mail: ana@example.com}",
    }  # fmt: skip
    held = {key: value for key, value in {**usual, **keys}.items() if value}
    body = "".join(f"\n    {key}: {value}" for key, value in held.items())
    return changed(f" {WEEKLY}", body)


def top(line: str) -> str:
    return SMALL + line + "\n"


IN_MAIL = "config.yaml:5:%d: channels.mail"
IN_WEEK = "config.yaml:14:%d: digests.weekly"
CASES: dict[str, tuple[str, list[str]]] = {
    # the file as a whole
    "unknown top-level key": (
        top("digest: {}"),
        ['config.yaml:10:1: digest: unknown key "digest" (did you mean "digests"?)'],
    ),
    "an unknown key like nothing": (
        top("zzzzzzzz: 1"), ['config.yaml:10:1: zzzzzzzz: unknown key "zzzzzzzz"'],
    ),
    "a duplicate key names both lines": (
        top("apps: {}"), ['config.yaml:10:1: the key "apps" is there twice, first on line 2'],
    ),
    "a duplicate key deep inside": (
        weekly(to="{mail: [a@example.com], mail: [b@example.com]}"),
        ['config.yaml:13:33: the key "mail" is there twice, first on line 13'],
    ),
    "empty": ("", ["config.yaml: is empty; digest init writes a starter"]),
    "only a comment": ("# soon\n", ["config.yaml: is empty; digest init writes a starter"]),
    "an empty mapping": ("{}", ["config.yaml: is empty; digest init writes a starter"]),
    "a list": (
        "- a\n",
        [("config.yaml: must be a mapping (apps: …, channels: …, digests: …); "
         "digest init writes a starter")],
    ),
    "plain text": (
        "hello",
        [("config.yaml: must be a mapping (apps: …, channels: …, digests: …); "
         "digest init writes a starter")],
    ),
    "a section that is a list": (
        changed("digests:\n  weekly:", "digests:\n- weekly:"),
        ["config.yaml:9:1: digests: must be a mapping (key: value)"],
    ),
    # zones and locales
    "misspelt zone": (
        changed("Europe/Berlin", "Europe/Berln"),
        [('config.yaml:1:11: timezone: unknown time zone "Europe/Berln" '
         '(did you mean "Europe/Berlin"?)')],
    ),
    "an offset is no zone": (
        changed("Europe/Berlin", "+02:00"),
        ['config.yaml:1:11: timezone: unknown time zone "+02:00"; one is Europe/Berlin'],
    ),
    "a folder is no zone": (
        changed("Europe/Berlin", "Europe"),
        [
            (
                'config.yaml:1:11: timezone: unknown time zone "Europe"; it needs a place, such as '
                "Europe/Amsterdam"
            )
        ],
    ),
    "misspelt locale": (
        top("locale: en_USA"),
        ['config.yaml:10:9: locale: unknown locale "en_USA" (did you mean "en_US"?)'],
    ),
    # apps
    "an app without its key": (
        app('{app_id: "1"}'), ["config.yaml:3:3: apps.shop.api_key: is missing"],
    ),
    "an app that is nothing": (
        app("null"), ["config.yaml:3:9: apps.shop: must be a mapping (key: value)"],
    ),
    "a misspelt key of an app": (
        app("{app_id: 1, api_key: k, titel: Shop}"),
        ['config.yaml:3:33: apps.shop.titel: unknown key "titel" (did you mean "title"?)'],
    ),
    "an empty key": (
        app('{app_id: 1, api_key: ""}'), ["config.yaml:3:30: apps.shop.api_key: is empty"],
    ),
    "a key with an accent": (
        app("{app_id: 1, api_key: clé}"),
        [("config.yaml:3:30: apps.shop.api_key: holds characters that no key has, such as a space "
         "or an accent")],
    ),
    "an id with a slash": (
        app("{app_id: 1/2, api_key: k}"),
        ["config.yaml:3:18: apps.shop.app_id: must be letters, digits, - and _"],
    ),
    "plain http to another machine": (
        app("{app_id: 1, api_key: k, base_url: http://api.phase.sh/v1}"),
        [("config.yaml:3:43: apps.shop.base_url: http:// is only for this machine (localhost, "
         "127.0.0.1, ::1); use https://")],
    ),
    "a URL with a password": (
        app("{app_id: 1, api_key: k, base_url: 'https://me:pw@phase.sh'}"),
        ["config.yaml:3:43: apps.shop.base_url: must not hold a user name or password"],
    ),
    "a URL with a query": (
        app("{app_id: 1, api_key: k, base_url: 'https://phase.sh/?key=1'}"),
        ["config.yaml:3:43: apps.shop.base_url: must end before any ? or #"],
    ),
    "another scheme": (
        app("{app_id: 1, api_key: k, base_url: 'file:///etc/passwd'}"),
        ["config.yaml:3:43: apps.shop.base_url: must be a URL that begins with https://"],
    ),
    "a name with a space": (
        changed("  shop:", "  my shop:").replace("app: shop", "app: my shop"),
        [('config.yaml:3:3: apps."my shop": "my shop" can\'t be a name: use up to 64 letters, '
         "digits, - _ and . (ASCII), and begin with a letter or digit")],
    ),
    # channels
    "no type": (
        changed("type: folder, ", ""),
        ["config.yaml:7:10: channels.files: needs a type; there are smtp, slack and folder"],
    ),
    "a misspelt type": (
        changed("type: folder", "type: foldr"),
        [('config.yaml:7:17: channels.files.type: unknown channel type "foldr" '
         '(did you mean "folder"?)')],
    ),
    "a strange type": (
        changed("type: folder", "type: teams"),
        [('config.yaml:7:17: channels.files.type: unknown channel type "teams"; '
         "there are smtp, slack and folder")],
    ),
    "three mistakes of one server": (
        mail("host: 'smtp://x', port: 99999, security: tsl, from: nobody"),
        [IN_MAIL % 28 + ".host: must be a host name alone, without a scheme",
         IN_MAIL % 46 + ".port: must be at most 65535",
         IN_MAIL % 63 + '.security: unknown security "tsl" (did you mean "tls"?)',
         IN_MAIL % 74 + '.from: "nobody" is not an e-mail address: An email address must have '
         "an @-sign"],
    ),
    "a port that is no number": (
        mail("host: h, port: smtp, from: a@example.com"),
        [IN_MAIL % 37 + ".port: must be a whole number"],
    ),
    "a missing sender is called from": (
        mail("host: h"), [IN_MAIL % 3 + ".from: is missing"],
    ),
    "the field's own name is no key": (
        mail("host: h, from: a@example.com, sender: b@example.com"),
        [IN_MAIL % 52 + '.sender: unknown key "sender"'],
    ),
    "no encryption to another machine": (
        mail("host: smtp.example.com, security: none, from: a@example.com"),
        [IN_MAIL % 56 + ".security: none sends mail and password unencrypted, so it is only for "
         "this machine; use starttls or tls, or say allow_plain: true"],
    ),
    "starttls on the port of tls": (
        mail("host: h, port: 465, from: a@example.com"),
        [IN_MAIL % 37 + ".port: on port 465 servers speak TLS from the first byte; "
         "say security: tls"],
    ),
    "a name without a password": (
        mail("host: h, from: a@example.com, username: me"),
        [IN_MAIL % 3 + ".password: is missing, but there is a username"],
    ),
    "a password without a name": (
        mail("host: h, from: a@example.com, password: s3cret"),
        [IN_MAIL % 62 + ".password: is of no use without a username"],
    ),
    "a sender with a line break": (
        mail(r'host: h, from: "a@example.com\r\nBcc: b@example.com"'),
        [IN_MAIL % 37 + ".from: an e-mail address can't hold line breaks or control characters"],
    ),
    "a bad switch": (
        mail("host: h, from: a@example.com, allow_plain: maybe"),
        [IN_MAIL % 65 + ".allow_plain: must be true or false"],
    ),
    "a missing file of authorities": (
        mail("host: h, from: a@example.com, ca_file: /nowhere/ca.pem"),
        [IN_MAIL % 61 + '.ca_file: there is no file "/nowhere/ca.pem"'],
    ),
    "a key of another kind of channel": (
        slack("token: xoxb-1, tokn: 2"),
        ['config.yaml:6:39: channels.slack.tokn: unknown key "tokn" (did you mean "token"?)'],
    ),
    "a missing folder of templates": (
        top("templates: /nowhere"), ['config.yaml:10:12: templates: there is no folder "/nowhere"'],
    ),
    # digests
    "everything is missing": (
        weekly(app="", period="", schedule="", to="", title="x"),
        [f"config.yaml:9:3: digests.weekly.{key}: is missing"
         for key in ("app", "period", "schedule", "to")],
    ),
    "empty required keys": (
        weekly(app="  ", to="{mail: }"),
        ["config.yaml:10:9: digests.weekly.app: is empty",
         "config.yaml:13:16: digests.weekly.to.mail: lists nobody; give one address or more"],
    ),
    "unknown app": (
        weekly(app="shpo"),
        ['config.yaml:10:10: digests.weekly.app: unknown app "shpo" (did you mean "shop"?)'],
    ),
    "unknown channel": (
        weekly(to="{slck: ['#growth']}"),
        [('config.yaml:13:10: digests.weekly.to.slck: unknown channel "slck" '
         '(did you mean "slack"?)')],
    ),
    "a list of channels": (
        weekly(to="[mail]"),
        [("config.yaml:13:9: digests.weekly.to: must be a mapping of a channel's name to who gets "
         "it there")],
    ),
    "no channel": (weekly(to="{}"), ["config.yaml:13:9: digests.weekly.to: names no channel"]),
    "bad period": (
        weekly(period="weekly"),
        [('config.yaml:11:13: digests.weekly.period: unknown period "weekly" '
         '(did you mean "week"?)')],
    ),
    "bad schedule": (
        weekly(schedule="mno 08:00"),
        ['config.yaml:12:15: digests.weekly.schedule: "mno" is not a day (did you mean "mon"?)'],
    ),
    "bad zone of a schedule": (
        weekly(schedule="{at: mon 08:00, timezone: Asia/Tokio}"),
        [('config.yaml:12:41: digests.weekly.schedule.timezone: unknown time zone "Asia/Tokio" '
         '(did you mean "Asia/Tokyo"?)')],
    ),
    "bad time of a schedule": (
        weekly(schedule="{at: mon 24:00}"),
        [('config.yaml:12:20: digests.weekly.schedule.at: "24:00" is not a time of day; it goes '
         "from 00:00 to 23:59")],
    ),
    "bad key of a schedule": (
        weekly(schedule="{at: mon 08:00, timezon: UTC}"),
        [('config.yaml:12:31: digests.weekly.schedule.timezon: unknown key "timezon" '
         '(did you mean "timezone"?)')],
    ),
    "a schedule without a time": (
        weekly(schedule="{timezone: UTC}"),
        ["config.yaml:12:15: digests.weekly.schedule: is missing its key at"],
    ),
    "unknown metrics": (
        weekly(metrics="[sessions, visitors, sessions]"),
        [IN_WEEK % 25 + '.metrics[1]: unknown metric "visitors"; there are sessions, bounce_rate, '
         "session_duration, active_users, new_users, total_users, events, events_per_session "
         "and sessions_per_user",
         IN_WEEK % 35 + '.metrics[2]: "sessions" is listed twice'],
    ),
    "no metrics": (weekly(metrics="[]"), [IN_WEEK % 14 + ".metrics: lists no metric"]),
    "unknown breakdown": (
        weekly(breakdowns="events.eventname"),
        [IN_WEEK % 17 + '.breakdowns: unknown breakdown "events.eventname" '
         '(did you mean "events.eventName"?)'],
    ),
    "a chart of what is not shown": (
        weekly(charts="[sessions, events_per_session, users.city]"),
        [IN_WEEK % 24 + '.charts[1]: "events_per_session" is not among the metrics of this digest',
         IN_WEEK % 44 + '.charts[2]: "users.city" is not among the breakdowns of this digest'],
    ),
    "weekdays of a week": (
        weekly(baseline="same_weekday"),
        [IN_WEEK % 15 + ".baseline: same_weekday is for digests of a day; use previous or year"],
    ),
    "a trailing mean without a number": (
        weekly(baseline="trailing"),
        [IN_WEEK % 15 + ".baseline: needs a number of periods, as in baseline: {trailing: 4}"],
    ),
    "a trailing mean of too many": (
        weekly(baseline="{trailing: 53}"),
        [IN_WEEK % 15 + ".baseline: trailing must be from 1 to 52"],
    ),
    "a settle time that is no time": (
        weekly(settle="soon"),
        [IN_WEEK % 13 + ".settle: must be a duration, such as 90s, 15m, 2h or 3d"],
    ),
    "a settle time that is too long": (
        weekly(settle="8d"), [IN_WEEK % 13 + ".settle: must be at most 7d"],
    ),
    "days that don't exist": (
        weekly(skip_dates="[2026-12-25, 2026-02-30, tomorrow]"),
        [IN_WEEK % 30 + '.skip_dates[1]: "2026-02-30" is not a day, such as 2026-12-25',
         IN_WEEK % 42 + '.skip_dates[2]: "tomorrow" is not a day, such as 2026-12-25'],
    ),
    "several bad recipients": (
        weekly(to="\n      mail: [ana@, ana@example.com, Ana <ANA@example.com>, '']\n"
                  "      slack: ['#Growth', growth, '@ana', '#a b']\n"
                  "      files: [../up, /etc]"),
        [('config.yaml:14:14: digests.weekly.to.mail[0]: "ana@" is not an e-mail address: There '
         "must be something after the @-sign"),
         'config.yaml:14:37: digests.weekly.to.mail[2]: "Ana <ANA@example.com>" is listed twice',
         "config.yaml:14:60: digests.weekly.to.mail[3]: is empty",
         ('config.yaml:15:15: digests.weekly.to.slack[0]: "#Growth" is not a Slack channel: names '
         "are lower-case letters, digits, - and _, at most 80"),
         ('config.yaml:15:26: digests.weekly.to.slack[1]: "growth" is not a Slack channel, such as '
         '#growth or C0123456789 (did you mean "#growth"?)'),
         ('config.yaml:15:34: digests.weekly.to.slack[2]: "@ana" is not a Slack channel, such as '
         "#growth or C0123456789"),
         ('config.yaml:15:42: digests.weekly.to.slack[3]: "#a b" is not a Slack channel: names are '
         "lower-case letters, digits, - and _, at most 80"),
         'config.yaml:16:15: digests.weekly.to.files[0]: "../up" leads out of the channel\'s path',
         ('config.yaml:16:22: digests.weekly.to.files[1]: "/etc" is not a folder below the '
         "channel's path")],
    ),
    "a Slack channel that YAML takes for a comment": (
        weekly(to="{slack: #growth\n      }"),
        [("config.yaml:14:7: digests.weekly.to.slack: lists no channel; in YAML a # begins a "
         'comment, so write "#name" in quotes')],
    ),
    # the rest
    "limits out of bounds": (
        top("limits: {connect: 0, tries: 11, try: fast, requests_per_minute: 301, red: 5}"),
        ["config.yaml:10:19: limits.connect: must be more than 0.0",
         "config.yaml:10:29: limits.tries: must be at most 10",
         "config.yaml:10:38: limits.try: must be a duration, such as 90s, 15m, 2h or 3d",
         "config.yaml:10:65: limits.requests_per_minute: must be at most 300",
         'config.yaml:10:70: limits.red: unknown key "red" (did you mean "read"?)'],
    ),
    "an unknown database": (
        top("state: mysql://h/d"),
        ["config.yaml:10:8: state: must begin with sqlite:/// or postgresql://"],
    ),
    "delivery": (
        top("delivery: {on_uncertain: drop, retention: ever}"),
        [('config.yaml:10:26: delivery.on_uncertain: unknown on_uncertain "drop"; there are resend '
         "and hold"),
         "config.yaml:10:43: delivery.retention: must be a duration, such as 90s, 15m, 2h or 3d"],
    ),
    "ops to an unknown channel": (
        top('ops: {slak: "#ops"}'),
        ['config.yaml:10:7: ops.slak: unknown channel "slak" (did you mean "slack"?)'],
    ),
    "an alert that would flutter": (
        top("alerts:\n  b: {app: shop, metric: bounce_rate, schedule: every 15m, "
            "when: {above: 60}, clear: {below: 60}, to: {slack: '#a'}}"),
        [("config.yaml:11:86: alerts.b.clear: must leave some room to the threshold of when, or "
         "the alert would flutter")],
    ),
    "an alert that is over the same way": (
        top(
            "alerts:\n  b: {app: shop, metric: bounce_rate, schedule: every 15m, "
            "when: {above: 60}, clear: {above: 50}, to: {slack: '#a'}}"
        ),
        ["config.yaml:11:86: alerts.b.clear: must be the other direction than when"],
    ),
    "an alert with bad numbers": (
        top(
            "alerts:\n  b: {app: shop, metric: events, schedule: every 15m, "
            "when: {above: nan}, clear: {below: 5}, min_sessions: -1, to: {slack: '#a'}}"
        ),
        [
            "config.yaml:11:69: alerts.b.when.above: must be a number",
            "config.yaml:11:108: alerts.b.min_sessions: must be at least 0",
        ],
    ),
    "an empty host and URL": (
        mail("host: '', from: a@example.com").replace("{app_id:", "{base_url: '', app_id:"),
        [
            "config.yaml:3:20: apps.shop.base_url: is empty",
            IN_MAIL % 28 + ".host: is empty",
        ],
    ),
    "a host with a space, and broken URLs": (
        mail("host: 'a b', from: a@example.com").replace(
            "{app_id:", "{base_url: 'https://[x', app_id:"
        ),
        [
            "config.yaml:3:20: apps.shop.base_url: is not a URL",
            IN_MAIL % 28 + '.host: "a b" is not a host name',
        ],
    ),
    "a blank title and id": (
        app("{app_id: '', api_key: k, title: ' '}"),
        [
            "config.yaml:3:18: apps.shop.app_id: is empty",
            "config.yaml:3:41: apps.shop.title: is empty",
        ],
    ),
    "no path": (
        changed("path: out", "path: ''"),
        ["config.yaml:7:31: channels.files.path: is empty"],
    ),
    "a NUL in a path": (
        changed("path: out", r'path: "a\0b"'),
        ["config.yaml:7:31: channels.files.path: is not a path"],
    ),
    "a type that is no text": (
        changed("type: folder", "type: [folder]"),
        ["config.yaml:7:17: channels.files.type: needs a type; there are smtp, slack and folder"],
    ),
    "a baseline of two kinds": (
        weekly(baseline="{trailing: 4, previous: 1}"),
        [IN_WEEK % 15 + ".baseline: must be previous, same_weekday, year or {trailing: N}"],
    ),
    "a baseline of no number": (
        weekly(baseline="{trailing: four}"),
        [IN_WEEK % 15 + ".baseline: trailing must be a whole number"],
    ),
    "an alert with two thresholds": (
        top("alerts:\n  b: {app: shop, metric: bounce, schedule: every 7m, "
            "when: {above: 60, below: 2}, to: {slack: '#a'}}"),
        [('config.yaml:11:26: alerts.b.metric: unknown metric "bounce" '
         '(did you mean "bounce_rate"?)'),
         ("config.yaml:11:44: alerts.b.schedule: an interval must divide an hour or a day evenly, "
         "such as 5m, 15m, 30m, 1h, 2h or 6h"),
         "config.yaml:11:60: alerts.b.when: has above and below; give one of them"],
    ),
    "mistakes everywhere are all told at once": (
        weekly(app="shpo").replace("Europe/Berlin", "Europe/Berln")
        .replace("out}", "out, x: 1}").replace('"${PHASE_SHOP_KEY}"', '"${NOT_SET}"')
        + "digests: {}\n",
        [('config.yaml:1:11: timezone: unknown time zone "Europe/Berln" '
         '(did you mean "Europe/Berlin"?)'),
         "config.yaml:3:46: apps.shop.api_key: the environment variable NOT_SET is not set",
         'config.yaml:7:36: channels.files.x: unknown key "x"',
         'config.yaml:10:10: digests.weekly.app: unknown app "shpo" (did you mean "shop"?)',
         'config.yaml:14:1: the key "digests" is there twice, first on line 8'],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "lines"), CASES.values(), ids=CASES.keys())
def test_a_mistake_gives_exactly_these_lines(text: str, lines: list[str]) -> None:
    assert problems_of(text) == lines


def test_the_small_config_is_right() -> None:
    assert problems_of(SMALL) == []
    assert config_of(SMALL).digests["weekly"].to == {"mail": ("ana@example.com",)}


def test_templates_and_a_folder_channel_must_not_be_files(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    text = changed("path: out", "path: file") + "templates: file\n"

    assert problems_of(text, base_dir=tmp_path) == [
        f'config.yaml:7:31: channels.files.path: "{tmp_path}/file" is not a folder',
        f'config.yaml:10:12: templates: "{tmp_path}/file" is not a folder',
    ]


def test_a_path_that_is_too_long_is_a_problem() -> None:
    (problem,) = problems_of(changed("path: out", f"path: {'a' * 300}"))
    assert problem.endswith("…\" can't be looked at: File name too long")


def test_hundreds_of_problems_come_in_the_order_of_the_file() -> None:
    rows = [f"  d{n}: {{app: nope, period: week, schedule: mon 08:00, to: {{mail: a@b.com}}}}\n"
            for n in range(300)]  # fmt: skip

    problems = problems_of(SMALL + "".join(rows))

    assert len(problems) == 300
    assert [int(problem.split(":")[1]) for problem in problems] == list(range(10, 310))
