"""A drawn chart, or the sentence that stands for one, as templates see it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, assert_never

from digest.core.charts_spec import NoChart
from digest.core.content import Picture
from digest.render.clean import SENTENCE_LIMIT, clean

if TYPE_CHECKING:
    View = dict[str, Any]

_TITLE_LIMIT = 120
_ALT_LIMIT = 1000
_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def slug(name: str) -> str:
    """Letters and digits only, so that `sessions.country` meets `sessions-country`."""
    return _NOT_IN_SLUG.sub("", name.lower())


def chart_view(picture: Picture | NoChart) -> View:
    """`src` and `file` are empty when there is only a `sentence`."""
    match picture:
        case Picture():
            if not _FILE_NAME.fullmatch(picture.name):
                raise ValueError(f"{picture.name!r} cannot be a picture's file name")
            return {
                "name": picture.name,
                "title": clean(picture.title, _TITLE_LIMIT),
                "alt": clean(picture.alt, _ALT_LIMIT),
                "src": f"cid:{picture.name}",
                "file": picture.filename,
                "width": picture.width,
                "height": picture.height,
                "sentence": "",
            }
        case NoChart():
            return {
                "name": picture.name,
                "title": clean(picture.title, _TITLE_LIMIT),
                "alt": "",
                "src": "",
                "file": "",
                "width": 0,
                "height": 0,
                "sentence": clean(picture.sentence, SENTENCE_LIMIT),
            }
        case _:
            assert_never(picture)
