"""Report → `report.json`: raw values, ISO 8601 UTC, and null with a note for what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date, datetime

    from digest.core.periods import Baseline, Period
    from digest.core.report_model import Asked, Breakdown, BreakdownRow, Headline, Report
    from digest.core.series import Series

    Json = dict[str, Any]


def to_json(report: Report) -> Json:
    """The report as plain JSON values.

    Values are not rounded. `percent` and `share` are 0 to 100, a bounce rate's `change` is in
    points; `start` and `end` are UTC instants, `end` exclusive. `requests` says what was asked,
    so that every number can be traced to its days.
    """
    return {
        "job": report.job,
        "title": report.title,
        "app": report.app,
        "app_title": report.app_title,
        "period": _span(report.period),
        "baseline": _span(report.baseline),
        "verdict": report.verdict,
        "metrics": {h.metric.value: _metric(h) for h in report.headlines},
        "breakdowns": {b.dimension.value: [_row(row) for row in b.rows] for b in report.breakdowns},
        "breakdown_details": {b.dimension.value: _details(b) for b in report.breakdowns},
        "notes": [note.text for note in report.notes],
        "alerts": [
            {
                "name": one.alert,
                "did": one.memory.value,
                "sentence": one.sentence,
                "suggestion": one.suggestion or None,
            }
            for one in report.alerts
        ],
        "partial": report.partial,
        "quiet": report.quiet,
        "locale": report.locale,
        "timezone": report.timezone,
        "generated_at": _instant(report.generated_at),
        "request_count": report.requests,
        "requests": [_asked(one) for one in report.asked],
    }


def _instant(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


def _day_start(day: date | None) -> str | None:
    return None if day is None else f"{day.isoformat()}T00:00:00Z"


def _span(span: Period | Baseline) -> Json:
    return {"label": span.label, "start": _day_start(span.start), "end": _day_start(span.end)}


def _metric(headline: Headline) -> Json:
    comparison, delta, info = headline.comparison, headline.comparison.delta, headline.info
    compared = comparison.compared
    return {
        "value": _number(comparison.value),
        "baseline": _number(comparison.baseline),
        "change": _number(delta.change),
        "percent": delta.percent,
        "note": headline.note,
        "title": info.title,
        "unit": info.unit.value,
        "definition": info.definition,
        "delta": delta.kind.value,
        "sense": delta.sense.value,
        "sample": delta.sample,
        "common_days": delta.common_days,
        "compared": None if compared is None else [_number(one) for one in compared],
        "daily": _days(headline.daily),
        "baseline_daily": _days(headline.baseline_daily),
        "recent": _days(headline.recent),
    }


def _number(value: float | None) -> float | None:
    """The same number, as programs like to read it: 689 and not 689.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _days(series: Series | None) -> list[Json] | None:
    if series is None:
        return None
    return [
        {"date": day.isoformat(), "value": _number(value)}
        for day, value in zip(series.days, series.values, strict=True)
    ]


def _row(row: BreakdownRow) -> Json:
    found: Json = {
        "value": row.value,
        "count": row.count,
        "baseline": _number(row.baseline),
        "share": row.share,
        "movement": row.movement.value,
    }
    return found | {"other": True} if row.other else found


def _details(breakdown: Breakdown) -> Json:
    return {
        "title": breakdown.dimension.heading,
        "total": breakdown.total,
        "movers": [_row(row) for row in breakdown.movers],
        "left": [_row(row) for row in breakdown.left],
        "note": breakdown.unavailable or breakdown.note,
    }


def _asked(asked: Asked) -> Json:
    return {
        "report": asked.report,
        "what": asked.what,
        "start": _day_start(asked.start),
        "end": _day_start(asked.end),
        "generated_at": None if asked.generated_at is None else _instant(asked.generated_at),
        "failed": asked.failed,
    }
