"""One alert of a message as templates see it."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

from digest.core.alert_model import Severity, VerdictKind
from digest.core.wording import MISSING
from digest.render.alert_states import state_of
from digest.render.alert_words import (
    held_words,
    lead_of,
    length,
    line_of,
    looked_at,
    name_of,
    times_of,
    verdict_of,
    worded,
)
from digest.render.clean import SENTENCE_LIMIT, clean, clip
from digest.render.view_times import moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from digest.core.alert_notice import AlertItem
    from digest.core.causes import Cause
    from digest.core.wording import Wording

    View = dict[str, Any]

MAX_CAUSES = 5
_CAUSE_LIMIT = 400
_LINK_LIMIT = 500
# Only what nobody has to guess at is made a link.
_LINK = re.compile(r"https?://[!#-;=?-Z_a-z~\[\]]{1,490}", re.ASCII)
_SEVERITIES = {
    Severity.CRITICAL: "Critical",
    Severity.WARNING: "Warning",
    Severity.INFO: "For information",
}
_NONE = {"name": "", "word": ""}
_LONG = frozenset({"Over when", "How unusual"})
_OVER = frozenset({"resolved", "again"})
_TELLS_AGAIN = frozenset({"firing", "still"})


def alert_view(item: AlertItem, chart: View | None, timezone: str, words: Wording) -> View:
    """Every value of one alert; what is not known, or not so, is empty."""
    state = state_of(item)
    over = state.name in _OVER
    shown = words.value(item.unit, _value(item))
    measured = worded(item.measured)
    bound, facts = worded(item.bound), list(_facts(item, timezone, words))
    return {
        "name": clean(item.alert),
        "title": clean(item.title),
        "what": name_of(item),
        "state": state_view(item),
        "severity": _NONE if over else severity_view(item.severity),
        "firing": item.firing,
        "news": item.kind is not VerdictKind.QUIET,
        "verdict": verdict_of(item, words),
        "lead": lead_of(item, timezone, words),
        "line": line_of(item, words),
        "brief": _brief(item, bound, facts, words),
        "value": (measured or MISSING) if shown == MISSING else shown,
        "value_of": f"{name_of(item)}, the worst" if state.name == "held" else name_of(item),
        "measured": "" if shown in {MISSING, measured} or state.name == "held" else measured,
        "bound": bound,
        "looked": looked_at(item, words),
        "facts": [{"title": title, "text": text} for title, text in facts],
        "remarks": list(_remarks(item, timezone, words)),
        "causes": [_cause_view(cause, words) for cause in item.causes[:MAX_CAUSES]],
        "chart": chart,
        "action": clean(item.action, SENTENCE_LIMIT) if item.action and not over else "",
        "owner": clean(item.owner) if item.owner and not over else "",
        "link": item.link if _LINK.fullmatch(item.link) and not over else "",
        "link_text": clean(item.link, _LINK_LIMIT) if item.link and not over else "",
        "again": _again(item, timezone, words),
        "silence": _silence(item),
    }


def state_view(item: AlertItem) -> View:
    """A state's name (for colours), its word, its mark for subjects and its sign."""
    state = state_of(item)
    return {"name": state.name, "word": state.word, "mark": state.mark, "sign": state.sign}


def severity_view(severity: Severity) -> View:
    """A severity's name (for colours) and its word."""
    return {"name": severity.value, "word": _SEVERITIES[severity]}


def _facts(item: AlertItem, timezone: str, words: Wording) -> Iterator[tuple[str, str]]:
    """What there is to know beside the number, each once, in the order of its weight."""
    state = state_of(item).name
    if item.clear and state in _TELLS_AGAIN:
        yield "Over when", worded(item.clear)
    if state in {*_TELLS_AGAIN, "resolved"} and item.since is not None:
        title = "Since" if state in _TELLS_AGAIN else "Began"
        yield title, moment(item.since, timezone, words)
    if state == "resolved" and item.lasted is not None:
        yield "Lasted", length(item.lasted)
    if item.worst is not None and item.worst != item.value and state in {"still", "resolved"}:
        title = "Worst so far" if state == "still" else "Worst value"
        yield title, words.value(item.unit, item.worst)
    if state == "missing" and item.firing and item.since is not None:
        yield "Before that", f"firing since {moment(item.since, timezone, words)}"
    if item.unusual:
        yield "How unusual", worded(item.unusual)


def _brief(item: AlertItem, bound: str, facts: Sequence[tuple[str, str]], words: Wording) -> str:
    """One line in place of the facts, with the name that commands want."""
    known = [("Alert", clean(item.alert)), ("Limit", bound), *facts]
    told = [f"{title}: {text}" for title, text in known if text and title not in _LONG]
    if state_of(item).name not in _OVER:
        told.append(f"Severity: {_SEVERITIES[item.severity]}")
    return " · ".join([*told, f"Looked at: {looked_at(item, words)}"])


def _value(item: AlertItem) -> float | None:
    """The number that is shown large: of what was held back, the worst."""
    if item.kind is VerdictKind.SUMMARY and item.held is not None:
        return item.held.worst
    return item.value


def _remarks(item: AlertItem, timezone: str, words: Wording) -> Iterator[str]:
    if item.flapping:
        name = shlex.quote(clean(item.alert))
        yield (
            "It fires and is over again and again: it flaps. Have a look at its limit: "
            f"digest alerts backtest {name}"
        )
    if item.held is not None and item.kind is not VerdictKind.SUMMARY:
        span = held_words(item.held, item.unit, timezone, words)
        yield f"Before this message it fired {times_of(item.held)} without one, {span}"


def _again(item: AlertItem, timezone: str, words: Wording) -> str:
    if item.again is None or state_of(item).name not in _TELLS_AGAIN:
        return ""
    return f"If it still fires, it is told again on {moment(item.again, timezone, words)}."


def _silence(item: AlertItem) -> str:
    """The command that keeps it quiet for a while; none for what is over."""
    if state_of(item).name in _OVER:
        return ""
    return f'digest alerts silence {shlex.quote(clean(item.alert))} --for 4h --why "…"'


def _cause_view(cause: Cause, words: Wording) -> View:
    return {
        "breakdown": cause.dimension.heading,
        "value": clean(cause.value),
        "before": MISSING if cause.before is None else words.count(cause.before),
        "now": MISSING if cause.now is None else words.count(cause.now),
        "share": "" if cause.share is None else words.percent(cause.share, 0),
        "sentence": clip(worded(cause.sentence), _CAUSE_LIMIT),
    }
