from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.alerting import Watchers, watchers_in
from tests.support.works import Works, works_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def works(tmp_path: Path) -> Iterator[Works]:
    with works_in(tmp_path) as made:
        yield made


@pytest.fixture
def watchers(tmp_path: Path) -> Iterator[Watchers]:
    with watchers_in(tmp_path) as made:
        yield made
