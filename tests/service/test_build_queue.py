"""The order in which due periods are built: by their time, a line for each server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.service.build_queue import BuildQueue
from tests.support.dues import HOUR, MINUTE, NOW, due

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


def queue(*waiting: tuple[int, str, datetime]) -> BuildQueue:
    """Row, server and time of each."""
    made = BuildQueue()
    made.fill((due(row=row), server, when) for row, server, when in waiting)
    return made


def taken(
    from_: BuildQueue, now: datetime = NOW, has_room: Callable[[str], bool] = lambda _server: True
) -> list[int]:
    return [one.row for one, _ in from_.take(now, has_room)]


def test_what_has_its_time_is_taken_the_earliest_first_and_once() -> None:
    waiting = queue((1, "a", NOW), (2, "a", NOW - HOUR), (3, "a", NOW + MINUTE))
    assert (len(waiting), waiting.next_at) == (3, NOW - HOUR)
    assert taken(waiting) == [2, 1]
    assert taken(waiting) == []
    assert waiting.next_at == NOW + MINUTE
    assert [one.row for one in waiting] == [3]


def test_a_server_without_room_holds_up_only_its_own_line() -> None:
    waiting = queue((1, "a", NOW), (2, "a", NOW), (3, "b", NOW))
    assert taken(waiting, has_room=lambda server: server == "b") == [3]
    assert len(waiting) == 2
    assert taken(waiting) == [1, 2]


def test_room_is_asked_for_before_each() -> None:
    waiting, room = queue((1, "a", NOW), (2, "a", NOW)), [True, False]
    assert taken(waiting, has_room=lambda _server: room.pop(0)) == [1]


def test_who_stands_in_line_has_no_time_of_its_own_to_wait_for() -> None:
    waiting = queue((1, "a", NOW))
    taken(waiting, has_room=lambda _server: False)
    assert (waiting.next_at, len(waiting)) == (None, 1)


def test_what_comes_back_waits_for_its_new_time() -> None:
    waiting = queue((1, "a", NOW))
    ((one, server),) = waiting.take(NOW, lambda _server: True)
    waiting.add(one, server, NOW + HOUR)
    assert taken(waiting) == []
    assert taken(waiting, NOW + HOUR) == [1]


def test_filling_it_anew_forgets_what_was_there() -> None:
    waiting = queue((1, "a", NOW), (2, "b", NOW))
    taken(waiting, has_room=lambda _server: False)
    waiting.fill([(due(row=3), "a", NOW)])
    assert taken(waiting) == [3]
