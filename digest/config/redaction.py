"""Which strings of a config no output may show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from pydantic import BaseModel, SecretStr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.config.models import Config

_WORD: Final = 16  # a part of a URL that is as long is a key; a shorter one may be any word
_WEB = re.compile(r"https?://[^/?]*(.*)", re.DOTALL)
_PASSWORD = re.compile(r"://[^:/@]*:(.+)@|[?&](?:ssl)?password=([^&]+)", re.DOTALL)


def secrets_of(config: Config) -> tuple[str, ...]:
    """Every secret that the config holds, once each: keys, passwords, tokens.

    Of the ledger's URL that is the password. Of a URL that is a secret as a whole, it is also
    the parts that errors like to quote.
    """
    others = {name: getattr(config, name) for name in type(config).model_fields if name != "state"}
    state = config.state.get_secret_value() if config.state else ""
    return tuple(dict.fromkeys((*_passwords(state), *_inside(others))))


def _passwords(url: str) -> Iterator[str]:
    """The passwords in a database's URL, as they are written and as they are meant."""
    if url.startswith("postgresql"):
        for user_s, option_s in _PASSWORD.findall(url):
            password = user_s or option_s
            yield from (password, unquote(password))


def _inside(value: object) -> Iterator[str]:
    """The secrets of a value of any depth. Every field counts, so a new channel's do too."""
    if isinstance(value, SecretStr):
        yield from _parts(value.get_secret_value())
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _inside(getattr(value, name))
    elif isinstance(value, dict):
        yield from _inside(tuple(value.values()))
    elif isinstance(value, tuple):
        for held in value:
            yield from _inside(held)


def _parts(text: str) -> Iterator[str]:
    yield text
    if web := _WEB.fullmatch(text):
        pieces = (web[1], *re.split(r"[/?&=]", web[1]))
        yield from (piece for piece in pieces if len(piece) >= _WORD)
