"""The sandbox answers as the real server was recorded to answer."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

from digest.sandbox.flavour import Flavour
from digest.sandbox.server import PhaseSandbox
from tests.support.recorded import Exchange, exchanges, recorded_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 23, 4, 46, 4, tzinfo=UTC)
OTHER_SUBJECTS = ("funnels", "query", "ratelimit")
NOT_ISO = ("us_date",)
LEAST_COMPARED = 175
MILLISECONDS = timedelta(seconds=1)
HEADERS = ("content-type", "vary", "x-ratelimit-limit", "retry-after")
PRESENT = ("x-ratelimit-remaining", "x-ratelimit-reset", "content-length")


class Clock:
    """Stands at the instant at which the recorded answer was made."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def compared(recorded: Exchange) -> bool:
    return not recorded.name.startswith(OTHER_SUBJECTS) and not recorded.name.endswith(NOT_ISO)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def differences(recorded: Exchange, got: requests.Response) -> Iterator[str]:
    if got.status_code != recorded.status:
        yield f"status {got.status_code}, recorded {recorded.status}"
        return
    for name in HEADERS:
        if got.headers.get(name) != recorded.answer_headers.get(name):
            yield f"{name}: {got.headers.get(name)}"
    for name in PRESENT:
        if (name in got.headers) != (name in recorded.answer_headers):
            yield f"{name} is {'there' if name in got.headers else 'missing'}"
    if recorded.method == "HEAD":
        if (
            got.content
            or got.headers["content-length"] != recorded.answer_headers["content-length"]
        ):
            yield "a HEAD has no body, and the length of the GET"
    elif isinstance(recorded.body, dict):
        yield from body_differences(recorded, got.json())
    elif got.text != recorded.body:
        yield f"body {got.text[:80]!r}"


def body_differences(recorded: Exchange, got: dict[str, Any]) -> Iterator[str]:
    wanted = dict(recorded.body)
    if got.keys() != wanted.keys():
        yield f"fields {sorted(got.keys() ^ wanted.keys())}"
        return
    for field, value in wanted.items():
        if not same(recorded, field, value, got[field]):
            yield f"{field}: {got[field]!r:.300}, recorded {value!r:.300}"


def same(recorded: Exchange, field: str, wanted: Any, got: Any) -> bool:
    if field == "platformStats":
        return bool(got.keys() == wanted.keys())
    if field == "rows":
        return same_rows(wanted, got)
    if field == "period":
        return all(
            got[end] == wanted[end] or (not given(recorded, end) and near(got[end], wanted[end]))
            for end in ("startDate", "endDate")
        )
    return bool(got == wanted) and type_of_numbers(got) == type_of_numbers(wanted)


def given(recorded: Exchange, end: str) -> bool:
    return any(
        part.startswith(f"{end}=") and not part.endswith("=") for part in recorded.query.split("&")
    )


def near(one: str, other: str) -> bool:
    return abs(instant(one) - instant(other)) < MILLISECONDS


def type_of_numbers(value: Any) -> Any:
    """JavaScript writes 7 where Python writes 7.0."""
    if isinstance(value, list):
        return [type_of_numbers(item) for item in value]
    if isinstance(value, dict):
        return {key: type_of_numbers(item) for key, item in value.items()}
    return isinstance(value, float)


def same_rows(wanted: list[dict[str, Any]], got: list[dict[str, Any]]) -> bool:
    """Equal counts come in any order, and a limit may cut between them."""
    if [row["count"] for row in got] != [row["count"] for row in wanted]:
        return False
    last = wanted[-1]["count"] if wanted else 0
    full = len(wanted) in {10, 50}
    return above(wanted, last if full else -1) == above(got, last if full else -1)


def above(rows: list[dict[str, Any]], count: int) -> Counter[tuple[tuple[str, Any], ...]]:
    return Counter(tuple(sorted(row.items())) for row in rows if row["count"] > count)


@pytest.mark.parametrize("api", Flavour)
def test_every_recording_is_answered_with_the_same_status_and_body(
    api: Flavour, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock()
    recordings = list(exchanges(api))
    wanted = [recorded for recorded in recordings if compared(recorded)]
    found: dict[str, list[str]] = {}
    next_minute = itertools.count(step=61)
    with (
        PhaseSandbox(
            recorded_rows(), api=api, clock=clock, monotonic=lambda: float(next(next_minute))
        ) as box,
        requests.Session() as session,
    ):
        origin = urlsplit(box.base_url)._replace(path="").geturl()
        for recorded in wanted:
            clock.now = generated_at(recorded)
            url = f"{origin}{recorded.path}" + (f"?{recorded.query}" if recorded.query else "")
            got = session.request(recorded.method, url, headers=recorded.headers, timeout=10)
            found[recorded.name] = list(differences(recorded, got))
    with capsys.disabled():
        left_out = sorted({r.name for r in recordings} - {r.name for r in wanted})
        # stderr: the one stream that pytest-xdist's workers share with the terminal
        sys.stderr.write(
            f"\n{api}: compared {len(wanted)} of {len(recordings)} recordings"
            f" (left out: {', '.join(left_out)})\n"
        )
    assert {name: problems for name, problems in found.items() if problems} == {}
    assert len(wanted) >= LEAST_COMPARED


def generated_at(recorded: Exchange) -> datetime:
    if isinstance(recorded.body, dict) and "meta" in recorded.body:
        return instant(recorded.body["meta"]["generatedAt"])
    return NOW
