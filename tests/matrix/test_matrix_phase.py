"""Cases 46 to 57 and 62 of the fault matrix, where tests of single parts do not show them whole.

Digests are fetched by the real client over HTTP, from the sandbox over the recorded rows or
through a server between the two that misbehaves. What `tests/phase` shows already is not here.
"""

from __future__ import annotations

import gzip
import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import zlib
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from digest import charts, report
from digest.core.charting import chart_specs
from digest.core.metrics import Dimension, Metric
from digest.core.periods import parse_period
from digest.errors import ExitCode, PhaseError, PhaseUnavailableError
from digest.phase.budget import Budget
from digest.phase.client import METRICS
from digest.phase.limits import PhaseLimits
from digest.phase.retry import LONGEST_PUT_OFF
from digest.phase.watchdog import open_session
from digest.render import Renderer
from digest.sandbox.flavour import Flavour
from digest.sandbox.server import PhaseSandbox
from tests.support import sql_truth
from tests.support.hostile_http import (
    Act,
    HostileServer,
    Seen,
    Wire,
    answer,
    hang,
    head,
    json_answer,
    raw,
    reset,
    text_answer,
)
from tests.support.phase_answers import DAY, GOOD, META, NEXT, SECRET, ask, clear, refuse, series
from tests.support.phase_clients import KEY, NOW, Waits, scaled_client
from tests.support.recorded import recorded_rows
from tests.support.rendered import Structure, slack_text
from tests.support.report_parts import silent, spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from digest.core.report_model import Report
    from digest.phase.client import PhaseClient

    Change = Callable[[bytes], bytes]

QUESTIONS = 14  # of the standard weekly digest
WEEK = ("2026-11-16", "2026-11-23")
WITHIN = {Metric.BOUNCE_RATE: 0.005 + 1e-12, Metric.SESSION_DURATION: 1e-6}
JSON = {"Content-Type": "application/json"}
TLS = Path(__file__).parents[1] / "data" / "tls"
ROOT = Path(__file__).parents[2]
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def shop() -> Iterator[PhaseSandbox]:
    """The recorded rows, at the time of the recordings."""
    with PhaseSandbox(
        recorded_rows(), api=Flavour.CURRENT, clock=lambda: NOW, rate_limit=0
    ) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def undisturbed(shop: PhaseSandbox) -> dict[str, Any]:
    """The week's `report.json` when nothing goes wrong."""
    with scaled_client(shop.base_url, key=shop.api_key) as client:
        return report.to_json(digest_of(client))


@pytest.fixture
def trusting() -> Iterator[Any]:
    """A session that trusts the test authority and nobody else."""
    with open_session() as session:
        session.verify = str(TLS / "ca.pem")
        yield session


def digest_of(client: PhaseClient) -> Report:
    """The standard digest of the recorded week: plan, fetch, assemble."""
    plan = report.plan(spec(), parse_period("2026-W47"), NOW)
    return report.assemble(plan, report.fetch(plan, client, silent))


def forms_of(made: Report) -> dict[str, str]:
    """What readers see, form by form, with single spaces."""
    wanted = (Metric.SESSIONS, Metric.EVENTS, Dimension.SESSIONS_COUNTRY)
    content = Renderer(None).content(made, charts.draw(chart_specs(made, wanted)))
    found = {
        "text": content.email.text,
        "html": Structure(content.email.html).text,
        "slack": slack_text(content.slack),
        "json": json.dumps(report.to_json(made), ensure_ascii=False, allow_nan=False),
    }
    return {name: " ".join(form.split()) for name, form in found.items()}


def asking(sandbox: PhaseSandbox, change: Change = bytes) -> Act:
    """Answers as the sandbox does, with the body changed."""
    port = int(sandbox.base_url.rpartition(":")[2].partition("/")[0])

    def act(wire: Wire, seen: Seen) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            headers = {"Authorization": seen.headers["authorization"]}
            connection.request("GET", seen.target, headers=headers)
            found = connection.getresponse()
            body = found.read()
        finally:
            connection.close()
        kind = found.getheader("Content-Type")
        answer(found.status, change(body), kind=kind)(wire, seen)

    return act


def for_questions(act: Act, real: Act, *parts: str) -> Act:
    """`act` where one of the parts occurs in the address, else `real`."""

    def choose(wire: Wire, seen: Seen) -> None:
        (act if any(part in seen.target for part in parts) else real)(wire, seen)

    return choose


def after_each(troubles: tuple[Act, ...], real: Act) -> Act:
    """Every question gets the troubles in turn, one a try, and then its answer."""
    tries: Counter[str] = Counter()

    def act(wire: Wire, seen: Seen) -> None:
        tries[seen.target] += 1
        made = tries[seen.target]
        (troubles[made - 1] if made <= len(troubles) else real)(wire, seen)

    return act


# 46: 500, 502, 503, then 200 ----------------------------------------------------------------------


def test_case_46_a_digest_behind_three_errors_a_question_has_the_numbers_of_plain_sql(
    shop: PhaseSandbox, undisturbed: dict[str, Any]
) -> None:
    troubles = (
        text_answer(500, f"SELECT '{SECRET}'"),
        text_answer(502, f"<html>Bad Gateway {SECRET}</html>", "text/html"),
        answer(503, kind=None),
    )
    with (
        HostileServer(after_each(troubles, asking(shop))) as server,
        scaled_client(server.url, key=shop.api_key) as client,
    ):
        made = digest_of(client)
        assert len(server.requests) == made.requests == 4 * QUESTIONS

    found = report.to_json(made)
    assert found | {"request_count": QUESTIONS} == undisturbed
    db = sql_truth.load()
    try:
        truth = sql_truth.metrics(db, "current", *WEEK)
    finally:
        db.close()
    for name, value in truth.items():
        within = WITHIN.get(Metric(name), 1e-9)
        assert found["metrics"][name]["value"] == pytest.approx(value, abs=within, rel=0), name


# 47: 429 with a Retry-After of every kind ---------------------------------------------------------


def http_date(seconds: float) -> str:
    return format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)


BACK_OFF = (0.5, 1.5)  # one second, half as much more or less
WAITED: dict[str, tuple[dict[str, str], tuple[float, float]]] = {
    "seconds": ({"Retry-After": "7"}, (7, 7.1)),
    "as long as we wait": ({"Retry-After": "60"}, (60, 60.1)),
    "a date by the server's clock": (
        {"Retry-After": http_date(30 - 9999), "Date": http_date(-9999)},
        (30, 30.1),
    ),
    "a date by our clock": ({"Retry-After": http_date(20)}, (20, 20.1)),
    "a past date": ({"Retry-After": http_date(-20), "Date": http_date(0)}, BACK_OFF),
    "absent": ({}, BACK_OFF),
    "zero": ({"Retry-After": "0"}, BACK_OFF),
    "negative": ({"Retry-After": "-5"}, BACK_OFF),
    "a fraction": ({"Retry-After": "1.5"}, BACK_OFF),
    "words": ({"Retry-After": "soon"}, BACK_OFF),
    "empty": ({"Retry-After": ""}, BACK_OFF),
    "5000 digits": ({"Retry-After": "9" * 5000}, BACK_OFF),
    "two values": ({"Retry-After": "5, 6"}, BACK_OFF),
}
TOO_LONG: dict[str, tuple[dict[str, str], float]] = {
    "a second too long": ({"Retry-After": "61"}, 61),
    "10^9 seconds": ({"Retry-After": str(10**9)}, LONGEST_PUT_OFF),
    "40 digits": ({"Retry-After": "9" * 40}, LONGEST_PUT_OFF),
    "a date in an hour": ({"Retry-After": http_date(3600), "Date": http_date(0)}, 3600),
    "the year 9999": ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, LONGEST_PUT_OFF),
}


def busy(headers: Mapping[str, str]) -> Act:
    return json_answer({"code": "TOO_MANY_REQUESTS"}, 429, headers)


@pytest.mark.parametrize(("headers", "bounds"), WAITED.values(), ids=WAITED.keys())
def test_case_47_retry_after_of_every_kind_is_waited_for_within_bounds(
    headers: dict[str, str], bounds: tuple[float, float]
) -> None:
    waits = Waits()
    with (
        HostileServer(busy(headers), GOOD) as server,
        scaled_client(server.url, waits=waits, limits=PhaseLimits()) as client,
    ):
        assert ask(client).values == {DAY: 96}
        assert len(server.requests) == 2
    (wait,) = waits.slept
    assert bounds[0] <= wait <= bounds[1]


@pytest.mark.parametrize(("headers", "kept"), TOO_LONG.values(), ids=TOO_LONG.keys())
def test_case_47_a_longer_one_puts_the_digest_off_without_waiting(
    headers: dict[str, str], kept: float
) -> None:
    waits = Waits()
    with (
        HostileServer(busy(headers)) as server,
        scaled_client(server.url, waits=waits, limits=PhaseLimits()) as client,
    ):
        for _ in range(3):
            with pytest.raises(PhaseUnavailableError, match="left alone for") as caught:
                digest_of(client)
            assert caught.value.retry_after == kept
            assert caught.value.exit_code is ExitCode.PUT_OFF
        assert len(server.requests) == 1
    assert waits.slept == []


@pytest.mark.parametrize(
    "headers",
    [row[0] for row in (*WAITED.values(), *TOO_LONG.values())],
    ids=[*WAITED.keys(), *TOO_LONG.keys()],
)
def test_case_47_a_server_that_is_always_busy_costs_a_question_less_than_three_minutes(
    headers: dict[str, str],
) -> None:
    waits = Waits()
    with (
        HostileServer(busy(headers)) as server,
        scaled_client(server.url, waits=waits, limits=PhaseLimits()) as client,
    ):
        with pytest.raises(PhaseUnavailableError, match=r"too many requests \(429\)") as caught:
            ask(client)
        clear(caught.value)
        assert len(server.requests) == len(waits.slept) + 1 <= 4
    assert sum(waits.slept) < 180
    assert all(wait < 62 for wait in waits.slept)


# 48: the key is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("number", [1, 4, QUESTIONS], ids=["first", "fourth", "last"])
def test_case_48_a_refused_key_makes_no_digest_and_is_not_tried_again(
    shop: PhaseSandbox, status: int, number: int
) -> None:
    refusal = refuse(status, "UNAUTHORIZED")
    before = [asking(shop)] * (number - 1)
    with (
        HostileServer(*before, refusal) as server,
        scaled_client(server.url, key=shop.api_key) as client,
    ):
        for _ in range(5):
            with pytest.raises(PhaseError, match=r"the key for app \d+ was refused") as caught:
                digest_of(client)
            assert not isinstance(caught.value, PhaseUnavailableError)
            assert (caught.value.status, caught.value.exit_code) == (status, ExitCode.FAILED)
        assert len(server.requests) == number
        assert client.stopped is not None


# 49: the query is refused -------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 422])
def test_case_49_every_refused_query_is_named_and_asked_only_once(
    shop: PhaseSandbox, status: int
) -> None:
    refusal = refuse(status, "VALIDATION_ERROR")
    with (
        HostileServer(for_questions(asking(shop), refusal, "metric=sessionCount")) as server,
        scaled_client(server.url, key=shop.api_key) as client,
    ):
        made = digest_of(client)
        assert max(Counter(seen.target for seen in server.requests).values()) == 1
        assert len(server.requests) == QUESTIONS

    failed = [one for one in made.asked if one.failed is not None]
    assert len(failed) == QUESTIONS - 1
    for one in failed:
        days = "all time" if one.start is None else str(one.start)
        for part in (one.report, one.what, days, f"refused this query ({status}"):
            assert part in str(one.failed)


@pytest.mark.parametrize("status", [400, 422])
def test_case_49_a_digest_whose_leading_query_is_refused_is_not_made_for_good(status: int) -> None:
    with HostileServer(refuse(status)) as server, scaled_client(server.url) as client:
        with pytest.raises(PhaseError, match="refused this query") as caught:
            digest_of(client)
        assert clear(caught.value).startswith(
            "sessions/timeseries (sessionCount, 2026-11-09 to 2026-11-22): "
        )
        assert not isinstance(caught.value, PhaseUnavailableError)
        assert caught.value.exit_code is ExitCode.FAILED
        assert len(server.requests) == 1


# 50: 200 with something else ----------------------------------------------------------------------

WRONG_TYPES = {
    "meta": META,
    "data": [{"date": "2026-11-16", "eventCount": "12", "sessionCount": "12"}],
    "rows": [{"value": "app_open", "count": "12"}],
}
BODIES: dict[str, Act] = {
    "HTML": text_answer(200, "<html>Sign in</html>", "text/html"),
    "HTML called JSON": answer(200, b"<html>Sign in</html>"),
    "empty": answer(200, b""),
    "null": answer(200, b"null"),
    "a list": answer(200, b"[]"),
    "an error": json_answer({"code": "UNAUTHORIZED", "detail": "no"}),
    "another schema": json_answer({"series": [], "meta": META}),
    "wrong types": json_answer(WRONG_TYPES),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_case_50_no_digest_is_made_of_a_200_that_is_no_answer(body: Act) -> None:
    with HostileServer(body) as server, scaled_client(server.url) as client:
        with pytest.raises(PhaseError, match=r"^sessions/timeseries \(sessionCount, ") as caught:
            digest_of(client)
        clear(caught.value)
        assert not isinstance(caught.value, PhaseUnavailableError)
        assert len(server.requests) == 1


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_case_50_what_answers_so_is_a_gap_with_a_name_and_never_a_zero(
    shop: PhaseSandbox, undisturbed: dict[str, Any], body: Act
) -> None:
    with (
        HostileServer(for_questions(body, asking(shop), "/events/")) as server,
        scaled_client(server.url, key=shop.api_key) as client,
    ):
        made = digest_of(client)
    found = report.to_json(made)
    events = found["metrics"].pop("events")
    assert (events["value"], events["baseline"], events["change"]) == (None, None, None)
    assert {day["value"] for day in events["daily"]} == {None}
    assert found["breakdowns"]["events.eventName"] == []
    assert "Left out: Events, Top events, Top screens." in found["notes"][0]
    assert found["metrics"] == {
        name: one for name, one in undisturbed["metrics"].items() if name != "events"
    }


# 51: truncated JSON -------------------------------------------------------------------------------


def test_case_51_what_lies_beyond_a_content_length_that_is_too_short_is_never_an_answer() -> None:
    """The rest of the body and a whole forged answer behind it, on a connection that is kept."""
    body, forged = series(), series("666")
    claimed = head(200, JSON | {"Content-Length": str(len(body) - 9)})
    whole = head(200, JSON | {"Content-Length": str(len(forged))})

    def short(wire: Wire, _seen: Seen) -> None:
        wire.send(claimed + body[:-9] + whole + forged)

    def shorter(wire: Wire, _seen: Seen) -> None:
        wire.send(claimed + body + whole + forged)

    with (
        HostileServer(short, shorter, GOOD) as server,
        scaled_client(server.url) as client,
    ):
        for _ in range(3):
            assert ask(client).values == {DAY: 96}
        assert len(server.requests) == 5


# 52: slowloris ------------------------------------------------------------------------------------


def drip(wire: Wire, _seen: Seen) -> None:
    wire.send(head(200, JSON | {"Content-Length": "100000"}))
    wire.drip(b" " * 100_000, 0.05)


def test_case_52_a_dripping_server_costs_a_digest_one_call_and_not_one_for_each_question() -> None:
    with (
        HostileServer(drip) as server,
        scaled_client(server.url, try_=0.2, call=0.5, tries=9) as client,
    ):
        with pytest.raises(PhaseUnavailableError, match="did not answer in time") as caught:
            digest_of(client)
        assert caught.value.exit_code is ExitCode.PUT_OFF
        made = client.requests_made
        assert 1 <= made <= 3
        with pytest.raises(PhaseUnavailableError):
            digest_of(client)
        assert client.requests_made == made


def test_case_52_a_dripping_server_holds_up_no_other_digest(
    shop: PhaseSandbox, undisturbed: dict[str, Any]
) -> None:
    """Both jobs share the session and the budget, as those of one process do."""
    waits = Waits()
    budget = Budget(waits.clock)
    errors: list[PhaseError] = []
    dripping = threading.Event()

    def drip_on(wire: Wire, seen: Seen) -> None:
        dripping.set()
        drip(wire, seen)

    with ExitStack() as stack:
        slow = HostileServer(drip_on)
        session = stack.enter_context(open_session())
        held = stack.enter_context(
            scaled_client(
                slow.url, session=session, budget=budget, waits=waits, read=60, try_=60, call=60
            )
        )
        other = stack.enter_context(
            scaled_client(
                shop.base_url, session=session, budget=budget, waits=waits, key=shop.api_key
            )
        )

        def wait_for_the_slow_one() -> None:
            try:
                digest_of(held)
            except PhaseError as error:
                errors.append(error)

        job = threading.Thread(target=wait_for_the_slow_one, daemon=True)
        with slow:
            job.start()
            assert dripping.wait(10)
            assert report.to_json(digest_of(other)) == undisturbed
            # the slow one is still in its first try
            assert job.is_alive()
            assert len(slow.requests) == 1
        job.join(10)
    assert [type(error) for error in errors] == [PhaseUnavailableError]


# 53: bombs ----------------------------------------------------------------------------------------

VICTIM = """
import sys, time
from datetime import date
from digest.errors import PhaseError
from digest.phase.budget import Budget
from digest.phase.client import PhaseClient
from digest.phase.limits import PhaseLimits

client = PhaseClient(sys.argv[1], "1", "k", PhaseLimits(tries=1), Budget(time.monotonic))
with client:
    for _ in range(int(sys.argv[2])):
        try:
            client.timeseries("sessions", "sessionCount", date(2026, 11, 20), date(2026, 11, 21))
        except PhaseError as error:
            print(error)
with open("/proc/self/status") as status:
    print(next(line for line in status if line.startswith("VmHWM")).split()[1])
"""


def bomb() -> bytes:
    """10 MB of gzip that unpack to 10 GB of spaces."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    once = packer.compress(b" " * MIB) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff" + once * 10_000


def fifty_megabytes(wire: Wire, _seen: Seen) -> None:
    wire.send(head(200, JSON | {"Transfer-Encoding": "chunked"}) + b"1\r\n[\r\n")
    piece = b"10,11,12,13," * 5000
    for _ in range(50 * MIB // len(piece)):
        wire.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_case_53_no_bomb_takes_a_process_beyond_400_mib() -> None:
    room = 10 * MIB - 100
    # one character of four bytes makes a text of 80 MB in memory out of 20 MB of answer
    wide = gzip.compress(f'["{"x" * (20 * MIB - 100)}\U0001f389"]'.encode(), 1)
    bombs: dict[str, Act] = {
        "unpacks to more than 20,971,520 bytes": answer(
            200, bomb(), headers={"Content-Encoding": "gzip"}
        ),
        "nested deeper than 32 levels": answer(200, b"[" * 1_000_000),
        "deeper than 32": answer(200, b'{"a":' * 300_000),
        "larger than 10,485,760 bytes": fifty_megabytes,
        "more than 1,000,000 values": answer(200, b"[" + b"{}," * (room // 3) + b"0]"),
        # the largest things that pass the counting
        "not as it should be": answer(200, b"[" + b'"ab",' * 300_000 + b"0]"),
        "(the answer: Input should be": answer(200, wide, headers={"Content-Encoding": "gzip"}),
        "not valid JSON": answer(200, b"[" + b"9" * room + b"]"),
    }
    with HostileServer(*bombs.values()) as server:
        done = subprocess.run(
            [sys.executable, "-c", VICTIM, server.url, str(len(bombs))],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert server.sent < 100 * MIB
    *sentences, peak = done.stdout.splitlines()
    for sentence, expected in zip(sentences, bombs, strict=True):
        assert expected in sentence
    assert int(peak) < 400 * 1024


# 54: redirects ------------------------------------------------------------------------------------

ELSEWHERE = (
    "http://localhost:{plain}/x",
    "http://127.0.0.1:{plain}/x",
    "//localhost:{plain}/x",
    "http://phase@127.0.0.1:{plain}/x",
    "https://localhost:{secure}/x",
    "https://127.0.0.1:{secure}/x",
    "file:///etc/passwd",
    "ftp://127.0.0.1:{plain}/x",
    "/public-api/v1/elsewhere",
)


def tls_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize("place", ELSEWHERE)
@pytest.mark.parametrize("status", [302, 307])
def test_case_54_no_redirect_from_tls_is_followed_and_the_key_is_seen_nowhere_else(
    trusting: Any, place: str, status: int
) -> None:
    with ExitStack() as stack:
        plain = stack.enter_context(HostileServer(GOOD))
        context = tls_context(TLS / "server.pem")
        secure = stack.enter_context(HostileServer(GOOD, tls=context))
        where = place.format(plain=plain.port, secure=secure.port)
        server = stack.enter_context(
            HostileServer(answer(status, headers={"Location": where}), tls=context)
        )
        client = stack.enter_context(scaled_client(server.url, session=trusting))
        with pytest.raises(PhaseError, match=rf"redirects elsewhere \({status}\)") as caught:
            digest_of(client)
        assert "elsewhere (" in clear(caught.value)
        assert where not in str(caught.value)
        assert not isinstance(caught.value, PhaseUnavailableError)
        assert [seen.headers["authorization"] for seen in server.requests] == [f"Bearer {KEY}"]
        assert plain.wires == secure.wires == []


def test_case_54_two_servers_that_redirect_to_each_other_are_one_request() -> None:
    with HostileServer() as one, HostileServer() as other:
        one._acts = (answer(302, headers={"Location": f"{other.url}/x"}),)
        other._acts = (answer(302, headers={"Location": f"{one.url}/x"}),)
        with scaled_client(one.url) as client, pytest.raises(PhaseError, match="redirects"):
            digest_of(client)
        assert len(one.requests) == 1
        assert other.wires == []


# 55: TLS ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that is right for this address and that nobody but itself vouches for."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("tls")
    key, made = folder / "key.pem", folder / "self-signed.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", key, "-out", made),
        ],
        check=True,
        capture_output=True,
    )
    made.write_bytes(made.read_bytes() + key.read_bytes())
    return made


@pytest.mark.parametrize("authority", ["ours", "the system's"])
def test_case_55_a_self_signed_certificate_is_refused_before_the_key_is_sent(
    self_signed: Path, trusting: Any, authority: str
) -> None:
    session = trusting if authority == "ours" else None
    with (
        HostileServer(GOOD, tls=tls_context(self_signed)) as server,
        scaled_client(server.url, session=session) as client,
    ):
        for _ in range(2):
            with pytest.raises(PhaseError, match="certificate that can't be trusted") as caught:
                digest_of(client)
            clear(caught.value)
            assert not isinstance(caught.value, PhaseUnavailableError)
        assert client.requests_made == 1
        assert server.requests == []


# 56: names, addresses and connections -------------------------------------------------------------

Address = tuple[Any, ...]


def resolver(
    monkeypatch: pytest.MonkeyPatch, *answers: list[Address] | socket.gaierror
) -> list[str]:
    """Puts these answers, in turn and the last one for ever, in the place of the system's DNS."""
    asked: list[str] = []

    def look_up(host: str, *_: object, **__: object) -> list[Address]:
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        if isinstance(found, socket.gaierror):
            raise found
        return found

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def ipv4(port: int) -> Address:
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))


def ipv6(port: int) -> Address:
    return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0))


def test_case_56_a_name_that_resolves_again_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits = Waits()
    with HostileServer(GOOD) as server:
        gone = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        asked = resolver(monkeypatch, gone, gone, [ipv4(server.port)])
        with scaled_client(f"http://phase.example:{server.port}", waits=waits) as client:
            assert ask(client).values == {DAY: 96}
    assert asked == ["phase.example"] * 3
    assert len(waits.slept) == 2


def test_case_56_a_name_that_stays_lost_puts_the_digest_off_after_four_tries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    asked = resolver(monkeypatch, gone)
    with scaled_client("http://phase.example") as client:
        for _ in range(2):
            with pytest.raises(PhaseUnavailableError, match="name does not resolve") as caught:
                digest_of(client)
            clear(caught.value)
            assert caught.value.exit_code is ExitCode.PUT_OFF
    assert len(asked) == 4


@pytest.fixture
def silent_ipv6() -> Iterator[int]:
    """A port of ::1 at which connections are neither taken nor refused: its queue is full."""
    with ExitStack() as stack:
        try:
            listener = stack.enter_context(socket.socket(socket.AF_INET6))
            listener.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(8):
            filling = stack.enter_context(socket.socket(socket.AF_INET6))
            filling.settimeout(0)
            filling.connect_ex(address)
        probe = stack.enter_context(socket.socket(socket.AF_INET6))
        probe.settimeout(0.1)
        try:
            probe.connect(address)
        except TimeoutError:
            yield address[1]
        else:
            pytest.skip("this kernel takes connections beyond the queue")


@pytest.fixture
def refused_ipv6() -> Iterator[int]:
    """A port of ::1 that nobody listens on, nor can meanwhile; without IPv6 any port is one."""
    with ExitStack() as stack:
        try:
            taken = stack.enter_context(socket.socket(socket.AF_INET6))
            taken.bind(("::1", 0))
            port: int = taken.getsockname()[1]
        except OSError:
            port = 9
        yield port


def fetch_with_dead_ipv6(monkeypatch: pytest.MonkeyPatch, dead: int) -> None:
    waits = Waits()
    with HostileServer(GOOD) as server:
        resolver(monkeypatch, [ipv6(dead), ipv4(server.port)])
        url = f"http://phase.example:{server.port}"
        with scaled_client(url, waits=waits, connect=0.2, try_=5) as client:
            assert ask(client).values == {DAY: 96}
            assert client.requests_made == len(server.requests) == 1
    assert waits.slept == []


def test_case_56_an_ipv6_address_that_refuses_is_passed_over_for_ipv4(
    monkeypatch: pytest.MonkeyPatch, refused_ipv6: int
) -> None:
    fetch_with_dead_ipv6(monkeypatch, refused_ipv6)


def test_case_56_an_ipv6_address_that_is_silent_is_passed_over_for_ipv4(
    monkeypatch: pytest.MonkeyPatch, silent_ipv6: int
) -> None:
    fetch_with_dead_ipv6(monkeypatch, silent_ipv6)


def test_case_56_a_kept_connection_whose_other_end_is_gone_is_replaced_after_one_try() -> None:
    """Half open: nothing comes back any more, not even a refusal."""
    with (
        HostileServer(GOOD, hang, GOOD) as server,
        scaled_client(server.url, read=1) as client,
    ):
        for _ in range(2):
            assert ask(client).values == {DAY: 96}
        assert [seen.connection for seen in server.requests] == [0, 0, 1]


def reset_inside(wire: Wire, _seen: Seen) -> None:
    wire.send(head(200, JSON | {"Content-Length": "5000"}) + series())
    wire.reset()


@pytest.mark.parametrize("broken", [reset, reset_inside], ids=["before", "inside the answer"])
def test_case_56_a_digest_whose_connection_is_reset_at_every_question_is_whole(
    shop: PhaseSandbox, undisturbed: dict[str, Any], broken: Act
) -> None:
    with (
        HostileServer(after_each((broken, broken), asking(shop))) as server,
        scaled_client(server.url, key=shop.api_key) as client,
    ):
        found = report.to_json(digest_of(client))
        assert len(server.requests) == found["request_count"] == 3 * QUESTIONS
    assert found | {"request_count": QUESTIONS} == undisturbed


# 57: numbers that are none ------------------------------------------------------------------------

ODD = ("NaN", "Infinity", "-Infinity", "1e999", "-5", str(10**18), '"12"', "true", "null")
OVERVIEWS: dict[str, tuple[str, ...]] = {
    "events": ("totalEvents", "events24h"),
    "sessions": ("totalSessions", "activeSessions24h", "averageSessionDuration", "bounceRate"),
    "users": ("totalUsers", "activeUsers24h", "newUsers24h"),
}


def series_of(client: PhaseClient, report: str, metric: str) -> object:
    return client.timeseries(report, metric, DAY, NEXT)


def list_of(client: PhaseClient, dimension: Dimension) -> object:
    return client.breakdown(dimension, *((DAY, NEXT) if dimension.dated else (None, None)))


def totals_of(client: PhaseClient, report: str) -> object:
    return client.overview(report)  # type: ignore[call-overload] # a name from a table


PLACES: dict[str, tuple[str, Callable[[PhaseClient], object]]] = {
    **{
        f"{report}/timeseries {metric}": (metric, partial(series_of, report=report, metric=metric))
        for report, metrics in METRICS.items()
        for metric in metrics
    },
    **{
        f"breakdown {dimension}": ("count", partial(list_of, dimension=dimension))
        for dimension in Dimension
        if dimension.field != "city"
    },
    **{
        f"{report}/overview {field}": (field, partial(totals_of, report=report))
        for report, fields in OVERVIEWS.items()
        for field in fields
    },
}
NULLABLE = "sessions/overview averageSessionDuration"  # there it means: no sessions


def with_odd(field: str, odd: str) -> Change:
    """The first number of that field replaced; there must be one."""

    def change(body: bytes) -> bytes:
        changed, times = re.subn(
            rf'("{field}": ?)[0-9.]+'.encode(), rf"\g<1>{odd}".encode(), body, count=1
        )
        assert times == 1, body[:200]
        return changed

    return change


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("place", PLACES)
def test_case_57_an_odd_number_is_refused_wherever_it_stands(
    shop: PhaseSandbox, place: str, odd: str
) -> None:
    field, question = PLACES[place]
    with (
        HostileServer(asking(shop, with_odd(field, odd))) as server,
        scaled_client(server.url, key=shop.api_key) as client,
    ):
        if odd == "null" and place == NULLABLE:
            assert client.overview("sessions").average_session_duration is None
            return
        with pytest.raises(
            PhaseError, match=r"not valid JSON|not as it should be|answer has no"
        ) as c:
            question(client)
        assert not isinstance(c.value, PhaseUnavailableError)
        assert len(server.requests) == 1


@pytest.mark.parametrize("odd", ODD)
def test_case_57_an_odd_number_is_shown_in_no_form_and_the_gap_is_named(
    shop: PhaseSandbox, odd: str
) -> None:
    """One odd number in every answer but that of the sessions, which lead."""
    fields = "eventCount|bounceRate|avgSessionDuration|activeUsers|newUsers|totalUsers|count"
    odd_one = asking(shop, with_odd(f"(?:{fields})", odd))
    with (
        HostileServer(for_questions(asking(shop), odd_one, "metric=sessionCount")) as server,
        scaled_client(server.url, key=shop.api_key) as client,
    ):
        made = digest_of(client)
    values = {h.metric: h.comparison.value for h in made.headlines}
    assert [metric for metric, value in values.items() if value is not None] == [Metric.SESSIONS]
    assert all(b.unavailable is not None and not b.rows for b in made.breakdowns)
    for name, form in forms_of(made).items():
        assert "Phase could not give everything" in form, name
        for shown in ("NaN", "nan", "Infinity", "1e999", "−5", f"{10**18:,}", str(10**18)):
            assert shown not in form, name


# 62: one of the reports fails for good ------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Lost:
    """Which addresses answer how, what the banner says, and which metrics have no value then."""

    parts: tuple[str, ...]
    act: Act
    banner: str
    metrics: tuple[str, ...] = ()


LOST = {
    "events, whose store is down": Lost(
        parts=("/events/",),
        act=text_answer(500, f"SELECT '{SECRET}'"),
        banner="(events/timeseries, events/breakdown). Left out: Events, Top events, Top screens.",
        metrics=("events",),
    ),
    "users, which are not there": Lost(
        parts=("/users/",),
        act=answer(404, kind=None),
        banner="(users/timeseries, users/breakdown). Left out: Average daily active users, New"
        " users, Total users, All users by platform.",
        metrics=("active_users", "new_users", "total_users"),
    ),
    "one metric, which is nonsense": Lost(
        parts=("metric=bounceRate",),
        act=answer(200, b"null"),
        banner="(sessions/timeseries). Left out: Bounce rate.",
        metrics=("bounce_rate",),
    ),
    "a list of sessions, which is refused": Lost(
        parts=("/sessions/breakdown",),
        act=refuse(400, "VALIDATION_ERROR"),
        banner="(sessions/breakdown). Left out: Sessions by country.",
    ),
    "a list of users, which is a page": Lost(
        parts=("/users/breakdown",),
        act=text_answer(200, f"<html>{SECRET}</html>", "text/html"),
        banner="(users/breakdown). Left out: All users by platform.",
    ),
    "a list of users, which is always cut short": Lost(
        parts=("/users/breakdown",),
        act=raw(head(200, {"Content-Length": "5000"}) + b'{"rows": ['),
        banner="(users/breakdown). Left out: All users by platform.",
    ),
    "the list before, which redirects": Lost(
        parts=("/sessions/breakdown?dimension=country&limit=50&startDate=2026-11-09",),
        act=answer(302, headers={"Location": "http://127.0.0.1:9/"}),
        banner="(sessions/breakdown). Left out: changes in Sessions by country.",
    ),
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST.keys())
def test_case_62_a_digest_without_one_report_goes_out_with_a_banner_that_names_it(
    shop: PhaseSandbox, undisturbed: dict[str, Any], lost: Lost
) -> None:
    with (
        HostileServer(for_questions(lost.act, asking(shop), *lost.parts)) as server,
        scaled_client(server.url, key=shop.api_key) as client,
    ):
        made = digest_of(client)
    for name, one in report.to_json(made)["metrics"].items():
        if name in lost.metrics:
            assert (one["value"], one["baseline"], one["percent"]) == (None, None, None)
            assert one["note"] == "Phase could not give this number."
        else:
            assert one == undisturbed["metrics"][name]
    for name, form in forms_of(made).items():
        assert f"Phase could not give everything {lost.banner}" in form, name
        assert SECRET not in form
        assert shop.api_key not in form
    assert not any("could not give" in note for note in undisturbed["notes"])
