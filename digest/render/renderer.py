"""Report → e-mail and Slack content, by templates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import css_inline

from digest.core.content import Content, EmailContent, Picture, SlackContent
from digest.errors import TemplateError
from digest.render.checking import check
from digest.render.clean import clip
from digest.render.fitting import fitted
from digest.render.slack_blocks import slack_messages
from digest.render.templates import HTML, SLACK, SUBJECT, TEXT, Templates
from digest.render.view import view_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from digest.core.charts_spec import NoChart
    from digest.core.report_model import Report
    from digest.errors import Problem
    from digest.render.view import View

MAX_SUBJECT = 120
_INLINER = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False, minify_css=True)
_BLANK_LINES = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")
_INDENT = re.compile(r"\n[ \t]+")


class Renderer:
    """Renders reports; `user_templates` is the folder that is looked into before ours.

    One renderer can be used by several threads. Every method that renders raises TemplateError,
    whose message names the template's file and line.
    """

    def __init__(self, user_templates: Path | None) -> None:
        self._templates = Templates(user_templates)

    def content(
        self,
        report: Report,
        pictures: tuple[Picture | NoChart, ...],
        files: Mapping[str, bytes] | None = None,
    ) -> Content:
        """Every form of the report; `files` are further documents to go with it."""
        view = view_of(report, pictures)
        return Content(
            email=self._email(view, pictures),
            slack=self._slack(view, pictures),
            files=dict(files or {}),
        )

    def email(self, report: Report, pictures: tuple[Picture | NoChart, ...]) -> EmailContent:
        """The e-mail: subject on one line, HTML under 90 kB, and text with the same facts."""
        return self._email(view_of(report, pictures), pictures)

    def slack(self, report: Report, pictures: tuple[Picture | NoChart, ...]) -> SlackContent:
        """The Slack messages: inside Slack's limits, the headline first and details as replies."""
        return self._slack(view_of(report, pictures), pictures)

    def check(self) -> list[Problem]:
        """Everything wrong with the user's templates: missing parts, syntax, undefined values.

        They are rendered against sample reports, so that what would fail on Monday is found now.
        """
        return check(self._templates, self.content)

    def _email(self, full: View, pictures: Sequence[Picture | NoChart]) -> EmailContent:
        html, view = fitted(full, self._html)
        return EmailContent(
            subject=self._subject(view),
            html=html,
            text=_tidy_text(self._templates.render(TEXT, view)),
            pictures=_drawn(pictures),
        )

    def _slack(self, view: View, pictures: Sequence[Picture | NoChart]) -> SlackContent:
        source = self._templates.render(SLACK, view)
        drawn = _drawn(pictures)
        where = str(self._templates.file_of(SLACK))
        messages = slack_messages(source, where, {picture.name for picture in drawn})
        return SlackContent(messages=messages, pictures=drawn)

    def _subject(self, view: View) -> str:
        line = " ".join(self._templates.render(SUBJECT, view).split())
        if not line:
            raise TemplateError(f"{self._templates.file_of(SUBJECT)}: the subject is empty")
        return clip(line, MAX_SUBJECT)

    def _html(self, view: View) -> str:
        page = _INDENT.sub("\n", self._templates.render(HTML, view))
        try:
            return _INLINER.inline(page)
        except css_inline.InlineError as error:
            raise TemplateError(f"{self._templates.file_of(HTML)}: bad CSS ({error})") from error


def _tidy_text(text: str) -> str:
    """No trailing blanks, never more than one empty line, one newline at the end."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return _BLANK_LINES.sub("\n\n", lines).strip("\n") + "\n"


def _drawn(pictures: Sequence[Picture | NoChart]) -> tuple[Picture, ...]:
    return tuple(picture for picture in pictures if isinstance(picture, Picture))
