"""Rules about breakdowns: `new_value` and `share`; and `no_data`, which judges what is missing."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from digest.core.alert_model import Seen
from digest.core.breakdowns import Listing
from digest.core.metrics import Dimension, Metric
from digest.core.rules.limits import Line
from digest.core.rules.new_value import NewValue
from digest.core.rules.no_data import NoData
from digest.core.rules.reading import Known, ListWant, Scope
from digest.core.rules.share import Share
from tests.support.rule_parts import SATURDAY, WORDS, known, listing, of_day, today

S = "\N{NO-BREAK SPACE}"
END = SATURDAY + timedelta(days=1)
COUNTRY, EVENT = Dimension.SESSIONS_COUNTRY, Dimension.EVENTS_EVENT_NAME
PLATFORM = Dimension.SESSIONS_PLATFORM
NEW = NewValue(dimension=COUNTRY)
NEW_EVENT = NewValue(dimension=EVENT)
IOS = Share(dimension=PLATFORM, of="iOS", line=Line(up=True, limit=60, clear=54))
FEW_IOS = Share(dimension=PLATFORM, of="iOS", line=Line(up=False, limit=40, clear=44))
USERS = Share(dimension=Dimension.USERS_PLATFORM, of="ios", line=Line(up=True, limit=60, clear=54))


def both(now: Listing | None, before: Listing | None, dimension: Dimension = COUNTRY) -> Known:
    start = SATURDAY - timedelta(days=90)
    found = {
        ListWant(dimension, SATURDAY, END): now,
        ListWant(dimension, start, SATURDAY): before,
    }
    return Known(lists={want: one for want, one in found.items() if one is not None})


def news(
    facts: Known, rule: NewValue = NEW, scope: Scope | None = None
) -> tuple[Seen, str, str, float | None]:
    found = rule.observe(scope or of_day(), facts, WORDS)
    return found.seen, found.reason, found.subject, found.value


OLD = listing(DE=100, FR=50)


@pytest.mark.parametrize(
    ("facts", "scope", "verdict", "reason", "subject"),
    [
        (
            both(listing(DE=9, FR=2), OLD), of_day(), Seen.CLEAR,
            "no new country in the 90 days before", "",
        ),
        (
            both(listing(DE=9, FI=2), OLD), of_day(), Seen.BREACH,
            "country FI (2) was not there in the 90 days before", "FI",
        ),
        (
            both(listing(A=1, DE=9, B=3, C=3, D=7, E=5, F=4), OLD), of_day(), Seen.BREACH,
            ("countries D (7), E (5), F (4), B (3), C (3) and 1 more were not there in the 90 days "
             "before"),
            "D, E, F, B, C and 1 more",
        ),
        (
            both(listing(FI=9), listing(complete=False, DE=900, FR=100)), of_day(), Seen.BREACH,
            "country FI (9) was not among the top 50 of the 90 days before", "FI",
        ),
        (
            both(listing(FI=4), listing(complete=False, DE=900, FR=100)), of_day(), Seen.CLEAR,
            "no country stands out that was not among the top 50 of the 90 days before", "",
        ),
        (
            both(listing(FI=2), OLD), of_day(count=5), Seen.TOO_FEW,
            "FI (2): too few of a new country, 5 are asked for", "",
        ),
        (both(Listing(rows=(("unknown", 4), ("", 3)), complete=True), OLD), of_day(), Seen.CLEAR,
         "no new country in the 90 days before", ""),
        (both(listing(), OLD), of_day(), Seen.CLEAR, "no new country in the 90 days before", ""),
        (
            both(listing(FI=2), listing()), of_day(), Seen.MISSING,
            "there are no countries in the 90 days before to compare with", "",
        ),
        (both(None, OLD), of_day(), Seen.MISSING, "the list of countries is not known", ""),
        (both(OLD, None), of_day(), Seen.MISSING, "the list of countries is not known", ""),
    ],
)  # fmt: skip
def test_what_was_not_there_before_is_news(
    facts: Known, scope: Scope, verdict: Seen, reason: str, subject: str
) -> None:
    assert news(facts, NEW, scope)[:3] == (verdict, reason, subject)


@pytest.mark.parametrize(
    ("last", "count", "verdict"),
    [(9, 1, Seen.CLEAR), (9, 3, Seen.BREACH), (900, 20, Seen.CLEAR), (900, 21, Seen.BREACH)],
    ids=["a rare one turns up", "a rare one thrice", "as chance has it", "more than chance has it"],
)
def test_beyond_a_cut_list_only_what_chance_does_not_explain_is_news(
    last: int, count: int, verdict: Seen
) -> None:
    facts = both(listing(FI=count), listing(complete=False, DE=9000, FR=last))

    assert news(facts)[0] is verdict


def test_events_are_among_ten() -> None:
    facts = both(listing(crash=7), listing(complete=False, buy=9), EVENT)

    assert news(facts, NEW_EVENT) == (
        Seen.BREACH, "event crash (7) was not among the top 10 of the 90 days before", "crash", 7,
    )  # fmt: skip
    assert NEW_EVENT.bound(WORDS) == "an event that was not there in the 90 days before"
    assert (NEW.title(), NEW.bound(WORDS)) == (
        "New country", "a country that was not there in the 90 days before",
    )  # fmt: skip
    assert (NEW.lasting, NEW.metric, NEW.daily(facts, (SATURDAY,))) == (False, None, None)


def test_news_asks_for_two_lists_and_no_days() -> None:
    wants = NewValue(dimension=EVENT, days=7).wants(of_day())

    assert wants.series == frozenset()
    assert wants.lists == {
        ListWant(EVENT, SATURDAY, END), ListWant(EVENT, date(2026, 11, 14), SATURDAY),
    }  # fmt: skip
    assert NEW.wants(of_day(sessions=5)).series != frozenset()


def platforms(now: Listing | None, sessions: float | None = 100) -> Known:
    lists = {} if now is None else {ListWant(PLATFORM, SATURDAY, END): now}
    return Known(values=known(sessions=[sessions]).values, lists=lists)


@pytest.mark.parametrize(
    "case",
    [
        (IOS, platforms(listing(ios=64, android=36)), of_day(), Seen.BREACH, 64,
         f"iOS came to 64.0{S}% of sessions (64 of 100), above 60{S}%"),
        (IOS, platforms(listing(ios=40, iOS=24, android=36)), of_day(), Seen.BREACH, 64,
         f"iOS came to 64.0{S}% of sessions (64 of 100), above 60{S}%"),
        (IOS, platforms(listing(ios=64), 200), today(), Seen.CLEAR, 32,
         f"iOS came to 32.0{S}% of sessions (64 of 200) so far, not above 60{S}%"),
        (IOS, platforms(listing(ios=64, web=36), None), of_day(), Seen.BREACH, 64,
         f"iOS came to 64.0{S}% of sessions (64 of 100), above 60{S}%"),
        (IOS, platforms(listing(complete=False, ios=64), None), of_day(), Seen.MISSING, None,
         "how many sessions there were in all is not known"),
        (FEW_IOS, platforms(listing(web=100)), of_day(), Seen.BREACH, 0,
         f"iOS came to 0.0{S}% of sessions (0 of 100), below 40{S}%"),
        (FEW_IOS, platforms(listing(complete=False, web=90)), of_day(), Seen.MISSING, None,
         "iOS is not among the top 1, so its share is not known"),
        (FEW_IOS, platforms(listing(), 0), of_day(), Seen.MISSING, None,
         "there were no sessions, so there is no share of them"),
        (FEW_IOS, platforms(None), of_day(), Seen.MISSING, None,
         "the list of sessions by platform is not known"),
        (IOS, platforms(listing(ios=20), 20), of_day(sessions=30), Seen.TOO_FEW, None,
         "only 20 sessions, 30 are asked for"),
        (IOS, platforms(listing(ios=57, web=43)), of_day(), Seen.BETWEEN, 57,
         (f"iOS came to 57.0{S}% of sessions (57 of 100), not above 60{S}%, but not below 54{S}% "
          "either")),
    ],
)  # fmt: skip
def test_a_share_of_the_true_total(
    case: tuple[Share, Known, Scope, Seen, float | None, str],
) -> None:
    rule, facts, scope, *expected = case
    found = rule.observe(scope, facts, WORDS)
    assert [found.seen, found.value, found.reason] == expected


def test_a_share_of_users_is_of_all_of_them() -> None:
    facts = Known(
        values=known(total_users=[500, 610]).values,
        lists={ListWant(Dimension.USERS_PLATFORM, None, None): listing(complete=False, ios=400)},
    )
    found = USERS.observe(of_day(), facts, WORDS)

    assert found.seen is Seen.BREACH
    assert found.value == pytest.approx(65.57, abs=0.01)
    assert found.reason == f"ios came to 65.6{S}% of users (400 of 610), above 60{S}%"
    assert {want.metric for want in USERS.wants(of_day()).series} == {Metric.TOTAL_USERS}


def test_a_share_says_what_it_is_about() -> None:
    assert (IOS.title(), IOS.bound(WORDS)) == (
        "Sessions by platform: iOS", f"above 60{S}% of sessions",
    )  # fmt: skip
    assert (IOS.lasting, IOS.metric, IOS.dimension) == (True, None, PLATFORM)


NOTHING = NoData()
NEW_USERS = NoData(watched=Metric.NEW_USERS)
RATIO = NoData(watched=Metric.EVENTS_PER_SESSION)
EVENTS = NoData(watched=Metric.EVENTS)


@pytest.mark.parametrize(
    ("rule", "facts", "scope", "verdict", "reason"),
    [
        (NOTHING, known(sessions=[9, 0]), of_day(), Seen.BREACH,
         "no sessions were counted on Sat, Nov 21, 2026"),
        (NOTHING, known(sessions=[9, None]), of_day(), Seen.BREACH,
         "Phase has nothing on sessions for Sat, Nov 21, 2026"),
        (NOTHING, Known(), of_day(), Seen.BREACH,
         "Phase has nothing on sessions for Sat, Nov 21, 2026"),
        (NOTHING, known(sessions=[0, 3]), of_day(), Seen.CLEAR, "there is data: 3 sessions"),
        (NOTHING, known(sessions=[0]), today(), Seen.BREACH,
         "no sessions were counted on Sat, Nov 21, 2026 so far"),
        (NEW_USERS, known(new_users=[0], sessions=[40]), of_day(), Seen.CLEAR,
         "there is data: 0 new users"),
        (NEW_USERS, known(new_users=[0], sessions=[0]), of_day(), Seen.BREACH,
         "no new users were counted on Sat, Nov 21, 2026"),
        (RATIO, known(events=[0], sessions=[40]), of_day(), Seen.BREACH,
         "no events were counted on Sat, Nov 21, 2026"),
        (EVENTS, known(events=[0], sessions=[4]), of_day(sessions=10), Seen.TOO_FEW,
         "only 4 sessions, 10 are asked for"),
        (EVENTS, known(events=[0], sessions=[40]), of_day(sessions=10), Seen.BREACH,
         "no events were counted on Sat, Nov 21, 2026"),
    ],
)  # fmt: skip
def test_only_no_data_judges_what_is_missing(
    rule: NoData, facts: Known, scope: Scope, verdict: Seen, reason: str
) -> None:
    found = rule.observe(scope, facts, WORDS)
    assert (found.seen, found.reason) == (verdict, reason)


def test_no_data_says_what_it_is_about() -> None:
    rate = NoData(watched=Metric.BOUNCE_RATE)
    assert (rate.title(), rate.bound(WORDS), rate.metric) == (
        "No data: sessions", "nothing counted", Metric.SESSIONS,
    )  # fmt: skip
    series = NOTHING.daily(known(sessions=[4, 0]), (date(2026, 11, 20), SATURDAY))
    assert series is not None
    assert series.values == (4, 0)
