"""A message about alerts → what its templates see, each value made once for all forms.

What a digest's frame and parts use (`app`, `heading`, `period`, `verdict`, `banners`, `notes`,
`about`, `made` …) is there under the same names, so that one frame of a user's fits both.
`docs/templates.md` describes every value.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from digest.core.alert_model import Severity, VerdictKind
from digest.core.report_model import Tone
from digest.core.wording import Wording
from digest.render.alert_parts import alert_view, severity_view, state_view
from digest.render.alert_states import state_of
from digest.render.alert_words import (
    day_of_item,
    line_of,
    looked_at,
    lowered,
    name_of,
    resolved_words,
    subject_of,
    verdict_of,
)
from digest.render.clean import SENTENCE_LIMIT, clean, clip
from digest.render.view_charts import chart_view
from digest.render.view_times import made, moment, period_view, read_view

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from digest.core.alert_notice import AlertItem, AlertNotice
    from digest.core.charts_spec import NoChart
    from digest.core.content import Picture

    View = dict[str, Any]

MAX_ALERTS = 12
MAX_LINES = 60
MAX_PICTURES = 3
MAX_NOTES = 12
_HEADLINE_LIMIT = 400
_LOUDEST = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)


def notice_view(notice: AlertNotice, pictures: Sequence[Picture | NoChart]) -> View:
    """Everything that a template may use, as strings, numbers, booleans, lists and dicts.

    ValueError for a notice without an alert.
    """
    if not notice.items:
        raise ValueError(f"the notice {notice.name!r} is about no alert")
    words, zone = Wording(notice.locale), notice.timezone
    items = sorted(notice.items, key=lambda item: state_of(item).rank)
    charts = {one.name: chart_view(one) for one in shown_pictures(notice, pictures)}
    full = [alert_view(item, charts.get(item.picture), zone, words) for item in items[:MAX_ALERTS]]
    first, app, single = items[0], clean(notice.app_title), len(items) == 1
    loudest = min((item.severity for item in items), key=_LOUDEST.index)
    told = clean(first.title) if single else f"{len(items)} alerts"
    verdict = verdict_of(first, words) if single else _tally(items)
    return {
        "lang": "en",
        "dir": "ltr",
        "app": app,
        "title": told,
        "job": clean(notice.name),
        "heading": told if app in told else f"{app} · {told}",
        "when": looked_at(first, words) if single else moment(notice.at, zone, words),
        "period": period_view(first.period, words),
        "subject": subject_of(first, app, words) if single else _group_subject(items, app, words),
        "headline": _headline(items, app, verdict, words),
        "verdict": verdict,
        "state": state_view(first),
        "severity": severity_view(loudest),
        "single": single,
        "short": _is_short(items),
        "compact": len(items) > MAX_PICTURES,
        "silence": 'digest alerts silence NAME --for 4h --why "…"',
        "alerts": full,
        "more": _lines(items[MAX_ALERTS:], words),
        "resolved": list(_resolved(items, words)),
        "banners": _notes(notice, Tone.WARNING),
        "notes": _notes(notice, Tone.INFO)[:MAX_NOTES],
        "definitions": [],
        "omitted": [],
        "generated": read_view(notice.generated_at, zone, words),
        "about": _about(items),
        "made": _made(notice, words),
    }


def shown_pictures(
    notice: AlertNotice, pictures: Sequence[Picture | NoChart]
) -> tuple[Picture | NoChart, ...]:
    """Those that the message shows: each alert's own, where there are at most three alerts."""
    if len(notice.items) > MAX_PICTURES:
        return ()
    wanted = {item.picture for item in notice.items if item.picture}
    return tuple(picture for picture in pictures if picture.name in wanted)


def _headline(items: Sequence[AlertItem], app: str, verdict: str, words: Wording) -> str:
    """One line that stands alone in a notification: what, which app, which day."""
    first = items[0]
    if len(items) == 1:
        loud = first.severity is Severity.CRITICAL and state_of(first).rank == 0
        start = f"Critical: {verdict}" if loud else verdict
        return f"{start} · {app} · {day_of_item(first, words)}"
    each = "; ".join(verdict_of(item, words) for item in items[:MAX_ALERTS])
    return clip(f"{verdict} · {app} · {each}", _HEADLINE_LIMIT)


def _tally(items: Sequence[AlertItem]) -> str:
    """`2 alerts fire, 1 is resolved`."""
    counts = Counter(state_of(item) for item in items)
    said: list[str] = []
    for state, count in sorted(counts.items(), key=lambda pair: pair[0].rank):
        noun = "" if said else (" alert" if count == 1 else " alerts")
        said.append(f"{count}{noun} {state.one if count == 1 else state.many}")
    return ", ".join(said)


def _group_subject(items: Sequence[AlertItem], app: str, words: Wording) -> str:
    """As a single alert's: the same for as long as the same alerts stand together."""
    ordered = sorted(items, key=lambda item: item.alert)
    names = ", ".join(dict.fromkeys(lowered(name_of(item)) for item in ordered))
    since = [item.since for item in items if item.since is not None]
    when = f" (since {words.day(min(since).date())})" if since else ""
    return f"{app}: {len(items)} alerts{when}: {names}"


def _is_short(items: Sequence[AlertItem]) -> bool:
    """Whether all that is new is that something fires still, which takes one line in a thread."""
    news = {item.kind for item in items} - {VerdictKind.QUIET}
    return news == {VerdictKind.REPEAT}


def _resolved(items: Sequence[AlertItem], words: Wording) -> Iterator[str]:
    """What is said below a message that is edited; nothing where there is a firing to be told."""
    if any(item.kind is VerdictKind.FIRE for item in items):
        return
    for item in items:
        if item.kind is VerdictKind.RESOLVE:
            text = resolved_words(item, words)
            yield text if len(items) == 1 else f"{name_of(item)}: {lowered(text)}"


def _lines(items: Sequence[AlertItem], words: Wording) -> list[str]:
    lines = [line_of(item, words) for item in items[:MAX_LINES]]
    left = len(items) - len(lines)
    return [*lines, f"And {left} more: digest alerts"] if left else lines


def _notes(notice: AlertNotice, tone: Tone) -> list[str]:
    """The notes of one tone, each once."""
    texts = (clean(note.text, SENTENCE_LIMIT) for note in notice.notes if note.tone is tone)
    return list(dict.fromkeys(texts))


def _about(items: Sequence[AlertItem]) -> str:
    names = [f"“{clean(item.alert)}”" for item in items[:MAX_ALERTS]]
    more = "" if len(items) <= MAX_ALERTS else " and others"
    what = "alert" if len(names) == 1 else "alerts"
    return (
        f"You get this because you are on the list of the {what} {', '.join(names)}{more}. "
        "Whoever runs it can take you off."
    )


def _made(notice: AlertNotice, words: Wording) -> str:
    whole = not any(item.partial for item in notice.items)
    said = made(notice.generated_at, notice.timezone, words, whole=whole)
    if not notice.requests:
        return said
    return f"{said} It took {notice.requests:,} request{'' if notice.requests == 1 else 's'}."
