"""`digest demo`: the whole thing on embedded parts, and the sandbox that it stands on.

The demo's config is an ordinary one, its API, mail server and Slack are servers on loopback, and
what it leaves in the folder is what those servers received, not what we meant to send.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from digest import app
from digest.app import ledger
from digest.app.alert_rounds import rounds_of
from digest.app.orders import Order
from digest.app.parts import Sources
from digest.app.runs import run
from digest.core.content import DeliveryKind, DeliveryState
from digest.core.periods import PeriodKind, day_of, last_complete
from digest.demo.keeping import index, keep_mail, keep_slack
from digest.errors import DeliveryError
from digest.outbox.stopping import Stop
from digest.pipeline import RunResult
from digest.sandbox.command import announcement
from digest.sandbox.flavour import Flavour
from digest.sandbox.inbox import Inbox
from digest.sandbox.rows import read_rows
from digest.sandbox.sample import TITLE, landmarks, sample_rows
from digest.sandbox.server import PhaseSandbox
from digest.sandbox.slack import SlackSandbox
from digest.store.reading import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date, datetime
    from pathlib import Path

    from digest.config.models import Config

    Progress = Callable[[str, int, int], None]

SETTLE = timedelta(hours=2)
ALERT = "bounce-rate-spike"
ALERT_AFTER = timedelta(hours=9)
READER = "you@example.com"
SLACK_CHANNEL = "#growth"
STATE = "demo-ledger"

CONFIG = """\
# The demo's config: an ordinary one, whose servers are on this machine and gone by now.
timezone: Europe/Berlin
locale: en
state: sqlite:///./{state}/digest.db
apps:
  shop: {{title: {title}, app_id: "{app_id}", api_key: "${{DEMO_PHASE_KEY}}",
         base_url: "{phase}"}}
channels:
  mail:  {{type: smtp, host: 127.0.0.1, port: {smtp}, security: none,
          from: "Acme Analytics <digest@example.com>"}}
  slack: {{type: slack, token: "${{DEMO_SLACK_TOKEN}}", base_url: "{slack}"}}
digests:
  monday-email: {{app: shop, period: week, schedule: "mon 08:00", to: {{mail: ["{reader}"]}}}}
  daily-slack:  {{app: shop, period: day, schedule: "mon-fri 09:00", to: {{slack: ["{channel}"]}},
                 charts: [sessions]}}
alerts:
  bounce-rate-spike: {{app: shop, metric: bounce_rate, window: day, schedule: "every day 09:00",
                      when: {{above: 60}}, clear: {{below: 50}},
                      action: "Look at the last release and at yesterday's campaigns.",
                      to: {{mail: ["{reader}"], slack: ["{channel}"]}}}}
"""

ENV_KEY = "DEMO_PHASE_KEY"
ENV_TOKEN = "DEMO_SLACK_TOKEN"  # noqa: S105 — the name of a variable


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the demo did: what to say about it, and the page to open."""

    sentences: tuple[str, ...]
    page: Path


@contextmanager
def open_sandbox(
    *, rows: Path | None, api: str, now: datetime | None, rate_limit: int, port: int
) -> Iterator[dict[str, Any]]:
    """Serve Phase on loopback; gives what `digest sandbox` announces on its first line.

    Without `rows` it serves sample rows that end today. `now` freezes the data's time.
    """
    served = read_rows(rows) if rows else sample_rows(now or app.utc_now())
    with PhaseSandbox(
        served,
        api=Flavour(api),
        clock=(lambda: now) if now else app.utc_now,
        rate_limit=rate_limit,
        port=port,
    ) as box:
        yield announcement(box, served.keys if rows else None)


def show(out: Path, now: datetime, progress: Progress) -> Shown:
    """Send a Monday digest, a daily summary and an alert through embedded servers into `out`."""
    with ExitStack() as stack:
        phase = stack.enter_context(
            PhaseSandbox(sample_rows(now), api=Flavour.CURRENT, clock=lambda: now)
        )
        inbox = stack.enter_context(Inbox())
        slack = stack.enter_context(SlackSandbox())
        out.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(out / STATE, ignore_errors=True)  # the last demo's ledger: sent already
        path = out / "config.yaml"
        path.write_text(_config(phase, inbox, slack), encoding="utf-8")
        config = app.open_config(path, {ENV_KEY: phase.api_key, ENV_TOKEN: slack.token})
        alert = _alert(config, landmarks(now).spike)
        fired = [
            *keep_mail(out / "bounce-rate-spike", inbox.messages),
            keep_slack(out / "bounce-rate-spike", slack, slack.posts),
        ]
        mails, posts = len(inbox.messages), len(slack.posts)
        results = [
            _run(config, "monday-email", PeriodKind.WEEK, now, progress),
            _run(config, "daily-slack", PeriodKind.DAY, now, progress),
            alert,
        ]
        pages = [
            *keep_mail(out / "monday-email", inbox.messages[mails:]),
            keep_slack(out / "daily-slack", slack, slack.posts[posts:]),
            *fired,
        ]
        page = index(out, pages)
        requests = len(phase.requests)
    return Shown(sentences=tuple(_said(results, requests)), page=page)


def _config(phase: PhaseSandbox, inbox: Inbox, slack: SlackSandbox) -> str:
    return CONFIG.format(
        state=STATE,
        title=TITLE,
        app_id=phase.app_id,
        phase=phase.base_url,
        smtp=inbox.port,
        slack=slack.base_url,
        reader=READER,
        channel=SLACK_CHANNEL,
    )


def _run(
    config: Config, name: str, kind: PeriodKind, now: datetime, progress: Progress
) -> RunResult:
    """The newest period that has settled, so that the demo works at any hour of any day."""
    period = last_complete(kind, now - SETTLE).label
    (result,) = run(config, Order(names=(name,), period=period, now=now), progress)
    if result.error is not None:
        raise result.error
    return _sent(result)


def _alert(config: Config, spike: date) -> RunResult:
    """Look at the day of the spike as the daemon would have, and send what is to be said."""
    at = day_of(spike).ends_at + ALERT_AFTER

    def clock() -> datetime:
        return at

    with (
        ledger.open_sender(config, "digest demo", clock) as store,
        Sources(config) as sources,
    ):
        outcome = rounds_of(config, store, clock).look("shop", [ALERT], sources.of("shop"))
        if not outcome.told:
            raise DeliveryError(f"{ALERT} did not fire for {spike}")
        ledger.sender(config, store, Stop(), clock).send(Scope(runs=None))
        run = store.ledger.run(ALERT, DeliveryKind.ALERT, outcome.told[0].period)
        held = () if run is None else tuple(store.ledger.deliveries(Scope(runs=(run.row,))))
    return _sent(RunResult(job=ALERT, period=outcome.told[0].period, deliveries=held))


def _sent(result: RunResult) -> RunResult:
    for held in result.deliveries:
        if held.state is not DeliveryState.SENT:
            raise DeliveryError(
                f"{result.job} did not reach the demo's own servers: "
                f"{held.last_error or held.state}"
            )
    return result


def _said(results: list[RunResult], requests: int) -> Iterator[str]:
    for result in results:
        for held in result.deliveries:
            yield (
                f"{held.state} {result.job} {result.period} "
                f"to {held.key.recipient} over {held.key.channel}"
            )
    yield f"fetched with {requests} requests from the embedded Phase sandbox"
