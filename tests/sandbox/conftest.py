"""Sandboxes over the recorded rows, at the time of the recordings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests

from digest.sandbox.flavour import Flavour
from digest.sandbox.server import PhaseSandbox
from tests.support.recorded import SHOP, recorded_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 23, 4, 46, 4, tzinfo=UTC)


class Caller:
    """Asks one sandbox for reports with the main key, over one kept connection."""

    def __init__(self, box: PhaseSandbox, session: requests.Session) -> None:
        self.box = box
        self.session = session

    def get(
        self,
        report: str,
        *,
        key: str | None = "Bearer TOKEN_MAIN",
        app: str = SHOP,
        method: str = "GET",
        **query: str,
    ) -> requests.Response:
        return self.session.request(
            method,
            f"{self.box.base_url}/apps/{app}/reports/{report}",
            params=query,
            headers={"Authorization": key} if key is not None else {},
            timeout=10,
        )

    def body(self, report: str, **query: str) -> dict[str, Any]:
        response = self.get(report, **query)
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body


@pytest.fixture(scope="module", params=list(Flavour))
def either(request: pytest.FixtureRequest) -> Iterator[Caller]:
    """Both versions, one after the other."""
    yield from caller(Flavour(request.param))


@pytest.fixture(scope="module")
def current() -> Iterator[Caller]:
    yield from caller(Flavour.CURRENT)


@pytest.fixture(scope="module")
def april() -> Iterator[Caller]:
    yield from caller(Flavour.APRIL)


def caller(api: Flavour) -> Iterator[Caller]:
    with (
        PhaseSandbox(recorded_rows(), api=api, clock=lambda: NOW, rate_limit=0) as box,
        requests.Session() as session,
    ):
        yield Caller(box, session)
