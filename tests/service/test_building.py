"""Building in threads: a few at once for each server, and what hangs is given up."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from digest.core.agenda import Due, DueState
from digest.service.building import LONGEST, MOST_A_SERVER, MOST_AT_ONCE, Builders, Ended, Ticket
from tests.support.serving import eventually, gathered

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def due(row: int) -> Due:
    return Due(
        row=row,
        job=f"digest-{row}",
        period="2026-W09",
        due_at=NOW,
        local=NOW.isoformat(),
        ready_at=NOW,
        deadline=NOW,
        state=DueState.WAITING,
    )


class Site:
    """Each build waits until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.rang = threading.Event()
        self.seconds = 0.0
        self.error: Exception | None = None
        self.builders = Builders(
            work=self._work, ring=self.rang.set, monotonic=lambda: self.seconds
        )

    def _work(self, ticket: Ticket) -> None:
        ticket.progress("sessions", 1, 2)
        self.go.wait(10)
        if self.error is not None:
            raise self.error

    def ended(self) -> list[Ended]:
        self.go.set()
        found = gathered(self.builders.ended, lambda: not self.builders.running)
        assert self.rang.is_set()
        return found


@pytest.mark.parametrize(
    ("servers", "most"), [(1, MOST_A_SERVER), (2, MOST_AT_ONCE), (3, MOST_AT_ONCE)]
)
def test_a_server_that_hangs_leaves_room_for_others(servers: int, most: int) -> None:
    site = Site()
    for row in range(2 * MOST_AT_ONCE * servers):
        server = f"server-{row % servers}"
        if site.builders.has_room(server):
            site.builders.start(due(row), server, NOW)
    assert len(site.builders.running) == most
    site.ended()
    assert site.builders.has_room("server-0")


def test_what_is_under_way_says_how_far_it_is() -> None:
    site = Site()
    site.builders.start(due(1), "server", NOW)
    (ticket,) = site.builders.running
    eventually(lambda: ticket.step == "sessions, 1 of 2")
    assert site.builders.is_building(due(1))
    assert not site.builders.is_building(due(2))
    site.ended()
    assert not site.builders.is_building(due(1))


@pytest.mark.parametrize("error", [None, ValueError("broken")])
def test_a_build_that_ended_says_with_what_and_how_long_it_took(error: Exception | None) -> None:
    site = Site()
    site.error = error
    site.builders.start(due(1), "server", NOW)
    site.seconds = 7.0
    (ended,) = site.ended()
    assert (ended.ticket.due, ended.error, ended.seconds) == (due(1), error, 7.0)


def test_a_build_that_takes_too_long_is_given_up_and_its_end_is_not_heard() -> None:
    site = Site()
    site.builders.start(due(1), "server", NOW)
    (ticket,) = site.builders.running
    site.seconds = LONGEST + 1
    (ended,) = site.builders.ended()
    assert isinstance(ended.error, TimeoutError)
    assert str(ended.error) == "building it took more than 15 minutes"
    assert ticket.over
    site.go.set()
    eventually(site.rang.is_set)
    assert site.builders.ended() == []


def test_a_build_that_was_given_up_and_begun_again_ends_once() -> None:
    site = Site()
    site.builders.start(due(1), "server", NOW)
    site.seconds = LONGEST + 1
    site.builders.ended()
    site.builders.start(due(1), "server", NOW)
    (second,) = site.builders.running
    (ended,) = site.ended()
    assert ended.ticket is second
    assert ended.error is None


def test_at_the_end_nothing_under_way_may_be_written_down() -> None:
    site = Site()
    site.builders.start(due(1), "server", NOW)
    (ticket,) = site.builders.running
    site.builders.give_up()
    assert ticket.over
    assert site.builders.running == []
    site.go.set()


def test_a_build_that_ended_late_but_unseen_counts_as_ended_once() -> None:
    site = Site()
    site.builders.start(due(1), "server", NOW)
    site.go.set()
    eventually(site.rang.is_set)
    site.seconds = LONGEST + 1
    (ended,) = site.builders.ended()
    assert ended.error is None
    assert site.builders.running == []
