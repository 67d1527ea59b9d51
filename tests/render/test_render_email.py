from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from digest.core.content import Picture
from digest.core.metrics import Dimension
from digest.core.report_model import Breakdown, BreakdownRow, Note, Tone
from digest.core.wording import Wording
from digest.render import Renderer
from digest.render.sample import samples
from tests.support.rendered import Structure, day, slack_text, week

RENDERER = Renderer(None)


@pytest.mark.parametrize("locale", ["en", "de", "pt_BR", "hi", "ja"])
def test_every_number_is_the_same_in_text_html_and_slack(locale: str) -> None:
    report, pictures = week()
    report = replace(report, locale=locale)
    words = Wording(locale)
    email, slack = RENDERER.email(report, pictures), RENDERER.slack(report, pictures)
    html, chat = Structure(email.html).text, slack_text(slack)
    for headline in report.headlines:
        unit, comparison = headline.info.unit, headline.comparison
        for shown in (
            headline.info.title,
            words.value(unit, comparison.value),
            words.value(unit, comparison.baseline),
            words.delta(unit, comparison.delta),
        ):
            assert shown in html
            assert shown in email.text
            assert shown in chat


def test_every_row_is_the_same_in_text_html_and_slack() -> None:
    report, pictures = week()
    email, slack = RENDERER.email(report, pictures), RENDERER.slack(report, pictures)
    html, chat = Structure(email.html).text, slack_text(slack)
    words = Wording("en")
    for row in (row for part in report.breakdowns for row in part.rows if not row.other):
        shown = [row.value, words.count(row.count or 0)]
        shown += [words.percent(row.share)] if row.share is not None else []
        for text in shown:
            assert text in html
            assert text in email.text
            assert text in chat


@pytest.mark.parametrize("number", range(len(samples())))
def test_the_page_refers_to_nothing_but_its_own_pictures(number: int) -> None:
    email = RENDERER.email(*samples()[number])
    page = Structure(email.html)
    assert sorted(page.links) == sorted(f"cid:{picture.name}" for picture in email.pictures)
    assert not {"script", "form", "iframe", "link", "object"} & {tag for tag, _ in page.elements}
    for remote in ("http:", "https:", "url(", "@import", "//"):
        assert remote not in email.html.lower()


def test_every_picture_says_in_words_what_it_shows() -> None:
    report, pictures = week()
    email = RENDERER.email(report, pictures)
    for picture in email.pictures:
        assert f'alt="{picture.alt}"' in email.html
    assert email.pictures[0].alt in email.text


def test_a_chart_that_could_not_be_drawn_is_a_sentence_everywhere() -> None:
    report, pictures = week()
    sentence = "Bounce rate: no day has a value, so there is no chart."
    email = RENDERER.email(report, pictures)
    assert sentence in Structure(email.html).text
    assert sentence in email.text
    assert sentence in slack_text(RENDERER.slack(report, pictures))


def test_the_verdict_is_the_first_heading_and_opens_the_preview_line() -> None:
    report, pictures = week()
    page = Structure(RENDERER.email(report, pictures).html)
    assert [tag for tag, _ in page.elements].index("h1") < [t for t, _ in page.elements].index("h3")
    assert page.text.index(report.verdict) < page.text.index("Sessions")


def test_the_page_speaks_to_screen_readers() -> None:
    html = RENDERER.email(*week()).html
    page = Structure(html)
    assert '<html lang="en" dir="ltr"' in html
    tables = [names for tag, names in page.elements if tag == "table"]
    assert all("role" in names or "aria-label" in names for names in tables)
    assert html.count('scope="col"') >= 8
    assert html.count('scope="row"') >= 10


def test_the_page_has_a_dark_side_that_survives_inlining() -> None:
    html = RENDERER.email(*week()).html
    assert "prefers-color-scheme: dark" in html or "prefers-color-scheme:dark" in html
    assert '<meta name="color-scheme" content="light dark"' in html
    assert html.count("style=") > 50


def test_a_picture_with_a_name_that_is_no_file_is_refused() -> None:
    report, pictures = week()
    picture = next(p for p in pictures if isinstance(p, Picture))
    with pytest.raises(ValueError, match="cannot be a picture's file name"):
        RENDERER.email(report, (replace(picture, name="../x"),))


def test_a_long_list_says_how_much_is_not_shown() -> None:
    report, pictures = week()
    rows = tuple(BreakdownRow(value=f"e{n}", count=100 - n, baseline=100) for n in range(30))
    part = Breakdown(dimension=Dimension.EVENTS_EVENT_NAME, rows=rows)
    text = RENDERER.email(replace(report, breakdowns=(part,)), pictures).text
    assert "10 more are not shown." in text
    assert "=\N{NO-BREAK SPACE}no change" in text
    assert "e19" in text
    assert "e20" not in text


@pytest.mark.parametrize(
    ("title", "heading"),
    [
        ("Monday digest", "Acme Shop · Monday digest"),
        ("Acme Shop: weekly digest", "Acme Shop: weekly digest"),
    ],
)
def test_the_app_is_named_once(title: str, heading: str) -> None:
    report, pictures = week()
    email = RENDERER.email(replace(report, title=title), pictures)
    assert email.text.startswith(f"{heading}\n")
    assert f">{heading}</p>" in email.html


def test_a_new_metric_is_not_given_a_percent() -> None:
    email = RENDERER.email(*day())
    assert email.subject == "Acme Shop · Wed, Nov 18, 2026: sessions 12 (new)"
    assert "▲ new " in email.text


@pytest.mark.parametrize(
    ("changes", "banner"),
    [
        pytest.param({"partial": True, "notes": ()}, "This week is not over", id="partial"),
        pytest.param({"quiet": True, "notes": ()}, "Phase has no data for this week", id="quiet"),
        pytest.param(
            {"notes": (Note(text="Phase was down.", tone=Tone.WARNING),)},
            "Phase was down.",
            id="own",
        ),
        pytest.param(
            {
                "breakdowns": (
                    Breakdown(dimension=Dimension.SESSIONS_CITY, rows=(), unavailable="Sorry"),
                )
            },
            "Not available this time: Sessions by city.",
            id="unavailable",
        ),
    ],
)
def test_what_must_be_known_stands_before_the_numbers(changes: dict[str, Any], banner: str) -> None:
    report, pictures = week()
    report = replace(report, **changes)
    email = RENDERER.email(report, pictures)
    html = Structure(email.html).text
    assert html.index(banner) < html.index("2,784")
    assert email.text.index(banner) < email.text.index("2,784")
    assert banner in slack_text(RENDERER.slack(report, pictures))


def test_a_report_that_names_the_gap_itself_is_not_repeated() -> None:
    report, pictures = week()
    part = Breakdown(dimension=Dimension.SESSIONS_CITY, rows=(), unavailable="Not offered.")
    report = replace(
        report, breakdowns=(part,), notes=(Note(text="Sessions by city is left out."),)
    )
    assert "Not available this time" not in RENDERER.email(report, pictures).text


def test_a_comparison_over_some_days_only_says_so() -> None:
    report, pictures = week()
    first = report.headlines[0]
    delta = replace(first.comparison.delta, common_days=5, sample=14)
    comparison = replace(first.comparison, delta=delta, compared=(2000.0, 1800.0))
    report = replace(report, headlines=(replace(first, comparison=comparison),))
    email = RENDERER.email(report, pictures)
    for text in (
        email.text,
        Structure(email.html).text,
        slack_text(RENDERER.slack(report, pictures)),
    ):
        assert "5 common days compared: 2,000 and 1,800" in text
        assert "small sample (14)" in text
    assert email.subject.endswith("sessions +12.3 % at 2,784")


def test_the_text_part_is_at_most_78_columns_wide() -> None:
    lines = RENDERER.email(*week()).text.splitlines()
    assert max(len(line) for line in lines) <= 78
    assert "\n\n\n" not in RENDERER.email(*week()).text


@pytest.mark.parametrize("number", range(len(samples())))
def test_nothing_unworded_is_ever_printed(number: int) -> None:
    email = RENDERER.email(*samples()[number])
    for text in (email.subject, email.text, Structure(email.html).text):
        for word in ("None", "nan", "inf ", "Undefined", "Movement.", "Macro"):
            assert word not in text


def test_the_footer_says_why_one_gets_it_and_when_the_numbers_were_read() -> None:
    report, pictures = week()
    for text in (
        RENDERER.email(report, pictures).text,
        Structure(RENDERER.email(report, pictures).html).text,
    ):
        flat = " ".join(text.split())
        assert "you are on the list of the digest “monday-email”" in flat
        assert "Nov 23, 2026, 7:30 AM Europe/Berlin (Nov 23, 2026, 6:30 AM UTC)" in flat
    utc = RENDERER.email(replace(report, timezone="UTC"), pictures).text
    assert "read on Nov 23, 2026, 6:30 AM UTC." in " ".join(utc.split())


def test_rendering_twice_gives_the_same_bytes() -> None:
    assert RENDERER.email(*week()) == Renderer(None).email(*week())


def test_content_carries_both_forms_and_the_further_files() -> None:
    report, pictures = week()
    content = RENDERER.content(report, pictures, {"report.json": b"{}"})
    assert content.files == {"report.json": b"{}"}
    assert content.email == RENDERER.email(report, pictures)
    assert content.slack == RENDERER.slack(report, pictures)
