"""Leaving the sending to a daemon: told what waits, and watched until it is done, or gone."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from digest.core.content import DeliveryState as State
from digest.errors import StateBusyError
from digest.outbox.handover import PATIENCE, Handover
from digest.outbox.stopping import Stop
from digest.store.opening import open_deciding
from tests.store.databases import new_ledger, quick_folder
from tests.support.ledgers import LATER, REFUSED, Clock, Post, opened, plan, scope, sender, states

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.store.opened import Store
    from digest.store.rows import Run


class Glances(Stop):
    """Calls `on_glance` instead of waiting; meanwhile ten seconds go by."""

    seconds = 0.0
    glances = 0

    def wait(self, seconds: float) -> bool:
        del seconds
        self.seconds += 10.0
        self.glances += 1
        self.on_glance()
        return self.asked

    def on_glance(self) -> None:
        return


@dataclass
class Desk:
    """A daemon's ledger, and the same as a command has it beside the daemon."""

    daemon: Store
    command: Store
    clock: Clock
    stop: Glances = field(default_factory=Glances)
    lives: bool = True
    told: list[tuple[str, int, int]] = field(default_factory=list)

    @property
    def handover(self) -> Handover:
        return Handover(
            store=self.command,
            open_channel=lambda name: Post(name=name),
            stop=self.stop,
            clock=self.clock,
            monotonic=lambda: self.stop.seconds,
            daemon_lives=lambda: self.lives,
            progress=lambda *told: self.told.append(told),
        )

    def send(self, run: Run, post: Post) -> None:
        """What the daemon does when it has noticed."""
        sender(self.daemon, self.clock, [post]).send(scope(run))


@pytest.fixture
def desk() -> Iterator[Desk]:
    clock = Clock()
    with quick_folder() as folder:
        place = new_ledger(folder)
        with opened(folder, clock) as daemon:
            command = open_deciding(place, clock=clock)
            assert command is not None
            with command:
                yield Desk(daemon, command, clock)


@contextmanager
def at_the_first_glance(desk: Desk, run: Run, post: Post) -> Iterator[None]:
    def on_glance() -> None:
        if desk.stop.glances == 1:
            desk.send(run, post)

    desk.stop.on_glance = on_glance  # type: ignore[method-assign]
    yield


@pytest.mark.parametrize(
    ("post", "end"),
    [(Post(), "sent"), (Post(script={"ana": [REFUSED]}), "failed")],
)
def test_it_waits_until_the_daemon_has_brought_it_to_its_end(
    desk: Desk, post: Post, end: str
) -> None:
    run = plan(desk.command, "ana", "bob")
    with at_the_first_glance(desk, run, post):
        desk.handover.send(scope(run))
    assert states(desk.command, run) == {"ana": end, "bob": "sent"}
    assert desk.stop.glances == 1
    assert desk.told[0] == ("the daemon sends", 0, 2)


def test_what_the_daemon_puts_off_is_not_waited_for(desk: Desk) -> None:
    run = plan(desk.command, "ana")
    with at_the_first_glance(desk, run, Post(script={"ana": [LATER]})):
        desk.handover.send(scope(run))
    assert (states(desk.command, run), desk.stop.glances) == ({"ana": "retry_wait"}, 1)


def test_with_nothing_to_do_it_does_not_wait(desk: Desk) -> None:
    run = plan(desk.command, "ana")
    desk.send(run, Post())
    desk.handover.send(scope(run))
    assert desk.stop.glances == 0


def test_a_person_s_order_brings_forward_what_was_put_off(desk: Desk) -> None:
    run = plan(desk.command, "ana", not_before=desk.clock.now + timedelta(hours=1))
    desk.handover.send(scope(run))
    assert desk.stop.glances == 0, "by itself it waits for its time"
    with at_the_first_glance(desk, run, Post()):
        desk.handover.send(scope(run, early=True))
    assert states(desk.command, run) == {"ana": "sent"}


def test_a_daemon_that_ends_meanwhile_is_not_waited_for(desk: Desk) -> None:
    run = plan(desk.command, "ana")
    desk.lives = False
    with pytest.raises(StateBusyError, match="digest serve has ended meanwhile; run the command"):
        desk.handover.send(scope(run))
    assert states(desk.command, run) == {"ana": "planned"}, "the next one takes it up"


def test_a_daemon_that_does_nothing_is_waited_for_a_minute(desk: Desk) -> None:
    run = plan(desk.command, "ana")
    with pytest.raises(StateBusyError, match="has not taken it up within a minute"):
        desk.handover.send(scope(run))
    assert desk.stop.seconds == PATIENCE + 10


def test_a_daemon_that_goes_on_is_waited_for_however_long_it_takes(desk: Desk) -> None:
    run = plan(desk.command, *(f"reader{n}" for n in range(5)))

    def slowly() -> None:
        if desk.stop.glances % 5 == 0:  # 50 s each
            (first, *_) = [
                one
                for one in desk.daemon.ledger.deliveries(scope(run))
                if one.state is State.PLANNED
            ]
            one = scope(run)
            post = Post(script={})
            sender(desk.daemon, desk.clock, [post]).send(
                type(one)(runs=one.runs, rows=frozenset([first.row]))
            )

    desk.stop.on_glance = slowly  # type: ignore[method-assign]
    desk.handover.send(scope(run))
    assert set(states(desk.command, run).values()) == {"sent"}
    assert desk.stop.seconds > 3 * PATIENCE


def test_who_is_told_to_stop_leaves_the_rest_to_the_daemon(desk: Desk) -> None:
    run = plan(desk.command, "ana")
    desk.stop.on_glance = desk.stop.ask  # type: ignore[method-assign]
    desk.handover.send(scope(run))
    assert (desk.stop.glances, states(desk.command, run)) == (1, {"ana": "planned"})


def test_a_channel_is_opened_once(desk: Desk) -> None:
    handover = desk.handover
    assert handover.channel("mail") is handover.channel("mail")
