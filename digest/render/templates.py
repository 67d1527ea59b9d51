"""Rendering one template by name, with errors that name the file and the line."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import jinja2

from digest.errors import TemplateError
from digest.render.environment import SafeEnvironment
from digest.render.loader import SUFFIX, FolderLoader, shipped_root

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

SUBJECT = "email/digest.subject.j2"
HTML = "email/digest.html.j2"
TEXT = "email/digest.txt.j2"
SLACK = "slack/digest.json.j2"
ENTRIES = (SUBJECT, HTML, TEXT, SLACK)
"""The templates that are rendered; all others are parts of them."""

_MESSAGE_LIMIT = 300
# What a template can raise by itself: division, wrong types, absent keys, endless recursion.
_TEMPLATE_FAULTS = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


class Place(NamedTuple):
    """A file, and the line in it where that is known."""

    file: str
    line: int | None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


class Templates:
    """The templates of the user's folder and ours."""

    def __init__(self, user: Path | None) -> None:
        self.loader = FolderLoader(user)
        self.environment = SafeEnvironment(self.loader)

    def render(self, name: str, values: Mapping[str, object]) -> str:
        """The template's output; TemplateError names the file and line of what went wrong."""
        try:
            return self.environment.write(name, values)
        except _TEMPLATE_FAULTS as error:
            raise self.explained(error, name) from error

    def file_of(self, name: str) -> Path:
        """The file that a template is read from, for messages."""
        found = self.loader.find(name)
        return found.file if found is not None else shipped_root() / name

    def explained(self, error: BaseException, name: str) -> TemplateError:
        """`error` as one sentence that begins with `FILE:LINE: `."""
        place, message = self.placed(error, name)
        return TemplateError(f"{place}: {message}")

    def placed(self, error: BaseException, name: str) -> tuple[Place, str]:
        """Where a fault of a template is, and what it is."""
        match error:
            case jinja2.TemplateNotFound():
                message = f"there is no template {error.name!r}"
            case jinja2.TemplateError():
                message = str(error.message or type(error).__name__)
            case RecursionError() | MemoryError():
                message = "never comes to an end"
            case _:
                message = f"{type(error).__name__}: {error}"
        return self._place(error, name), " ".join(message.split())[:_MESSAGE_LIMIT]

    def _place(self, error: BaseException, name: str) -> Place:
        if isinstance(error, jinja2.TemplateSyntaxError):
            file = error.filename or str(self.file_of(error.name or name))
            return Place(file, error.lineno)
        line = _last_template_line(error.__traceback__)
        return line or Place(str(self.file_of(name)), None)


def _last_template_line(trace: TracebackType | None) -> Place | None:
    """The innermost template line in a traceback; Jinja gives its frames template line numbers."""
    found = None
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.endswith(SUFFIX):
            found = Place(file, trace.tb_lineno)
        trace = trace.tb_next
    return found
