"""One headline metric as templates see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digest.core.deltas import DeltaKind, Sense
from digest.render.clean import SENTENCE_LIMIT, clean

if TYPE_CHECKING:
    from digest.core.report_model import Headline
    from digest.core.wording import Wording

    View = dict[str, Any]

_TONES = {Sense.BETTER: "good", Sense.WORSE: "bad", Sense.FLAT: "flat", Sense.UNKNOWN: "none"}


def metric_view(headline: Headline, words: Wording, baseline: str) -> View:
    """`baseline` is what the value is compared with, in words (`the week before`)."""
    comparison, unit = headline.comparison, headline.info.unit
    delta = comparison.delta
    value = words.value(unit, comparison.value)
    then = words.value(unit, comparison.baseline)
    arrow, changed = words.arrow(delta), words.delta(unit, delta)
    sense = words.sense(delta) if delta.kind is DeltaKind.CHANGED else ""
    # An unfinished period beside a finished one reads as a comparison, and the banner says why.
    partial = delta.kind is DeltaKind.PARTIAL
    return {
        "name": headline.metric.value,
        "title": headline.info.title,
        "value": value,
        "baseline": then,
        "against": f"{then} {baseline}" if comparison.baseline is not None and not partial else "",
        "delta": changed,
        "arrow": arrow,
        "sense": sense,
        "shown": " ".join(part for part in (arrow, changed, sense) if part),
        "tone": _TONES[delta.sense],
        "change": _change(headline, words),
        "hints": _hints(headline, words),
        "note": clean(headline.note, SENTENCE_LIMIT) if headline.note and not partial else "",
        "definition": headline.info.definition,
    }


def _change(headline: Headline, words: Wording) -> str:
    delta = headline.comparison.delta
    if delta.change is None or delta.kind is DeltaKind.NO_CHANGE:
        return ""
    return words.change(headline.info.unit, delta.change)


def _hints(headline: Headline, words: Wording) -> list[str]:
    """What a reader must know before believing the delta."""
    delta, compared = headline.comparison.delta, headline.comparison.compared
    hints: list[str] = []
    if delta.common_days is not None and compared is not None:
        now, then = (words.value(headline.info.unit, side) for side in compared)
        days = "day" if delta.common_days == 1 else "days"
        hints.append(f"{delta.common_days} common {days} compared: {now} and {then}")
    if delta.sample is not None:
        hints.append(f"small sample ({words.count(delta.sample)})")
    return hints
