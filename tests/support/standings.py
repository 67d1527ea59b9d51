"""How things may stand, for the status page: a good day, a bad one, the first, and 10,000 jobs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from digest.core.content import DeliveryState as State
from digest.web.standing import (
    Budget,
    Config,
    Delivered,
    Fire,
    Hold,
    Job,
    Need,
    Past,
    Run,
    Running,
    RunState,
    Standing,
    Trouble,
    Waiting,
)

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 9, 31, tzinfo=UTC)
CONFIG = Config(path="/etc/digest/config.yaml", loaded=NOW - timedelta(days=3, hours=2))
LETTERS = {
    ".": RunState.SENT,
    "x": RunState.FAILED,
    "p": RunState.PARTLY,
    "m": RunState.MISSED,
    "s": RunState.SKIPPED,
    "r": RunState.RUNNING,
    "w": RunState.WAITING,
    "h": RunState.HELD,
}


def local(day: int, hour: int, minute: int = 0, *, month: int = 11) -> datetime:
    """An instant of 2026 by Berlin's clocks."""
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN)


def days(letters: str, *, at: datetime, late: int = 4, error: str = "") -> tuple[Past, ...]:
    """Daily periods, one for each letter; the last one ended at `at`, the day before it."""
    found = []
    for back, letter in enumerate(reversed(letters)):
        then = at - timedelta(days=back)
        found.append(
            Past(
                period=f"{then - timedelta(days=1):%Y-%m-%d}",
                state=LETTERS[letter],
                at=then,
                late=timedelta(seconds=late),
                error=error if back == 0 else "",
            )
        )
    return tuple(reversed(found))


def weeks(letters: str, *, at: datetime, error: str = "") -> tuple[Past, ...]:
    """Weekly periods, one for each letter; the last one ended at `at`."""
    found = []
    for back, letter in enumerate(reversed(letters)):
        then = at - timedelta(weeks=back)
        iso = (then - timedelta(days=7)).isocalendar()
        found.append(
            Past(
                period=f"{iso.year}-W{iso.week:02}",
                state=LETTERS[letter],
                at=then,
                late=timedelta(seconds=9),
                error=error if back == 0 else "",
            )
        )
    return tuple(reversed(found))


def sent(recipient: str, number: int, *, channel: str = "mail", at: datetime) -> Delivered:
    """A delivery that went well."""
    return Delivered(
        id=f"{number * 2654435761 % 2**32:08x}",
        channel=channel,
        recipient=recipient,
        state=State.SENT,
        at=at,
    )


MONDAY = Job(
    name="monday-email",
    app="shop",
    schedule="mon 08:00",
    explanation="every Monday at 08:00",
    timezone="Europe/Berlin",
    next=Fire(at=local(30, 8), period="2026-W48"),
    past=weeks("..............", at=local(23, 8)),
)
DAILY = Job(
    name="daily-slack",
    app="shop",
    schedule="mon-fri 09:00",
    explanation="every Monday to Friday at 09:00",
    timezone="Europe/Berlin",
    next=Fire(at=local(25, 9), period="2026-11-24"),
    past=days(".........s....", at=local(24, 9)),
)
TOKYO = Job(
    name="tokyo-daily",
    app="shop-jp",
    schedule="every day 07:30",
    explanation="every day at 07:30",
    timezone="Asia/Tokyo",
    next=Fire(
        at=datetime(2026, 11, 25, 7, 30, tzinfo=ZoneInfo("Asia/Tokyo")),
        period="2026-11-24",
        ready=datetime(2026, 11, 25, 2, 0, tzinfo=UTC),
    ),
    past=days("..............", at=local(24, 3)),
)
MONTHLY = Job(
    name="board-monthly",
    app="shop",
    schedule="1st 07:30",
    timezone="Europe/Berlin",
    next=Fire(at=local(1, 7, 30, month=12), period="2026-11"),
    past=(
        Past(period="2026-09", state=RunState.SENT, at=local(1, 7, 30, month=10)),
        Past(period="2026-10", state=RunState.SENT, at=local(1, 7, 30), late=timedelta(0)),
    ),
)
SWITCHED_OFF = Job(
    name="campaign-2026",
    app="shop",
    schedule="fri 16:00",
    timezone="Europe/Berlin",
    enabled=False,
    past=weeks("...", at=local(2, 16)),
)

_MONDAY_READERS = ("ceo@example.com", "Ana <ana@example.com>", "li@example.com")
MONDAY_RUN = Run(
    job="monday-email",
    app="shop",
    period="2026-W47",
    state=RunState.SENT,
    at=local(23, 8),
    late=timedelta(seconds=9),
    counts={State.SENT: 3},
    deliveries=tuple(
        sent(reader, number, at=local(23, 8)) for number, reader in enumerate(_MONDAY_READERS, 7)
    ),
)
DAILY_RUN = Run(
    job="daily-slack",
    app="shop",
    period="2026-11-23",
    state=RunState.SENT,
    at=local(24, 9),
    late=timedelta(seconds=4),
    counts={State.SENT: 1},
    deliveries=(
        replace(
            sent("#growth", 21, channel="slack", at=local(24, 9)),
            remarks=("The chart of sessions was not taken; the message says so.",),
        ),
    ),
)
TOKYO_RUN = replace(
    DAILY_RUN,
    job="tokyo-daily",
    app="shop-jp",
    at=local(24, 3),
    deliveries=(sent("#tokyo", 33, channel="slack", at=local(24, 3)),),
)


def good_day() -> Standing:
    """Five jobs, everything sent."""
    return Standing(
        version="0.1.0",
        now=NOW,
        started=NOW - timedelta(days=12, hours=5),
        zone=BERLIN,
        config=CONFIG,
        jobs=(MONDAY, DAILY, TOKYO, MONTHLY, SWITCHED_OFF),
        runs=(DAILY_RUN, TOKYO_RUN, MONDAY_RUN),
        budgets=(Budget(app="shop", used=12, limit=300), Budget(app="shop-jp", used=0, limit=300)),
        queue={"due periods": 0, "deliveries": 0},
        plan=("Next to fetch: shop and shop-jp, 24 requests from 01:55 on.",),
    )


def bad_day() -> Standing:
    """Held, failed and dead deliveries, two channels in trouble, a refused reload; one running."""
    refused = "550 5.1.1 <old@example.com>: Recipient address rejected: User unknown"
    lost = "the connection broke before the server answered; nobody knows whether it arrived"
    login = "the login was refused (535 5.7.8 Authentication credentials invalid)"
    run = replace(
        MONDAY_RUN,
        state=RunState.PARTLY,
        counts={State.SENT: 41, State.FAILED: 1, State.HELD: 1, State.DEAD: 1},
        deliveries=(
            sent("ceo@example.com", 7, at=local(23, 8)),
            Delivered(
                id="5b1e9c02",
                channel="mail",
                recipient="old@example.com",
                state=State.FAILED,
                at=local(23, 8),
                error=refused,
            ),
            Delivered(
                id="c0ffee12",
                channel="mail",
                recipient="Ana <ana@example.com>",
                state=State.HELD,
                at=local(23, 8, 2),
                error=lost,
            ),
            Delivered(
                id="91aa04d7",
                channel="slack",
                recipient="#growth",
                state=State.DEAD,
                at=local(23, 20),
                error="the server was down until its deadline",
            ),
        ),
        warnings=("sessions.country could not be fetched; the digest says so.",),
    )
    broken = "the key of app shop-jp was refused (401)"
    return replace(
        good_day(),
        config=replace(
            CONFIG,
            refused=local(24, 10, 12),
            problems=('config.yaml:14:5: digests.daily-slack.to: unknown channel "slck"',),
        ),
        jobs=(
            replace(MONDAY, past=weeks("...........x.p", at=local(23, 8))),
            replace(DAILY, past=days(".......m.....r", at=local(24, 9))),
            replace(TOKYO, past=days("............xx", at=local(24, 3), error=broken)),
            MONTHLY,
            SWITCHED_OFF,
        ),
        running=(
            Running(
                job="daily-slack",
                period="2026-11-23",
                since=local(24, 10, 30),
                step="fetching 5 of 12",
            ),
        ),
        waiting=(
            Waiting(
                job="tokyo-daily",
                period="2026-11-23",
                why="The key was refused; it is tried again once it is changed.",
            ),
            Waiting(
                job="emea-daily",
                period="2026-11-23",
                why="The API asked to wait.",
                until=local(24, 10, 33),
            ),
        ),
        runs=(
            replace(TOKYO_RUN, state=RunState.FAILED, counts={}, deliveries=(), late=None),
            run,
            DAILY_RUN,
        ),
        needs=(
            Need(
                what="monday-email 2026-W47 to Ana <ana@example.com> over mail: held",
                why=lost,
                advice="Look whether it arrived, then one of:",
                commands=(
                    "digest deliveries resolve c0ffee12 --sent",
                    "digest deliveries resolve c0ffee12 --resend",
                ),
                since=local(23, 8, 2),
            ),
            Need(
                what="monday-email 2026-W47 to old@example.com over mail: failed",
                why=refused,
                advice="Put right what the answer says, then:",
                commands=("digest deliveries resend 5b1e9c02",),
                since=local(23, 8),
            ),
        ),
        needs_total=3,
        holds=(
            Hold(
                channel="mail",
                since=local(24, 9, 58),
                until=local(24, 11),
                passing=False,
                reason=login,
            ),
            Hold(
                channel="slack",
                since=local(24, 10, 20),
                until=local(24, 10, 35),
                passing=True,
                reason="slack.com can't be reached (connection timed out)",
            ),
        ),
        troubles=(
            Trouble(sentence="The clock is 94 seconds behind the API's.", since=local(24, 6, 15)),
        ),
        budgets=(
            Budget(app="shop", used=288, limit=300),
            Budget(app="shop-jp", used=1, limit=300),
        ),
        queue={"due periods": 3, "deliveries": 41},
    )


def watched_day() -> Standing:
    """Nothing needs a person, but a channel is tried again."""
    bad = bad_day()
    return replace(good_day(), holds=bad.holds[1:], troubles=bad.troubles)


def empty_start() -> Standing:
    """A daemon that was started just now, with one job and nothing sent."""
    return Standing(
        version="0.1.0",
        now=NOW,
        started=NOW - timedelta(seconds=20),
        zone=BERLIN,
        config=replace(CONFIG, loaded=NOW - timedelta(seconds=20)),
        jobs=(replace(MONDAY, past=()),),
    )


def many_jobs(count: int = 10_000) -> Standing:
    """So many jobs, three of them in trouble, one run with as many readers."""
    jobs = tuple(
        replace(
            MONDAY,
            name=f"team-{number:05}",
            app=f"app-{number % 1000:03}",
            next=Fire(at=local(30, 8) + timedelta(seconds=number), period="2026-W48"),
            past=weeks("...x" if number in {17, 4711, 9999} else "....", at=local(23, 8)),
        )
        for number in range(count)
    )
    run = replace(
        MONDAY_RUN,
        counts={State.SENT: count - 1, State.FAILED: 1},
        deliveries=tuple(
            sent(f"reader-{number}@example.com", number, at=local(23, 8)) for number in range(999)
        ),
    )
    return replace(good_day(), jobs=jobs, runs=(run,) * 40)


HOSTILE = (
    '"><script>alert(1)</script><img src=x onerror=alert(2)> {{ 7*7 }} \u202e\x00 ' + "W" * 300
)


def hostile_day() -> Standing:
    """Every text is an attack, or endless."""
    bad = bad_day()
    job = replace(
        MONDAY,
        name=HOSTILE,
        app=HOSTILE,
        schedule=HOSTILE,
        explanation=HOSTILE,
        past=(Past(period=HOSTILE, state=RunState.FAILED, at=NOW, error=HOSTILE),),
    )
    return replace(
        bad,
        words=HOSTILE,
        config=replace(bad.config, path=HOSTILE, problems=(HOSTILE,)),
        jobs=(job, *bad.jobs),
        running=tuple(replace(one, job=HOSTILE, step=HOSTILE) for one in bad.running),
        waiting=tuple(replace(one, why=HOSTILE) for one in bad.waiting),
        runs=tuple(
            replace(
                run,
                job=HOSTILE,
                period=HOSTILE,
                warnings=(HOSTILE,),
                deliveries=tuple(
                    replace(one, recipient=HOSTILE, channel=HOSTILE, error=HOSTILE, id=HOSTILE)
                    for one in run.deliveries
                ),
            )
            for run in bad.runs
        ),
        needs=tuple(
            replace(one, what=HOSTILE, why=HOSTILE, commands=(HOSTILE,)) for one in bad.needs
        ),
        holds=tuple(replace(one, channel=HOSTILE, reason=HOSTILE) for one in bad.holds),
        troubles=tuple(replace(one, sentence=HOSTILE) for one in bad.troubles),
        budgets=tuple(replace(one, app=HOSTILE) for one in bad.budgets),
        plan=(HOSTILE,),
    )
