"""The client of the Phase API: nine reports of one app, within limits and within the budget."""

from __future__ import annotations

import random
import re
import time
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Literal, Self, TypeVar, overload
from urllib.parse import quote, urlsplit

from pydantic import SecretStr, ValidationError

from digest.errors import PhaseError
from digest.phase import answers, asking, days, models
from digest.phase.asking import Asker
from digest.phase.body import NonsenseError
from digest.phase.refusals import Question
from digest.phase.transport import Secret, Transport
from digest.phase.watchdog import open_session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import requests

    from digest.core.metrics import Dimension
    from digest.phase.budget import Budget
    from digest.phase.limits import PhaseLimits
    from digest.phase.transport import Outcome

A = TypeVar("A", bound=answers.Answer)
Overview = answers.EventsOverview | answers.SessionsOverview | answers.UsersOverview

METRICS: Mapping[str, tuple[str, ...]] = {
    "events": ("eventCount",),
    "sessions": ("sessionCount", "avgSessionDuration", "bounceRate"),
    "users": ("activeUsers", "totalUsers", "newUsers"),
}
MOST_ROWS = 50
_OVERVIEWS: Mapping[str, type[Overview]] = {
    "events": answers.EventsOverview,
    "sessions": answers.SessionsOverview,
    "users": answers.UsersOverview,
}
_KEY = re.compile(r"[!-~]+")
_NOT_OFFERED = 422


class PhaseClient:
    """Asks for the reports of one app; one client serves one run.

    Every method raises PhaseError when the server refuses for good or answers nonsense, and
    PhaseUnavailableError when it is down, too slow or asks to wait too long. Once the server
    can't be reached or has refused the key, every further call fails at once with the same
    words and sends nothing; `stopped` tells.

    `clock` (monotonic seconds), `sleep`, `rng` and `now` (aware; used where a `Retry-After` date
    comes without the server's own) are handed in; `budget` must run on the same clock. `on_try`
    is told how each request ended. A session that is handed in (see `open_session`) stays open,
    an own one is closed with the client.
    """

    def __init__(
        self,
        base_url: str,
        app_id: str,
        api_key: Secret | str,
        limits: PhaseLimits,
        budget: Budget,
        *,
        session: requests.Session | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_try: Callable[[Outcome], None] = lambda _outcome: None,
    ) -> None:
        host = _checked_host(base_url)
        key = SecretStr(api_key) if isinstance(api_key, str) else api_key
        plain = key.get_secret_value()
        if not _KEY.fullmatch(plain):
            raise PhaseError(
                f"the key for app {app_id} can't be sent: it is empty or holds a space, a line"
                " break or a character beyond ASCII; check api_key",
                report="reports",
            )
        self._app_id = app_id
        self._base_url = base_url.rstrip("/")
        self._session = session or open_session()
        self._owns_session = session is None
        self._server_now: datetime | None = None
        self._asker = Asker(
            transport=Transport(
                session=self._session,
                root=f"{self._base_url}/apps/{quote(app_id, safe='')}/reports",
                key=key,
                limits=limits,
            ),
            host=host,
            limits=limits,
            budget=budget,
            clock=clock,
            sleep=sleep,
            rng=rng or random.Random(),  # noqa: S311 - spreads waits, keeps no secret
            now=now,
            on_try=on_try,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, unless they belong to a session that was handed in."""
        if self._owns_session:
            self._session.close()

    @property
    def stopped(self) -> PhaseError | None:
        """Why this client asks no more, or None while it still does."""
        return self._asker.stopped

    @property
    def server_now(self) -> datetime | None:
        """The newest `generated_at` of all answers so far, UTC; None before the first."""
        return self._server_now

    @property
    def requests_made(self) -> int:
        """How many requests went out so far, every try counted."""
        return self._asker.requests_made

    def timeseries(self, report: str, metric: str, start: date, end: date) -> models.TimeSeries:
        """One metric by UTC day from `start` up to, not including, `end`.

        `report` is `events`, `sessions` or `users`, `metric` one of `METRICS[report]`. Ranges of
        more than 365 days are fetched in parts. Days that the server leaves out are not there,
        and today is partial: what to make of that is the caller's.
        """
        if metric not in METRICS.get(report, ()):
            raise ValueError(f"there is no {metric} in {report}/timeseries")
        if end <= start:
            raise ValueError(f"a range ends after it starts, not {start} to {end}")
        values: models.DayValues = {}
        instants: list[datetime] = []
        for first, stop in days.parts(start, end):
            question = self._question(f"{report}/timeseries", metric, days.in_words(first, stop))
            params = days.bounds(first, stop) | ({} if report == "events" else {"metric": metric})
            answer = self._ask(question, params, answers.TimeSeriesAnswer)
            try:
                values |= days.day_values(answer.data, metric, first, stop)
            except NonsenseError as error:
                raise self._nonsense(question, str(error)) from None
            instants.append(answer.generated_at)
        return models.TimeSeries(
            report=report, metric=metric, values=values, generated_at=min(instants)
        )

    def breakdown(
        self, dimension: Dimension, start: date | None, end: date | None, limit: int = 10
    ) -> models.BreakdownResult:
        """The largest values of a dimension, counted over whole UTC days.

        From `start` up to, not including, `end`, at most 365 days; None leaves that side open,
        both None is all-time, and users' breakdowns are never anything else. `limit` is 1 to 50
        rows; events stop at 10 whatever it says.

        Raises models.NotOfferedError where the server knows no cities.
        """
        _check_breakdown(dimension, start, end, limit)
        most = min(limit, dimension.cap)
        report, words = f"{dimension.report}/breakdown", days.in_words(start, end)
        question = self._question(report, f"by {dimension.field}", words)
        params = {"dimension": dimension.field, "limit": str(most)} | days.bounds(start, end)
        try:
            answer = self._ask(question, params, answers.BreakdownAnswer)
        except PhaseError as error:
            if error.status == _NOT_OFFERED and dimension.field == "city":
                message = f"{question}: this Phase server does not offer cities"
                raise models.NotOfferedError(message, report=report, status=422) from None
            raise
        if answer.dimension not in {None, dimension.field}:
            raise self._nonsense(question, "the answer is about another dimension")
        return models.BreakdownResult(
            dimension=dimension,
            rows=answers.merged(answer.rows),
            raw_rows=len(answer.rows),
            limit=most,
            generated_at=answer.generated_at,
        )

    @overload
    def overview(self, report: Literal["events"]) -> answers.EventsOverview: ...
    @overload
    def overview(self, report: Literal["sessions"]) -> answers.SessionsOverview: ...
    @overload
    def overview(self, report: Literal["users"]) -> answers.UsersOverview: ...
    def overview(self, report: str) -> Overview:
        """The totals of `events`, `sessions` or `users`, now and in the last 24 hours."""
        return self._ask(self._question(f"{report}/overview"), {}, _OVERVIEWS[report])

    def _ask(self, question: Question, params: Mapping[str, str], model: type[A]) -> A:
        value = self._asker.fetch(question, params)
        try:
            answer = model.model_validate(value)
        except ValidationError as error:
            details = error.errors(include_url=False, include_context=False, include_input=False)
            raise self._nonsense(
                question, f"the answer is not as it should be ({answers.describe(details[0])})"
            ) from None
        self._server_now = max(answer.generated_at, self._server_now or answer.generated_at)
        return answer

    def _nonsense(self, question: Question, reason: str) -> PhaseError:
        return PhaseError(f"{question}: {reason}; none of it is used", report=question.report)

    def _question(self, report: str, *details: str) -> Question:
        return Question(
            report=report,
            details=", ".join(details),
            app_id=self._app_id,
            base_url=self._base_url,
        )


def counted_as(base_url: str, key: str) -> tuple[str, str]:
    """The names that a request to this API with this key counts for in the budget."""
    return asking.counted_as(_checked_host(base_url), key)


def _check_breakdown(
    dimension: Dimension, start: date | None, end: date | None, limit: int
) -> None:
    if not 1 <= limit <= MOST_ROWS:
        raise ValueError(f"a breakdown has 1 to {MOST_ROWS} rows, not {limit}")
    if not dimension.dated and (start, end) != (None, None):
        raise ValueError(f"{dimension} is all-time: the server ignores dates there")
    if start is not None and end is not None and not start < end <= start + days.LONGEST_RANGE:
        raise ValueError(f"a breakdown covers 1 to 365 days, not {start} to {end}")


def _checked_host(base_url: str) -> str:
    """Scheme, host and port. Raises ValueError, which does not quote what may hold a password."""
    url = urlsplit(base_url)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ValueError("base_url must be an http:// or https:// address")
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("base_url must have no user, password, query or fragment")
    return f"{url.scheme}://{url.hostname}:{url.port or ''}"
