"""Report or notice → content by a user's templates, in a child that can do no harm here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from digest.core.content import SlackMessage
from digest.errors import Problem, TemplateError
from digest.render.alert_view import notice_view, shown_pictures
from digest.render.checking import problem_of
from digest.render.child_process import DEFAULT, ask
from digest.render.forms import Mail
from digest.render.loader import SUFFIX, shipped_root
from digest.render.renderer import content_of, drawn
from digest.render.templates import Kind
from digest.render.view import view_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.core.alert_notice import AlertNotice
    from digest.core.charts_spec import NoChart
    from digest.core.content import Content, Picture
    from digest.core.report_model import Report
    from digest.render.child_process import Limits
    from digest.render.view import View

    Json = dict[str, Any]


class ChildRenderer:
    """Renders reports and notices with the templates of `folder`, and ours where it has none.

    Each message has a child of its own. Whatever happens there (an endless template, memory that
    runs out, a crash) ends within the limits and is a TemplateError with the template's name.
    """

    def __init__(self, folder: Path, limits: Limits = DEFAULT) -> None:
        self.folder = folder
        self.limits = limits

    def content(
        self,
        report: Report,
        pictures: tuple[Picture | NoChart, ...],
        files: Mapping[str, bytes] | None = None,
    ) -> Content:
        """Every form of the report; `files` are further documents to go with it."""
        return self._rendered(Kind.DIGEST, view_of(report, pictures), pictures, files)

    def notice(
        self,
        notice: AlertNotice,
        pictures: tuple[Picture | NoChart, ...],
        files: Mapping[str, bytes] | None = None,
    ) -> Content:
        """Every form of a message about alerts, with the pictures that it shows."""
        view, shown = notice_view(notice, pictures), shown_pictures(notice, pictures)
        return self._rendered(Kind.ALERT, view, shown, files)

    def check(self) -> list[Problem]:
        """Everything wrong with the user's templates, found by the child within the limits."""
        try:
            answer = self._asked({"do": "check"})
        except TemplateError as error:
            return [problem_of(str(error))]
        return [Problem(**problem) for problem in answer["problems"]]

    def _rendered(
        self,
        kind: Kind,
        view: View,
        pictures: tuple[Picture | NoChart, ...],
        files: Mapping[str, bytes] | None,
    ) -> Content:
        names = [picture.name for picture in drawn(pictures)]
        asked = {"do": "render", "kind": kind.value, "view": view, "pictures": names}
        match self._asked(asked):
            case {
                "subject": str(subject),
                "html": str(html),
                "text": str(text),
                "messages": [*messages],
            }:
                mail = Mail(subject=subject, html=html, text=text)
                posts = tuple(self._message(message) for message in messages)
                return content_of(mail, posts, pictures, files)
            case _:
                raise self._nonsense()

    def _asked(self, request: Json) -> Json:
        """The child's answer; TemplateError when it has none, or says what failed."""
        heard = ask({**request, "folder": str(self.folder)}, self.limits)
        where = heard.at or str(self.folder)
        match heard.answer:
            case None:
                raise self._failed(f"{where}: {heard.ended}")
            case {"failed": str(sentence)}:
                raise self._failed(sentence)
            case {"broke": what}:
                raise self._failed(f"{where}: can't be rendered ({what})")
            case answer:
                return answer

    def _failed(self, sentence: str) -> TemplateError:
        file = Path(problem_of(sentence).source)
        roots = [root for root in (self.folder, shipped_root()) if file.is_relative_to(root)]
        known = bool(roots) and file.suffix == SUFFIX
        return TemplateError(
            sentence, template=file.relative_to(roots[0]).as_posix() if known else ""
        )

    def _message(self, found: object) -> SlackMessage:
        match found:
            case {"text": str(text), "blocks": [*blocks], "thread": bool(thread)}:
                return SlackMessage(text=text, blocks=tuple(blocks), thread=thread)
            case _:
                raise self._nonsense()

    def _nonsense(self) -> TemplateError:
        return TemplateError(f"{self.folder}: the renderer gave no proper answer")
