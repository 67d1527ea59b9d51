"""Filling in `${NAME}`, `${NAME:-default}`, `${file:/path}` and `${credential:name}`.

They may stand anywhere in a value, also inside longer text; `$${` is a literal `${`. What is
filled in is remembered by path, so that no message ever shows it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.config.problems import Path

MOST_BYTES: Final = 64 * 1024
UNRESOLVED: Final[Any] = object()
"""Stands for a value that could not be filled in; no field accepts it."""

_REFERENCE = re.compile(r"\$(\$)?\{(?:([^{}]*)\})?")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_CREDENTIAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """What to show in place of a filled-in value; `literal` if part of it is in the file."""

    shown: str
    literal: bool


@dataclass(frozen=True, slots=True)
class Filled:
    """A tree with its references filled in, what covers them, and what could not be found."""

    data: Any
    covers: Mapping[Path, Cover]
    faults: tuple[tuple[Path, str], ...]


class _MissingError(Exception):
    """A reference that can't be filled in; its text is the sentence."""


@dataclass(slots=True)
class Filler:
    """Knows the environment and the folder that relative paths start from."""

    env: Mapping[str, str]
    base_dir: FilePath
    covers: dict[Path, Cover] = field(default_factory=dict)
    faults: list[tuple[Path, str]] = field(default_factory=list)

    def fill(self, tree: Any) -> Filled:
        """The tree with every reference filled in, or with UNRESOLVED in its place."""
        data = self._walk(tree, ())
        return Filled(data, self.covers, tuple(self.faults))

    def _walk(self, value: Any, path: Path) -> Any:
        if isinstance(value, str):
            return self._text(value, path) if "${" in value else value
        if isinstance(value, dict):
            return {key: self._walk(held, (*path, key)) for key, held in value.items()}
        if isinstance(value, list):
            return [self._walk(held, (*path, index)) for index, held in enumerate(value)]
        return value

    def _text(self, text: str, path: Path) -> Any:
        shown: list[str] = []
        literal = False

        def replace(match: re.Match[str]) -> str:
            nonlocal literal
            if match[1]:
                return match[0][1:]
            filled, as_shown, from_file = self._reference(match[2])
            shown.append(as_shown)
            literal = literal or from_file
            return filled

        try:
            result = _REFERENCE.sub(replace, text)
        except _MissingError as missing:
            self.faults.append((path, str(missing)))
            return UNRESOLVED
        if shown:
            self.covers[path] = Cover(shown=" ".join(shown), literal=literal)
        return result

    def _reference(self, body: str | None) -> tuple[str, str, bool]:
        """The value, how to show it, and whether it is a default written in the config."""
        if body is not None:
            if body.startswith("file:"):
                return self._file(body.removeprefix("file:")), f"${{{body}}}", False
            if body.startswith("credential:"):
                name = body.removeprefix("credential:")
                return self._credential(name), f"${{{body}}}", False
            if match := _NAME.fullmatch(body):
                return self._variable(match[1], match[2])
        raise _MissingError(
            "a reference is ${NAME}, ${NAME:-default}, ${file:/path} or ${credential:name}; "
            "write $${ for a literal ${"
        )

    def _variable(self, name: str, default: str | None) -> tuple[str, str, bool]:
        value = self.env.get(name)
        if default is not None:
            shown = f"${{{name}:-…}}"
            return (value, shown, False) if value else (default, shown, True)
        if value is None:
            raise _MissingError(f"the environment variable {name} is not set")
        return _clean(value, f"the environment variable {name}"), f"${{{name}}}", False

    def _file(self, name: str) -> str:
        if not name:
            raise _MissingError("${file:…} needs a path")
        return _read(self.base_dir / name, f"the file {name}")

    def _credential(self, name: str) -> str:
        if not _CREDENTIAL.fullmatch(name):
            raise _MissingError("${credential:…} needs the name of a systemd credential")
        folder = self.env.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise _MissingError(
                f"the credential {name} comes from systemd (LoadCredential={name}:…), "
                "but $CREDENTIALS_DIRECTORY is not set"
            )
        return _read(FilePath(folder) / name, f"the credential {name}")


def _read(path: FilePath, what: str) -> str:
    """The text of a small file, without its last line end."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise _MissingError(f"{what} can't be read: {reason}") from None
    if len(raw) > MOST_BYTES:
        raise _MissingError(f"{what} is larger than {MOST_BYTES // 1024} KiB")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise _MissingError(f"{what} is not UTF-8 text") from None
    return _clean(text.removesuffix("\n").removesuffix("\r"), what)


def _clean(text: str, what: str) -> str:
    """Refuse what no setting can hold (os.environ gives odd bytes as lone surrogates)."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise _MissingError(f"{what} is not text")
    return text
