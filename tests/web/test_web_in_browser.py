"""The status page in a real browser, from the real server: light and dark, phone and desk."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import pytest

from digest.web import Access
from tests.support.alert_standings import alarming_day, hostile_alerts
from tests.support.browser import LOWEST_CONTRAST, Browser, chromium
from tests.support.standings import (
    bad_day,
    empty_start,
    good_day,
    many_jobs,
    watched_day,
)
from tests.support.status_pages import TOKEN, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.browser

DAYS = {
    "good": good_day,
    "bad": bad_day,
    "watched": watched_day,
    "empty": empty_start,
    "alarming": alarming_day,
    "hostile": hostile_alerts,
    "many": lambda: many_jobs(200),
}
OPEN_ALL = "document.querySelectorAll('details').forEach(one => { one.open = true })"
LOWEST_MARK = """
(() => {
  const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const rgb = css => css.match(/[\\d.]+/g).map(Number);
  const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const paper = element => {
    for (let e = element; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
  };
  return Math.min(...[...document.querySelectorAll('.strip .fill, .dot .fill, .tone .fill')]
    .map(mark => {
      const pair = [light(rgb(getComputedStyle(mark).fill)), light(paper(mark))];
      const [a, b] = pair.sort((x, y) => y - x);
      return (a + 0.05) / (b + 0.05);
    }));
})()
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        opened.command("Log.enable")
        opened.command("Runtime.enable")
        yield opened


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(serving(day)).origin for name, day in DAYS.items()}


def complaints(browser: Browser) -> list[str]:
    """What the browser wrote to its console since the last look."""
    said = [
        str(event["params"])
        for event in browser.events
        if event["method"]
        in {"Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"}
    ]
    browser.events.clear()
    return said


@pytest.mark.parametrize("width", [320, 390, 720, 1200])
@pytest.mark.parametrize("day", DAYS)
def test_nothing_is_wider_than_the_window(
    browser: Browser, served: dict[str, str], day: str, width: int
) -> None:
    browser.open(served[day], width=width, dark=False)
    browser.value(OPEN_ALL)
    assert browser.value("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("day", ["good", "bad", "watched", "alarming", "empty"])
def test_every_text_and_every_mark_can_be_seen(
    browser: Browser, served: dict[str, str], day: str, width: int, *, dark: bool
) -> None:
    browser.open(served[day], width=width, dark=dark)
    browser.value(OPEN_ALL)
    background = browser.value("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 200) is dark
    assert browser.value(LOWEST_CONTRAST) >= 4.5
    assert browser.value(LOWEST_MARK) >= 3


@pytest.mark.parametrize("day", DAYS)
def test_the_browser_has_nothing_to_complain_about(
    browser: Browser, served: dict[str, str], day: str
) -> None:
    complaints(browser)
    browser.open(served[day], width=1200, dark=False)
    browser.value("new Promise(done => setTimeout(done, 50))")
    assert complaints(browser) == []
    assert browser.value("document.scripts.length") == 0
    assert browser.value("getComputedStyle(document.querySelector('.page')).maxWidth") == "1120px"


def test_what_slips_into_the_page_would_not_run(browser: Browser, served: dict[str, str]) -> None:
    complaints(browser)
    browser.open(served["good"], width=1200, dark=False)
    browser.value(
        "document.body.insertAdjacentHTML('beforeend',"
        ' \'<img src="data:," onerror="window.ran = 1"><i style="color: red"></i>\')'
    )
    browser.value("new Promise(done => setTimeout(done, 50))")
    assert browser.value("window.ran") is None
    assert len([said for said in complaints(browser) if "Content Security Policy" in said]) == 2


def test_jobs_are_a_table_at_a_desk_and_cards_on_a_phone(
    browser: Browser, served: dict[str, str]
) -> None:
    tops = (
        "new Set([...document.querySelectorAll('.jobs tbody tr:first-child > *')]"
        ".map(cell => Math.round(cell.getBoundingClientRect().top))).size"
    )
    browser.open(served["good"], width=1200, dark=False)
    assert browser.value(tops) == 1
    browser.open(served["good"], width=390, dark=False)
    assert browser.value(tops) == 4


def test_who_listens_finds_landmarks_headings_and_tables(
    browser: Browser, served: dict[str, str]
) -> None:
    for width in (390, 1200):
        browser.open(served["bad"], width=width, dark=False)
        browser.value(OPEN_ALL)
        nodes = browser.command("Accessibility.getFullAXTree")["nodes"]
        seen = [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if not node["ignored"]
        ]
        roles = [role for role, _ in seen]
        for landmark in ("main", "banner", "contentinfo", "region"):
            assert landmark in roles
        assert ("heading", "5 things need you") in seen
        assert ("table", "Jobs 5 jobs") in seen
        assert ("rowheader", "monday-email shop · mon 08:00") in seen
        assert ("columnheader", "Next") in seen
        assert roles.count("image") >= 5
        assert ("image", "Last 14 periods: 12 sent, 1 failed, 1 partly sent") in seen


def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    browser: Browser, served: dict[str, str]
) -> None:
    browser.open(served["bad"], width=1200, dark=False)
    key = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
    names = []
    for _ in range(5):
        for kind in ("keyDown", "keyUp"):
            browser.command("Input.dispatchKeyEvent", {"type": kind, **key})
        names.append(browser.value("document.activeElement.tagName"))
        assert browser.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert names == ["A", "A", "SUMMARY", "SUMMARY", "SUMMARY"]


def test_a_browser_logs_in_by_itself_and_keeps_the_token_out_of_the_address(
    browser: Browser,
) -> None:
    with serving(access=Access(token=TOKEN)) as server:
        url = server.origin.replace("//", f"//digest:{TOKEN}@")
        browser.open(url, width=1200, dark=False)
        assert browser.value("document.querySelector('h1').textContent").startswith("All is well")
        browser.open(f"{server.origin}/?q=daily", width=1200, dark=False)
        assert "daily-slack" in browser.value("document.body.textContent")
        assert TOKEN not in browser.value("document.documentElement.outerHTML + location.href")
        assert browser.value("document.cookie") == ""


def test_the_search_form_asks_and_changes_nothing(browser: Browser, served: dict[str, str]) -> None:
    browser.open(served["many"], width=1200, dark=False)
    complaints(browser)
    browser.value("document.querySelector('#q').value = 'team-00123'")
    browser.value("void setTimeout(() => document.querySelector('form button').click(), 0)")
    for _ in range(100):
        with suppress(RuntimeError):  # the old page goes away while it is asked
            if "q=team-00123" in browser.value("location.search"):
                break
        time.sleep(0.02)
    browser.value(
        "new Promise(done => document.readyState === 'complete' ? done(1)"
        " : addEventListener('load', () => done(1)))"
    )
    assert browser.value("document.querySelectorAll('.jobs tbody tr').length") == 1
    assert complaints(browser) == []
