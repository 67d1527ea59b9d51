"""How the status page shows alerts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from digest.core.alert_model import Phase
from digest.web.verdict import Tone, verdict
from tests.support.alert_standings import (
    ALERTS,
    FINE,
    FIRING,
    NO_DATA,
    PENDING,
    SILENCED,
    alarming_day,
    hostile_alerts,
)
from tests.support.standings import empty_start, good_day, watched_day
from tests.support.status_pages import ask, read, serving, words

if TYPE_CHECKING:
    from digest.web.alert_standing import Alert


@pytest.fixture(scope="module")
def section() -> str:
    return words(read(alarming_day())).partition("Alerts 6 alerts")[2].partition("Recent runs")[0]


@pytest.mark.parametrize(
    "expected",
    [
        "firing bounce-rate-spike 62.4 % since today 09:45",
        "warning · shop · Bounce rate: above 60 %",
        "2026-11-24T09:30Z: bounce rate came to 62.4 % so far, above 60 %",
        "looked at next today 10:45",
        "firing sessions-fell 412",
        "Silenced until tomorrow 09:00 by ana: the shop is closed for stocktaking",
        "no data ios-share since",
        "It could not be looked at, 2 times in a row.",
        "pending slow-sessions",
        "ok events-odd 12,480",
        "switched off a-switched-off",
    ],
)
def test_each_alert_says_how_it_stands(section: str, expected: str) -> None:
    assert expected in section


def test_what_fires_comes_first_and_what_is_switched_off_last(section: str) -> None:
    order = [
        "bounce-rate-spike",
        "sessions-fell",
        "ios-share",
        "slow-sessions",
        "events-odd",
        "a-switched-off",
    ]
    places = [section.index(name) for name in order]
    assert places == sorted(places)


def test_a_state_has_a_shape_and_a_word_and_not_only_a_colour() -> None:
    page = read(alarming_day()).partition('id="alerts"')[2].partition('id="runs"')[0]
    pattern = r'<svg class="dot (\w+)".*?<span class="state (\w+)">([\w ]+)<'
    shown = re.findall(pattern, page, re.DOTALL)
    assert shown == [
        ("bad", "bad", "firing"),
        ("bad", "bad", "firing"),
        ("part", "part", "no data"),
        ("part", "part", "pending"),
        ("ok", "ok", "ok"),
        ("none", "none", "switched off"),
    ]


def test_an_alert_of_which_nobody_was_told_says_so() -> None:
    held = replace(FIRING, told=False)
    assert "Readers have not been told" in read(replace(good_day(), alerts=(held,)))
    for alert in (FIRING, PENDING, FINE, replace(SILENCED, told=False)):
        assert "Readers have not been told" not in read(replace(good_day(), alerts=(alert,)))


@pytest.mark.parametrize(
    ("alerts", "tone", "sentence"),
    [
        ((FIRING,), Tone.WATCH, "Nothing needs you; bounce-rate-spike fires"),
        ((FIRING, replace(FIRING, name="b")), Tone.WATCH, "Nothing needs you; 2 alerts fire"),
        ((SILENCED,), Tone.GOOD, "All is well: next is tokyo-daily, today 23:30"),
        ((FINE, PENDING, NO_DATA), Tone.GOOD, "All is well: next is tokyo-daily, today 23:30"),
        (
            (replace(FIRING, enabled=False),),
            Tone.GOOD,
            "All is well: next is tokyo-daily, today 23:30",
        ),
    ],
)
def test_the_first_sentence_names_what_fires_and_needs_nobody(
    alerts: tuple[Alert, ...], tone: Tone, sentence: str
) -> None:
    found = verdict(replace(good_day(), alerts=alerts))
    assert (found.tone, found.sentence) == (tone, sentence)


def test_a_trouble_and_an_alert_are_one_sentence() -> None:
    found = verdict(replace(watched_day(), alerts=(FIRING,)))
    assert found.sentence == (
        "Nothing needs you; 2 troubles to keep an eye on, bounce-rate-spike fires"
    )


def test_a_config_with_nothing_but_alerts_is_watching() -> None:
    found = verdict(replace(empty_start(), jobs=(), alerts=(FINE, PENDING)))
    assert (found.tone, found.sentence) == (Tone.GOOD, "All is well: watching 2 numbers")


def test_the_same_as_data() -> None:
    with serving(alarming_day) as server:
        found = json.loads(ask(server, "/status.json").text)
        one = json.loads(ask(server, "/status.json?q=sessions-fell").text)
    assert found["ok"] is True
    assert found["alerts"][-1] == {
        "name": "bounce-rate-spike",
        "state": "firing",
        "app": "shop",
        "title": "Bounce rate",
        "since": "2026-11-24T08:45:00Z",
        "value": "62.4 %",
        "bound": "above 60 %",
        "bucket": "2026-11-24T09:30Z",
        "reason": "bounce rate came to 62.4 % so far, above 60 %",
        "severity": "warning",
        "enabled": True,
        "told": True,
        "errors": 0,
        "silence": None,
        "next_look": "2026-11-24T09:45:00Z",
    }
    assert [alert["name"] for alert in one["alerts"]] == ["sessions-fell"]
    assert one["alerts"][0]["silence"] == {
        "until": "2026-11-25T08:00:00Z",
        "author": "ana",
        "why": "the shop is closed for stocktaking",
    }


def test_many_alerts_make_a_small_page_and_the_search_finds_each() -> None:
    many = tuple(replace(FINE, name=f"alert-{n:04}") for n in range(1500))
    crowd = replace(good_day(), alerts=(*many, FIRING))
    page = read(crowd)
    assert page.count("usual deviations from the median of 12,390") == 49
    assert "bounce-rate-spike" in page
    assert "1,451 more alerts. Show more of them" in words(page)
    assert "501 more alerts. Find them by name or app." in words(read(crowd, "/?all=1"))
    found = words(read(crowd, "/?q=alert-0042"))
    assert "ok alert-0042" in found
    assert "alert-0043" not in found


def test_hostile_texts_are_only_text() -> None:
    page = read(hostile_alerts())
    assert "<script" not in page
    assert "<img" not in page
    assert "49" not in words(page).replace("7*7", "")
    assert "\u202e" not in page


def test_every_state_has_its_place() -> None:
    assert {alert.state for alert in ALERTS} == set(Phase)
