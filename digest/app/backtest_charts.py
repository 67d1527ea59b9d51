"""A back-test's days as pictures: the number, its limit, and the days on which it was beyond."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest import charts
from digest.app.alert_items import clear_words
from digest.core.alert_charting import alert_chart
from digest.core.alert_model import Seen
from digest.core.charting import chart_name
from digest.core.content import Picture
from digest.core.metrics import CATALOGUE, Rollup
from digest.core.rules.limits import short
from digest.core.series import Series
from digest.core.wording import Wording
from digest.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from digest.app.backtest import Replay
    from digest.config.alerts import Alert
    from digest.core.charts_spec import LineChart, NoChart


def draw(replay: Replay, folder: Path, locale: str) -> list[Path]:
    """One picture for each alert that has days to show. Raises UsageError."""
    found = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        specs = _specs(replay, locale)
        for alert, picture in zip(specs, charts.draw(specs.values()), strict=True):
            if isinstance(picture, Picture):
                path = folder / f"backtest-{alert}.png"
                path.write_bytes(picture.png)
                found.append(path)
    except OSError as error:
        raise UsageError(f"{folder} can't be written: {error.strerror}") from error
    return found


def _specs(replay: Replay, locale: str) -> dict[str, LineChart | NoChart]:
    return {
        alert.name: _spec(replay, alert, Wording(locale))
        for alert in replay.alerts
        if replay.sights.get(alert.name)
    }


def _spec(replay: Replay, alert: Alert, words: Wording) -> LineChart | NoChart:
    sights = replay.sights[alert.name]
    last = sights[-1].observation
    days = tuple(one.bucket.period.start for one in sights)
    clear = clear_words(last, words)
    metric = alert.rule.metric
    return alert_chart(
        name=f"backtest-{chart_name(alert.name)}",
        title=f"{alert.rule.title()}, {alert.name}",
        unit=last.unit,
        rollup=Rollup.SUM if metric is None else CATALOGUE[metric].rollup,
        series=Series(days, tuple(one.observation.value for one in sights)),
        kind=sights[-1].bucket.period.kind,
        limit=last.limit,
        limit_text="" if last.limit is None else f"limit {short(last.unit, last.limit, words)}",
        clear=last.clear,
        clear_text=f"clears {clear}" if clear else "",
        usual=None,
        breaches={one.bucket.period.start for one in sights if one.look.seen is Seen.BREACH},
        open_end=False,
        locale=words.locale,
    )
