"""Report or notice → e-mail and Slack content, by templates, in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.core.content import Content, EmailContent, Picture, SlackContent
from digest.render.alert_view import notice_view, shown_pictures
from digest.render.checking import check
from digest.render.forms import Forms
from digest.render.templates import Kind, Templates
from digest.render.view import view_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from digest.core.alert_notice import AlertNotice
    from digest.core.charts_spec import NoChart
    from digest.core.content import SlackMessage
    from digest.core.report_model import Report
    from digest.errors import Problem
    from digest.render.forms import Mail
    from digest.render.view import View


class Renderer:
    """Renders reports and notices; `user_templates` is the folder that is looked into before ours.

    One renderer can be used by several threads. Every method that renders raises TemplateError,
    whose message names the template's file and line. What users write is better rendered by a
    ChildRenderer, which can be stopped.
    """

    def __init__(self, user_templates: Path | None) -> None:
        self._forms = Forms(Templates(user_templates))

    def content(
        self,
        report: Report,
        pictures: tuple[Picture | NoChart, ...],
        files: Mapping[str, bytes] | None = None,
    ) -> Content:
        """Every form of the report; `files` are further documents to go with it."""
        view = view_of(report, pictures)
        return content_of(self._forms.mail(view), self._slack(view, pictures), pictures, files)

    def notice(
        self,
        notice: AlertNotice,
        pictures: tuple[Picture | NoChart, ...],
        files: Mapping[str, bytes] | None = None,
    ) -> Content:
        """Every form of a message about alerts, with the pictures that it shows."""
        view, shown = notice_view(notice, pictures), shown_pictures(notice, pictures)
        messages = self._slack(view, shown, Kind.ALERT)
        return content_of(self._forms.mail(view, Kind.ALERT), messages, shown, files)

    def email(self, report: Report, pictures: tuple[Picture | NoChart, ...]) -> EmailContent:
        """The e-mail: subject on one line, HTML under 90 kB, and text with the same facts."""
        return email_of(self._forms.mail(view_of(report, pictures)), pictures)

    def slack(self, report: Report, pictures: tuple[Picture | NoChart, ...]) -> SlackContent:
        """The Slack messages: inside Slack's limits, the headline first and details as replies."""
        messages = self._slack(view_of(report, pictures), pictures)
        return SlackContent(messages=messages, pictures=drawn(pictures))

    def check(self) -> list[Problem]:
        """Everything wrong with the user's templates: missing parts, syntax, undefined values.

        They are rendered against sample reports, so that what would fail on Monday is found now.
        """
        return check(self._forms)

    def _slack(
        self, view: View, pictures: Sequence[Picture | NoChart], kind: Kind = Kind.DIGEST
    ) -> tuple[SlackMessage, ...]:
        return self._forms.slack(view, [picture.name for picture in drawn(pictures)], kind)


def content_of(
    mail: Mail,
    messages: tuple[SlackMessage, ...],
    pictures: Sequence[Picture | NoChart],
    files: Mapping[str, bytes] | None,
) -> Content:
    """The rendered words with the pictures that they refer to."""
    return Content(
        email=email_of(mail, pictures),
        slack=SlackContent(messages=messages, pictures=drawn(pictures)),
        files=dict(files or {}),
    )


def email_of(mail: Mail, pictures: Sequence[Picture | NoChart]) -> EmailContent:
    """An e-mail's words with its pictures."""
    return EmailContent(
        subject=mail.subject, html=mail.html, text=mail.text, pictures=drawn(pictures)
    )


def drawn(pictures: Sequence[Picture | NoChart]) -> tuple[Picture, ...]:
    """Those that are pictures."""
    return tuple(picture for picture in pictures if isinstance(picture, Picture))
