"""Whatever the API answers: one clear sentence, in time, nothing sent, the key nowhere."""

from __future__ import annotations

import gzip
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import NOW, desk
from tests.support.hostile_http import (
    Act,
    HostileServer,
    Seen,
    Wire,
    answer,
    closed_port,
    head,
    json_answer,
    raw,
    text_answer,
)

if TYPE_CHECKING:
    from pathlib import Path

    from digest.sandbox.server import PhaseSandbox

KEY = "phase_private_canary_0123456789"
META = {"generatedAt": NOW, "consistency": "eventual", "identityModel": "user"}
BOMB = gzip.compress(bytes(200 * 1024 * 1024), 9)
DEADLINE = 20.0  # the config's `call` is 2 seconds; the rest is room for a busy machine


def series(value: str) -> bytes:
    """A time series that begins well and holds one odd value."""
    row = f'{{"date":"2026-11-16","sessionCount":{value}}}'
    meta = '{"generatedAt":"2026-11-23T04:46:04.000Z"}'
    return f'{{"metric":"sessionCount","data":[{row}],"meta":{meta}}}'.encode()


def drip(wire: Wire, _seen: Seen) -> None:
    """A byte now and then, for ever."""
    wire.send(head(200, {"Content-Type": "application/json", "Content-Length": "100000"}))
    wire.drip(b"{" * 100_000, 0.3)


def drip_head(wire: Wire, _seen: Seen) -> None:
    """A byte of the status line now and then."""
    wire.drip(b"HTTP/1.1 200 " + b"O" * 10_000, 0.3)


PERMANENT, LATER = 1, 75
TRUNCATED = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{"da'
CASES: dict[str, tuple[Act, int]] = {
    "a page of HTML": (answer(200, b"<html>Sign in</html>", kind="text/html"), PERMANENT),
    "truncated JSON": (raw(TRUNCATED), LATER),
    "NaN": (answer(200, series("NaN")), PERMANENT),
    "Infinity": (answer(200, series("Infinity")), PERMANENT),
    "1e999": (answer(200, series("1e999")), PERMANENT),
    "a negative count": (answer(200, series("-5")), PERMANENT),
    "a number as text": (answer(200, series('"12"')), PERMANENT),
    "true for a number": (answer(200, series("true")), PERMANENT),
    "null": (answer(200, b"null"), PERMANENT),
    "nothing": (answer(200, b""), PERMANENT),
    "another shape": (json_answer({"rows": [], "meta": META}), PERMANENT),
    "500 as text": (text_answer(500, f"SELECT * FROM keys WHERE key = '{KEY}'"), LATER),
    "429 for long": (answer(429, b"{}", headers={"Retry-After": "1000000000"}), LATER),
    "429 with junk": (answer(429, b"{}", headers={"Retry-After": "soon"}), LATER),
    "429 without a time": (answer(429, b"{}"), LATER),
    "429 with a past date": (
        answer(429, b"{}", headers={"Retry-After": "Mon, 01 Jan 2001 00:00:00 GMT"}),
        LATER,
    ),
    "a refused key": (json_answer({"code": "UNAUTHORIZED", "detail": KEY}, 401), PERMANENT),
    "a byte now and then": (drip, LATER),
    "a byte of the head now and then": (drip_head, LATER),
    "a gzip bomb": (answer(200, BOMB, headers={"Content-Encoding": "gzip"}), PERMANENT),
    "deep JSON": (answer(200, b"[" * 100_000 + b"]" * 100_000), PERMANENT),
}


@pytest.mark.parametrize(("act", "code"), CASES.values(), ids=CASES.keys())
def test_an_answer_that_can_t_be_used_is_one_sentence_and_nothing_is_sent(
    act: Act,
    code: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        HostileServer(act) as server,
        desk(tmp_path, server.url, capsys, monkeypatch, key=KEY) as made,
    ):
        started = time.monotonic()
        done = made.run("-v", "run", "everywhere", "--now", NOW)
        took = time.monotonic() - started

        assert made.nothing_sent
    assert done.code == code, done.said
    assert took < DEADLINE
    sentences = [line for line in done.err.splitlines() if line.startswith("everywhere 2026-W47:")]
    assert len(sentences) == 1, done.err
    assert "sessions/timeseries" in sentences[0]
    for leaked in (KEY, "SELECT", "Traceback", "internal error", "<html>"):
        assert leaked not in done.said


def test_a_redirect_to_another_port_is_refused_and_never_followed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with HostileServer(json_answer({})) as elsewhere:
        moved = answer(302, headers={"Location": f"{elsewhere.url}/apps"})
        with (
            HostileServer(moved) as server,
            desk(tmp_path, server.url, capsys, monkeypatch, key=KEY) as made,
        ):
            done = made.run("run", "everywhere", "--now", NOW)

            assert made.nothing_sent
        assert not elsewhere.requests
    assert done.code == 1
    assert "redirect" in done.err
    assert KEY not in done.said


def test_after_an_unreachable_api_the_run_stops_asking(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        closed_port() as port,
        desk(
            tmp_path, f"http://127.0.0.1:{port}/public-api/v1", capsys, monkeypatch, key=KEY
        ) as made,
    ):
        started = time.monotonic()
        done = made.run("run", "everywhere", "monday-email", "daily-slack", "--now", NOW)
        took = time.monotonic() - started

        assert made.nothing_sent
    assert done.code == 75
    assert took < DEADLINE
    for job in ("everywhere", "monday-email", "daily-slack"):
        assert f"{job} " in done.err
    assert "Traceback" not in done.said


def test_a_bad_answer_for_one_digest_does_not_stop_the_next_one(
    tmp_path: Path,
    phase: PhaseSandbox,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A digest of an app whose key is refused, then one that works: 1 beats 0."""
    with desk(tmp_path, phase.base_url, capsys, monkeypatch) as made:
        text = made.config.read_text(encoding="utf-8")
        text = text.replace(
            "channels:\n",
            f'  other: {{app_id: "907361528440135", api_key: wrong, base_url: "{phase.base_url}"}}'
            "\nchannels:\n",
            1,
        ) + (
            "  broken: {app: other, period: week, schedule: mon 08:00,"
            " to: {mail: [ana@example.com]}}\n"
        )
        made.config.write_text(text, encoding="utf-8")

        done = made.run("run", "broken", "monday-email", "--now", NOW)

        assert done.code == 1
        assert len(made.inbox.messages) == 2
    assert "broken 2026-W47:" in done.err
    assert "monday-email 2026-W47: sent" in done.out
