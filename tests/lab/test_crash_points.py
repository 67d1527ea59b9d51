"""Cases 1 to 7, 12, 66, 68, 81 and 82 of the fault matrix: digest is killed, and no harm is done.

The sinks' journals are held against the ledger (`tests.lab.oracle`); beyond that the tests say how
many copies there are. The whole sweep is `python -m tests.lab.crashtest`.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from digest.core.content import DeliveryState as State
from digest.core.outbox import OnUncertain
from digest.core.steps import Step
from digest.outbox.passage import FRESH
from tests.lab.launcher import Mode, Trap
from tests.lab.proxy import Deed, Proxy
from tests.lab.slack_sink import NO_HISTORY
from tests.lab.world import CHANNEL, THREE

if TYPE_CHECKING:
    from tests.lab.conftest import Worlds
    from tests.lab.world import World

KILLED = -signal.SIGKILL
DONE, PERSON, LATER = 0, 1, 75
READER = "a@example.com"
HARMLESS = (
    Step.MIGRATE_MID,
    Step.FETCH_MID,
    Step.RENDER_PRE,
    Step.ARTIFACT_POST,
    Step.PLAN_PRE,
    Step.SNAPSHOT_POST,
    Step.PLAN_POST,
    Step.LEASE_POST,
    Step.SMTP_CONNECT,
    Step.SMTP_MAIL,
    Step.SMTP_RCPT,
    Step.SMTP_354,
    Step.SMTP_BODY,
    Step.SENT_POST,
)
BEHIND_THE_DOT = (Step.DOT_POST, Step.REPLY_POST)
BEHIND_THE_POST = (Step.SLACK_POSTED, Step.SLACK_REPLIED)


def killed_at(step: Step, world: World, job: str, turn: int = 1) -> None:
    """A first run that dies at a step, and as many after it as it takes."""
    assert world.run(job, trap=Trap(step=step, turn=turn)).code == KILLED
    world.until_done(job)
    assert world.violations() == []


@pytest.mark.parametrize("step", HARMLESS)
def test_case_01_to_03_killed_where_nothing_is_at_risk(world_of: Worlds, step: Step) -> None:
    world = world_of()

    killed_at(step, world, "mail")

    assert world.copies("mail") == {READER: 1}
    assert world.uncertain("mail") == {READER: 0}


def test_case_04_killed_between_the_arm_and_the_dot_one_copy(world_of: Worlds) -> None:
    world = world_of()

    killed_at(Step.ARM_POST, world, "mail")

    assert world.copies("mail") == {READER: 1}
    assert world.uncertain("mail") == {READER: 1}


@pytest.mark.parametrize("step", BEHIND_THE_DOT)
def test_case_04_05_killed_behind_the_dot_two_copies_that_are_the_same(
    world_of: Worlds, step: Step
) -> None:
    world = world_of()

    killed_at(step, world, "mail")

    assert world.copies("mail") == {READER: 2}
    assert world.uncertain("mail") == {READER: 1}
    assert len({mail.raw for mail in world.smtp.accepted}) == 1


@pytest.mark.parametrize("step", [Step.ARM_POST, *BEHIND_THE_DOT])
def test_case_04_05_killed_around_the_dot_and_held_at_most_one_copy(
    world_of: Worlds, step: Step
) -> None:
    world = world_of(policy=OnUncertain.HOLD)

    killed_at(step, world, "mail")

    assert world.copies("mail") == {READER: 0 if step is Step.ARM_POST else 1}
    assert world.books().states("mail") == {READER: State.HELD}
    assert world.run("mail").code == PERSON


def test_case_06_killed_between_two_readers_each_has_one_copy(world_of: Worlds) -> None:
    world = world_of(readers=THREE)

    killed_at(Step.SENT_POST, world, "mail")

    assert world.copies("mail") == dict.fromkeys(THREE, 1)
    assert world.uncertain("mail")[READER] == 0


def test_case_07_killed_again_and_again_behind_the_dot_two_copies_and_then_a_person(
    world_of: Worlds,
) -> None:
    world = world_of()

    codes = [world.run("mail", trap=Trap(step=Step.DOT_POST)).code for _ in range(4)]

    assert codes == [KILLED, KILLED, PERSON, PERSON]
    assert world.copies("mail") == {READER: 2}
    assert world.books().states("mail") == {READER: State.HELD}
    assert world.violations() == []


def test_case_12_paused_between_the_arm_and_the_dot_nothing_is_sent_until_the_next_run(
    world_of: Worlds,
) -> None:
    world = world_of()
    pause = Trap(step=Step.ARM_POST, mode=Mode.PAUSE, seconds=FRESH + 0.5)

    assert world.run("mail", trap=pause).code == LATER
    assert world.copies("mail") == {READER: 0}
    assert [done.code for done in world.until_done("mail")] == [DONE]
    assert world.copies("mail") == {READER: 1}
    assert world.uncertain("mail") == {READER: 0}
    assert world.violations() == []


@pytest.mark.parametrize(
    ("point", "copies", "codes"), [("ANSWERING", 2, [DONE]), ("DATA", 1, [LATER, DONE])]
)
def test_case_68_the_line_is_cut_before_or_after_the_dot(
    world_of: Worlds, point: str, copies: int, codes: list[int]
) -> None:
    world = world_of()
    with Proxy(world.smtp.port) as proxy:
        world.smtp.on_point = lambda at: (
            proxy.now(Deed.CUT) if (at.point, at.n) == (point, 1) else None
        )
        world.configure(smtp=proxy.port)

        runs = world.until_done("mail")

    assert [done.code for done in runs] == codes
    assert world.copies("mail") == {READER: copies}
    assert world.uncertain("mail") == {READER: copies - 1}
    assert world.violations() == []


@pytest.mark.parametrize("step", [Step.SLACK_UPLOADED, Step.SENT_POST])
def test_case_02_killed_before_or_after_the_post_one_message(world_of: Worlds, step: Step) -> None:
    world = world_of()

    killed_at(step, world, "charted")

    assert world.copies("charted") == {CHANNEL: 1}
    assert world.uncertain("charted") == {CHANNEL: 0}


@pytest.mark.parametrize("policy", OnUncertain)
@pytest.mark.parametrize("step", BEHIND_THE_POST)
def test_case_81_killed_behind_the_post_it_is_found_one_message(
    world_of: Worlds, step: Step, policy: OnUncertain
) -> None:
    world = world_of(policy=policy)

    killed_at(step, world, "slack")

    assert world.copies("slack") == {CHANNEL: 1}
    assert world.uncertain("slack") == {CHANNEL: 1}
    assert world.books().states("slack") == {CHANNEL: State.SENT}


def test_case_81_killed_before_the_post_it_is_not_found_one_message(world_of: Worlds) -> None:
    world = world_of()

    killed_at(Step.SLACK_ARMED, world, "slack")

    assert world.copies("slack") == {CHANNEL: 1}
    assert world.uncertain("slack") == {CHANNEL: 1}


def test_case_81_killed_before_the_post_and_held_a_person_decides(world_of: Worlds) -> None:
    """Slack's history may lag: that a message is not found does not prove that it isn't there."""
    world = world_of(policy=OnUncertain.HOLD)

    killed_at(Step.SLACK_ARMED, world, "slack")

    assert world.copies("slack") == {CHANNEL: 0}
    assert world.books().states("slack") == {CHANNEL: State.HELD}


@pytest.mark.parametrize(
    ("policy", "copies", "state"),
    [(OnUncertain.RESEND, 2, State.SENT), (OnUncertain.HOLD, 1, State.HELD)],
)
def test_case_82_killed_behind_the_post_without_history_the_policy_decides(
    world_of: Worlds, policy: OnUncertain, copies: int, state: State
) -> None:
    world = world_of(policy=policy, slack={"scopes": NO_HISTORY})

    killed_at(Step.SLACK_POSTED, world, "slack")

    assert world.copies("slack") == {CHANNEL: copies}
    assert world.uncertain("slack") == {CHANNEL: 1}
    assert world.books().states("slack") == {CHANNEL: state}


@pytest.mark.parametrize("trap", [None, Trap(step=Step.SENT_POST)])
def test_case_66_one_reader_is_taken_one_refused_one_put_off_twice(
    world_of: Worlds, trap: Trap | None
) -> None:
    put_off = {"c@example.com": ["451 4.7.1 greylisted"] * 2}
    world = world_of(
        readers=THREE,
        mail={"refuse": {"b@example.com": "550 5.1.1 nobody"}, "refuse_first": put_off},
    )

    first = world.run("mail", trap=trap)
    then = world.until_done("mail")

    assert first.code == (KILLED if trap else PERSON)
    assert {done.code for done in then} == {PERSON}  # 1 beats 75
    assert world.copies("mail") == dict(zip(THREE, (1, 0, 1), strict=True))
    states = dict(zip(THREE, (State.SENT, State.FAILED, State.SENT), strict=True))
    assert world.books().states("mail") == states
    assert world.deliveries() == states
    assert world.violations() == []
