"""Cases 80 to 86 of the fault matrix, whole: the command line, the ledger and a Slack that keeps
what is posted, then misbehaves.

What each answer means is in `tests/channels`; here it is what becomes of a delivery, and how many
messages stand in the channel in the end.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from digest.core.metrics import Dimension, Metric
from digest.sandbox.blockkit import BlockKit
from digest.sandbox.flavour import Flavour
from digest.sandbox.server import PhaseSandbox
from digest.sandbox.slack import Answer, SlackSandbox
from digest.sandbox.slack_scopes import ALL_SCOPES
from tests.support.cli import SECRETS, Terminal, config_of, write_config
from tests.support.commands import CLOCK
from tests.support.hostile_http import closed_port
from tests.support.recorded import recorded_rows
from tests.support.slacking import (
    BEGIN,
    BYTES,
    COMPLETE,
    HISTORY,
    INFO,
    POST,
    answers,
    count,
    error,
    posts,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.support.commands import Done

GROWTH, ALERTS = "C0123456789", "C0000000002"
START = datetime.fromisoformat("2026-11-23T08:00:00Z")
QUICKLY = {"look_again": "0.3s"}
LOST = Answer(act=True, hang_up=True)
"""The message is kept, and nobody hears of it."""


@pytest.fixture(scope="module")
def phase() -> Iterator[PhaseSandbox]:
    rows = recorded_rows()
    with PhaseSandbox(rows, api=Flavour.CURRENT, clock=lambda: CLOCK, rate_limit=0) as box:
        yield box


class Office:
    """A digest for some Slack channels, and a way to run it at any time."""

    def __init__(self, folder: Path, phase: PhaseSandbox, terminal: Terminal) -> None:
        self.folder, self.phase, self.terminal = folder, phase.base_url, terminal

    def set(self, slack: str, *readers: str, digest: Any = None, **changes: Any) -> None:
        """Write the config: `small` goes to these channels; `digest` are its further keys."""
        usual: dict[str, Any] = {"delivery": QUICKLY, "ops": {"files": ["operator"]}}
        config = config_of(self.phase, slack=slack, **(usual | changes))
        config["digests"]["small"] |= {"to": {"slack": list(readers)}} | (digest or {})
        write_config(self.folder, config)

    def run(self, *options: str, after: float = 0.0) -> Done:
        """Run it so many minutes after the first time."""
        now = (START + timedelta(minutes=after)).isoformat()
        return self.terminal("run", "small", "--period", "2026-W47", "--now", now, *options)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Every delivery of the digest, oldest first."""
        found: list[dict[str, Any]] = self.terminal("deliveries", "--json").json
        return [row for row in found[::-1] if row["kind"] == "digest"]

    @property
    def notices(self) -> str:
        """All that the operator was told, its lines joined."""
        texts = [path.read_text() for path in self.folder.glob("out/operator/ops/*/email.txt")]
        return " ".join("\n".join(texts).split())


@pytest.fixture
def office(
    tmp_path: Path,
    phase: PhaseSandbox,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Office:
    monkeypatch.chdir(tmp_path)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    return Office(tmp_path, phase, Terminal(capsys))


# Patience -----------------------------------------------------------------------------------------


def test_case_80_a_short_wait_is_waited_and_there_is_one_message(office: Office) -> None:
    with SlackSandbox(script=posts(wait("1"))) as slack:
        office.set(slack.base_url, GROWTH)
        assert office.run().code == 0
        assert (count(slack), len(slack.posts)) == (2, 1)
    (row,) = office.rows
    assert (row["state"], row["attempts"], row["uncertain"]) == ("sent", 1, 0)


def test_case_80_a_long_wait_puts_off_all_of_slack_and_nothing_else(office: Office) -> None:
    with SlackSandbox(script=posts(wait("3600"))) as slack:
        office.set(slack.base_url, digest={"to": {"slack": [GROWTH, ALERTS], "files": ["board"]}})
        assert office.run().code == 75
        assert (count(slack), slack.posts) == (1, []), "the second channel is not asked"
        growth, alerts, board = office.rows
        assert (growth["state"], alerts["state"]) == ("retry_wait", "retry_wait")
        assert board["state"] == "sent"
        due = datetime.fromisoformat(growth["due_at"]) - START
        assert timedelta(minutes=59) < due < timedelta(minutes=62)
        status = office.terminal("status", "--json")
        assert (status.code, status.json["channels"][0]["needs_person"]) == (0, False)
        assert office.run(after=61).code == 0
    assert [post.channel for post in slack.posts] == [GROWTH, ALERTS]
    assert {(row["state"], row["uncertain"]) for row in office.rows} == {("sent", 0)}


def test_case_80_a_wait_before_an_upload_is_waited_too(office: Office) -> None:
    with SlackSandbox(script=answers(files__getUploadURLExternal=[wait("1")])) as slack:
        office.set(slack.base_url, GROWTH, digest={"charts": ["sessions"]})
        said = office.run("--json")
        assert (said.code, len(slack.posts), len(slack.files)) == (0, 1, 1)
    assert said.json["runs"][0]["deliveries"][0]["remarks"] == []
    assert "slack_file" in json.dumps(slack.posts[0].blocks)


# Answers that get lost ----------------------------------------------------------------------------

LOST_ANSWERS = {
    "no answer": LOST,
    "HTTP 500": Answer(act=True, status=500),
    "HTTP 503 of a proxy": Answer(act=True, status=503, body="<h1>Unavailable</h1>"),
    "internal_error": replace(error("internal_error"), act=True),
    "fatal_error": replace(error("fatal_error"), act=True),
}


@pytest.mark.parametrize("lost", LOST_ANSWERS.values(), ids=LOST_ANSWERS.keys())
def test_case_81_what_was_posted_is_found_and_not_posted_again(
    office: Office, lost: Answer
) -> None:
    with SlackSandbox(script=posts(lost)) as slack:
        office.set(slack.base_url, GROWTH)
        said = office.run("--json")
        assert said.code == 0, "one run settles it"
        assert (count(slack), len(slack.posts)) == (1, 1)
        assert office.run().code == 0
    assert len(slack.posts) == 1
    (made,) = said.json["runs"][0]["deliveries"]
    assert (made["state"], made["attempts"], made["uncertain"]) == ("sent", 1, 1)
    assert made["message_id"] == slack.posts[0].ts


def test_case_81_what_was_found_gets_the_rest_of_its_thread(office: Office) -> None:
    with SlackSandbox(script=posts(LOST)) as slack:
        office.set(slack.base_url, "#growth", digest={"breakdowns": ["events.eventName"]})
        assert office.run().code == 0
    headline, *replies = slack.posts
    assert headline.thread_ts is None
    assert [reply.thread_ts for reply in replies] == [headline.ts] * len(replies)
    assert replies


def test_case_81_what_was_lost_on_the_way_there_is_looked_for_twice_and_posted(
    office: Office,
) -> None:
    with SlackSandbox(script=posts(Answer(status=500))) as slack:
        office.set(slack.base_url, GROWTH)
        assert office.run().code == 0
        assert (count(slack), count(slack, HISTORY), len(slack.posts)) == (2, 2, 1)
    (row,) = office.rows
    assert (row["state"], row["attempts"], row["uncertain"]) == ("sent", 2, 1)


def test_case_81_with_hold_too_what_is_there_is_found(office: Office) -> None:
    with SlackSandbox(script=posts(LOST, LOST)) as slack:
        hold = {"delivery": QUICKLY | {"on_uncertain": "hold"}}
        office.set(slack.base_url, GROWTH, ALERTS, **hold)
        assert office.run().code == 0
    assert [post.channel for post in slack.posts] == [GROWTH, ALERTS]
    assert {row["state"] for row in office.rows} == {"sent"}


NO_HISTORY = [scope for scope in ALL_SCOPES if "history" not in scope]


def test_case_82_without_the_scope_to_look_it_is_posted_once_more(office: Office) -> None:
    with SlackSandbox(script=posts(LOST), scopes=NO_HISTORY) as slack:
        office.set(slack.base_url, GROWTH)
        assert office.run().code == 0
        assert office.run().code == 0
    keys = [post.metadata for post in slack.posts]
    assert len(keys) == 2
    assert keys[0] == keys[1], "both carry the same key, so that they can be told to be one"
    assert [(row["state"], row["uncertain"]) for row in office.rows] == [("sent", 1)]


def test_case_82_lost_twice_there_are_two_at_most(office: Office) -> None:
    with SlackSandbox(script=posts(LOST, LOST, LOST), scopes=NO_HISTORY) as slack:
        office.set(slack.base_url, GROWTH)
        for turn in range(3):
            assert office.run(after=60 * turn).code == 1
    assert len(slack.posts) == 2
    assert [(row["state"], row["uncertain"]) for row in office.rows] == [("held", 2)]


def test_case_82_with_hold_a_person_decides(office: Office) -> None:
    hold = {"delivery": QUICKLY | {"on_uncertain": "hold"}}
    with SlackSandbox(script=posts(LOST), scopes=NO_HISTORY) as slack:
        office.set(slack.base_url, GROWTH, **hold)
        assert office.run().code == 1
        assert office.run().code == 1
        assert len(slack.posts) == 1
        (row,) = office.rows
        assert (row["state"], row["uncertain"]) == ("held", 1)
        assert "channels:history" in row["last_error"], "what to add, so that it can be looked up"
        assert office.notices.count("held") >= 1
        assert office.terminal("deliveries", "resolve", row["id"], "--sent").code == 0
        assert office.run().code == 0
    assert len(slack.posts) == 1


# A definite no ------------------------------------------------------------------------------------

TO_DO = {
    "channel_not_found": "check the name or id, and invite the bot there with /invite",
    "not_in_channel": "the bot is not in the channel; invite it there with /invite",
    "is_archived": "the channel is archived; unarchive it or choose another one",
    "invalid_auth": "the token is wrong; use the bot token (xoxb-…) of the installed app",
    "token_revoked": "the token was revoked; install the app again and use its new token",
    "msg_too_long": "the message is too long; show fewer metrics or breakdowns",
    "invalid_blocks": "Slack does not accept the layout of the message; please report this",
}
OF_THE_BOT = {"invalid_auth", "token_revoked"}


@pytest.mark.parametrize("code", TO_DO)
def test_case_83_a_definite_no_needs_a_person_and_says_what_to_do(
    office: Office, code: str
) -> None:
    def script(method: str, payload: Mapping[str, Any], _n: int) -> Answer | None:
        return error(code) if method == POST and payload["channel"] == GROWTH else None

    with SlackSandbox(script=script) as slack:
        office.set(slack.base_url, GROWTH, ALERTS)
        said = office.run()
        again = office.run(after=60)
        tried = [call.payload["channel"] for call in slack.calls if call.method == POST]
    assert (said.code, again.code) == (1, 1)
    sentence = f"Slack refused: {code}; "
    (line,) = [one for one in said.out.splitlines() if one.startswith("  failed ")]
    assert sentence in line
    assert TO_DO[code] in line
    assert tried == [GROWTH, ALERTS], "what is refused for good is not tried again"
    assert [post.channel for post in slack.posts] == [ALERTS]
    assert [row["state"] for row in office.rows] == ["failed", "sent"]
    assert office.notices.count(f"small 2026-W47 to {GROWTH} over slack: failed") == 1
    assert sentence in office.notices
    assert TO_DO[code] in office.notices
    of_the_bot = "the channel slack can't be used" in office.notices
    assert of_the_bot is (code in OF_THE_BOT)


# Charts and sizes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [BEGIN, BYTES, COMPLETE, INFO])
def test_case_84_an_upload_that_fails_leaves_the_chart_out_and_says_so(
    office: Office, step: str
) -> None:
    with closed_port() as port:
        office.set(f"http://127.0.0.1:{port}/api", GROWTH, digest={"charts": ["sessions"]})
        assert office.run().code == 75
    failing = answers(**{step.replace(".", "__"): [Answer(status=500)] * 9})
    # Slack never says that the file is ready
    options: dict[str, Any] = {"process_after": 1000} if step == INFO else {"script": failing}
    with SlackSandbox(**options) as slack:
        office.set(
            slack.base_url,
            GROWTH,
            digest={"charts": ["sessions"]},
            limits={"read": 2, "call": 1},
        )
        said = office.run("--json")
    assert said.code == 0
    (post,) = slack.posts
    assert "slack_file" not in json.dumps(post.blocks)
    (made,) = said.json["runs"][0]["deliveries"]
    assert (made["state"], made["uncertain"]) == ("sent", 0)
    (remark,) = made["remarks"]
    assert remark.startswith('chart "sessions" left out: ')
    assert f"note: {remark}" in office.run().out


LONG = {
    "long": "x" * 4000,
    "emoji": "👩‍👩‍👧‍👦" * 400,
    "right to left": "שלום \u202e עולם " * 300,
    "mark-up": "<!channel> *bold* & `code` " * 200,
}


def test_case_85_a_digest_of_everything_with_endless_names_stays_in_slack_s_limits(
    office: Office,
) -> None:
    rows = recorded_rows()
    kinds = list(LONG.values())
    names: dict[str, str] = {}
    for event in rows.events:
        names.setdefault(event.name, f"{len(names)} {kinds[len(names) % len(kinds)]}")
    endless = replace(rows, events=tuple(one._replace(name=names[one.name]) for one in rows.events))
    everything = {
        "metrics": [metric.value for metric in Metric],
        "breakdowns": [dimension.value for dimension in Dimension],
        "title": "A title without an end " * 4,
    }
    with (
        PhaseSandbox(endless, api=Flavour.APRIL, clock=lambda: CLOCK, rate_limit=0) as phase,
        SlackSandbox() as slack,
    ):
        office.phase = phase.base_url
        office.set(slack.base_url, GROWTH, digest=everything)
        said = office.run()
    assert (said.code, said.err) == (0, "")
    assert "note:" not in said.out, "nothing was left out on the way"
    headline, *replies = slack.posts
    assert {reply.thread_ts for reply in replies} == {headline.ts}
    kit = BlockKit(lambda _file: True)
    for post in slack.posts:
        assert kit.problems(post.blocks) == []
        assert len(post.text) <= 4000
    shown = json.dumps([post.blocks for post in slack.posts], ensure_ascii=False)
    assert "<!channel>" not in shown
    assert "\u202e" not in shown
    assert "x…" in shown


@pytest.mark.parametrize(
    ("body", "kept"),
    [("<html>Sign in to the network</html>", True), ("", True), ("<html></html>", False)],
    ids=["a page, and it was posted", "nothing, and it was posted", "a page, and it was not"],
)
def test_case_86_a_yes_that_is_not_slack_s_is_none(
    office: Office, body: str, *, kept: bool
) -> None:
    proxy = Answer(act=kept, status=200, body=body)
    with SlackSandbox(script=posts(proxy)) as slack:
        office.set(slack.base_url, GROWTH)
        assert office.run().code == 0
        assert len(slack.posts) == 1
        assert count(slack, HISTORY) == (1 if kept else 2)
    (row,) = office.rows
    assert (row["state"], row["uncertain"], row["attempts"]) == ("sent", 1, 1 if kept else 2)
