"""A message about alerts, for programs: the `report.json` beside its preview."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digest.core.alert_notice import AlertItem, AlertNotice


def to_json(notice: AlertNotice) -> dict[str, Any]:
    """Every number raw and unrounded; instants ISO 8601 UTC, times in seconds."""
    first = notice.items[0]
    return {
        "job": notice.name,
        "kind": "alert",
        "app": notice.app,
        "period": {
            "label": first.period.label,
            "start": _at(first.period.starts_at),
            "end": _at(first.period.ends_at),
        },
        "alerts": [_item(item) for item in notice.items],
        "notes": [note.text for note in notice.notes],
        "generated_at": _at(notice.generated_at),
    }


def _item(item: AlertItem) -> dict[str, Any]:
    return {
        "name": item.alert,
        "title": item.title,
        "says": item.kind.value,
        "firing": item.firing,
        "severity": item.severity.value,
        "bucket": item.bucket,
        "partial": item.partial,
        "value": item.value,
        "limit": item.limit,
        "unit": item.unit.value,
        "bound": item.bound,
        "reason": item.reason,
        "subject": item.subject or None,
        "since": _at(item.since),
        "lasted": None if item.lasted is None else item.lasted.total_seconds(),
        "worst": item.worst,
        "episode": item.episode,
        "repeats": item.repeats,
        "flapping": item.flapping,
        "unusual": item.unusual or None,
        "causes": [
            {
                "dimension": cause.dimension.value,
                "value": cause.value,
                "before": cause.before,
                "now": cause.now,
                "share": cause.share,
                "sentence": cause.sentence,
            }
            for cause in item.causes
        ],
    }


def _at(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat()
