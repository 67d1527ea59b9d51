"""`digest alerts`: how alerts stand, silences, and trying them out; `preview` and `run` of one."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.alerting import SPIKE, Watchers, watchers_in
from tests.support.commands import NOW, Done, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.commands import Desk

ALERTS = """\
alerts:
  bounce-rate-spike:
    {app: shop, metric: bounce_rate, window: day, schedule: {at: "every day 09:00", timezone: UTC},
     when: {above: 60}, clear: {below: 50}, to: {mail: [ana@example.com], slack: ["#growth"]}}
  only-large:
    {app: shop, metric: bounce_rate, window: day, schedule: {at: "every day 09:00", timezone: UTC},
     when: {above: 60}, clear: {below: 50}, min_sessions: 1000, to: {mail: [ana@example.com]}}
  no-numbers:
    {app: shop, window: day, schedule: {at: "every day 09:00", timezone: UTC}, when: no_data,
     to: {mail: [ana@example.com]}}
  so-far:
    {app: shop, metric: bounce_rate, schedule: every 15m, when: {above: 60}, enabled: false,
     to: {mail: [ana@example.com]}}
"""
OWN = "bounce-rate-spike, only-large, no-numbers, so-far"


@pytest.fixture
def alerting(shop: Desk) -> Desk:
    """A shop whose bounce rate was 79 % on 21 November, and that had no sessions on the 8th."""
    shop.config.write_text(shop.config.read_text(encoding="utf-8") + ALERTS, encoding="utf-8")
    return shop


@pytest.fixture
def watchers(tmp_path: Path) -> Iterator[Watchers]:
    with watchers_in(tmp_path) as made:
        yield made


@pytest.fixture
def said(watchers: Watchers, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command with the watchers' config."""
    path = str(watchers.works.folder / "config.yaml")
    return lambda *arguments: run(capsys, *arguments, "-c", path)


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def fired(watchers: Watchers) -> None:
    """A daemon has seen 70 % on 5 March, has told it, and was stopped."""
    lower = SPIKE | {"when": {"above": 90}, "clear": {"below": 80}}
    watchers.configure({"spike": SPIKE, "high": lower, "off": SPIKE | {"enabled": False}})
    watchers.numbers.bounce = {date(2026, 3, 5): 70.0}
    with watchers.works.daemon(at(6, 8)) as daemon:
        daemon.until(at(6, 10))


def test_alerts_that_were_never_looked_at_are_listed_with_their_next_look(alerting: Desk) -> None:
    done = alerting.run("alerts")

    assert done.code == 0
    assert re.fullmatch(
        r"bounce-rate-spike: ok\n  looked at next: \S+T09:00Z\n"
        r"only-large: ok\n  looked at next: \S+T09:00Z\n"
        r"no-numbers: ok\n  looked at next: \S+T09:00Z\n"
        r"so-far: ok \(off\)\n",
        done.out,
    )


def test_a_config_without_alerts_says_so(shop: Desk) -> None:
    assert shop.run("alerts").out == "the config has no alerts\n"
    assert shop.run("alerts", "--json").json == []
    assert shop.run("alerts", "check").out == ""


def test_what_fires_is_listed_with_since_when_and_why(watchers: Watchers, said: Any) -> None:
    fired(watchers)

    spike, high, off = said("alerts", "--json").json
    text = said("alerts").out

    assert {key: spike[key] for key in ("name", "state", "since", "value", "bucket", "told")} == {
        "name": "spike",
        "state": "firing",
        "since": "2026-03-05T00:00:00Z",
        "value": 70.0,
        "bucket": "2026-03-05",
        "told": True,
    }
    assert (high["state"], high["since"] is not None, high["told"]) == ("ok", True, False)
    assert (off["enabled"], off["next_look"], off["looked_at"]) == (False, None, None)
    assert "spike: firing since 2026-03-05T00:00Z\n  2026-03-05: bounce rate came to 70" in text


def test_status_has_every_alert_and_names_what_is_not_ok(watchers: Watchers, said: Any) -> None:
    fired(watchers)

    done, listed = said("status"), said("alerts", "--json").json

    assert (done.code, done.err) == (0, ""), "a number is no trouble of digest's"
    lines = [line for line in done.out.splitlines() if "alert " in line]
    assert len(lines) == 1
    assert lines[0].startswith("alert spike firing since 2026-03-05T00:00Z: bounce rate came to")
    found = said("status", "--json").json
    assert found["ok"] is True
    assert found["alerts"] == listed


def test_a_look_that_failed_and_a_silence_are_in_the_status(watchers: Watchers, said: Any) -> None:
    fired(watchers)
    watchers.numbers.down = True
    with watchers.works.daemon(at(7, 8)) as daemon:
        daemon.until(at(7, 12))
    said("alerts", "silence", "spike", "--for", "2d", "--why", "release", "--by", "ana")

    text = said("status").out

    (silence,) = said("status", "--json").json["alerts"][:1]
    assert re.search(
        r"alert spike firing .*\n  it could not be looked at, \d+ times in a row", text
    )
    assert re.search(r"  silenced until \S+ by ana: release", text)
    assert (silence["silence"]["author"], silence["errors"] > 1) == ("ana", True)


def test_a_silence_is_said_and_ends_when_it_is_told_to(watchers: Watchers, said: Any) -> None:
    fired(watchers)

    made = said("alerts", "silence", "spike", "--for", "4h", "--why", " release  2.3 ")
    one = said("alerts", "--json").json[0]
    ended = said("alerts", "unsilence", "spike")
    again = said("alerts", "unsilence", "spike")

    assert re.fullmatch(r"spike is silenced until 20\S+ \d\d:\d\d UTC by \S+\n", made.out)
    assert one["silence"]["why"] == "release 2.3"
    assert (ended.out, again.out) == ("spike is heard again\n", "spike was not silenced\n")
    assert said("alerts", "--json").json[0]["silence"] is None


def test_a_silence_of_every_alert_is_one_of_each(watchers: Watchers, said: Any) -> None:
    fired(watchers)

    said("alerts", "silence", "*", "--for", "1h", "--why", "moving house")
    found = said("alerts", "--json").json
    said("alerts", "unsilence", "*")

    assert [one["silence"]["why"] for one in found] == ["moving house"] * 3
    assert {one["silence"] for one in said("alerts", "--json").json} == {None}


def test_a_silence_beside_a_daemon_holds_its_messages_back(watchers: Watchers, said: Any) -> None:
    watchers.configure({"spike": SPIKE})
    watchers.numbers.bounce = {date(2026, 3, 5): 70.0}

    with watchers.works.daemon(at(5, 8)) as daemon:
        daemon.until(at(5, 10))
        said("alerts", "silence", "spike", "--for", "1h", "--why", "known")
        daemon.until(at(6, 10))
        assert (watchers.state("spike"), watchers.told()) == ("firing", [])
        said("alerts", "unsilence", "spike")
        daemon.until(at(7, 10))

    assert [period.partition("-")[0] for _, period in watchers.told()] == ["summary"]


@pytest.mark.parametrize("command", [("silence", "--for", "4h", "--why", "x"), ("unsilence",)])
def test_without_a_ledger_there_is_nothing_to_silence(
    alerting: Desk, command: tuple[str, ...]
) -> None:
    done = alerting.run("alerts", command[0], "no-numbers", *command[1:])

    assert done.code == 78
    assert (
        done.err == "digest: there is no ledger yet; digest serve makes it, and looks at alerts\n"
    )
    assert not (alerting.config.parent / "state").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("check", "bounce-spike"),
        ("backtest", "bounce-spike"),
        ("silence", "bounce-spike", "--for", "4h", "--why", "x"),
        ("unsilence", "bounce-spike"),
    ],
    ids=lambda command: command[0],
)
def test_a_name_that_is_not_there_is_answered_with_the_nearest(
    alerting: Desk, command: tuple[str, ...]
) -> None:
    done = alerting.run("alerts", *command)

    assert done.code == 2
    assert done.err == (
        'digest: there is no alert "bounce-spike" (did you mean "bounce-rate-spike"?); '
        f"the config has: {OWN}\n"
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--for", "soon", "--why", "x"), "--for 'soon': must be a duration, such as 90s"),
        (("--for", "0", "--why", "x"), "--for must be longer than nothing"),
        (("--for", "-4h", "--why", "x"), "--for '-4h': must be a duration"),
        (("--for", "4000d", "--why", "x"), "--for '4000d': is longer than ten years"),
        (("--for", "4h", "--why", "  "), "--why must say something"),
        (("--for", "4h"), "Missing option '--why'"),
        (("--why", "x"), "Missing option '--for'"),
    ],
)
def test_a_silence_needs_a_time_and_a_reason(
    alerting: Desk, options: tuple[str, ...], complaint: str
) -> None:
    done = alerting.run("alerts", "silence", "no-numbers", *options)

    assert (done.code, done.out) == (2, "")
    assert complaint in done.err


def test_check_explains_what_each_alert_sees_and_would_say(alerting: Desk) -> None:
    done = alerting.run("alerts", "check", "--now", NOW)

    assert (done.code, done.err) == (0, "")
    lines = done.out.replace("\u00a0", " ").splitlines()
    assert lines == [
        "bounce-rate-spike  2026-11-21: breach",
        "  bounce rate came to 79.0 %, above 60 %",
        "  ok → firing; fire",
        "only-large  2026-11-21: too few",
        "  only 57 sessions, 1,000 are asked for",
        "  ok → ok; nothing is said",
        "no-numbers  2026-11-21: clear",
        "  there is data: 57 sessions",
        "  ok → ok; nothing is said",
    ]
    assert alerting.nothing_sent
    assert not (alerting.config.parent / "state").exists(), "nothing is written"


def test_an_alert_that_is_switched_off_is_looked_at_when_it_is_named(alerting: Desk) -> None:
    named = alerting.run("alerts", "check", "so-far", "so-far", "--json", "--now", NOW).json
    tested = alerting.run("alerts", "backtest", "--days", "7", "--json", "--now", NOW).json

    assert [(one["name"], one["bucket"]) for one in named] == [("so-far", "2026-11-23T04:46Z")]
    assert "so-far" not in tested["alerts"]


def test_check_gives_programs_the_numbers(alerting: Desk) -> None:
    large, spike = alerting.run(
        "alerts", "check", "only-large", "bounce-rate-spike", "--json", "--now", NOW
    ).json

    wanted = ("name", "bucket", "seen", "value", "limit", "clear", "sessions", "state", "says")
    assert [spike[key] for key in wanted] == [
        "bounce-rate-spike", "2026-11-21", "breach", 78.95, 60.0, 50.0, 57.0, "firing", "fire",
    ]  # fmt: skip
    assert (large["seen"], large["state"], large["says"]) == ("too few", "ok", "quiet")


def test_check_of_a_bucket_that_was_judged_says_so(watchers: Watchers, said: Any) -> None:
    fired(watchers)

    done = said("alerts", "check", "spike", "--now", "2026-03-06T10:00:00Z")
    (found,) = said("alerts", "check", "spike", "--json", "--now", "2026-03-06T10:00:00Z").json

    assert "this bucket was judged before; as if it were the first look" in done.out
    assert (found["judged_before"], found["state"]) == (True, "firing")
    assert watchers.told() == [("spike", "firing-2026-03-05")]


def test_check_says_which_alert_could_not_be_looked_at(watchers: Watchers, said: Any) -> None:
    watchers.configure({"spike": SPIKE})
    watchers.numbers.down = True

    done = said("alerts", "check", "--now", "2026-03-06T10:00:00Z")
    found = said("alerts", "check", "--json", "--now", "2026-03-06T10:00:00Z")

    assert (done.code, done.out) == (75, "")
    assert done.err.startswith("spike: ")
    assert found.code == 75
    assert [set(one) for one in found.json] == [{"name", "error"}]


def test_a_back_test_draws_each_day_and_lists_each_message(alerting: Desk) -> None:
    done = alerting.run("alerts", "backtest", "bounce-rate-spike", "no-numbers", "--now", NOW)

    text = done.out.replace("\u00a0", " ")
    assert (done.code, done.err) == (0, "")
    assert "bounce-rate-spike: 2026-08-25 to 2026-11-21\n  |" in text
    assert "1 beyond the limit, 1 too few, 2 without data; fired once; values 0 to 78.95" in text
    assert "2 beyond the limit, 0 too few, 0 without data; fired 2 times" in text
    assert re.search(
        r"2026-11-22T09:00Z  fire +bounce-rate-spike  → ana@example.com, #growth\n"
        r"    2026-11-21: bounce rate came to 79.0 %, above 60 %",
        text,
    )
    assert "2026-11-09T09:00Z  fire        no-numbers  → ana@example.com" in text
    assert text.endswith(
        "ana@example.com over mail: 5 in 90 days\n#growth over slack: 1 in 90 days\n2 requests\n"
    )
    assert alerting.nothing_sent
    assert not (alerting.config.parent / "state").exists()


def test_a_back_test_in_which_nothing_happens_says_so(alerting: Desk) -> None:
    done = alerting.run("alerts", "backtest", "only-large", "--days", "14", "--now", NOW)

    assert "never fired" in done.out
    assert "nobody would have got a message\n" in done.out


def test_the_day_so_far_is_replayed_with_whole_days_and_says_so(alerting: Desk) -> None:
    done = alerting.run("alerts", "backtest", "so-far", "--days", "7", "--now", NOW)

    assert "alerts on the day so far are replayed with whole days, one look a day\n" in done.out


@pytest.mark.parametrize(
    ("most", "code", "complaint"),
    [("5", 0, ""), ("4", 1, "a reader would have got 5 messages, more than 4\n")],
)
def test_a_back_test_fails_where_a_reader_would_get_too_many(
    alerting: Desk, most: str, code: int, complaint: str
) -> None:
    done = alerting.run("alerts", "backtest", "--max-messages", most, "--now", NOW)

    assert (done.code, done.err) == (code, complaint)


def test_a_back_test_gives_programs_each_look_message_and_reader(alerting: Desk) -> None:
    done = alerting.run(
        "alerts", "backtest", "bounce-rate-spike", "--days", "10", "--json",
        "--max-messages", "0", "--now", NOW,
    )  # fmt: skip

    assert done.code == 1
    found = done.json
    looks = found["alerts"]["bounce-rate-spike"]
    assert len(looks) == 9
    last = {key: looks[-1][key] for key in ("at", "bucket", "seen", "value", "state", "says")}
    assert last == {
        "at": "2026-11-22T09:00:00Z",
        "bucket": "2026-11-21",
        "seen": "breach",
        "value": 78.95,
        "state": "firing",
        "says": "fire",
    }
    (message,) = found["messages"]
    assert message["to"] == {"mail": ["ana@example.com"], "slack": ["#growth"]}
    assert found["readers"] == [
        {"channel": "mail", "recipient": "ana@example.com", "messages": 1},
        {"channel": "slack", "recipient": "#growth", "messages": 1},
    ]
    assert (found["days"], found["requests"] > 0) == (10, True)


def test_a_back_test_is_drawn_one_picture_for_each_alert(watchers: Watchers, said: Any) -> None:
    watchers.configure({"a.spike": SPIKE, "a-spike": SPIKE})
    folder = watchers.works.folder / "pictures"

    done = said(
        "alerts", "backtest", "--days", "14", "--out", str(folder), "--now", "2026-03-20T12:00:00Z"
    )

    written = sorted(path.name for path in folder.iterdir())
    assert written == ["backtest-a-spike.png", "backtest-a.spike.png"]
    assert sorted(done.err.split()) == [str(folder / name) for name in written]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in folder.iterdir())


def test_a_picture_that_cannot_be_written_is_a_sentence(watchers: Watchers, said: Any) -> None:
    watchers.configure({"spike": SPIKE})
    (watchers.works.folder / "taken").write_text("", encoding="utf-8")
    folder = watchers.works.folder / "taken" / "pictures"

    done = said("alerts", "backtest", "--days", "7", "--out", str(folder))

    assert done.code == 2
    assert f"{folder} can't be written: " in done.err


def test_a_preview_shows_an_alert_as_if_it_fired_now(alerting: Desk, tmp_path: Path) -> None:
    done = alerting.run("preview", "bounce-rate-spike", "--out", str(tmp_path / "p"), "--now", NOW)

    names = {path.name for path in (tmp_path / "p").iterdir()}
    report = json.loads((tmp_path / "p" / "report.json").read_text(encoding="utf-8"))
    assert (done.code, done.err) == (0, "")
    assert names == {
        "alert-bounce-rate-spike.png", "email.eml", "email.html", "email.txt", "report.json",
        "slack.html", "slack.json",
    }  # fmt: skip
    assert "79.0" in (tmp_path / "p" / "email.txt").read_text(encoding="utf-8")
    assert "bounce-rate-spike" in json.dumps(report)
    assert alerting.nothing_sent


def test_a_preview_of_an_alert_that_is_fine_says_that_it_would_not_fire(
    alerting: Desk, tmp_path: Path
) -> None:
    done = alerting.run("preview", "only-large", "--out", str(tmp_path / "p"), "--now", NOW)

    assert (done.code, (tmp_path / "p" / "email.html").exists()) == (0, True)
    assert done.err == "only-large: it would not fire: only 57 sessions, 1,000 are asked for\n"


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        (
            ("preview", "bounce-rate-spik", "--out", "p"),
            'there is no digest or alert "bounce-rate-spik" (did you mean "bounce-rate-spike"?)',
        ),
        (
            ("preview", "no-numbers", "--out", "p", "--period", "2026-W46"),
            "--period: no-numbers is about a day; 2026-W46 is a week",
        ),
        (
            ("preview", "no-numbers", "--out", "p", "--period", "2026-13-01"),
            "--period: ",
        ),
        (
            ("run", "no-numbers"),
            '"no-numbers" is an alert, not a digest; digest alerts check no-numbers looks at it',
        ),
        (("run", "monday-email", "no-numbers"), '"no-numbers" is an alert, not a digest'),
    ],
)
def test_what_cannot_be_done_with_an_alert_is_said_in_a_sentence(
    alerting: Desk, command: tuple[str, ...], complaint: str
) -> None:
    done: Done = alerting.run(*command)

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"digest: {complaint}")
    assert alerting.nothing_sent
