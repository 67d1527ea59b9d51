"""How `digest alerts` shows things: lines for people, JSON for programs."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import click

from digest.cli.options import utc_text
from digest.core.alert_model import Seen, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from digest.app.alert_check import Checked
    from digest.app.backtest import Replay, Sent
    from digest.app.silencing import Standing
    from digest.store.alerts import Silence

_WEEKDAYS = 7
_SIGNS = {
    Seen.BREACH: "█",
    Seen.BETWEEN: "▄",
    Seen.CLEAR: "·",
    Seen.TOO_FEW: "?",
    Seen.MISSING: " ",
}
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), " ")
_LEGEND = "· within  ▄ not clear  █ beyond the limit  ? too few to judge  (space) no data"


def tell_standings(found: Sequence[Standing], *, as_json: bool) -> None:
    """Every alert and how it stands."""
    if as_json:
        click.echo(json.dumps([standing_json(one) for one in found], indent=2))
        return
    if not found:
        click.echo("the config has no alerts")
    for one in found:
        state = one.state
        since = "" if state.since is None else f" since {_minute(state.since)}"
        click.echo(
            f"{one.alert.name}: {state.phase}{since}" + ("" if one.alert.enabled else " (off)")
        )
        if state.reason:
            click.echo(f"  {state.bucket}: {_plain(state.reason)}")
        if one.silence is not None:
            click.echo(f"  {_silenced(one.silence)}")
        if one.next_look is not None:
            click.echo(f"  looked at next: {_minute(one.next_look)}")


def tell_noteworthy(found: Sequence[Standing]) -> None:
    """The alerts that are not ok, are silenced or can't be looked at; of the others nothing."""
    for one in found:
        if not one.noteworthy:
            continue
        state = one.state
        since = "" if state.since is None else f" since {_minute(state.since)}"
        reason = f": {_plain(state.reason)}" if state.reason else ""
        click.echo(f"alert {one.alert.name} {state.phase.replace('_', ' ')}{since}{reason}")
        if state.errors:
            times = "once" if state.errors == 1 else f"{state.errors} times in a row"
            click.echo(f"  it could not be looked at, {times}")
        if one.silence is not None:
            click.echo(f"  {_silenced(one.silence)}")


def _silenced(silence: Silence) -> str:
    return (
        f"silenced until {_minute(silence.until)} by {_plain(f'{silence.author}: {silence.why}')}"
    )


def standing_json(one: Standing) -> dict[str, Any]:
    """An alert in `digest alerts --json` and `digest status --json`."""
    state, silence = one.state, one.silence
    return {
        "name": one.alert.name,
        "app": one.alert.app,
        "state": state.phase.value,
        "since": _instant(state.since),
        "value": state.value,
        "reason": state.reason or None,
        "bucket": state.bucket or None,
        "severity": one.alert.severity.value,
        "enabled": one.alert.enabled,
        "episode": state.episode,
        "told": state.told is not None,
        "errors": state.errors,
        "looked_at": _instant(one.looked_at),
        "next_look": _instant(one.next_look),
        "silence": None
        if silence is None
        else {
            "until": utc_text(silence.until),
            "author": silence.author,
            "why": silence.why,
        },
    }


def tell_checked(found: Sequence[Checked], *, as_json: bool) -> None:
    """What alerts see now."""
    if as_json:
        click.echo(json.dumps([_checked_json(one) for one in found], indent=2))
        return
    for one in found:
        if one.error is not None:
            click.echo(f"{one.alert.name}: {one.error}", err=True)
        elif one.sight is not None and one.judged is not None:
            verdict = one.judged.verdict
            click.echo(f"{one.alert.name}  {one.sight.bucket.label}: {one.sight.look.seen}")
            click.echo(f"  {_plain(one.sight.observation.reason)}")
            if one.judged_before:
                click.echo("  this bucket was judged before; as if it were the first look:")
            said = "nothing is said" if verdict.kind is VerdictKind.QUIET else f"{verdict.kind}"
            held = "" if verdict.hush is None else f" (held back: {verdict.hush.reason})"
            was = one.judged.before.phase
            click.echo(f"  {was} → {verdict.state.phase}; {said}{held}")


def _checked_json(one: Checked) -> dict[str, Any]:
    if one.sight is None or one.judged is None:
        return {"name": one.alert.name, "error": str(one.error)}
    seen, verdict = one.sight.observation, one.judged.verdict
    return {
        "name": one.alert.name,
        "bucket": one.sight.bucket.label,
        "seen": seen.seen.value,
        "value": seen.value,
        "limit": seen.limit,
        "clear": seen.clear,
        "baseline": seen.baseline,
        "sessions": seen.sessions,
        "subject": seen.subject or None,
        "reason": seen.reason,
        "before": one.judged.before.phase.value,
        "state": verdict.state.phase.value,
        "says": verdict.kind.value,
        "held_back": None if verdict.hush is None else verdict.hush.reason,
        "judged_before": one.judged_before,
    }


def tell_replay(replay: Replay, *, as_json: bool) -> None:
    """What alerts would have said over some days."""
    if as_json:
        click.echo(json.dumps(_replay_json(replay), indent=2))
        return
    for alert in replay.alerts:
        _tell_days(replay, alert.name)
    click.echo(_LEGEND)
    if replay.by_day:
        click.echo("alerts on the day so far are replayed with whole days, one look a day")
    click.echo("")
    if not replay.sent:
        click.echo("nobody would have got a message")
    for sent in replay.sent:
        names = ", ".join(one.rule.name for one in sent.message.about)
        click.echo(
            f"{_minute(sent.at)}  {sent.message.kind:<10}  {names}  → "
            f"{', '.join(reader for _, reader in sent.readers)}"
        )
        for one in sent.message.about:
            click.echo(f"    {one.look.bucket}: {_plain(one.verdict.reason)}")
    for (channel, reader), count in sorted(replay.by_reader.items()):
        click.echo(f"{reader} over {channel}: {count} in {replay.days} days")
    click.echo(f"{replay.requests} requests")


def _tell_days(replay: Replay, name: str) -> None:
    """One sign for each bucket, a week (or a dozen of what is longer) a group."""
    looks = [one for _, one in replay.judged if one.rule.name == name]
    sights = replay.sights.get(name, [])
    signs = "".join(_SIGNS[one.look.seen] for one in looks)
    if not signs:
        click.echo(f"{name}: there is no bucket to look at")
        return
    groups = [signs[n : n + _WEEKDAYS] for n in range(0, len(signs), _WEEKDAYS)]
    click.echo(f"{name}: {looks[0].look.bucket} to {looks[-1].look.bucket}")
    click.echo(f"  |{'|'.join(groups)}|")
    counts: dict[Seen, int] = defaultdict(int)
    for one in looks:
        counts[one.look.seen] += 1
    times = sum(one.verdict.began for one in looks)
    fired = {0: "never fired", 1: "fired once"}.get(times, f"fired {times} times")
    known = [seen.observation.value for seen in sights if seen.observation.value is not None]
    spread = f"; values {min(known):g} to {max(known):g}" if known else ""
    click.echo(
        f"  {counts[Seen.BREACH]} beyond the limit, {counts[Seen.TOO_FEW]} too few, "
        f"{counts[Seen.MISSING]} without data; {fired}{spread}"
    )


def _replay_json(replay: Replay) -> dict[str, Any]:
    return {
        "days": replay.days,
        "by_day": replay.by_day,
        "requests": replay.requests,
        "alerts": {
            alert.name: [
                {
                    "at": utc_text(at),
                    "bucket": one.look.bucket,
                    "seen": one.look.seen.value,
                    "value": one.look.value,
                    "state": one.verdict.state.phase.value,
                    "says": one.verdict.kind.value,
                    "held_back": None if one.verdict.hush is None else one.verdict.hush.reason,
                    "reason": one.verdict.reason,
                }
                for at, one in replay.judged
                if one.rule.name == alert.name
            ]
            for alert in replay.alerts
        },
        "messages": [_sent_json(sent) for sent in replay.sent],
        "readers": [
            {"channel": channel, "recipient": reader, "messages": count}
            for (channel, reader), count in sorted(replay.by_reader.items())
        ],
    }


def _sent_json(sent: Sent) -> dict[str, Any]:
    return {
        "at": utc_text(sent.at),
        "says": sent.message.kind.value,
        "job": sent.message.job,
        "period": sent.message.period,
        "alerts": [one.rule.name for one in sent.message.about],
        "to": {channel: list(to) for channel, to in sent.message.to.items()},
    }


def _plain(text: str) -> str:
    """Names come from outside: none of them moves the cursor or begins a line."""
    return text.translate(_CONTROLS)


def _minute(instant: datetime) -> str:
    return f"{utc_text(instant)[:16]}Z"


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else utc_text(instant)
