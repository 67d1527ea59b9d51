"""Report → what templates see: plain, worded, cleaned values, each made once for all forms.

The e-mail, its text part and the Slack message are rendered from the same view, so a number is
spelled the same everywhere. `docs/templates.md` describes every value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from digest.core.alert_memory import Memory
from digest.core.deltas import DeltaKind
from digest.core.report_model import Tone
from digest.core.wording import Wording
from digest.render.clean import SENTENCE_LIMIT, clean
from digest.render.view_breakdowns import breakdown_view
from digest.render.view_charts import chart_view, slug
from digest.render.view_metrics import metric_view
from digest.render.view_times import made, period_view, read_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.core.alert_memory import Remembered
    from digest.core.charts_spec import NoChart
    from digest.core.content import Picture
    from digest.core.periods import Baseline
    from digest.core.report_model import Report

    View = dict[str, Any]

MAX_NOTES = 12
MAX_BANNERS = 5
MAX_ALERTS = 12
_VERDICT_LIMIT = 400


def view_of(report: Report, pictures: Sequence[Picture | NoChart]) -> View:
    """Everything that a template may use, as strings, numbers, booleans, lists and dicts."""
    words = Wording(report.locale)
    metrics = [metric_view(h, words, words.baseline(report.baseline)) for h in report.headlines]
    charts = {slug(picture.name): chart_view(picture) for picture in pictures}
    breakdowns = [
        breakdown_view(b, words, charts.pop(slug(b.dimension.value), None))
        for b in report.breakdowns
    ]
    return {
        "lang": "en",
        "dir": "ltr",
        "app": clean(report.app_title),
        "title": clean(report.title),
        "job": clean(report.job),
        "heading": _heading(report),
        "period": period_view(report.period, words),
        "baseline": _baseline_view(report.baseline, words),
        "when": _when(report, words),
        "headline": headline(report, words),
        "verdict": clean(report.verdict, _VERDICT_LIMIT),
        "banners": _banners(report)[:MAX_BANNERS],
        "partial": report.partial,
        "quiet": report.quiet,
        "metrics": metrics,
        "hero": metrics[0] if metrics else None,
        "cards": [metrics[n : n + 2] for n in range(1, len(metrics), 2)],
        "charts": list(charts.values()),
        "breakdowns": breakdowns,
        "alerts": [_remembered(one) for one in report.alerts[:MAX_ALERTS]],
        "notes": _notes(report, Tone.INFO)[:MAX_NOTES],
        "definitions": _definitions(report)[:MAX_NOTES],
        "fallback": _fallback(report, words, metrics),
        "omitted": [],
        "generated": read_view(report.generated_at, report.timezone, words),
        "about": f"You get this because you are on the list of the digest “{clean(report.job)}”. "
        "Whoever runs it can take you off.",
        "made": made(report.generated_at, report.timezone, words),
    }


def _remembered(one: Remembered) -> View:
    return {
        "name": clean(one.alert),
        "title": clean(one.title),
        "did": one.memory.value,
        "urgent": one.memory in {Memory.FIRES, Memory.FLAPPED},
        "text": clean(one.sentence, SENTENCE_LIMIT),
        "suggestion": clean(one.suggestion, SENTENCE_LIMIT),
    }


def headline(report: Report, words: Wording) -> str:
    """The first metric in a few words for a subject: `sessions +12.3 % to 1,234`."""
    if report.quiet:
        return "no data"
    if not report.headlines:
        return clean(report.title)
    first = report.headlines[0]
    delta, info = first.comparison.delta, first.info
    name = _lowered(info.title)
    value = words.value(info.unit, first.comparison.value)
    match delta.kind:
        case DeltaKind.CHANGED:
            # The values over the common days are not the ones shown, so "to" would be wrong.
            joint = "to" if first.comparison.compared is None else "at"
            return f"{name} {words.delta(info.unit, delta)} {joint} {value}"
        case DeltaKind.NO_CHANGE:
            return f"{name} unchanged at {value}"
        case DeltaKind.NEW:
            return f"{name} {value} (new)"
        case DeltaKind.PARTIAL:
            return f"{name} {value} so far"
        case DeltaKind.NO_BASELINE:
            return f"{name} {value}"
        case DeltaKind.NO_DATA:
            return f"{name}: no data"
        case _:
            assert_never(delta.kind)


def _fallback(report: Report, words: Wording, metrics: Sequence[View]) -> str:
    """One line that stands alone in a notification: app, period and every number."""
    numbers = " · ".join(f"{m['title']} {m['value']} ({m['delta']})" for m in metrics)
    start = f"{clean(report.app_title)} · {words.period(report.period)} (UTC)"
    return f"{start}: {numbers}" if numbers else f"{start}: {clean(report.verdict)}"


def _heading(report: Report) -> str:
    """`Acme Shop · Monday digest`, or the title alone where it says the app itself."""
    app, title = clean(report.app_title), clean(report.title)
    return title if app in title else f"{app} · {title}"


def _lowered(title: str) -> str:
    return title[:1].lower() + title[1:]


def _when(report: Report, words: Wording) -> str:
    """`Nov 16 – 22, 2026 (UTC), compared with the week before, Nov 9 – 15, 2026`."""
    start = f"{words.period(report.period)} (UTC)"
    if report.partial:
        return f"{start}, not over yet"
    then = _baseline_view(report.baseline, words)
    return f"{start}, compared with {then['words']}, {then['text']}"


def _baseline_view(baseline: Baseline, words: Wording) -> View:
    first, last = baseline.periods[0], baseline.periods[-1]
    texts = [words.period(first)] if first == last else [words.period(first), words.period(last)]
    return {
        "text": " to ".join(texts),
        "label": baseline.label,
        "words": words.baseline(baseline),
    }


def _notes(report: Report, tone: Tone) -> list[str]:
    """The notes of one tone, each once."""
    texts = (clean(note.text, SENTENCE_LIMIT) for note in report.notes if note.tone is tone)
    return list(dict.fromkeys(texts))


def _banners(report: Report) -> list[str]:
    """What must be seen before the numbers; what the report does not say itself is added."""
    told = _notes(report, Tone.WARNING)
    kind = report.period.kind.value
    if report.partial and not told:
        told.append(f"This {kind} is not over: the numbers are what was counted so far.")
    if report.quiet and not told:
        told.append(f"Phase has no data for this {kind}. Is the app still sending?")
    said = " ".join(note.text for note in report.notes)
    missing = [
        b.dimension.heading
        for b in report.breakdowns
        if b.unavailable is not None and b.dimension.heading not in said
    ]
    if missing:
        told.append(f"Not available this time: {', '.join(missing)}.")
    return told


def _definitions(report: Report) -> list[View]:
    metrics = [{"title": h.info.title, "text": h.info.definition} for h in report.headlines]
    known = {entry["text"] for entry in metrics}
    said = _notes(report, Tone.DEFINITION)
    further = [text for text in said if not any(part in text for part in known)]
    return metrics + [{"title": "", "text": text} for text in further]
