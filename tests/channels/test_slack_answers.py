"""What Slack's answers mean, and blocks with and without their pictures: pure decisions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.errors import SlackRequestError

from digest.channels.slack import SlackSettings
from digest.channels.slack.answers import (
    NotSentError,
    RateLimitedError,
    RefusedError,
    SlackError,
    UnknownOutcomeError,
    judge,
    retry_after,
)
from digest.channels.slack.blocks import marked_test, with_files
from digest.channels.slack.client import Client
from digest.channels.slack.outcomes import Road, outcome_of
from digest.core.content import DeliveryState, Outcome, SlackContent
from tests.support.deliveries import OUTSIDE, Hidden, chart, headline, section, slack

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def test_a_yes_gives_the_answer() -> None:
    assert judge(200, {}, b'{"ok": true, "ts": "1.2"}') == {"ok": True, "ts": "1.2"}


@pytest.mark.parametrize("status", [400, 403, 404, 405, 413])
def test_an_http_refusal_is_definite(status: int) -> None:
    with pytest.raises(RefusedError, match=f"http_{status}; is base_url right"):
        judge(status, {}, b"<html>")


def test_an_http_refusal_with_slacks_own_word_uses_that() -> None:
    with pytest.raises(RefusedError, match="invalid_auth; the token is wrong"):
        judge(401, {}, b'{"ok": false, "error": "invalid_auth"}')


@pytest.mark.parametrize("status", [100, 199])
def test_an_answer_that_is_none_yet_is_unknown(status: int) -> None:
    with pytest.raises(UnknownOutcomeError):
        judge(status, {}, b"")


@given(
    status=st.integers(100, 599),
    body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()),
)
def test_any_answer_is_a_yes_or_an_error_of_ours(status: int, body: bytes) -> None:
    try:
        told = judge(status, {}, body)
    except SlackError as error:
        sentence = str(error)
    else:
        sentence = "yes"
        assert (status, told["ok"]) == (200, True)
    assert sentence.isprintable()
    assert len(sentence) < 300


@given(st.text())
def test_no_text_of_an_answer_gets_into_a_sentence(text: str) -> None:
    body = json.dumps({"ok": False, "error": f"<{text}>", "needed": f"<{text}>"}).encode()
    with pytest.raises(UnknownOutcomeError) as caught:
        judge(200, {}, body)
    assert "<" not in str(caught.value)


@given(st.none() | st.text() | st.integers().map(str))
def test_every_wait_is_between_a_second_and_a_day(value: str | None) -> None:
    assert 1 <= retry_after(value) <= 86_400


def test_a_limit_tells_its_wait() -> None:
    with pytest.raises(RateLimitedError) as caught:
        judge(429, {"retry-after": "12"}, b"")
    assert caught.value.retry_after == 12


LATER, UNCERTAIN = DeliveryState.RETRY_WAIT, DeliveryState.UNCERTAIN


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        pytest.param(
            RateLimitedError(120),
            Outcome(
                state=LATER,
                detail="Slack asks to wait 120 s before the next call",
                code="ratelimited",
                retry_after=120,
                fault=True,
            ),
            id="a limit holds the whole method",
        ),
        pytest.param(
            NotSentError("slack.com can't be reached"),
            Outcome(state=LATER, detail="slack.com can't be reached", fault=True),
            id="nothing was written",
        ),
        pytest.param(
            RefusedError("no_permission"),
            Outcome(
                state=DeliveryState.FAILED,
                detail=str(RefusedError("no_permission")),
                code="no_permission",
                fault=True,
                passing=False,
            ),
            id="about the bot",
        ),
        pytest.param(
            RefusedError("service_unavailable"),
            Outcome(
                state=LATER,
                detail=f"#a: {RefusedError('service_unavailable')}",
                code="service_unavailable",
            ),
            id="passing",
        ),
        pytest.param(
            UnknownOutcomeError("Slack answered with HTTP 500", "http_500"),
            Outcome(state=UNCERTAIN, detail="#a: Slack answered with HTTP 500", code="http_500"),
            id="unclear",
        ),
        pytest.param(
            RefusedError("is_archived"),
            Outcome(
                state=DeliveryState.FAILED,
                detail=f"#a: {RefusedError('is_archived')}",
                code="is_archived",
            ),
            id="about the channel",
        ),
    ],
)
def test_what_an_error_makes_of_a_delivery(error: SlackError, outcome: Outcome) -> None:
    assert outcome_of("#a", error) == outcome


@pytest.mark.parametrize("status", [301, 302, 307, 308, 401, 403, 404, 407])
def test_a_wrong_address_is_no_readers_fault(status: int) -> None:
    outcome = outcome_of("#a", RefusedError(f"http_{status}"))
    assert (outcome.state, outcome.fault, outcome.passing) == (LATER, True, False)


@pytest.mark.parametrize("status", [400, 413])
def test_a_message_that_a_server_on_the_way_does_not_take_fails_alone(status: int) -> None:
    assert outcome_of("#a", RefusedError(f"http_{status}")).state is DeliveryState.FAILED


def test_a_clear_answer_between_two_unclear_ones_lets_the_rest_go_on() -> None:
    road = Road()
    for state in (UNCERTAIN, DeliveryState.SENT, UNCERTAIN, DeliveryState.FAILED, UNCERTAIN):
        road.note(Outcome(state=state), unclear=state is UNCERTAIN)
        assert road.closed is None
    road.note(Outcome(state=UNCERTAIN), unclear=True)
    assert road.closed is not None


def test_pictures_get_their_files_and_the_rest_stays() -> None:
    blocks = (section("up"), {**chart("a"), "block_id": "x"}, chart("b"))
    assert with_files(blocks, {"a": "F1"}) == [
        section("up"),
        {"type": "image", "alt_text": "a went up", "block_id": "x", "slack_file": {"id": "F1"}},
    ]
    assert blocks[1]["picture"] == "a"


def test_fifty_blocks_leave_no_room_for_a_note() -> None:
    full = slack(headline("up", *[section("x")] * 49))
    (message,) = marked_test(full)
    assert message.text == "[test] up"
    assert message.blocks == full.messages[0].blocks


def test_a_message_that_says_so_already_is_not_marked_twice() -> None:
    assert marked_test(slack(headline("[test] up")))[0].text == "[test] up"


def test_a_test_of_nothing_is_nothing() -> None:
    assert marked_test(SlackContent(messages=())) == ()


@pytest.mark.parametrize("given", [{"files": {"a": b"1"}}, {"data": {"a": 1}}, {"auth": {"a": 1}}])
def test_calls_that_the_transport_cannot_carry_are_refused(given: dict[str, Any]) -> None:
    client = Client(SlackSettings(token=Hidden("xoxb-1")), OUTSIDE)
    with pytest.raises(SlackRequestError, match="with files, data or client"):
        client.api_call("oauth.access", **given)


def test_a_repr_of_the_settings_shows_no_token() -> None:
    assert "xoxb" not in repr(SlackSettings(token=Hidden("xoxb-1")))
