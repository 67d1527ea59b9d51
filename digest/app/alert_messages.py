"""What a round of alerts says → messages with their charts, rendered; asks what moved with it."""

from __future__ import annotations

import json
import logging
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from digest import charts
from digest.app.alert_causes import Moved, moved_with
from digest.app.alert_items import chart_of, item_of, still_firing
from digest.app.alert_json import to_json
from digest.core.alert_model import VerdictKind
from digest.core.alert_notice import AlertNotice
from digest.core.report_model import Note
from digest.core.wording import Wording
from digest.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from digest.app.alert_looks import Sight
    from digest.config.models import Config
    from digest.core.alert_model import AlertState
    from digest.core.alert_notice import AlertItem
    from digest.core.alert_round import Judged, Message, Round, Thread
    from digest.core.charts_spec import LineChart, NoChart
    from digest.core.content import Content, Picture
    from digest.report.fetching import Source
    from digest.report.looking import Looked

MOST_CHARTS = 3
MOST_ITEMS = 10

logger = logging.getLogger(__name__)


class RendersNotices(Protocol):
    """What is needed of a renderer."""

    def notice(
        self,
        notice: AlertNotice,
        pictures: tuple[Picture | NoChart, ...],
        files: Mapping[str, bytes] | None = None,
    ) -> Content:
        """Every form of a message about alerts."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message with its content. `troubles` are sentences for the operator."""

    message: Message
    notice: AlertNotice
    content: Content
    warnings: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a round's messages are made of: what was seen and fetched, and what was told before.

    `states` are those of the app's alerts after the round, whether they were looked at or not.
    """

    app: str
    sights: Mapping[str, Sight]
    looked: Looked
    source: Source
    states: Mapping[str, AlertState] = field(default_factory=dict)
    threads: Mapping[str, Thread] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Part:
    """One alert of a message, and what moved with it."""

    judged: Judged
    sight: Sight
    moved: Moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Messenger:
    """Makes messages by one config; `fallback` renders when a user's template fails."""

    config: Config
    renderer: RendersNotices
    fallback: RendersNotices | None = None

    def say(
        self,
        played: Round,
        scene: Scene,
        turn: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> list[Said]:
        """Every message of a round. Only a firing asks the API for more: what moved with it."""
        found = []
        for message in played.messages:
            parts = [self._part(one, scene) for one in message.about[:MOST_ITEMS]]
            with turn():
                found.append(self._said(message, parts, scene))
        return found

    def _part(self, one: Judged, scene: Scene) -> _Part:
        seen = scene.sights[one.rule.name]
        if one.verdict.kind is not VerdictKind.FIRE:
            return _Part(one, seen, Moved())
        return _Part(one, seen, moved_with(seen, scene.looked.known, scene.source, self._words))

    @property
    def _words(self) -> Wording:
        return Wording(self.config.locale)

    def _said(
        self,
        message: Message,
        parts: Sequence[_Part],
        scene: Scene,
    ) -> Said:
        words, known = self._words, scene.looked.known
        items: list[AlertItem] = []
        pictures: list[Picture | NoChart] = []
        for part in parts:
            item = item_of(part.judged, part.sight, known, words, part.moved.causes)
            if len(pictures) < MOST_CHARTS:
                chart = _named(chart_of(part.sight, known, words), pictures)
                (picture,) = charts.draw([chart])
                pictures.append(picture)
                item = replace(item, picture=picture.name)
            items.append(item)
        items += [
            still_firing(self.config.alerts[name], scene.states[name], items[0], words)
            for name in self._others(message, scene)
        ]
        more = len(message.about) - len(parts)
        notice = AlertNotice(
            name=message.job,
            app=scene.app,
            app_title=self.config.apps[scene.app].title,
            items=tuple(sorted(items, key=lambda item: not item.firing)),
            at=message.about[0].look.at,
            timezone=parts[0].sight.alert.schedule.timezone,
            locale=self.config.locale,
            generated_at=scene.looked.newest,
            requests=scene.looked.requests + sum(part.moved.requests for part in parts),
            notes=(
                *(Note(text=part.moved.none) for part in parts if part.moved.none),
                *((Note(text=f"And {more} more: digest alerts"),) if more else ()),
            ),
        )
        return self._rendered(message, notice, tuple(pictures))

    def _others(self, message: Message, scene: Scene) -> list[str]:
        """The alerts that were told in the same message as these, and that this is not about."""
        about = {one.rule.name for one in message.about}
        return [
            name
            for name, thread in scene.threads.items()
            if thread == message.thread and name not in about
        ]

    def _rendered(
        self, message: Message, notice: AlertNotice, pictures: tuple[Picture | NoChart, ...]
    ) -> Said:
        files = {"report.json": json.dumps(to_json(notice), indent=2, ensure_ascii=False).encode()}
        try:
            content = self.renderer.notice(notice, pictures, files)
        except TemplateError as error:
            if self.fallback is None:
                raise
            logger.warning(
                "template failed, built-in form used",
                extra={"action": "template_failed", "job": message.job, "error": str(error)},
            )
            trouble = f"{message.job} has the built-in form, because a template failed: {error}"
            content = self.fallback.notice(notice, pictures, files)
            return Said(message=message, notice=notice, content=content, troubles=(trouble,))
        return Said(message=message, notice=notice, content=content)


def _named(chart: LineChart | NoChart, others: Sequence[Picture | NoChart]) -> LineChart | NoChart:
    """A chart by a name of its own: `a.b` and `a-b` are two alerts and one slug."""
    taken = any(other.name == chart.name for other in others)
    return replace(chart, name=f"{chart.name}-{len(others) + 1}") if taken else chart
