"""What the lab's tests share: one Phase server, and worlds with it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests.lab.world import World, phase_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.runner import Starter


class Worlds(Protocol):
    """Makes a world with these options; it is gone after the test."""

    def __call__(self, **options: Any) -> World: ...


@pytest.fixture(scope="module")
def phase() -> Iterator[str]:
    with phase_server() as base_url:
        yield base_url


@pytest.fixture
def world_of(tmp_path: Path, starter: Starter, phase: str) -> Iterator[Worlds]:
    with ExitStack() as closing:

        def make(**options: Any) -> World:
            return closing.enter_context(World(tmp_path, starter, phase, **options))

        yield make
