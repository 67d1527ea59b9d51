"""The first sentence of the status page, and what needs a person. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from digest.web import words
from digest.web.standing import Need

if TYPE_CHECKING:
    from digest.web.standing import Hold, Job, Standing


class Tone(StrEnum):
    """How the page looks at it: good, dealt with by digest itself, or up to a person."""

    GOOD = "good"
    WATCH = "watch"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One sentence, and its tone."""

    tone: Tone
    sentence: str


def needs(standing: Standing) -> tuple[Need, ...]:
    """Everything that needs a person: the config first, then channels, then messages."""
    config = (_about_config(standing),) if standing.config.problems else ()
    channels = tuple(_about_hold(hold) for hold in standing.holds if not hold.passing)
    return (*config, *channels, *standing.needs)


def needs_count(standing: Standing) -> int:
    """How many things need a person, also those that are not listed."""
    beyond = max(0, (standing.needs_total or 0) - len(standing.needs))
    return len(needs(standing)) + beyond


def verdict(standing: Standing) -> Verdict:
    """How things stand, in one sentence."""
    count = needs_count(standing)
    if count:
        verb = "needs" if count == 1 else "need"
        return Verdict(tone=Tone.BAD, sentence=f"{words.counted(count, 'thing')} {verb} you")
    passing = len(standing.holds) + len(standing.troubles)
    watch = [f"{words.counted(passing, 'trouble')} to keep an eye on"] if passing else []
    firing = [alert.name for alert in standing.alerts if alert.calls]
    if firing:
        few = len(firing) == 1
        watch.append(f"{firing[0]} fires" if few else f"{len(firing):,} alerts fire")
    if watch:
        return Verdict(tone=Tone.WATCH, sentence=f"Nothing needs you; {', '.join(watch)}")
    if not standing.jobs and not standing.alerts:
        return Verdict(tone=Tone.WATCH, sentence="No digest is configured yet")
    return Verdict(tone=Tone.GOOD, sentence=f"All is well: {_now_or_next(standing)}")


def next_job(standing: Standing) -> Job | None:
    """The job that is next, or None when nothing is scheduled."""
    coming = [job for job in standing.jobs if job.enabled and job.next is not None]
    return min(coming, key=lambda job: (job.next.at, job.name) if job.next else (), default=None)


def _now_or_next(standing: Standing) -> str:
    match standing.running:
        case ():
            pass
        case (one,):
            return f"{one.job} is on its way"
        case several:
            return f"{len(several)} digests are on their way"
    job = next_job(standing)
    if job is None or job.next is None:
        watched = sum(alert.enabled for alert in standing.alerts)
        return f"watching {words.counted(watched, 'number')}" if watched else "nothing is scheduled"
    at = words.when(job.next.at, standing.now, standing.zone)
    return f"next is {job.name}, {at}"


def _about_config(standing: Standing) -> Need:
    return Need(
        what="The changed config was not taken up",
        why="\n".join(standing.config.problems),
        advice="The one before stays in use. Put this right, then:",
        commands=("digest check", "digest serve --reload"),
        since=standing.config.refused,
    )


def _about_hold(hold: Hold) -> Need:
    return Need(
        what=f"Channel {hold.channel} can't be used",
        why=hold.reason,
        advice="Nobody gets anything over it before that is put right. Then:",
        commands=("digest check --online",),
        since=hold.since,
    )
