from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.core.metrics import Dimension
from digest.core.periods import BaselineKind, BaselineRule
from digest.errors import PhaseError
from digest.report import to_json
from tests.support.report_parts import EVERY_DAY, World, made, spec

NUMBER = {"type": ["number", "null"]}
SPAN = {
    "type": "object",
    "required": ["label", "start", "end"],
    "properties": {
        "label": {"type": "string"},
        "start": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT00:00:00Z$"},
        "end": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT00:00:00Z$"},
    },
}
# The names that the design promises; more fields are welcome.
SHAPE = {
    "type": "object",
    "required": [
        *("job", "app", "period", "baseline", "metrics", "breakdowns", "notes", "generated_at")
    ],
    "properties": {
        "job": {"type": "string"},
        "app": {"type": "string"},
        "period": SPAN,
        "baseline": SPAN,
        "metrics": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["value", "baseline", "change", "percent", "note"],
                "properties": {
                    **dict.fromkeys(("value", "baseline", "change", "percent"), NUMBER),
                    "note": {"type": ["string", "null"]},
                },
                "if": {"properties": {"value": {"type": "null"}}},
                "then": {"properties": {"note": {"type": "string"}}},
            },
        },
        "breakdowns": {
            "type": "object",
            "additionalProperties": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["value", "count", "baseline", "share"],
                    "properties": {
                        "value": {"type": "string"},
                        "count": NUMBER,
                        "baseline": NUMBER,
                        "share": NUMBER,
                        "other": {"const": True},
                    },
                },
            },
        },
        "notes": {"type": "array", "items": {"type": "string"}},
        "generated_at": {"type": "string", "pattern": "Z$"},
    },
}


def as_json(world: World, *args: Any, **more: Any) -> dict[str, Any]:
    """As a program reads it: through text, with nothing that JSON can't say."""
    found = json.loads(json.dumps(to_json(made(world, *args, **more)), allow_nan=False))
    jsonschema.validate(found, SHAPE)
    assert isinstance(found, dict)
    return found


def test_the_shape_that_the_design_promises() -> None:
    found = as_json(World())
    assert (found["job"], found["app"]) == ("monday-email", "shop")
    assert found["period"] == {
        "label": "2026-W47",
        "start": "2026-11-16T00:00:00Z",
        "end": "2026-11-23T00:00:00Z",
    }
    assert found["baseline"] == {
        "label": "2026-W46",
        "start": "2026-11-09T00:00:00Z",
        "end": "2026-11-16T00:00:00Z",
    }
    assert list(found["metrics"]) == [
        *("sessions", "bounce_rate", "session_duration", "active_users"),
        *("new_users", "total_users", "events"),
    ]
    assert list(found["breakdowns"]) == [
        *("events.eventName", "events.screenName", "sessions.country", "users.platform")
    ]
    assert found["generated_at"] == "2026-11-23T08:00:00Z"


def test_values_are_raw_and_a_rate_changes_in_points_without_percent() -> None:
    world = World(days={("bounceRate", date(2026, 11, 17)): 37.3})
    bounce = as_json(world)["metrics"]["bounce_rate"]
    assert bounce["value"] == pytest.approx(31.042857142857144, abs=1e-12)
    assert bounce["change"] == pytest.approx(bounce["value"] - 30)
    assert (bounce["baseline"], bounce["percent"], bounce["unit"]) == (30, None, "percent")


def test_whole_counts_are_whole_numbers() -> None:
    text = json.dumps(to_json(made(World()))["metrics"]["sessions"])
    assert '"value": 700,' in text
    assert '"change": 0,' in text
    assert "700.0" not in text


def test_the_days_are_there_with_null_for_a_gap() -> None:
    world = World(days={("sessionCount", date(2026, 11, 17)): None})
    sessions = as_json(world)["metrics"]["sessions"]
    assert sessions["daily"][:2] == [
        {"date": "2026-11-16", "value": 100},
        {"date": "2026-11-17", "value": None},
    ]
    assert sessions["baseline_daily"][0] == {"date": "2026-11-09", "value": 100}
    assert (sessions["common_days"], sessions["compared"]) == (6, [600, 600])
    assert sessions["recent"] is None


def test_the_rest_is_marked_and_movers_are_listed() -> None:
    world = World(lists={(Dimension.SESSIONS_COUNTRY, date(2026, 11, 16)): (("DE", 500),)})
    found = as_json(world)
    rows = found["breakdowns"]["sessions.country"]
    assert [row.get("other") for row in rows] == [None, True]
    assert rows[1]["count"] == 200
    details = found["breakdown_details"]["sessions.country"]
    assert details["total"] == 700
    assert [(row["value"], row["movement"]) for row in details["movers"]] == [
        ("FR", "gone"),
        ("DE", "rose"),
    ]


def test_what_is_not_known_is_null_with_a_note() -> None:
    error = PhaseError("events are down", report="events/timeseries", status=404)
    world = World(fails=lambda asked: error if asked.startswith("events/") else None)
    found = as_json(world)
    events = found["metrics"]["events"]
    assert (events["value"], events["baseline"], events["percent"]) == (None, None, None)
    assert events["note"] == "Phase could not give this number."
    assert found["breakdowns"]["events.eventName"] == []
    assert found["breakdown_details"]["events.eventName"]["note"] == (
        "Phase could not give this list."
    )
    failed = [one for one in found["requests"] if one["failed"]]
    assert {one["report"] for one in failed} == {"events/timeseries", "events/breakdown"}
    assert any("Events" in note for note in found["notes"])


def test_every_number_can_be_traced_to_its_request() -> None:
    found = as_json(World())
    assert found["request_count"] == len(found["requests"]) == 14
    assert found["requests"][1] == {
        "report": "sessions/timeseries",
        "what": "bounceRate",
        "start": "2026-11-09T00:00:00Z",
        "end": "2026-11-23T00:00:00Z",
        "generated_at": "2026-11-23T08:00:00Z",
        "failed": None,
    }


VALUES = st.none() | st.integers(0, 10**12)


@given(
    odd=st.lists(
        st.tuples(
            st.sampled_from(sorted(EVERY_DAY)),
            st.dates(date(2026, 11, 9), date(2026, 11, 22)),
            VALUES,
        ),
        max_size=30,
    ),
    every=st.dictionaries(st.sampled_from(sorted(set(EVERY_DAY) - {"sessionCount"})), VALUES),
    rule=st.builds(BaselineRule, st.sampled_from(BaselineKind), st.integers(1, 5)),
    period=st.sampled_from(["2026-W47", "2026-11-22", "2026-10"]),
)
def test_whatever_the_days_hold_the_report_is_valid_and_speaks_plainly(
    odd: list[tuple[str, date, int | None]],
    every: dict[str, int | None],
    rule: BaselineRule,
    period: str,
) -> None:
    rates = {"bounceRate"}
    world = World(
        days={
            ("sessionCount", date(2026, 11, 22)): 9,
            **{
                (name, day): None if value is None else value % 101 if name in rates else value
                for name, day, value in odd
                if (name, day) != ("sessionCount", date(2026, 11, 22))
            },
        },
        every={n: None if v is None else v % 101 if n in rates else v for n, v in every.items()},
    )
    kind = made(World(), period).period.kind
    found = as_json(world, period, spec(kind, baseline=rule))
    for text in (found["verdict"], *found["notes"]):
        assert not re.search(r"\bnan\b|\binf\b|None|\{", text)
    for metric in found["metrics"].values():
        assert metric["percent"] is None or metric["delta"] in {"changed", "no change"}
        if metric["value"] is None or metric["baseline"] is None:
            assert metric["note"]
