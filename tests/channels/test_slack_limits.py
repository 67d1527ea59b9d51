"""Digests at Slack's limits, posted to a workspace that refuses what is over them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from digest.core.content import DeliveryState
from digest.render import Renderer
from digest.sandbox.slack import SlackSandbox
from tests.support.deliveries import chart, details, envelope, headline, picture, section, slack
from tests.support.rendered import HOSTILE_NAMES, named, week
from tests.support.slacking import channel, sent

if TYPE_CHECKING:
    from digest.core.content import SlackContent

RENDERER = Renderer(None)
SENT, FAILED = DeliveryState.SENT, DeliveryState.FAILED


def sixty_metrics() -> SlackContent:
    report, pictures = week()
    many = (report.headlines * 60)[:60]
    return RENDERER.slack(replace(report, headlines=many), pictures)


def posted(content: SlackContent) -> list[str]:
    """What arrives of a content that is to get there whole."""
    with SlackSandbox() as sandbox:
        (result,) = sent(channel(sandbox), envelope("#growth", posts=content))
    assert (result.state, result.remarks) == (SENT, ())
    return [post.text for post in sandbox.posts]


def test_sixty_metrics_get_there_whole() -> None:
    content = sixty_metrics()
    assert posted(content) == [message.text for message in content.messages]


@pytest.mark.parametrize("name", [*HOSTILE_NAMES.values(), "n" * 4000], ids=[*HOSTILE_NAMES, "4k"])
def test_any_name_gets_there_whole(name: str) -> None:
    content = RENDERER.slack(*named(name))
    assert posted(content) == [message.text for message in content.messages]


@pytest.mark.parametrize("text", ["😀👩‍👩‍👧‍👦🏳️‍🌈" * 100, "مرحبا بالعالم " * 200, "x" * 3000])
def test_fifty_blocks_and_long_texts_arrive_as_they_are(text: str) -> None:
    content = slack(headline("up", *[section("-")] * 49), details(text))
    with SlackSandbox() as sandbox:
        (result,) = sent(channel(sandbox), envelope("#growth", posts=content))
    assert result.state is SENT
    assert [len(post.blocks) for post in sandbox.posts] == [50, 1]
    assert sandbox.posts[1].blocks == [section(text)]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(slack(headline("n" * 4000)), "invalid_blocks", id="a long section"),
        pytest.param(slack(headline("up", *[section("-")] * 50)), "invalid_blocks", id="51 blocks"),
        pytest.param(
            slack(headline("up", *[section("n" * 2900)] * 5)), "msg_blocks_too_long", id="all text"
        ),
        pytest.param(
            slack(headline("n" * 4000, chart()), pictures=(picture(),)),
            "invalid_blocks",
            id="a long section with a chart",
        ),
    ],
)
def test_what_is_over_the_limits_fails_for_good_in_slacks_word(
    content: SlackContent, code: str
) -> None:
    with SlackSandbox() as sandbox:
        results = sent(channel(sandbox), envelope("#growth", posts=content), envelope("#ops"))
    assert [result.state for result in results] == [FAILED, SENT]
    assert (results[0].code, results[0].too_large) == (code, False)
    assert [post.channel for post in sandbox.posts] == ["C0000000003"]


def test_a_reply_over_the_limits_is_left_out_of_the_digest() -> None:
    content = slack(headline("up"), details("n" * 4000), details("two"))
    with SlackSandbox() as sandbox:
        (result,) = sent(channel(sandbox), envelope("#growth", posts=content))
    assert result.state is SENT
    assert result.remarks[0].startswith("part 2 left out: Slack refused: invalid_blocks; ")
    assert [post.text for post in sandbox.posts] == ["up", "two"]
