"""The page itself: the standing through `templates/page/status.html.j2`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup

from digest.errors import TemplateError
from digest.web import choosing, verdict, words

if TYPE_CHECKING:
    from pathlib import Path

    from digest.web.choosing import Wish
    from digest.web.standing import Standing

PAGE = "page/status.html.j2"
STYLE = "page/status.css.j2"

_LONGEST = 2000  # characters of one text
_CONTROLS = (*range(9), 0xB, 0xC, *range(0xE, 0x20), *range(0x7F, 0xA0))
_TURNS = (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_UNSEEN = dict.fromkeys((*_CONTROLS, *_TURNS))


class StatusPage:
    """Renders the page. `templates` is the folder of the templates that ship with digest.

    Raises TemplateError when they can't be read.
    """

    def __init__(self, templates: Path) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(templates),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            finalize=_shown,
        )
        self._environment.filters |= {
            "counted": words.counted,
            "distance": words.distance,
            "full": words.full,
            "in_utc": words.in_utc,
            "iso": _iso,
            "lateness": words.lateness,
            "own_time": words.own_time,
            "span": words.span,
            "summary": words.summary,
            "tally": words.tally,
            "when": words.when,
        }
        try:
            self.style = self._environment.get_template(STYLE).render().strip()
            self._page = self._environment.get_template(PAGE)
        except jinja2.TemplateError as error:
            raise TemplateError(f"the status page's templates are not in {templates}") from error

    def html(self, standing: Standing, wish: Wish) -> str:
        """The whole page."""
        return self._page.render(
            chosen=choosing.choose(standing, wish),
            limits=choosing,
            needs=verdict.needs(standing),
            needs_count=verdict.needs_count(standing),
            now=standing.now,
            s=standing,
            style=Markup(self.style),  # noqa: S704 — our own template, which has no values
            utc=UTC,
            verdict=verdict.verdict(standing),
            wish=wish,
            zone=standing.zone,
            zone_name=words.zone_name(standing.zone),
        )


def _shown(value: object) -> object:
    """A text without what could hide, reorder or drown the words around it."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    text = value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
    return text.translate(_UNSEEN)


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
