"""Whole answers that no Phase server gives: one clear error each, at once."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest

from digest.errors import ExitCode, PhaseError, PhaseUnavailableError
from tests.support.hostile_http import (
    Act,
    HostileServer,
    answer,
    json_answer,
    text_answer,
)
from tests.support.phase_answers import (
    DAY,
    GOOD,
    META,
    SECRET,
    ask,
    clear,
    series,
)
from tests.support.phase_clients import KEY, scaled_client

NONSENSE: dict[str, tuple[Act, str]] = {
    "html": (text_answer(200, f"<html>{SECRET}</html>", "text/html"), "not JSON but some other"),
    "html that says json": (answer(200, b"<html></html>"), "not valid JSON"),
    "html without a type": (answer(200, b"<html></html>", kind=None), "not valid JSON"),
    "plain text": (text_answer(200, series().decode()), "not JSON but some other"),
    "empty": (answer(200, b""), "not valid JSON"),
    "null": (answer(200, b"null"), "not as it should be"),
    "list": (answer(200, b"[]"), "not as it should be"),
    "string": (answer(200, b'"fine"'), "not as it should be"),
    "number": (answer(200, b"42"), "not as it should be"),
    "empty object": (answer(200, b"{}"), "meta"),
    "error as 200": (json_answer({"code": "TOO_MANY_REQUESTS"}), "not as it should be"),
    "NaN": (answer(200, series("NaN")), "not valid JSON"),
    "Infinity": (answer(200, series("Infinity")), "not valid JSON"),
    "-Infinity": (answer(200, series("-Infinity")), "not valid JSON"),
    "1e999": (answer(200, series("1e999")), "not valid JSON"),
    "-1e999": (answer(200, series("-1e999")), "not valid JSON"),
    "negative": (answer(200, series("-5")), "sessionCount.*greater than or equal to 0"),
    "10^18": (answer(200, series(str(10**18))), "sessionCount.*less than or equal to"),
    "10000 digits": (answer(200, series("9" * 10_000)), "not valid JSON"),
    "text": (answer(200, series('"12"')), "sessionCount.*valid integer"),
    "true": (answer(200, series("true")), "sessionCount.*valid integer"),
    "fraction": (answer(200, series("1.5")), "sessionCount.*valid integer"),
    "null value": (answer(200, series("null")), "no sessionCount for 2026-11-20"),
    "nested value": (answer(200, series("[1]")), "sessionCount.*valid integer"),
    "other metric": (answer(200, series().replace(b"sessionCount", b"bounceRate")), "no sessionC"),
    "impossible day": (answer(200, series(day="2026-11-31")), "date: should be a day"),
    "day as instant": (answer(200, series(day="2026-11-20T00:00:00.000Z")), "date: should be"),
    "day in other digits": (answer(200, series(day="٢٠٢٦-11-20")), "date: should be a day"),
    "other day": (answer(200, series(day="2026-11-19")), "2026-11-19, which was not asked for"),
    "the day after": (answer(200, series(day="2026-11-21")), "2026-11-21, which was not asked"),
    "same day twice": (
        answer(
            200,
            series(
                data='[{"date":"2026-11-20","sessionCount":1},'
                '{"date":"2026-11-20","sessionCount":1}]'
            ),
        ),
        "2026-11-20 twice",
    ),
    "data is null": (answer(200, series(data="null")), "data"),
    "data is an object": (answer(200, series(data="{}")), "data"),
    "rows are lists": (answer(200, series(data="[[]]")), r"data\[0\]"),
    "no meta": (answer(200, b'{"data": []}'), "meta"),
    "time without zone": (
        answer(200, series(meta='{"generatedAt": "2026-11-23T04:46:00"}')),
        "meta.generatedAt: should be an instant with a zone",
    ),
    "time as number": (answer(200, series(meta='{"generatedAt": 1795409222}')), "generatedAt"),
    "time out of range": (
        answer(200, series(meta='{"generatedAt": "0001-01-01T00:00:00+23:00"}')),
        "generatedAt",
    ),
    "not UTF-8": (answer(200, series().replace(b"canary", b"\xff\xfe")), "not valid JSON"),
    "UTF-16": (answer(200, series().decode().encode("utf-16")), "not valid JSON"),
    "two values": (answer(200, series() + b"{}"), "not valid JSON"),
    "too deep": (answer(200, b"[" * 33 + b"]" * 33), "deeper than 32"),
    "far too deep": (answer(200, b"[" * 900_000), "deeper than 32"),
    "deep in a text is fine, then not": (
        answer(200, b'["' + b"[" * 100 + b'\\"' + b"{" * 100 + b'", nope]'),
        "not valid JSON",
    ),
    "brotli": (answer(200, series(), headers={"Content-Encoding": "br"}), "not asked for"),
    "deflate": (
        answer(200, zlib.compress(series()), headers={"Content-Encoding": "deflate"}),
        "not asked for",
    ),
    "damaged gzip": (
        answer(200, b"\x1f\x8bnonsense", headers={"Content-Encoding": "gzip"}),
        "compression is damaged",
    ),
    "gzip that is not": (
        answer(200, series(), headers={"Content-Encoding": "gzip"}),
        "compression is damaged",
    ),
    "204": (answer(204, kind=None), "unexpected kind .204"),
    "206": (answer(206, series()), "unexpected kind .206"),
}


@pytest.mark.parametrize(("act", "says"), NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_is_refused_at_once_with_one_clear_error(act: Act, says: str) -> None:
    with HostileServer(act, GOOD) as server, scaled_client(server.url) as client:
        with pytest.raises(PhaseError, match=says) as caught:
            ask(client)

        assert clear(caught.value).startswith("sessions/timeseries (sessionCount, 2026-11-20): ")
        assert not isinstance(caught.value, PhaseUnavailableError)
        assert caught.value.exit_code is ExitCode.FAILED
        assert len(server.requests) == 1
        # another report may be well
        assert ask(client).values == {DAY: 96}


def test_gzip_is_asked_for_and_read() -> None:
    packed = gzip.compress(series())
    with (
        HostileServer(answer(200, packed, headers={"Content-Encoding": "gzip"})) as server,
        scaled_client(server.url) as client,
    ):
        assert ask(client).values == {DAY: 96}
        assert server.requests[0].headers["accept-encoding"] == "gzip, identity"


def test_keys_of_a_breakdown_s_totals_are_not_quoted_in_an_error() -> None:
    body = {
        "meta": {"generatedAt": "2026-11-23T04:46:00.000Z"},
        "totalUsers": 1,
        "activeUsers24h": 1,
        "newUsers24h": 1,
        "countryStats": {KEY: "many", SECRET: -1},
    }
    with (
        HostileServer(json_answer(body)) as server,
        scaled_client(server.url) as client,
        pytest.raises(PhaseError, match=r"countryStats\.…") as caught,
    ):
        client.overview("users")
    clear(caught.value)


@pytest.mark.parametrize("change", ["12", True, 10**16, [], float("nan")], ids=str)
def test_even_a_change_that_is_never_shown_has_to_be_a_number(change: object) -> None:
    body = {"meta": META, "totalEvents": 1, "events24h": 1, "events24hChange": change}
    with (
        HostileServer(json_answer(body)) as server,
        scaled_client(server.url) as client,
        pytest.raises(PhaseError, match=r"events24hChange: should be a finite|not valid JSON"),
    ):
        client.overview("events")


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("VALIDATION_ERROR", True),
        (SECRET, False),
        (KEY, False),
        ("A" * 41, False),
        ("BAD\nLINE", False),
        (["VALIDATION_ERROR"], False),
    ],
    ids=str,
)
def test_of_an_error_body_only_a_plain_code_word_is_shown(code: object, shown: bool) -> None:  # noqa: FBT001
    body = {"code": code, "detail": SECRET}
    with (
        HostileServer(json_answer(body, 400)) as server,
        scaled_client(server.url) as client,
        pytest.raises(PhaseError, match=r"refused this query \(400") as caught,
    ):
        ask(client)
    assert ("VALIDATION_ERROR" in clear(caught.value)) == shown
    assert ("(400)" in str(caught.value)) != shown


def test_five_hundred_as_text_is_retried_and_its_text_stays_unsaid() -> None:
    body = f"Failed query: select token_hash …\nparams: {SECRET}, {KEY}"
    with (
        HostileServer(text_answer(500, body)) as server,
        scaled_client(server.url) as client,
        pytest.raises(
            PhaseUnavailableError, match=r"error of its own \(500\) \(4 tries\)"
        ) as caught,
    ):
        ask(client)
    clear(caught.value)
    assert len(server.requests) == 4


def test_the_body_of_these_tests_is_good_json() -> None:
    assert json.loads(series())["data"] == [{"date": "2026-11-20", "sessionCount": 96}]
