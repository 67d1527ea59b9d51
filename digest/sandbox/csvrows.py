"""CSV text in which an unquoted empty field is NULL and `""` is the empty string.

The csv module can't tell the two apart before Python 3.13, hence this small reader.
"""

from __future__ import annotations

import gzip
import re
import zlib
from typing import TYPE_CHECKING

from digest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Record = tuple[str | None, ...]

_FIELD = re.compile(r'(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|\Z)')


def records(folder: Path, name: str, header: Sequence[str]) -> Iterator[Record]:
    """The records of `NAME.csv.gz` or `NAME.csv`, in the order of `header`.

    Raises UsageError where the file is missing or unreadable, its first line is not `header`, or a
    record does not fit it.
    """
    path, text = _read(folder, name)
    found = _split(text, path)
    first = next(found, ())
    if list(first) != list(header):
        raise UsageError(f"{path}: the first line has to be {','.join(header)}")
    for number, record in enumerate(found, start=2):
        if len(record) != len(header):
            raise UsageError(f"{path}: record {number} has {len(record)} fields, not {len(header)}")
        yield record


def _read(folder: Path, name: str) -> tuple[Path, str]:
    packed, plain = folder / f"{name}.csv.gz", folder / f"{name}.csv"
    path = packed if packed.exists() else plain
    try:
        data = path.read_bytes()
        return path, (gzip.decompress(data) if path == packed else data).decode()
    except FileNotFoundError:
        raise UsageError(f"{folder} has neither {packed.name} nor {plain.name}") from None
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        raise UsageError(f"{path} can't be read as CSV in UTF-8") from None


def _split(text: str, path: Path) -> Iterator[Record]:
    record: list[str | None] = []
    at = 0
    while at < len(text):
        match = _FIELD.match(text, at)
        if match is None:
            raise UsageError(
                f"{path}: a quote is out of place in line {text.count(chr(10), 0, at) + 1}"
            )
        quoted, bare, mark = match.groups()
        record.append(quoted.replace('""', '"') if quoted is not None else bare or None)
        at = match.end()
        if mark != ",":
            if record != [None]:
                yield tuple(record)
            record = []
    if record:
        yield (*record, None)
