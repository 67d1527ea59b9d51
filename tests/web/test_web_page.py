"""What the page says, asked over HTTP."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from digest.errors import StoreError, TemplateError
from digest.web import Health, Standing
from digest.web.rendering import StatusPage
from tests.support.standings import (
    HOSTILE,
    bad_day,
    empty_start,
    good_day,
    hostile_day,
    many_jobs,
    watched_day,
)
from tests.support.status_pages import METRICS, ask, read, serving, words


@pytest.fixture(scope="module")
def good() -> str:
    return words(read(good_day()))


@pytest.fixture(scope="module")
def bad() -> str:
    return words(read(bad_day()))


@pytest.mark.parametrize(
    "expected",
    [
        "All is well: next is tokyo-daily, today 23:30",
        "Jobs 5 jobs",
        "monday-email shop · mon 08:00 Mon 30 Nov 08:00 in 6 days 07:00 UTC · 2026-W48",
        "Wed 25 Nov 07:30 in 13 hours Asia/Tokyo · Tue 22:30 UTC · 2026-11-24",
        "2026-11-24 · waits until Wed 25 Nov 11:00",
        "sent 2026-W47 yesterday 08:00 · on time",
        "campaign-2026 shop · fri 16:00 switched off",
        "monday-email 2026-W47 3 sent yesterday 08:00 on time",
        "Ana <ana@example.com> mail yesterday 08:00",
        "The chart of sessions was not taken; the message says so.",
        "shop 12 of 300",
        "due periods 0 deliveries 0",
        "Next to fetch: shop and shop-jp, 24 requests from 01:55 on.",
        "digest 0.1.0, up 12 days. Config /etc/digest/config.yaml , loaded Sat 21 Nov 08:31 .",
    ],
)
def test_a_good_day(good: str, expected: str) -> None:
    assert expected in good


@pytest.mark.parametrize("absent", ["Needs you", "To keep an eye on", "Alerts", "Now "])
def test_a_good_day_has_no_empty_sections(good: str, absent: str) -> None:
    assert absent not in good


@pytest.mark.parametrize(
    "expected",
    [
        "5 things need you",
        "The changed config was not taken up since today 10:12 config.yaml:14:5: digests.",
        "The one before stays in use. Put this right, then: digest check digest serve --reload",
        "Channel mail can't be used since today 09:58 the login was refused (535 5.7.8",
        "monday-email 2026-W47 to Ana <ana@example.com> over mail: held since yesterday 08:02",
        "Look whether it arrived, then one of: digest deliveries resolve c0ffee12 --sent digest",
        "Put right what the answer says, then: digest deliveries resend 5b1e9c02",
        "And 1 more: digest deliveries --failed",
        "Channel slack is tried again today 10:35 in trouble since today 10:20 slack.com can't",
        "The clock is 94 seconds behind the API's. since today 06:15",
        "Running since today 10:30 daily-slack 2026-11-23 fetching 5 of 12",
        "Waiting tokyo-daily 2026-11-23 The key was refused",
        "Waiting until today 10:33 emea-daily 2026-11-23 The API asked to wait.",
        "failed 2026-11-23 today 03:00 · on time the key of app shop-jp was refused (401)",
        "partly sent monday-email 2026-W47 41 sent, 1 dead, 1 failed, 1 held",
        "sessions.country could not be fetched; the digest says so.",
        "failed old@example.com 550 5.1.1 <old@example.com>: Recipient address rejected",
        "And 40 more: digest deliveries",
    ],
)
def test_a_bad_day(bad: str, expected: str) -> None:
    assert expected in bad


def test_what_needs_a_person_comes_first(bad: str) -> None:
    order = ["5 things need you", "Needs you", "To keep an eye on", "Now", "Jobs", "Recent runs"]
    places = [bad.index(heading) for heading in order]
    assert places == sorted(places)


def test_deliveries_in_trouble_come_first(bad: str) -> None:
    assert bad.index("dead #growth") < bad.index("sent ceo@example.com")


def test_passing_trouble_needs_nobody() -> None:
    page = words(read(watched_day()))
    assert "Nothing needs you; 2 troubles to keep an eye on" in page
    assert "Needs you" not in page


def test_a_first_start_says_what_comes() -> None:
    page = words(read(empty_start()))
    assert "All is well: next is monday-email, Mon 30 Nov 08:00" in page
    assert "up 20 seconds" in page
    assert "Nothing was sent yet. The first digest goes out at the time above;" in page


def test_a_config_without_digests_says_so() -> None:
    page = words(read(replace(empty_start(), jobs=())))
    assert "No digest is configured yet" in page
    assert "digest init" in page


def test_a_strip_has_words_for_who_cannot_see_it() -> None:
    page = read(bad_day())
    assert 'aria-label="Last 14 periods: 12 sent, 1 failed, 1 partly sent"' in page
    assert "<title>2026-W47: partly sent</title>" in page


@pytest.fixture(scope="module")
def crowd() -> Standing:
    return many_jobs()


def test_ten_thousand_jobs_make_a_small_page(crowd: Standing) -> None:
    page = read(crowd)
    assert len(page) < 700_000
    seen = re.findall(r"team-\d{5}", page.partition('id="jobs"')[2])
    assert seen[:4] == ["team-00017", "team-04711", "team-09999", "team-00000"]
    assert "9,947 more jobs, later or switched off." in words(page)


def test_all_of_them_is_as_many_as_a_page_can_hold(crowd: Standing) -> None:
    page = read(crowd, "/?all=1")
    assert len(page) < 4_000_000
    assert "9,000 more jobs, later or switched off. Find them by name or app." in words(page)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("team-04711", "1 job"),
        ("TEAM app-711", "10 jobs"),
        ("nobody", "0 jobs"),
        ("%3Cb%3E", "0 jobs"),
    ],
)
def test_jobs_are_found_by_name_and_app(crowd: Standing, query: str, found: str) -> None:
    page = read(crowd, f"/?q={query.replace(' ', '+')}")
    assert f"{found} with “" in words(page)
    assert "<b>" not in page.partition("<main")[2].partition('id="runs"')[0]


def test_a_search_finds_runs_too() -> None:
    page = words(read(good_day(), "/?q=tokyo"))
    assert "1 job with “tokyo”" in page
    assert "monday-email 2026-W47" not in page


def test_hostile_names_are_only_text() -> None:
    page = read(hostile_day(), "/?q=%22%3E%3Cscript%3Ealert(1)")
    assert "<script" not in page
    assert "<img" not in page
    assert "49" not in words(page).replace("7*7", "")
    page = read(hostile_day())
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 20
    assert "\u202e" not in page
    assert "\x00" not in page


def test_an_endless_text_is_cut() -> None:
    endless = replace(good_day(), words="a" * 1_000_000)
    assert len(read(endless)) < 50_000


def test_the_same_as_data() -> None:
    with serving(bad_day) as server:
        reply = ask(server, "/status.json")
    found = json.loads(reply.text)
    assert reply.headers["content-type"] == "application/json"
    assert (found["ok"], found["verdict"]) == (False, "5 things need you")
    assert found["now"] == "2026-11-24T09:31:00Z"
    assert found["zone"] == "Europe/Berlin"
    assert found["needs_total"] == 5
    assert found["needs"][2]["commands"][0] == "digest deliveries resolve c0ffee12 --sent"
    assert found["jobs"][0]["next"] == {
        "at": "2026-11-30T07:00:00Z",
        "period": "2026-W48",
        "ready": None,
    }
    assert found["jobs"][0]["past"][-1]["late"] == 9.0
    assert found["runs"][1]["counts"] == {"sent": 41, "failed": 1, "held": 1, "dead": 1}


def test_the_data_of_ten_thousand_jobs_can_be_asked_for_in_part(crowd: Standing) -> None:
    with serving(lambda: crowd) as server:
        found = json.loads(ask(server, "/status.json?q=team-04711").text)
    assert [job["name"] for job in found["jobs"]] == ["team-04711"]


@pytest.mark.parametrize(
    ("health", "path", "expected"),
    [
        (Health(alive=True, ready=True), "/healthz", (200, "alive\n")),
        (Health(alive=True, ready=False), "/healthz", (200, "alive\n")),
        (Health(alive=False, ready=False), "/healthz", (503, "not alive\n")),
        (Health(alive=True, ready=True), "/readyz", (200, "ready\n")),
        (
            Health(alive=True, ready=False, reasons=("the disk is full",)),
            "/readyz",
            (503, "not ready\nthe disk is full\n"),
        ),
    ],
)
def test_health(health: Health, path: str, expected: tuple[int, str]) -> None:
    with serving(health=health) as server:
        reply = ask(server, path)
    assert (reply.status, reply.text) == expected


def test_metrics_are_passed_on_as_they_are() -> None:
    with serving() as server:
        reply = ask(server, "/metrics")
    assert (reply.text.encode(), reply.headers["content-type"]) == METRICS


def test_there_is_an_icon_and_nothing_else() -> None:
    with serving() as server:
        assert ask(server, "/favicon.ico").headers["content-type"].startswith("image/svg+xml")
        for path in ("/nothing", "/status", "/../etc/passwd", "/%00", "/static/x", "/healthz/"):
            assert ask(server, path).status == 404


def test_a_ledger_in_trouble_is_one_sentence() -> None:
    def broken() -> Standing:
        raise StoreError("the ledger can't be read: disk I/O error")

    with serving(broken) as server:
        reply = ask(server)
        assert (reply.status, reply.text) == (503, "the ledger can't be read: disk I/O error\n")
        assert ask(server, "/healthz").status == 200


def test_a_fault_of_ours_shows_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Standing:
        raise RuntimeError("secret innards")

    with serving(broken) as server:
        reply = ask(server)
    assert (reply.status, "innards" in reply.text) == (500, False)
    assert [getattr(record, "action", "") for record in caplog.records] == ["page_failed"]


def test_missing_templates_are_said_at_the_start(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(TemplateError, match="status page's templates are not in"):
        StatusPage(tmp_path_factory.mktemp("empty"))


def test_the_reading_says_when() -> None:
    page = read(replace(good_day(), now=datetime(2026, 11, 24, 23, 30, tzinfo=UTC)))
    assert 'title="Wed 25 Nov 2026 00:30 (Tue 24 Nov 2026 23:30 UTC)">today 00:30</time>' in page
    assert HOSTILE not in page
