"""The words of a message about alerts: headlines, subjects, how long something lasted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, assert_never

from digest.core.alert_model import VerdictKind
from digest.core.periods import PeriodKind
from digest.core.wording import MISSING
from digest.render.alert_states import state_of
from digest.render.clean import SENTENCE_LIMIT, clean, clip
from digest.render.view_times import moment

if TYPE_CHECKING:
    from datetime import timedelta

    from digest.core.alert_model import HeldBack
    from digest.core.alert_notice import AlertItem
    from digest.core.metrics import Unit
    from digest.core.wording import Wording

VERDICT_LIMIT = 240
_PLAIN = ("above ", "below ")
_NUMBERS = re.compile(r"(?<=\d) (?=(?:%|pp|points|[hms])(?!\w))")
_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60


def worded(text: str) -> str:
    """Words that were made elsewhere, clean, with numbers that stay beside their units."""
    return _NUMBERS.sub("\N{NO-BREAK SPACE}", clean(text, SENTENCE_LIMIT)) if text else ""


def name_of(item: AlertItem) -> str:
    """`Bounce rate`; with the value that it is about where nothing else names that."""
    what = clean(item.what)
    about = clean(item.subject) if item.subject else ""
    said = not about or about in what or about in worded(item.measured)
    return what if said else f"{what}: {about}"


def lowered(name: str) -> str:
    """For the middle of a sentence."""
    return name[:1].lower() + name[1:]


def verdict_of(item: AlertItem, words: Wording) -> str:
    """`Bounce rate 64.1 % is above 60 %`: what is so now, in one sentence without a full stop."""
    state, name = state_of(item), name_of(item)
    measured = worded(item.measured) or words.value(item.unit, item.value)
    bound = worded(item.bound)
    match state.name:
        case "missing":
            text = f"{name} has no data"
        case "again":
            text = f"{name} has data again" + ("" if measured == MISSING else f": {measured}")
        case "held":
            text = f"{name} fired {times_of(item.held)} without a message"
        case _ if not bound or measured in {bound, MISSING}:
            text = f"{name}: {bound or measured}{_OUTCOMES[state.name]}"
        case _ if bound.startswith(_PLAIN):
            text = f"{name} {measured} {_VERBS[state.name]} {bound}"
        case _:
            text = f"{name} {measured}{_LIMITS[state.name]}{bound})"
    return clip(text, VERDICT_LIMIT)


_VERBS = {"firing": "is", "still": "is still", "resolved": "is no longer"}
_OUTCOMES = {"firing": "", "still": ", still", "resolved": ", no longer"}
_LIMITS = {
    "firing": " (limit: ",
    "still": ", still beyond its limit (",
    "resolved": ", within its limit again (",
}


def line_of(item: AlertItem, words: Wording) -> str:
    """`Firing: Bounce rate 64.1 % is above 60 % (bounce)`: all in one line, with its name."""
    return f"{state_of(item).word}: {verdict_of(item, words)} ({clean(item.alert)})"


def lead_of(item: AlertItem, timezone: str, words: Wording) -> str:
    """The sentence below the headline, empty where the headline says it all."""
    match item.kind:
        case VerdictKind.RESOLVE:
            return resolved_words(item, words)
        case VerdictKind.SUMMARY if item.held is not None:
            held = held_words(item.held, item.unit, timezone, words)
            return held[:1].upper() + held[1:]
        case VerdictKind.NO_DATA:
            return worded(item.reason)
        case _:
            return ""


def resolved_words(item: AlertItem, words: Wording) -> str:
    """The sentence `Resolved after 3 h; the worst was 71.2 %.`."""
    after = "" if item.lasted is None else f" after {length(item.lasted)}"
    worst = "" if item.worst is None else f"; the worst was {words.value(item.unit, item.worst)}"
    return f"Resolved{after}{worst}."


def held_words(held: HeldBack, unit: Unit, timezone: str, words: Wording) -> str:
    """`from … to …; the worst was 71.2 %.`, and why nobody was told."""
    worst = "" if held.worst is None else f"; the worst was {words.value(unit, held.worst)}"
    since, until = (moment(at, timezone, words) for at in (held.since, held.until))
    why = f" Why nobody was told: {clean(held.why, SENTENCE_LIMIT)}." if held.why else ""
    return f"from {since} to {until}{worst}.{why}"


def subject_of(item: AlertItem, app: str, words: Wording) -> str:
    """`Acme Shop: bounce rate above 60 % (since Sat, Nov 21)`, all of which an episode keeps.

    Gmail puts a mail into a thread only if its subject is that of the thread, and Outlook goes by
    the subject alone: so the value is not in it, and the day parts one episode from the next.
    """
    bound = worded(item.bound)
    what = lowered(name_of(item))
    if bound and not bound.startswith(_PLAIN):
        what = f"{what},"
    state = state_of(item)
    if state.name in {"missing", "again"}:
        return f"{app}: {lowered(name_of(item))}"
    since = item.held.since if state.name == "held" and item.held is not None else item.since
    when = "" if since is None else f" (since {words.day(since.date())})"
    return f"{app}: {what} {bound}".rstrip(" ,") + when


def day_of_item(item: AlertItem, words: Wording) -> str:
    """`Sat, Nov 21`, `Nov 16 – 22, 2026`, `Mon, Nov 23 so far`: for a headline."""
    if item.partial:
        return f"{words.day(item.period.start)} so far"
    if item.period.kind is PeriodKind.DAY:
        return words.day(item.period.start)
    return words.period(item.period)


def looked_at(item: AlertItem, words: Wording) -> str:
    """What was looked at, in words, with its bounds in UTC."""
    if item.partial:
        kind = item.period.kind.value
        return f"The {kind} so far, until {moment(item.at, 'UTC', words)}"
    period = words.period(item.period)
    match item.period.kind:
        case PeriodKind.DAY:
            return f"{period}, the whole day in UTC"
        case PeriodKind.WEEK:
            return f"{period}, the whole week (Monday to Sunday) in UTC"
        case PeriodKind.MONTH:
            return f"{period}, the whole month in UTC"
        case _:
            assert_never(item.period.kind)


def length(lasted: timedelta) -> str:
    """`45 min`, `3 h`, `1 h 20 min`, `1 day`, `2 days 4 h`: the two largest units."""
    seconds = max(0, round(lasted.total_seconds()))
    days, rest = divmod(seconds, _DAY)
    hours, rest = divmod(rest, _HOUR)
    minutes = rest // _MINUTE
    if days:
        text = "1 day" if days == 1 else f"{days:,} days"
        return f"{text} {hours} h" if hours else text
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else "less than a minute"


def times_of(held: HeldBack | None) -> str:
    """`once`, `twice`, `3 times`."""
    if held is None or held.count == 1:
        return "once"
    return "twice" if held.count == 2 else f"{held.count:,} times"  # noqa: PLR2004 — a word for it
