"""Messages about alerts: what a reader gets, the same in HTML, text and Slack."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from digest.core.alert_model import Severity, VerdictKind
from digest.core.content import Picture, SlackContent
from digest.core.metrics import Unit
from digest.core.periods import month_of, week_of
from digest.render import Renderer
from digest.render.alert_view import notice_view
from digest.render.alert_words import length
from digest.render.fitting import MAX_HTML_BYTES
from digest.render.sample_alerts import (
    data_again,
    firing,
    held_back,
    long_names,
    notice_of,
    resolved,
    resolved_sessions,
    sample_notices,
    so_far,
    still_firing,
    without_data,
)
from digest.sandbox.blockkit import BlockKit
from tests.support.golden import golden
from tests.support.rendered import Structure, as_posted, slack_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.core.alert_notice import AlertItem
    from digest.core.content import Content

RENDERER = Renderer(None)
CASES = tuple(sample_notices())
STATES = {
    "firing": firing(),
    "still firing": still_firing(),
    "resolved": resolved(),
    "held back": held_back(),
    "no data": without_data(),
    "data again": data_again(),
}


def rendered(case: str) -> Content:
    return RENDERER.notice(*sample_notices()[case])


def said(*items: AlertItem, **changes: Any) -> Content:
    notice, pictures = notice_of(*items), sample_notices()["group"][1]
    return RENDERER.notice(replace(notice, **changes), pictures)


def flat(text: str) -> str:
    return " ".join(
        text.replace("\N{NO-BREAK SPACE}", " ")
        .replace("\u202f", " ")
        .replace("\u2009", " ")
        .split()
    )


def forms(content: Content) -> dict[str, str]:
    return {
        "html": flat(Structure(content.email.html).text),
        "text": flat(content.email.text),
        "slack": flat(slack_text(content.slack)),
    }


# Whole messages ----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["firing", "still firing", "resolved", "held back", "group"])
def test_a_message_reads_as_it_was_agreed(case: str) -> None:
    content = rendered(case)
    posts = [
        {"thread": post.thread, "text": post.text, "blocks": post.blocks}
        for post in content.slack.messages
    ]
    slack = json.dumps(posts, indent=1, ensure_ascii=False)
    made = f"Subject: {content.email.subject}\n\n{content.email.text}\n{slack}\n"
    assert made == golden(f"alert-{case.replace(' ', '-')}.txt", made)


def facts(alert: dict[str, Any], *, compact: bool) -> Iterator[str]:
    yield from (alert["state"]["word"], alert["verdict"], alert["lead"], *alert["remarks"])
    yield from (alert["action"], alert["owner"], alert["link_text"], alert["severity"]["word"])
    if compact:
        yield from (alert["brief"], alert["causes"][0]["sentence"])
        return
    yield from (alert["bound"], alert["looked"], alert["again"], alert["silence"])
    for fact in alert["facts"]:
        yield from (fact["title"], fact["text"])
    yield from (cause["sentence"] for cause in alert["causes"])
    if alert["chart"]:
        yield alert["chart"]["alt"] or alert["chart"]["sentence"]


@pytest.mark.parametrize("case", [case for case in CASES if case != "still firing"])
def test_every_fact_is_the_same_in_html_text_and_slack(case: str) -> None:
    view = notice_view(*sample_notices()[case])
    content = rendered(case)
    alts = " ".join(re.findall(r'alt="([^"]*)"', content.email.html))
    whole = forms(content)
    whole["html"] += flat(alts)
    wanted = {view["about"], view["made"], view["when"], *view["notes"], *view["more"]}
    for alert in view["alerts"]:
        wanted |= set(facts(alert, compact=view["compact"]))
    assert len(wanted) >= 8
    for form, text in whole.items():
        folded = text.casefold()
        for fact in wanted:
            assert flat(fact).casefold() in folded, form


@pytest.mark.parametrize("locale", ["de", "pt_BR", "hi"])
def test_numbers_and_days_are_worded_in_the_locale(locale: str) -> None:
    view = notice_view(replace(notice_of(resolved()), locale=locale), ())
    content = said(resolved(), locale=locale)
    for text in forms(content).values():
        assert flat(view["alerts"][0]["lead"]) in text
        assert all(flat(fact["text"]) in text for fact in view["alerts"][0]["facts"])


# Headlines and subjects --------------------------------------------------------------------------

CHANGE = replace(
    firing(),
    what="Sessions",
    unit=Unit.COUNT,
    value=120,
    measured="−45.2 % to 120",
    bound="a fall of 30 % against the same weekday",
)


@pytest.mark.parametrize(
    ("item", "verdict"),
    [
        (firing(), "Bounce rate 64.1 % is above 60 %"),
        (still_firing(), "Bounce rate 62.3 % is still above 60 %"),
        (resolved(), "Bounce rate 48.2 % is no longer above 60 %"),
        (held_back(), "Bounce rate fired 3 times without a message"),
        (without_data(), "Bounce rate has no data"),
        (data_again(), "Bounce rate has data again: 48.2 %"),
        (CHANGE, "Sessions −45.2 % to 120 (limit: a fall of 30 % against the same weekday)"),
        (
            replace(CHANGE, kind=VerdictKind.REPEAT),
            (
                "Sessions −45.2 % to 120, still beyond its limit "
                "(a fall of 30 % against the same weekday)"
            ),
        ),
        (
            replace(CHANGE, kind=VerdictKind.RESOLVE, measured="+1.0 % to 221"),
            (
                "Sessions +1.0 % to 221, within its limit again "
                "(a fall of 30 % against the same weekday)"
            ),
        ),
        (
            replace(firing(), what="New countries", measured="Chile", bound="", value=None),
            "New countries: Chile",
        ),
        (
            replace(firing(), kind=VerdictKind.QUIET),
            "Bounce rate 64.1 % is still above 60 %",
        ),
        (
            replace(firing(), what="Top events", subject="purchase"),
            "Top events: purchase 64.1 % is above 60 %",
        ),
    ],
)
def test_a_headline_says_what_is_so_now(item: AlertItem, verdict: str) -> None:
    content = said(item)
    assert verdict in forms(content)["html"]
    assert verdict in forms(content)["text"]
    assert verdict in forms(content)["slack"]


@pytest.mark.parametrize(
    ("items", "headline"),
    [
        ((firing(),), "Critical: Bounce rate 64.1 % is above 60 % · Acme Shop · Sat, Nov 21"),
        (
            (replace(firing(), severity=Severity.WARNING),),
            "Bounce rate 64.1 % is above 60 % · Acme Shop · Sat, Nov 21",
        ),
        (
            (replace(firing(), severity=Severity.INFO, partial=True),),
            "Bounce rate 64.1 % is above 60 % · Acme Shop · Sat, Nov 21 so far",
        ),
        (
            (resolved(), firing()),
            (
                "1 alert fires, 1 is resolved · Acme Shop · Bounce rate 64.1 % is above 60 %; "
                "Bounce rate 48.2 % is no longer above 60 %"
            ),
        ),
        (
            (firing(), firing(), without_data(), held_back(), held_back()),
            "2 alerts fire, 1 has no data, 2 were held back · Acme Shop · ",
        ),
    ],
)
def test_a_notification_stands_alone(items: tuple[AlertItem, ...], headline: str) -> None:
    content = said(*items)
    first = content.slack.messages[0]
    assert flat(slack_text(SlackContent(messages=(replace(first, blocks=()),)))).startswith(
        headline
    )
    preview = re.search(r'class="preheader"[^>]*>(.*?)</div>', content.email.html)
    assert preview is not None
    assert flat(unescape(preview[1])).startswith(headline)


@pytest.mark.parametrize(
    ("item", "subject"),
    [
        (firing(), "[firing] Acme Shop: bounce rate above 60 % (since Sat, Nov 21)"),
        (still_firing(), "[still firing] Acme Shop: bounce rate above 60 % (since Sat, Nov 21)"),
        (resolved(), "[resolved] Acme Shop: bounce rate above 60 % (since Sat, Nov 21)"),
        (held_back(), "[held back] Acme Shop: bounce rate above 60 % (since Wed, Nov 18)"),
        (without_data(), "[no data] Acme Shop: bounce rate"),
        (data_again(), "[data again] Acme Shop: bounce rate"),
        (
            CHANGE,
            (
                "[firing] Acme Shop: sessions, a fall of 30 % against the same weekday "
                "(since Sat, Nov 21)"
            ),
        ),
    ],
)
def test_a_subject_is_the_same_for_an_episode_but_for_its_mark(
    item: AlertItem, subject: str
) -> None:
    assert flat(said(item).email.subject) == subject


def test_the_subject_of_a_group_does_not_hang_on_which_of_them_fires() -> None:
    both = said(firing(), replace(so_far(), kind=VerdictKind.FIRE)).email.subject
    later = said(resolved(), so_far()).email.subject
    assert both.partition("] ")[2] == later.partition("] ")[2]
    assert both.startswith("[firing] Acme Shop: 2 alerts (since Sat, Nov 21): bounce rate, ")


# What a reader must get --------------------------------------------------------------------------


def test_states_differ_by_word_and_by_colour() -> None:
    seen = {}
    for mark, item in STATES.items():
        content = said(item)
        stripe = re.search(r'class="stripe"[^>]*background:\s*(#\w+)', content.email.html)
        assert stripe is not None
        word = item.kind.value
        seen[mark] = stripe[1]
        assert content.email.subject.startswith(f"[{mark}] "), word
        assert f">{mark}<" in content.email.html.lower()
    assert len(set(seen.values())) == len(STATES)


def test_since_when_is_told_in_the_readers_zone_and_in_utc() -> None:
    for text in forms(said(firing())).values():
        assert "Nov 21, 2026, 1:00 AM Europe/Berlin (Nov 21, 2026, 12:00 AM UTC)" in text
    assert "Berlin" not in forms(said(firing(), timezone="UTC"))["text"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Sat, Nov 21, 2026, the whole day in UTC"),
        (
            {"period": week_of(date(2026, 11, 21))},
            "Nov 16 – 22, 2026, the whole week (Monday to Sunday) in UTC",
        ),
        ({"period": month_of(date(2026, 11, 1))}, "November 2026, the whole month in UTC"),
        (
            {"partial": True, "at": datetime(2026, 11, 21, 9, 15, tzinfo=UTC)},
            "The day so far, until Nov 21, 2026, 9:15 AM UTC",
        ),
    ],
)
def test_what_was_looked_at_is_told_in_words(changes: dict[str, Any], words: str) -> None:
    for text in forms(said(replace(firing(), **changes))).values():
        assert words in text


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0, "less than a minute"),
        (45, "45 min"),
        (180, "3 h"),
        (200, "3 h 20 min"),
        (24 * 60, "1 day"),
        (52 * 60 + 59, "2 days 4 h"),
        (1200 * 24 * 60, "1,200 days"),
    ],
)
def test_how_long_it_lasted_is_told_in_its_two_largest_units(minutes: int, words: str) -> None:
    assert length(timedelta(minutes=minutes)) == words


def test_what_is_over_says_how_long_it_lasted_and_the_worst_and_asks_for_nothing() -> None:
    for text in forms(said(resolved())).values():
        assert "Resolved after 2 days; the worst was 71.2 %." in text
        for gone in ("What to do", "silence", "told again", "Critical"):
            assert gone not in text


def test_flapping_and_what_was_held_back_are_told() -> None:
    for text in forms(said(still_firing())).values():
        assert "it flaps. Have a look at its limit: digest alerts backtest bounce" in text
        assert "Before this message it fired 3 times without one, from Nov 18, 2026" in text
        assert "silenced until 2026-11-20 09:00 UTC by ana: deploy." in text


def test_a_name_that_a_shell_would_take_apart_is_quoted_in_commands() -> None:
    for text in forms(said(replace(firing(), alert="a b; c"))).values():
        assert "digest alerts silence 'a b; c' --for 4h" in text


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://a b",
        'https://x"onclick=',
        "//x.example",
    ],
)
def test_only_a_plain_web_address_is_a_link(link: str) -> None:
    content = said(replace(firing(), link=link))
    assert Structure(content.email.html).links == ["cid:alert-bounce"]
    assert '"type": "link"' not in json.dumps([post.blocks for post in content.slack.messages])


def test_the_page_refers_to_its_own_pictures_and_to_what_the_owner_links_to() -> None:
    email = rendered("firing").email
    assert sorted(Structure(email.html).links) == ["cid:alert-bounce", firing().link]
    assert [picture.name for picture in email.pictures] == ["alert-bounce"]


def test_a_chart_that_could_not_be_drawn_is_a_sentence() -> None:
    for text in forms(rendered("group")).values():
        assert "Sessions: only one day has a value, so there is no chart." in text


def test_more_than_three_alerts_have_no_charts_and_no_picture_is_sent_in_vain() -> None:
    notice, pictures = sample_notices()["group"]
    many = replace(notice, items=(*notice.items, firing()))
    content = RENDERER.notice(many, pictures)
    assert (content.email.pictures, content.slack.pictures) == ((), ())
    assert "<img" not in content.email.html
    stray = replace(next(p for p in pictures if isinstance(p, Picture)), name="stray")
    assert RENDERER.notice(notice, (*pictures, stray)).email.pictures == pictures[:1]


def test_what_fires_stands_before_what_is_over() -> None:
    for text in forms(said(resolved_sessions(), firing())).values():
        assert text.index("64.1 % is above 60 %") < text.index("within its limit again")


def test_a_notice_is_about_something() -> None:
    with pytest.raises(ValueError, match="is about no alert"):
        notice_view(replace(notice_of(firing()), items=()), ())


def test_further_files_go_with_it() -> None:
    notice, pictures = sample_notices()["firing"]
    assert RENDERER.notice(notice, pictures, {"report.json": b"{}"}).files == {"report.json": b"{}"}


# Size --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ['"<&>" ' * 200, "😀" * 900, "a" * 900])
@pytest.mark.parametrize("count", [1, 3, 90])
def test_the_largest_message_stays_under_the_limit(name: str, count: int) -> None:
    item = replace(long_names(), what=name, bound=name, action=name, unusual=name, owner=name)
    content = said(
        *[replace(item, alert=f"{n}{name}", causes=item.causes * 9) for n in range(count)]
    )
    assert len(content.email.html.encode()) <= MAX_HTML_BYTES
    for post in content.slack.messages:
        assert BlockKit(lambda _: True).problems(as_posted(post.blocks)) == []


def test_what_is_left_out_is_said_and_the_others_keep_a_line() -> None:
    wide = "😀" * 900
    causes = (replace(firing().causes[0], sentence=wide),) * 3
    loud = replace(still_firing(), bound=wide, action=wide, causes=causes)
    items = [replace(loud, alert=f"bounce-{n}") for n in range(12)]
    content = said(*items)
    assert "details of all but the first 5 alerts" in content.email.text
    for n in range(12):
        assert f"bounce-{n}" in content.email.html


# Slack -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_slack_takes_every_block_that_we_write(case: str) -> None:
    for post in rendered(case).slack.messages:
        assert BlockKit(lambda _: True).problems(as_posted(post.blocks)) == []


def test_what_is_over_is_a_whole_message_and_a_short_reply() -> None:
    whole, reply = rendered("resolved").slack.messages
    assert (whole.thread, reply.thread) == (False, True)
    assert whole.blocks[0]["text"]["text"].startswith("🟢 Resolved: Bounce rate")
    assert "image" in {block["type"] for block in whole.blocks}
    assert flat(reply.text) == "Resolved after 2 days; the worst was 71.2 %."
    assert len(reply.blocks) == 1


def test_the_reply_of_a_group_names_what_is_over() -> None:
    still = replace(firing(), alert="other", kind=VerdictKind.QUIET)
    _, reply = said(resolved(), resolved_sessions(), still).slack.messages
    assert flat(reply.text) == (
        "Bounce rate: resolved after 2 days; the worst was 71.2 %. "
        "Sessions: resolved after 7 days; the worst was 1,720."
    )


def test_a_new_firing_has_no_reply_whatever_else_is_over() -> None:
    assert len(said(firing(), resolved_sessions()).slack.messages) == 1


def test_what_fires_still_is_one_short_message() -> None:
    quiet = replace(firing(), alert="other", kind=VerdictKind.QUIET)
    for items in ((still_firing(),), (still_firing(), quiet)):
        (post,) = said(*items).slack.messages
        kinds = [block["type"] for block in post.blocks]
        assert "image" not in kinds
        assert "header" not in kinds
    text = forms(rendered("still firing"))["slack"]
    for part in ("62.3 % is still above 60 %", "Since: Nov 21", "71.2 %", "told again on Nov 25"):
        assert part in text
