"""Sources of a process that lives long: one question is asked once, whoever needs its answer."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.wrappers import Response

from digest.app import open_config
from digest.app.sources import KEPT, MOST_KEPT, Answers, LastingSources
from digest.core.metrics import Dimension
from digest.errors import PhaseError
from tests.support.endless_phase import EndlessPhase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from digest.config.models import App, Config
    from digest.pipeline import SharedSource

START, END = date(2026, 3, 1), date(2026, 3, 7)
NOW = datetime(2026, 3, 9, tzinfo=UTC)
CONFIG = """
limits: {{tries: 1, requests_per_minute: {limit}}}
apps:
  shop: {{app_id: "1", api_key: KEY_1, base_url: "{url}"}}
  blog: {{app_id: "2", api_key: KEY_1, base_url: "{url}"}}
  twin: {{app_id: "1", api_key: KEY_1, base_url: "{url}"}}
channels: {{files: {{type: folder, path: ./out}}}}
digests:
  daily: {{app: shop, period: day, schedule: every day 09:00, to: {{files: ["."]}}}}
"""


class Shop:
    """Lasting sources with a clock that a test moves; sleeping moves it, too."""

    def __init__(self, folder: Path, phase: EndlessPhase) -> None:
        self.folder, self.phase = folder, phase
        self.seconds = 1000.0
        self.slept: list[float] = []
        self.heard: list[tuple[str, datetime | None]] = []
        self.tried: list[str] = []
        self.config = self.load()
        self.sources = LastingSources(
            self.config,
            heard=lambda app, at: self.heard.append((app.app_id, at)),
            on_try=lambda app, _outcome: self.tried.append(app.app_id),
            monotonic=lambda: self.seconds,
            sleep=self.sleep,
        )

    def load(self, limit: int = 200) -> Config:
        path = self.folder / "config.yaml"
        path.write_text(CONFIG.format(limit=limit, url=self.phase.base_url), encoding="utf-8")
        return open_config(path, {})

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    def app(self, name: str = "shop") -> App:
        return self.config.apps[name]

    def ask(self, name: str = "shop", start: date = START) -> Any:
        with self.sources.of(self.app(name)) as source:
            return source.timeseries("sessions", "sessionCount", start, END)

    @property
    def asked(self) -> list[str]:
        return [one.app for one in self.phase.asked]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with EndlessPhase(clock=lambda: NOW) as phase:
        made = Shop(tmp_path, phase)
        yield made
        made.sources.close()


def test_two_digests_of_an_app_ask_a_question_once(shop: Shop) -> None:
    assert shop.ask() == shop.ask() == shop.ask("twin"), "the same app by another name, too"
    assert shop.asked == ["1"]
    shop.ask(start=date(2026, 3, 2))
    shop.ask("blog")
    assert shop.asked == ["1", "1", "2"]


def test_also_when_they_ask_at_the_same_time(shop: Shop) -> None:
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(shop.ask())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shop.asked == ["1"]
    assert answers == [answers[0]] * 6


def test_tops_are_shared_like_series(shop: Shop) -> None:
    def ask(limit: int, start: date | None) -> Any:
        with shop.sources.of(shop.app()) as source:
            return source.breakdown(
                Dimension.SESSIONS_COUNTRY, start, None if start is None else END, limit
            )

    assert ask(5, START) == ask(5, START)
    assert len(shop.asked) == 1
    ask(6, START)
    ask(5, None)
    assert len(shop.asked) == 3


def test_an_answer_is_shared_for_some_hours_and_then_asked_for_again(shop: Shop) -> None:
    shop.ask()
    shop.seconds += KEPT
    shop.ask()
    assert len(shop.asked) == 1
    shop.seconds += 1
    shop.ask()
    assert len(shop.asked) == 2


def test_a_failure_is_not_shared(shop: Shop) -> None:
    shop.phase.answer_with = lambda _request: Response('{"code": "NO"}', 400)
    for _ in range(2):
        with pytest.raises(PhaseError):
            shop.ask()
    assert len(shop.asked) == 2
    shop.phase.answer_with = lambda _request: None
    assert shop.ask()


def test_the_server_s_clock_is_heard_where_anything_was_asked(shop: Shop) -> None:
    shop.ask()
    shop.ask()
    ((app, at),) = shop.heard
    assert (app, shop.tried) == ("1", ["1"])
    assert at is not None


def test_apps_with_one_key_share_its_budget_and_wait_for_it(shop: Shop) -> None:
    shop.sources.use(shop.load(limit=3))
    days = [date(2026, 3, n) for n in range(1, 5)]
    for day in days:
        shop.ask("shop" if day.day % 2 else "blog", day)
    assert sum(shop.slept) == pytest.approx(60.0, abs=0.1), "the fourth waits for a minute"
    assert shop.sources.used(shop.app("shop")) == shop.sources.used(shop.app("blog")) == 1


def test_a_reload_begins_a_new_budget_only_where_the_limit_has_changed(shop: Shop) -> None:
    shop.ask()
    shop.sources.use(shop.load())
    assert shop.sources.used(shop.app()) == 1
    shop.sources.use(shop.load(limit=100))
    assert (shop.sources.used(shop.app()), shop.sources.budget.per_minute) == (0, 100)


def test_connections_are_kept_for_the_next_and_closed_in_the_end(shop: Shop) -> None:
    with both(shop) as (one, other):
        assert one._source is not other._source
    assert len(shop.sources._sessions) == 2
    shop.ask()
    assert len(shop.sources._sessions) == 2
    shop.sources.close()
    assert shop.sources._sessions == []
    assert shop.ask(), "and it may be used again"


@contextmanager
def both(shop: Shop) -> Iterator[tuple[SharedSource, SharedSource]]:
    with shop.sources.of(shop.app()) as one, shop.sources.of(shop.app("blog")) as other:
        yield one, other


def test_the_oldest_answers_make_room() -> None:
    seconds = [0.0]
    answers = Answers(lambda: seconds[0])
    for n in range(MOST_KEPT + 10):
        answers.keep((n,), n)
    assert answers.get((9,)) is None
    assert (answers.get((10,)), answers.get((MOST_KEPT + 9,))) == (10, MOST_KEPT + 9)
    answers.keep((10,), "again")
    answers.keep(("new",), 1)
    assert (answers.get((10,)), answers.get((11,))) == ("again", None)
