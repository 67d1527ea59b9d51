"""Cases 42 to 45 of the fault matrix: many jobs at once, slow ones, edited ones, changed zones."""

from __future__ import annotations

import threading
import time
import zoneinfo
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from digest.core.agenda import Due, DueState
from digest.errors import ConfigError
from digest.service.build_queue import BuildQueue
from digest.service.building import MOST_A_SERVER, MOST_AT_ONCE, Builders
from tests.support.commands import run
from tests.support.works import OPS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from werkzeug.wrappers import Request

    from digest.service.life import Daemon
    from digest.service.loop import Loop
    from tests.support.daemons import Simulation
    from tests.support.works import Works

BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
BOARD = {"files": ["board"]}


def berlin(*at: int) -> datetime:
    return datetime(*at, tzinfo=BERLIN)  # type: ignore[arg-type, misc]


def daily(at: str, zone: str = "Europe/Berlin") -> dict[str, Any]:
    return {"daily": {"period": "day", "schedule": {"at": at, "timezone": zone}}}


@dataclass(slots=True)
class Builds:
    """The jobs that are being built, at the end of each round; rounds are where builds begin."""

    seen: list[list[str]] = field(default_factory=list)

    def watch(self, daemon: Daemon, _closing: object) -> None:
        daemon.telling.after = self._look

    def _look(self, loop: Loop, _now: datetime) -> None:
        self.seen.append([ticket.due.job for ticket in loop.builders.running])


def test_case_42_so_many_are_built_at_once_of_one_server_and_of_all() -> None:
    """The queue and the builders of the daemon, with 200 jobs that only take a little time."""
    wake, queue, done = threading.Event(), BuildQueue(), []
    builders = Builders(
        work=lambda _ticket: time.sleep(0.002), ring=wake.set, monotonic=time.monotonic
    )
    most_of_all = most_of_one = 0
    nine = berlin(2026, 3, 2, 9)
    for row in range(200):
        queue.add(due(row, nine), "one" if row < 150 else f"other-{row % 5}", nine)
    while queue or builders.running:
        for one, server in queue.take(nine, builders.has_room):
            builders.start(one, server, nine)
        servers = Counter(ticket.server for ticket in builders.running)
        most_of_all = max(most_of_all, servers.total())
        most_of_one = max(most_of_one, *servers.values())
        assert wake.wait(10)
        wake.clear()
        done += [ended.ticket.due.row for ended in builders.ended()]

    assert sorted(done) == list(range(200))
    assert (most_of_all, most_of_one) == (MOST_AT_ONCE, MOST_A_SERVER)


def test_case_42_jobs_that_are_due_at_the_same_time_are_all_sent_in_time(works: Works) -> None:
    names = [f"job-{number}" for number in range(24)]
    works.configure(
        {name: {"period": "day", "schedule": "every day 09:00", "to": BOARD} for name in names}
    )
    with works.daemon(berlin(2026, 3, 2, 8)) as daemon:
        daemon.until(berlin(2026, 3, 2, 8, 30))

    builds = Builds()  # and nothing was built ahead
    with works.daemon(berlin(2026, 3, 2, 9, 1), watch=builds.watch) as daemon:
        daemon.until(berlin(2026, 3, 2, 9, 10))

    assert max(map(len, builds.seen)) == MOST_A_SERVER
    folder = works.folder / "out" / "board"
    assert sorted(path.parent.name for path in folder.glob("*/2026-03-01")) == sorted(names)
    late = works.rows("SELECT max(armed_at), count(*) FROM deliveries WHERE state = 'sent'")
    nine = int(berlin(2026, 3, 2, 9).timestamp()) * 1_000_000
    assert late == [(pytest.approx(nine, abs=600_000_000), 24)]


def due(row: int, at: datetime) -> Due:
    return Due(
        row=row,
        job=f"job-{row}",
        period="2026-03-01",
        due_at=at,
        local=at.isoformat(),
        ready_at=at,
        deadline=at + DAY,
        state=DueState.WAITING,
    )


@pytest.mark.parametrize(
    "minutes", [pytest.param(12, id="slow"), pytest.param(20, id="given up after 15 minutes")]
)
def test_case_43_a_job_that_takes_longer_than_its_interval_does_not_overlap(
    works: Works, minutes: int
) -> None:
    works.configure(daily("every 5m", "America/New_York"))
    slow: list[Simulation] = []

    def answer(_request: Request) -> None:
        if slow:
            times = slow.pop().times
            for _ in range(minutes):
                times.advance(60)
                time.sleep(0.03)  # the daemon looks at its clock meanwhile

    works.phase.answer_with = answer
    new_york = ZoneInfo("America/New_York")
    builds = Builds()
    with works.daemon(datetime(2026, 3, 2, 23, 47, tzinfo=new_york), watch=builds.watch) as daemon:
        slow.append(daemon)
        daemon.until(datetime(2026, 3, 4, 12, tzinfo=new_york))

    assert sorted(works.periods("daily")) == ["2026-03-01", "2026-03-02", "2026-03-03"]
    assert max(map(len, builds.seen)) == 1


@pytest.fixture(params=["reload", "restart"])
def how(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def edit(works: Works, how: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    """A schedule that is replaced at noon of Thursday, 5 March; runs from Wednesday to Sunday."""
    works.configure(old, ops=OPS)
    with works.daemon(berlin(2026, 3, 4, 6)) as daemon:
        daemon.until(berlin(2026, 3, 5, 12))
        works.configure(new, ops=OPS)
        if how == "reload":
            daemon.reload()
            daemon.until(berlin(2026, 3, 8, 6))
    if how == "restart":
        with works.daemon(berlin(2026, 3, 5, 12, 5)) as daemon:
            daemon.until(berlin(2026, 3, 8, 6))


@pytest.mark.parametrize(
    "new",
    [
        pytest.param(daily("every day 14:00"), id="later the same day"),
        pytest.param(daily("every day 07:30", "America/New_York"), id="another zone"),
        pytest.param(daily("every 15m"), id="all day long"),
    ],
)
def test_case_44_an_edited_schedule_sends_no_period_twice_and_leaves_none_out(
    works: Works, how: str, new: dict[str, Any]
) -> None:
    edit(works, how, daily("every day 07:30"), new)

    sent = works.periods("daily")
    assert sent[:3] == ["2026-03-03", "2026-03-04", "2026-03-05"]
    assert sorted(set(sent)) == sent, "each once, in order"
    assert works.notices() == []


@pytest.mark.parametrize(
    "new",
    [
        pytest.param(daily("every day 08:00"), id="earlier"),
        pytest.param(daily("every day 08:00", "Asia/Tokyo"), id="another zone"),
    ],
)
def test_case_44_a_period_that_no_due_time_covers_any_more_is_told_once(
    works: Works, how: str, new: dict[str, Any]
) -> None:
    edit(works, how, daily("every day 23:30"), new)

    assert works.periods("daily")[:3] == ["2026-03-03", "2026-03-05", "2026-03-06"]
    (gap,) = [due for due in works.dues("daily") if due.state == "skipped"]
    assert gap.period == "2026-03-04"
    (told,) = works.notices()
    assert "daily was not sent for 2026-03-04" in told
    assert "The schedule was changed, and no due time covers it any more" in told


def test_case_45_an_unknown_zone_is_refused_and_what_is_stored_stays(
    works: Works, capsys: pytest.CaptureFixture[str]
) -> None:
    works.configure(daily("every day 07:30"))
    with works.daemon(berlin(2026, 3, 4, 6)) as daemon:
        daemon.until(berlin(2026, 3, 5, 12))
        before = works.dues("daily")
        config = works.configure(daily("every day 07:30", "Europe/Berlim"))
        daemon.reload()
        daemon.until(berlin(2026, 3, 6, 12))

    checked = run(capsys, "check", "-c", str(config))
    assert checked.code == 78
    assert 'unknown time zone "Europe/Berlim" (did you mean "Europe/Berlin"?)' in checked.said
    with pytest.raises(ConfigError), works.daemon(berlin(2026, 3, 7, 12)):
        pass
    assert works.periods("daily") == ["2026-03-03", "2026-03-04", "2026-03-05"]
    assert works.dues("daily")[:2] == before


@pytest.fixture
def moved_zone(tmp_path: Path) -> Iterator[None]:
    """New zone data, by which Berlin has the time of Helsinki; undone at the end."""
    folder = tmp_path / "zones" / "Europe"
    folder.mkdir(parents=True)
    data = files("tzdata.zoneinfo.Europe").joinpath("Helsinki").read_bytes()
    (folder / "Berlin").write_bytes(data)
    yield
    zoneinfo.reset_tzpath()
    ZoneInfo.clear_cache()


@pytest.mark.usefixtures("moved_zone")
def test_case_45_when_the_zone_data_change_each_period_still_comes_once(works: Works) -> None:
    week = {"period": "week", "schedule": "mon 00:00"}
    works.configure({"weekly": week, "nightly": {"period": "day", "schedule": "every day 00:00"}})
    with works.daemon(berlin(2026, 1, 30, 12)) as daemon:
        daemon.until(berlin(2026, 2, 4, 12))
    before = works.dues("weekly") + works.dues("nightly")

    zoneinfo.reset_tzpath([str(works.folder / "zones"), *zoneinfo.TZPATH])
    ZoneInfo.clear_cache()
    with works.daemon(berlin(2026, 2, 4, 13)) as daemon:
        daemon.until(datetime(2026, 2, 10, 12, tzinfo=UTC))

    assert works.periods("weekly") == ["2026-W05", "2026-W06"]
    days = [datetime(2026, 1, 30, tzinfo=UTC) + DAY * n for n in range(11)]
    assert works.periods("nightly") == [f"{day:%Y-%m-%d}" for day in days]
    assert [due for due in before if due not in works.dues("weekly") + works.dues("nightly")] == []
    assert works.dues("weekly")[-1].due_at == datetime(2026, 2, 8, 22, tzinfo=UTC)
