"""What every folder of tests shares.

Property tests have no deadline: how long one example takes says nothing on a busy machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.runner import Starter

settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

_SLOW = ("outbox", "matrix", "lab", "cli", "soak", "service")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the folders that take long, so that no core is idle in the end."""
    tests = config.rootpath / "tests"
    items.sort(key=lambda item: item.path.relative_to(tests).parts[0] not in _SLOW)


@pytest.fixture(scope="session")
def starter() -> Iterator[Starter]:
    """Starts digest quickly: the one process that has it imported, and forks for each run."""
    from tests.lab.runner import ForkServer  # noqa: PLC0415 — most tests start nothing

    with ForkServer() as server:
        yield server
