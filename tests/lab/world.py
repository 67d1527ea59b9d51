"""One world of the lab: Phase, mail and Slack on loopback, a state folder, and digest in it.

with World(folder, starter, phase) as world:
    world.run("mail", trap=Trap(step=Step.DOT_POST))
    world.until_done("mail")
    assert world.violations() == []
    assert world.copies("mail") == {"a@example.com": 2}
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from digest.core.content import DeliveryState as State
from digest.core.outbox import MAX_RESENDS, OPEN, OnUncertain
from digest.sandbox.flavour import Flavour
from digest.sandbox.server import PhaseSandbox
from tests.lab.journal import Journal
from tests.lab.ledger import Books, read_books
from tests.lab.oracle import copies_of, name_of, violations
from tests.lab.slack_sink import SlackSink
from tests.lab.smtp_sink import SmtpSink
from tests.support.cli import SECRETS, config_of, write_config
from tests.support.commands import CLOCK, Done
from tests.support.recorded import recorded_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.lab.launcher import Trap
    from tests.lab.runner import Running, Starter

NOW = "2026-11-23T08:00:00Z"
THREE = ("a@example.com", "b@example.com", "c@example.com")
CHANNEL = "C0123456789"
METRICS = ["sessions", "events"]  # two questions, so that there is a step between them
_MOST_RUNS = 8


@contextmanager
def phase_server() -> Iterator[str]:
    """A Phase server over the recorded rows; gives its base URL."""
    rows = recorded_rows()
    with PhaseSandbox(rows, api=Flavour.CURRENT, clock=lambda: CLOCK, rate_limit=0) as phase:
        yield phase.base_url


@dataclass(slots=True)
class World:
    """Context manager. `folder` is new and empty; `mail` and `slack` are options of the sinks.

    Digests: `mail` goes to `readers`, `slack` to a channel, `charted` to the channel with a
    chart, `both` to all of them; each of `more` is another `mail`, of `everywhere` another `both`.
    `started` counts the processes, `to` says who gets which digest.
    """

    folder: Path
    starter: Starter
    phase: str
    readers: Sequence[str] = ("a@example.com",)
    more: Sequence[str] = ()
    everywhere: Sequence[str] = ()
    policy: OnUncertain = OnUncertain.RESEND
    mail: Mapping[str, Any] = field(default_factory=dict)
    slack: Mapping[str, Any] = field(default_factory=dict)
    started: int = field(default=0, init=False)
    to: dict[str, tuple[str, ...]] = field(default_factory=dict, init=False)
    journal: Journal = field(init=False)
    smtp: SmtpSink = field(init=False)
    workspace: SlackSink = field(init=False)
    _closing: ExitStack = field(default_factory=ExitStack, init=False)

    def __enter__(self) -> Self:
        with ExitStack() as closing:
            self.journal = closing.enter_context(Journal(self.folder / "journal.jsonl"))
            self.smtp = closing.enter_context(SmtpSink(self.journal, **self.mail))
            self.workspace = closing.enter_context(SlackSink(self.journal, **self.slack))
            self.configure()
            self._closing = closing.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._closing.close()

    def configure(
        self, *, smtp: int | None = None, slack: str | None = None, **changes: Any
    ) -> None:
        """Write the config; `changes` replace whole top-level keys.

        `smtp` and `slack` are other ways to the sinks, such as through a proxy.
        """
        small = {"app": "shop", "period": "week", "schedule": "mon 08:00", "metrics": METRICS}
        plain = {**small, "breakdowns": [], "charts": []}
        mail, channel = {"mail": list(self.readers)}, {"slack": [CHANNEL]}
        digests: dict[str, dict[str, Any]] = {
            "mail": {**plain, "to": mail},
            "slack": {**plain, "to": channel},
            "charted": {**plain, "charts": ["sessions"], "to": channel},
            "both": {**plain, "to": {**mail, **channel}},
            **{name: {**plain, "to": mail} for name in self.more},
            **{name: {**plain, "to": {**mail, **channel}} for name in self.everywhere},
        }
        self.to = {
            name: tuple(who for some in digest["to"].values() for who in some)
            for name, digest in digests.items()
        }
        fields = {
            "state": "sqlite:///./digest.db",
            "delivery": {"on_uncertain": str(self.policy), "look_again": "0.2s"},
            "digests": digests,
        }
        config = config_of(
            self.phase,
            smtp=smtp or self.smtp.port,
            slack=slack or self.workspace.base_url,
            **(fields | changes),
        )
        write_config(self.folder, config)

    def start(
        self, *arguments: str, trap: Trap | None = None, halted: bool = False, **more: str
    ) -> Running:
        """Start a command; `more` are environment variables."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            **SECRETS,
            **({} if trap is None else trap.variables()),
            **more,
        }
        self.started += 1
        return self.starter.start(arguments, self.folder, environment, halted=halted)

    def begin(self, job: str, **options: Any) -> Running:
        """Start `digest run` of a digest."""
        return self.start("run", job, "--now", NOW, **options)

    def run(self, job: str, **options: Any) -> Done:
        """`digest run` of a digest, waited for."""
        return self.begin(job, **options).wait()

    def until_done(self, *jobs: str) -> list[Done]:
        """Run, and again until the ledger has nothing open of these digests.

        Raises AssertionError when that does not come about.
        """
        runs: list[Done] = []
        while not runs or not self.is_done(*jobs):
            assert len(runs) < _MOST_RUNS, f"not done after {len(runs)} runs: {runs[-1].said}"
            runs.append(self.start("run", *jobs, "--now", NOW).wait())
        return runs

    def is_done(self, *jobs: str) -> bool:
        """Whether each was planned, and has come to an end for each of its recipients."""
        books = self.books()
        return all(
            books.of(job) and all(row.state not in OPEN for row in books.of(job)) for job in jobs
        )

    def books(self) -> Books:
        """The ledger as it lies on the disk."""
        return read_books(self.folder)

    def deliveries(self) -> dict[str, str]:
        """Recipient → state, as `digest deliveries --json` says it."""
        return {
            row["recipient"]: row["state"] for row in self.start("deliveries", "--json").wait().json
        }

    def violations(self, *, finished: bool = True) -> list[str]:
        """What the oracle says."""
        hold = self.policy is OnUncertain.HOLD
        return violations(self.books(), self.journal.entries(), hold=hold, finished=finished)

    def lost(self, *jobs: str) -> list[str]:
        """Who has neither got it nor is waited for by a person; only where all servers are well."""
        books = self.books()
        found = []
        for job in jobs:
            rows = {row.recipient: row for row in books.of(job)}
            for reader in self.to[job]:
                row = rows.get(reader)
                if row is None:
                    found.append(f"{job} to {reader}: the ledger does not have it")
                elif not (row.state is State.SENT or (row.state is State.HELD and row.uncertain)):
                    found.append(f"{job} to {reader}: {row.state}, though nobody refused it")
                elif row.state is State.HELD and not self._may_be_held(row.uncertain):
                    found.append(f"{job} to {reader}: held after {row.uncertain} doubts")
        return found

    def _may_be_held(self, uncertain: int) -> bool:
        return self.policy is OnUncertain.HOLD or uncertain > MAX_RESENDS

    def copies(self, job: str) -> dict[str, int]:
        """How often each recipient of a digest got it."""
        taken = copies_of(self.journal.entries())
        return {
            row.recipient: taken[name_of(row)].count if name_of(row) in taken else 0
            for row in self.books().of(job)
        }

    def uncertain(self, job: str) -> dict[str, int]:
        """How often each recipient's outcome was unknown."""
        return {row.recipient: row.uncertain for row in self.books().of(job)}
