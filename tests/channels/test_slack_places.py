"""Which channel a lost post is looked for in, and which scopes of the bot that takes."""

from __future__ import annotations

import pytest

from digest.core.content import Sighting
from digest.sandbox.slack import CHANNELS, SlackSandbox
from digest.sandbox.slack_scopes import ALL_SCOPES
from tests.support.deliveries import envelope, headline, slack
from tests.support.slacking import LIST, answers, channel, count, error, look, payloads, sent

GROWTH = "C0123456789"
GIVEN = envelope("#growth", posts=slack(headline("up")))
FOUND, UNKNOWN = Sighting.FOUND, Sighting.UNKNOWN


def without(*scopes: str) -> list[str]:
    return [scope for scope in ALL_SCOPES if scope not in scopes]


def test_a_name_is_looked_up_because_history_takes_none() -> None:
    with SlackSandbox() as sandbox:
        sent(channel(sandbox), GIVEN)
        assert look(sandbox, GIVEN).place == GROWTH
    (asked,) = payloads(sandbox, LIST)
    assert (asked["types"], asked["exclude_archived"]) == ("public_channel", "1")


def test_a_name_on_a_later_page_is_found() -> None:
    many = {**{f"C{n:010d}": f"n{n}" for n in range(1500)}, **CHANNELS}
    with SlackSandbox(channels=many) as sandbox:
        sent(channel(sandbox), GIVEN)
        assert look(sandbox, GIVEN).sighting is FOUND
    assert count(sandbox, LIST) == 2


def test_a_private_channel_is_looked_for_after_the_public_ones() -> None:
    with SlackSandbox(channels={**CHANNELS, "G0000000009": "board"}) as sandbox:
        board = envelope("#board", posts=slack(headline("up")))
        sent(channel(sandbox), board)
        found = look(sandbox, board)
    assert (found.sighting, found.place) == (FOUND, "G0000000009")


@pytest.mark.parametrize(
    ("recipient", "place"),
    [
        pytest.param(GROWTH, None, id="an id"),
        pytest.param("#growth", GROWTH, id="a place that an answer told"),
    ],
)
def test_an_id_that_is_known_needs_no_list(recipient: str, place: str | None) -> None:
    one = envelope(recipient, posts=slack(headline("up")))
    with SlackSandbox(scopes=without("channels:read")) as sandbox:
        sent(channel(sandbox), one)
        assert look(sandbox, one, place=place).sighting is FOUND
    assert count(sandbox, LIST) == 0


@pytest.mark.parametrize(
    ("scopes", "said"),
    [
        pytest.param(without("channels:history"), "scope channels:history", id="history"),
        pytest.param(without("channels:read"), "scope channels:read", id="names"),
    ],
)
def test_without_the_scope_it_is_unknown_and_the_scope_is_named(
    scopes: list[str], said: str
) -> None:
    with SlackSandbox(scopes=scopes) as sandbox:
        sent(channel(sandbox), GIVEN)
        told = look(sandbox, GIVEN)
    assert told.sighting is UNKNOWN
    assert told.detail == (
        f"#growth can't be looked into: Slack refused: missing_scope ({said}); "
        "the app lacks a permission; add the scope and install the app again"
    )


def test_a_private_channel_needs_scopes_of_its_own() -> None:
    private = {"G0000000009": "board"}
    board = envelope("#board", posts=slack(headline("up")))
    with SlackSandbox(channels=private, scopes=without("groups:read")) as sandbox:
        assert "(scope groups:read)" in look(sandbox, board).detail
    with SlackSandbox(channels=private, scopes=without("groups:history")) as sandbox:
        assert "(scope groups:history)" in look(sandbox, board).detail


def test_a_refusal_that_names_no_scope_still_says_which_one() -> None:
    script = answers(conversations__history=[error("missing_scope")])
    with SlackSandbox(script=script) as sandbox:
        told = look(sandbox, GIVEN)
    assert "(scope channels:history, for a private channel groups:history)" in told.detail


@pytest.mark.parametrize(
    ("recipient", "said"),
    [
        pytest.param("#nowhere", "no channel of that name", id="unknown name"),
        pytest.param("C0999999999", "channel_not_found", id="unknown id"),
        pytest.param("U0123456789", "it is a person", id="a person"),
    ],
)
def test_where_there_is_no_looking_the_sentence_says_what_to_do(recipient: str, said: str) -> None:
    with SlackSandbox() as sandbox:
        told = look(sandbox, envelope(recipient))
    assert told.sighting is UNKNOWN
    assert told.detail.startswith(f"{recipient} can't be looked into: ")
    assert said in told.detail
