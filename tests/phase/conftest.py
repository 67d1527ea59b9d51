"""What holds for every test of the client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.phase_answers import SECRET
from tests.support.phase_clients import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def nothing_leaks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a test here does, no log line of any library holds the key or the body."""
    caplog.set_level("DEBUG")
    yield
    records = "\n".join(str(vars(record)) for record in caplog.records)
    for text in (caplog.text, records):
        assert KEY not in text
        assert SECRET not in text
