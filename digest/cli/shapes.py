"""The JSON shapes that several commands print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digest.cli.options import utc_text

if TYPE_CHECKING:
    from digest.core.outbox import Delivery


def delivery_json(held: Delivery) -> dict[str, Any]:
    """One delivery; times are ISO 8601, UTC."""
    key = held.key
    return {
        "id": key.digest,
        "job": key.job,
        "kind": key.kind,
        "period": key.period,
        "channel": key.channel,
        "recipient": key.recipient,
        "generation": key.generation,
        "state": held.state,
        "attempts": held.attempts,
        "uncertain": held.uncertain,
        "message_id": held.reference,
        "last_error": held.last_error or None,
        "due_at": utc_text(held.due_at) if held.due_at else None,
        "updated_at": utc_text(held.updated_at),
        "remarks": list(held.remarks),
    }
