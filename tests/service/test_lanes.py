"""Sending in lanes: who shares a mail server waits in line, nobody else waits for anybody."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from digest.app import open_config
from digest.service.lanes import Lanes, lanes_of
from tests.support.serving import eventually, gathered

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

LANES = {"mail": "smtp a:25", "news": "smtp a:25", "slack": "slack"}
CHANNELS = """
apps: {shop: {app_id: "1", api_key: KEY, base_url: "http://127.0.0.1:9"}}
channels:
  mail: {type: smtp, host: a.example.com, port: 25, from: me@example.com}
  news: {type: smtp, host: a.example.com, port: 25, from: news@example.com}
  other: {type: smtp, host: a.example.com, port: 587, from: me@example.com}
  files: {type: folder, path: ./out}
digests: {daily: {app: shop, period: day, schedule: every day 09:00, to: {files: ["."]}}}
"""


class Post:
    """Each send waits until it is let go; `sent` are the channels in the order of their start."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.rang = threading.Event()
        self.sent: list[set[str]] = []
        self.error: Exception | None = None
        self.lanes = Lanes(send=self._send, ring=self.rang.set, lanes=LANES)

    def _send(self, names: Collection[str]) -> None:
        self.sent.append(set(names))
        self.go.wait(10)
        if self.error is not None:
            raise self.error

    def ended(self) -> list[Exception | None]:
        self.go.set()
        found = gathered(self.lanes.ended, lambda: not self.lanes.busy)
        assert self.rang.is_set()
        return found


def test_channels_of_one_mail_server_have_one_lane(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CHANNELS, encoding="utf-8")
    lanes = lanes_of(open_config(path, {}))
    assert lanes["mail"] == lanes["news"] == "smtp a.example.com:25"
    assert len(set(lanes.values())) == 3


def test_each_lane_runs_by_itself_and_once_at_a_time() -> None:
    post = Post()
    post.lanes.start(["mail", "slack"])
    eventually(lambda: len(post.sent) == 2)
    post.lanes.start(["news", "mail", "slack"])
    assert post.lanes.busy
    assert post.lanes.channels == {"mail", "slack"}
    assert post.ended() == [None, None]
    assert sorted(map(sorted, post.sent)) == [["mail"], ["slack"]]
    post.lanes.start(["news", "mail"])
    eventually(lambda: len(post.sent) == 3)
    assert post.sent[-1] == {"news", "mail"}
    post.ended()


def test_a_lane_that_breaks_says_so_and_may_run_again() -> None:
    post = Post()
    post.error = ValueError("broken")
    post.lanes.start(["slack"])
    assert post.ended() == [post.error]
    post.error = None
    post.lanes.start(["slack"])
    assert post.ended() == [None]


def test_a_channel_that_is_new_has_a_lane_of_its_own() -> None:
    post = Post()
    post.lanes.start(["unheard-of"])
    assert post.lanes.channels == {"unheard-of"}
    post.ended()


@pytest.mark.parametrize("names", [[], ()])
def test_with_nothing_to_do_nothing_runs(names: Collection[str]) -> None:
    post = Post()
    post.lanes.start(names)
    assert not post.lanes.busy
