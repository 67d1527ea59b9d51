"""How far back a lost post is looked for; what can't be read to its end is unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.core.content import Sighting, SlackMessage
from digest.sandbox.slack import Answer, SlackSandbox
from tests.support.deliveries import Clock, details, envelope, headline, section, slack
from tests.support.passages import parcel
from tests.support.slacking import (
    HISTORY,
    answers,
    channel,
    count,
    error,
    look,
    payloads,
    sent,
    wait,
)

GROWTH = "C0123456789"
GIVEN = envelope("#growth", posts=slack(headline("up")))
FOUND, ABSENT, UNKNOWN = Sighting.FOUND, Sighting.ABSENT, Sighting.UNKNOWN


class BrokenClock(Clock):
    """A defect of ours, at the first wait."""

    def sleep(self, seconds: float) -> None:
        raise RuntimeError(seconds)


def chatter(sandbox: SlackSandbox, number: int, where: str = GROWTH) -> None:
    """Other people's and other bots' messages."""
    for n in range(number):
        metadata = {"event_type": "digest_delivery", "event_payload": {"key": f"{n}", "part": 0}}
        odd = [None, metadata, {"event_type": "x", "event_payload": {"key": GIVEN.key.digest}}]
        sandbox._workspace.post(where, {"text": f"m{n}", "metadata": odd[n % 3]})


@pytest.mark.parametrize("armed_at", [datetime.now(UTC), None])
def test_the_key_is_found_among_five_hundred_other_messages(armed_at: datetime | None) -> None:
    with SlackSandbox() as sandbox:
        chatter(sandbox, 250)
        sent(channel(sandbox), GIVEN)
        chatter(sandbox, 250)
        found = look(sandbox, GIVEN, armed_at=armed_at)
    assert found.sighting is FOUND
    assert found.reference == sandbox.posts[250].ts
    assert count(sandbox, HISTORY) == 2


@pytest.mark.parametrize("armed_at", [datetime.now(UTC), None])
def test_it_is_absent_only_after_the_last_page(armed_at: datetime | None) -> None:
    with SlackSandbox() as sandbox:
        chatter(sandbox, 501)
        assert look(sandbox, GIVEN, armed_at=armed_at).sighting is ABSENT
    assert count(sandbox, HISTORY) == 3


def test_another_delivery_is_not_mistaken_for_this_one() -> None:
    again = envelope("#growth", posts=slack(headline("up")), generation=1)
    with SlackSandbox() as sandbox:
        sent(channel(sandbox), again)
        assert look(sandbox, GIVEN).sighting is ABSENT


def test_history_is_asked_for_with_all_metadata_from_ten_minutes_before() -> None:
    armed_at = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
    with SlackSandbox() as sandbox:
        look(sandbox, GIVEN, armed_at=armed_at)
    (asked,) = payloads(sandbox, HISTORY)
    assert asked == {
        "channel": GROWTH,
        "oldest": f"{(armed_at - timedelta(minutes=10)).timestamp():.6f}",
        "inclusive": "1",
        "include_all_metadata": "1",
        "limit": "200",
    }


def test_when_it_is_not_known_since_when_the_channels_last_day_is_read() -> None:
    now = [1_000_000.0]
    with SlackSandbox(clock=lambda: now[0]) as sandbox:
        sent(channel(sandbox), GIVEN)
        chatter(sandbox, 1)
        now[0] += 86_000
        chatter(sandbox, 1)
        assert look(sandbox, GIVEN, armed_at=None).sighting is FOUND
        now[0] += 1_000
        chatter(sandbox, 1)
        assert look(sandbox, GIVEN, armed_at=None).sighting is ABSENT


def test_too_many_messages_leave_it_unknown() -> None:
    with SlackSandbox() as sandbox:
        chatter(sandbox, 2001)
        told = look(sandbox, GIVEN)
    assert told.sighting is UNKNOWN
    assert told.detail == (
        "#growth can't be looked into: too many messages were posted there since then; "
        "look for it yourself"
    )
    assert count(sandbox, HISTORY) == 10


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(hang_up=True), id="hung up"),
        pytest.param(Answer(status=500, body=""), id="500"),
        pytest.param(Answer(body="<html>"), id="a proxy's page"),
        pytest.param(error("not_in_channel"), id="not in the channel"),
        pytest.param(error("internal_error"), id="internal error"),
        pytest.param(Answer(body={"ok": True}), id="no messages"),
        pytest.param(Answer(body={"ok": True, "messages": [1]}), id="a message that is none"),
        pytest.param(
            Answer(body={"ok": True, "messages": [{"ts": "soon"}]}), id="a time that is none"
        ),
        pytest.param(
            Answer(body={"ok": True, "messages": [], "has_more": True}), id="more, but not where"
        ),
        pytest.param(wait("900"), id="a long limit"),
    ],
)
def test_a_look_that_fails_is_unknown_and_never_absent(answer: Answer) -> None:
    with SlackSandbox(script=answers(conversations__history=[answer])) as sandbox:
        told = look(sandbox, GIVEN)
    assert told.sighting is UNKNOWN
    assert told.detail.startswith("#growth can't be looked into: ")


def test_a_look_at_a_server_that_is_gone_is_unknown() -> None:
    with SlackSandbox() as sandbox:
        made = channel(sandbox)
        lost = parcel(made, GIVEN)
    told = made.look(lost)
    assert told.sighting is UNKNOWN
    assert "can't be reached" in told.detail


def test_short_limits_are_waited_for_a_minute_in_all() -> None:
    clock = Clock()
    with SlackSandbox(script=answers(conversations__list=[wait("30")])) as sandbox:
        sent(channel(sandbox), GIVEN)
        assert look(sandbox, GIVEN, clock=clock).sighting is FOUND
    assert clock.waits == [30.0]
    script = answers(conversations__list=[wait("40")], conversations__history=[wait("40")])
    with SlackSandbox(script=script) as sandbox:
        assert look(sandbox, GIVEN, clock=clock).sighting is UNKNOWN
    assert clock.waits == [30.0, 40.0]


def test_a_defect_while_looking_is_unknown_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with SlackSandbox(script=answers(conversations__history=[wait("5")])) as sandbox:
        told = look(sandbox, GIVEN, clock=BrokenClock())
    assert told.sighting is UNKNOWN
    assert told.detail == "internal error (RuntimeError); this is a defect of digest"
    assert [record.levelname for record in caplog.records if record.exc_info] == ["ERROR"]


def test_a_defect_while_a_thread_is_completed_is_a_remark() -> None:
    two = envelope("#growth", posts=slack(headline("up"), details("one"), details("two")))
    lost = [None, error("is_archived"), error("is_archived")]
    with SlackSandbox(script=answers(chat__postMessage=lost)) as sandbox:
        sent(channel(sandbox), two)
        found = look(sandbox, two, clock=BrokenClock())
    assert found.sighting is FOUND
    (remark,) = found.remarks
    assert remark.startswith("its replies may be incomplete: internal error (RuntimeError)")


def test_a_part_of_the_channel_itself_is_not_posted_again_when_not_all_could_be_read() -> None:
    plain = SlackMessage(text="apart", blocks=(section("apart"),))
    two = envelope("#growth", posts=slack(headline("up"), plain))
    with SlackSandbox(script=answers(chat__postMessage=[None, error("is_archived")])) as sandbox:
        sent(channel(sandbox), two)
        chatter(sandbox, 2001)
        found = look(sandbox, two)
    assert found.sighting is FOUND
    assert found.remarks == ("part 2 may be missing: not all of the channel could be read",)
    assert [post.text for post in sandbox.posts if post.text == "apart"] == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(
    messages=JSON
    | st.lists(st.fixed_dictionaries({"ts": JSON | st.just("1.5"), "metadata": JSON})),
    metadata=JSON | st.fixed_dictionaries({"next_cursor": JSON}),
)
def test_any_answer_whatever_gives_a_look(messages: Any, metadata: Any) -> None:
    body = {"ok": True, "messages": messages, "response_metadata": metadata}
    with SlackSandbox(script=answers(conversations__history=[Answer(body=body)] * 20)) as sandbox:
        told = look(sandbox, GIVEN)
    assert told.sighting in {ABSENT, UNKNOWN}
    assert told.sighting is UNKNOWN or isinstance(messages, list)
    assert "defect" not in told.detail
