"""What the operator hears: once, over a channel that works, with what to do about it."""

from __future__ import annotations

import email
import email.policy
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.cli import config_of, write_config
from tests.support.hostile_http import closed_port
from tests.support.smtp_acts import DROP
from tests.support.smtp_server import SmtpServer

if TYPE_CHECKING:
    from pathlib import Path

    from digest.sandbox.server import PhaseSandbox
    from digest.sandbox.slack import SlackSandbox
    from digest.sandbox.slack_store import Post
    from tests.support.cli import Terminal
    from tests.support.commands import Done
    from tests.support.smtp_acts import Received

CEO, OPERATOR, OPS = "ceo@example.com", "ops@example.com", "C0000000003"
BOTH = {"mail": [OPERATOR], "slack": [OPS]}
NO_SUCH_USER = "550 5.1.1 no such user"
MORNING = "2026-11-23T08:00:00Z"
AFTERNOON = "2026-11-23T16:00:00Z"
TOMORROW = "2026-11-24T08:00:00Z"
TOO_LATE = "2026-11-26T09:00:00Z"


class House:
    """A folder with a config whose digests cost next to nothing."""

    def __init__(self, folder: Path, phase: PhaseSandbox, terminal: Terminal) -> None:
        self._folder, self._phase, self._terminal = folder, phase, terminal

    def configure(
        self, port: int, *, slack: SlackSandbox | None = None, **changes: Any
    ) -> dict[str, Any]:
        """Mail goes to `port`; without a Slack there is none that answers."""
        where = {} if slack is None else {"slack": slack.base_url}
        config = config_of(self._phase.base_url, smtp=port, **where, **changes)
        write_config(self._folder, config)
        return config

    def write(self, config: dict[str, Any]) -> None:
        write_config(self._folder, config)

    def run(self, now: str, *options: str, name: str = "mail-only") -> Done:
        return self._terminal("run", name, "--period", "2026-W47", "--now", now, *options)

    def say(self, *command: str) -> Done:
        return self._terminal(*command)


@pytest.fixture
def house(tmp_path: Path, phase: PhaseSandbox, terminal: Terminal) -> House:
    return House(tmp_path, phase, terminal)


def notices(slack: SlackSandbox) -> list[str]:
    """What stands in the operator's Slack channel, as it is read there."""
    return [shown(post) for post in slack.posts if post.channel == OPS]


def shown(post: Post) -> str:
    texts = [block["text"] for block in post.blocks]
    assert {text["type"] for text in texts} == {"plain_text"}, "names and answers mention nobody"
    return "\n".join(text["text"] for text in texts)


def mails(server: SmtpServer) -> list[Received]:
    return [one for one in server.accepted if one.recipients == (OPERATOR,)]


def body(mail: Received, kind: str) -> str:
    message = email.message_from_bytes(mail.data, policy=email.policy.default)
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def advice(notice: str) -> list[str]:
    """The command that a notice tells to run, as words for a terminal."""
    (command,) = re.findall(r"digest (deliveries (?:resend|resolve) .*)", notice)
    return str(command).removesuffix(" (or --resend)").split()


# What is told -------------------------------------------------------------------------------------


def test_case_77_a_server_that_is_down_past_the_deadline_is_told_over_the_other_channel(
    house: House, slack: SlackSandbox
) -> None:
    with closed_port() as port:
        config = house.configure(port, slack=slack, ops=BOTH)
        assert house.run(MORNING).code == 75
        assert notices(slack) == [], "it may pass"
        said = house.run(TOO_LATE)
        assert said.code == 1
        assert "dead       mail: ceo@example.com (given up at its deadline" in said.out
        (notice,) = notices(slack)
        assert house.run(TOO_LATE).code == 1
        assert notices(slack) == [notice], "told once"

    refused = f"127.0.0.1:{port} can't be used: it refused the connection"
    id_ = house.say("status", "--json").json["needs_person"][0]["id"][:8]
    assert notice.splitlines() == [
        "A message was not delivered",
        "mail-only 2026-W47 to ceo@example.com over mail: dead",
        "given up at its deadline 2026-11-26T08:00Z; last: " + refused,
        f"Once the server works again: digest deliveries resend {id_}",
    ]
    with SmtpServer() as server:
        config["channels"]["mail"]["port"] = server.port
        house.write(config)
        assert house.say(*advice(notice)).code == 0
        assert [one.recipients for one in server.accepted] == [(CEO,)]
    assert house.say("status").code == 0


def test_an_unknown_address_is_told_over_every_channel_that_works(
    house: House, slack: SlackSandbox
) -> None:
    words = f"{NO_SUCH_USER} <b>here</b> <!channel>"
    with SmtpServer(refuse={CEO: words}) as server:
        house.configure(server.port, slack=slack, ops=BOTH)
        assert house.run(MORNING).code == 1
        assert house.run(AFTERNOON).code == 1
        assert house.run(TOMORROW).code == 1
    (mail,), (post,) = mails(server), notices(slack)
    message = email.message_from_bytes(mail.data, policy=email.policy.default)
    assert message["Subject"] == "digest: A message was not delivered"
    assert message["Auto-Submitted"] == "auto-generated"
    text, page = body(mail, "plain"), body(mail, "html")
    for sentence in (
        "A message was not delivered",
        "mail-only 2026-W47 to ceo@example.com over mail: failed",
        f"127.0.0.1:{server.port} did not take the recipient: {words}",
        "Put right what the answer says, then: digest deliveries resend ",
    ):
        assert sentence in text
        assert sentence in post
        assert sentence.replace("<", "&lt;").replace(">", "&gt;") in page
    assert advice(text) == advice(post)
    assert "<b>here" not in page


def test_what_is_held_is_told_with_the_question_that_only_a_person_can_answer(
    house: House, slack: SlackSandbox
) -> None:
    with SmtpServer({"DOT": [DROP]}) as server:
        house.configure(server.port, slack=slack, ops=BOTH, delivery={"on_uncertain": "hold"})
        assert house.run(MORNING).code == 1
    (notice,) = notices(slack)
    _, what, why, to_do = notice.splitlines()
    assert what == "mail-only 2026-W47 to ceo@example.com over mail: held"
    assert why == "a mail can't be looked up after sending; held, as on_uncertain says"
    assert to_do.startswith("Look whether it arrived, then: digest deliveries resolve ")
    assert to_do.endswith(" --sent (or --resend)")
    assert house.say(*advice(notice)).code == 0
    assert house.say("status").code == 0


def test_a_password_that_is_refused_is_told_at_once_and_once(
    house: House, slack: SlackSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "correct-horse-9")
    with SmtpServer(users={"mailer": "another one"}) as server:
        config = house.configure(server.port, slack=slack, ops=BOTH)
        config["channels"]["mail"] |= {"username": "mailer", "password": "${SMTP_PASSWORD}"}
        house.write(config)
        assert house.run(MORNING).code == 1
        assert house.run(AFTERNOON).code == 1
        assert server.verbs().count("AUTH") == 2, "one login for each run, none for the notice"
    refused = (
        "did not take the login: 535 5.7.8 no, [redacted]:[redacted]; check username and password"
    )
    (notice,) = notices(slack)
    assert notice.splitlines() == [
        "The channel mail can't be used",
        "Channel mail, since 2026-11-23 08:00 UTC",
        f"127.0.0.1:{server.port} {refused}",
        "Nobody gets anything over it before that is put right. Then: digest run",
    ]
    assert house.say("status", "--json").json["channels"][0]["needs_person"] is True


def test_a_token_that_is_refused_is_told_by_mail(house: House, slack: SlackSandbox) -> None:
    with SmtpServer() as server:
        config = house.configure(server.port, slack=slack, ops=BOTH)
        config["channels"]["slack"]["token"] = "xoxb-not-the-token"
        config["digests"]["small"]["to"] = {"slack": ["#growth"]}
        house.write(config)
        assert house.run(MORNING, name="small").code == 1
        assert house.run(AFTERNOON, name="small").code == 1
        (mail,) = mails(server)
    assert slack.posts == []
    text = body(mail, "plain")
    title = "A message was not delivered; the channel slack can't be used"
    assert text.splitlines()[0] == title
    assert title in body(mail, "html").replace("&#x27;", "'")
    assert "small 2026-W47 to #growth over slack: failed" in text
    assert "the token is wrong; use the bot token (xoxb-…) of the installed app" in text
    assert "not-the-token" not in mail.data.decode()


def test_trouble_that_passes_by_itself_is_not_told_and_what_goes_on_is(
    house: House, slack: SlackSandbox
) -> None:
    with closed_port() as port:
        house.configure(port, slack=slack, ops=BOTH)
        assert house.run(MORNING).code == 75
        assert notices(slack) == []
        assert house.run(AFTERNOON).code == 75
        assert house.run(TOMORROW).code == 75
    (notice,) = notices(slack)
    assert notice.splitlines()[0] == "The channel mail can't be used"
    assert "It is tried again by itself; look at the server if this goes on." in notice


def test_a_notice_about_many_is_one_and_short(house: House, slack: SlackSandbox) -> None:
    readers = [f"reader{number:02}@example.com" for number in range(25)]
    with SmtpServer(refuse=dict.fromkeys(readers, NO_SUCH_USER)) as server:
        config = house.configure(server.port, slack=slack, ops={"slack": [OPS]})
        config["digests"]["mail-only"]["to"] = {"mail": readers}
        house.write(config)
        assert house.run(MORNING).code == 1
    (notice,) = notices(slack)
    assert notice.startswith("25 messages were not delivered\n")
    assert notice.count("over mail: failed") == 20
    assert notice.endswith("\nAnd 5 more: digest status")
    assert house.say("deliveries", "--failed").out.count("\n") == 25


def test_a_test_that_fails_is_not_told(house: House, slack: SlackSandbox) -> None:
    with SmtpServer(refuse={"me@example.com": NO_SUCH_USER}) as server:
        house.configure(server.port, slack=slack, ops=BOTH)
        assert house.run(MORNING, "--to", "me@example.com").code == 1, "whoever tries sees it"
        assert house.run(MORNING).code == 0
    assert notices(slack) == []


# Who can't be told --------------------------------------------------------------------------------


def test_a_notice_that_is_refused_itself_makes_no_other(house: House) -> None:
    with SmtpServer(refuse={CEO: NO_SUCH_USER, OPERATOR: NO_SUCH_USER}) as server:
        house.configure(server.port, ops={"mail": [OPERATOR]})
        for now in (MORNING, AFTERNOON, TOMORROW):
            assert house.run(now).code == 1
        tried = [line for line in server.commands if OPERATOR in line]
    assert len(tried) == 1
    found = house.say("status", "--json")
    assert found.code == 1
    assert [one["kind"] for one in found.json["needs_person"]] == ["ops", "digest"]


def test_a_notice_waits_until_a_channel_works_also_over_midnight(
    house: House, slack: SlackSandbox
) -> None:
    with SmtpServer(refuse={CEO: NO_SUCH_USER}) as server:
        house.configure(server.port, ops={"slack": [OPS]})
        assert house.run(MORNING).code == 1
        assert house.run(AFTERNOON).code == 1
        house.configure(server.port, slack=slack, ops={"slack": [OPS]})
        assert house.run(TOMORROW).code == 1
        assert house.run(TOMORROW).code == 1
    told = "\n".join(notices(slack))
    assert told.count("mail-only 2026-W47 to ceo@example.com over mail: failed") == 1


def test_when_every_way_is_broken_nothing_loops_and_status_says_so(house: House) -> None:
    with closed_port() as port:
        house.configure(port, ops=BOTH)
        for now in (MORNING, AFTERNOON, TOMORROW):
            assert house.run(now).code == 75
        assert house.run(TOO_LATE).code == 1
    found = house.say("status", "--json").json
    assert {one["job"] for one in found["runs"]} == {"mail-only", "ops"}
    assert [one["recipient"] for one in found["needs_person"]] == [CEO]
    listed = [one for one in house.say("deliveries", "--json").json if one["kind"] == "ops"]
    assert 1 <= len(listed) <= 6, "one notice about each channel, one about the message"
    assert {one["state"] for one in listed} <= {"planned", "retry_wait"}


def test_without_an_operator_all_is_as_well_as_it_can_be(house: House, slack: SlackSandbox) -> None:
    with SmtpServer(refuse={CEO: NO_SUCH_USER}) as server:
        house.configure(server.port, slack=slack)
        said = house.run(MORNING)
        assert (said.code, said.err) == (1, "")
        assert house.say("status").code == 1
        house.configure(server.port, slack=slack, ops=BOTH)
        assert house.run(AFTERNOON).code == 1
    assert len(notices(slack)) == 1, "one who is named later hears what nobody was told"


# What an older period left ------------------------------------------------------------------------


@pytest.mark.parametrize("back", [True, False], ids=["the server is back", "it is not"])
def test_what_an_older_period_left_is_brought_to_its_end_by_whoever_runs_next(
    house: House, slack: SlackSandbox, *, back: bool
) -> None:
    with closed_port() as port:
        house.configure(port, slack=slack, ops=BOTH)
        assert house.run("2026-11-23T08:00:00Z").code == 75
    with SmtpServer() as server, closed_port() as gone:
        house.configure(server.port if back else gone, slack=slack, ops=BOTH)
        week_later = "2026-11-23T09:00:00Z" if back else "2026-11-30T08:00:00Z"
        house.say("run", "files-only", "--now", week_later, "--period", "2026-W47")
    (left,) = [one for one in house.say("deliveries", "--json").json if one["job"] == "mail-only"]
    assert left["state"] == ("sent" if back else "dead")
    assert len(notices(slack)) == (0 if back else 1)
