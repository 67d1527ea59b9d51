"""Where templates come from: the user's folder first, then the ones that ship with digest.

A name is a relative path such as `email/digest.html.j2`. `shipped/email/digest.html.j2` is always
ours, so that a user's file of the same name can extend it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import BaseLoader, Environment, Template, TemplateNotFound

from digest.errors import TemplateError
from digest.render.environment import SafeEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from types import CodeType

SHIPPED = "shipped/"
SUFFIX = ".j2"
MAX_BYTES = 500_000


@dataclass(frozen=True, slots=True)
class Found:
    """A template's text and the file that it came from."""

    text: str
    file: Path


@cache
def shipped_root() -> Path:
    """The templates of the installed package, or of the source tree in an editable install."""
    packaged = Path(str(files("digest").joinpath("templates")))
    root = packaged if packaged.is_dir() else Path(__file__).parents[2] / "templates"
    if not root.is_dir():
        raise TemplateError(f"the templates that ship with digest are not at {packaged}; reinstall")
    return root


class FolderLoader(BaseLoader):
    """Looks a name up in the user's folder, then in ours; never outside of either."""

    def __init__(self, user: Path | None) -> None:
        self.user = user

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        """What Jinja asks for: text, file name, and whether it is still fresh (always)."""
        del environment
        found = self.find(template)
        if found is None:
            raise TemplateNotFound(template)
        return found.text, str(found.file), lambda: True

    def load(
        self,
        environment: Environment,
        name: str,
        globals: MutableMapping[str, object] | None = None,  # noqa: A002 — Jinja's name
    ) -> Template:
        """What Jinja asks for: the template, compiled once in a process."""
        text, file, fresh = self.get_source(environment, name)
        code, outer = _compiled(text, name, file), {} if globals is None else globals
        return environment.template_class.from_code(environment, code, outer, fresh)

    def find(self, name: str) -> Found | None:
        """The template of that name, or None; TemplateError when its file may not be used."""
        if name.startswith(SHIPPED):
            return _read(shipped_root(), name.removeprefix(SHIPPED))
        if self.user is None:
            return _read(shipped_root(), name)
        if not self.user.is_dir():
            raise TemplateError(f"{self.user}: the template folder does not exist")
        return _read(self.user, name) or _read(shipped_root(), name)

    def own_names(self) -> tuple[str, ...]:
        """Every template in the user's folder, sorted."""
        if self.user is None or not self.user.is_dir():
            return ()
        found = self.user.rglob(f"*{SUFFIX}")
        return tuple(sorted(file.relative_to(self.user).as_posix() for file in found))


# Compiling takes longer than rendering does, and a daemon renders the same few templates always.
@lru_cache(maxsize=128)
def _compiled(text: str, name: str, file: str) -> CodeType:
    return SafeEnvironment().compile(text, name, file)


def _read(root: Path, name: str) -> Found | None:
    file = root / _inside(name)
    if not file.is_symlink() and not file.is_file():
        return None
    if not file.resolve().is_relative_to(root.resolve()):
        raise TemplateError(
            f"{file}: leads out of the template folder {root}; copy the file into it"
        )
    try:
        if file.stat().st_size > MAX_BYTES:
            raise TemplateError(f"{file}: larger than {MAX_BYTES // 1000} kB; that is no template")
        return Found(file.read_text(encoding="utf-8"), file)
    except OSError as error:
        raise TemplateError(f"{file}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise TemplateError(f"{file}: is not UTF-8 text") from error


def _inside(name: str) -> Path:
    parts = name.split("/")
    if "\\" in name or "\0" in name or any(part in {"", ".", ".."} for part in parts):
        raise TemplateError(f"{name[:100]!r}: a template's name is a path inside the folder")
    return Path(*parts)
