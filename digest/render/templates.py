"""Rendering one template by name, with errors that name the file and the line."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import jinja2

from digest.errors import TemplateError
from digest.render.environment import SafeEnvironment
from digest.render.loader import SUFFIX, FolderLoader, shipped_root

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType


class Kind(StrEnum):
    """What is rendered; each has templates of its own."""

    DIGEST = "digest"
    ALERT = "alert"

    @property
    def subject(self) -> str:
        """`email/digest.subject.j2`."""
        return f"email/{self}.subject.j2"

    @property
    def html(self) -> str:
        """`email/digest.html.j2`."""
        return f"email/{self}.html.j2"

    @property
    def text(self) -> str:
        """`email/digest.txt.j2`."""
        return f"email/{self}.txt.j2"

    @property
    def slack(self) -> str:
        """`slack/digest.json.j2`."""
        return f"slack/{self}.json.j2"

    @property
    def entries(self) -> tuple[str, ...]:
        """The templates that are rendered; all others are parts of them."""
        return self.subject, self.html, self.text, self.slack


SUBJECT, HTML, TEXT, SLACK = Kind.DIGEST.entries
ENTRIES = tuple(entry for kind in Kind for entry in kind.entries)
"""The templates of every kind that are rendered."""

MAX_HTML_BYTES = 5_000_000
MAX_TEXT_BYTES = 1_000_000
_MESSAGE_LIMIT = 300
_HTML = ".html.j2"
FAULTS = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
)
"""What a template can raise by itself: division, wrong types, absent keys, endless recursion,
more blocks in each other than Python can take."""


class Place(NamedTuple):
    """A file, and the line in it where that is known."""

    file: str
    line: int | None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


def _unheard(_file: str) -> None:
    """Nobody asked which template is at work."""


class Templates:
    """The templates of the user's folder and ours; `began` is told the file that is turned to."""

    def __init__(self, user: Path | None, began: Callable[[str], None] = _unheard) -> None:
        self.loader = FolderLoader(user)
        self.environment = SafeEnvironment(self.loader)
        self.began = began

    def render(self, name: str, values: Mapping[str, object]) -> str:
        """The template's output; TemplateError names the file and line of what went wrong."""
        self.began(str(self.file_of(name)))
        try:
            text = self.environment.write(name, values)
            size = len(text.encode())
        except FAULTS as error:
            raise self.explained(error, name) from error
        most = MAX_HTML_BYTES if name.endswith(_HTML) else MAX_TEXT_BYTES
        if size > most:
            found, allowed = size / 1_000_000, most // 1_000_000
            raise TemplateError(
                f"{self.file_of(name)}: writes {found:.1f} MB, and at most {allowed} MB are sent"
            )
        return text

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
            case RecursionError():
                message = "never comes to an end"
            case MemoryError():
                message = "takes too much memory"
            case SyntaxError():
                message = "has too many blocks in each other"
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
