"""What templates see → every form of a message, without the report that it came from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import css_inline

from digest.errors import TemplateError
from digest.render.clean import clip
from digest.render.fitting import fitted
from digest.render.slack_blocks import slack_messages
from digest.render.templates import Kind

if TYPE_CHECKING:
    from collections.abc import Collection

    from digest.core.content import SlackMessage
    from digest.render.templates import Templates
    from digest.render.view import View

MAX_SUBJECT = 120
_INLINER = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False, minify_css=True)
_BLANK_LINES = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")
_INDENT = re.compile(r"\n[ \t]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """An e-mail's words: the subject on one line, HTML under 90 kB, and text with its facts."""

    subject: str
    html: str
    text: str


class Forms:
    """Renders views. Every method raises TemplateError, which names the file and the line."""

    def __init__(self, templates: Templates) -> None:
        self.templates = templates

    def mail(self, view: View, kind: Kind = Kind.DIGEST) -> Mail:
        """The e-mail of a view."""
        html, fitting = fitted(view, lambda shown: self._html(shown, kind), kind)
        text = _tidy_text(self.templates.render(kind.text, fitting))
        return Mail(subject=self._subject(fitting, kind), html=html, text=text)

    def slack(
        self, view: View, pictures: Collection[str], kind: Kind = Kind.DIGEST
    ) -> tuple[SlackMessage, ...]:
        """The Slack messages of a view; `pictures` are the names that they may show."""
        source = self.templates.render(kind.slack, view)
        return slack_messages(source, str(self.templates.file_of(kind.slack)), set(pictures))

    def _subject(self, view: View, kind: Kind) -> str:
        line = " ".join(self.templates.render(kind.subject, view).split())
        if not line:
            raise TemplateError(f"{self.templates.file_of(kind.subject)}: the subject is empty")
        return clip(line, MAX_SUBJECT)

    def _html(self, view: View, kind: Kind) -> str:
        page = _INDENT.sub("\n", self.templates.render(kind.html, view))
        try:
            return _INLINER.inline(page)
        except css_inline.InlineError as error:
            place = self.templates.file_of(kind.html)
            raise TemplateError(f"{place}: bad CSS ({error})") from error


def _tidy_text(text: str) -> str:
    """No trailing blanks, never more than one empty line, one newline at the end."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return _BLANK_LINES.sub("\n\n", lines).strip("\n") + "\n"
