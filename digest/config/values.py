"""Checking and converting single values: zones, locales, URLs, hosts, secrets, paths, days.

Each function takes what stands in the file and gives what the models hold, or raises
BadValueError. None of them shows a value that may be a secret.
"""

import re
from datetime import date
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationInfo

from digest.config.addresses import mail_recipient
from digest.config.durations import parse_duration
from digest.config.lists import each, text_of
from digest.config.problems import bad, did_you_mean
from digest.config.schedule import zone_name
from digest.config.surroundings import around

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_HOST = re.compile(r"(?=.{1,253}\Z)[\w-]+(?:\.[\w-]+)*\.?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SQLITE = "sqlite:///"
_STATE = re.compile(r"(sqlite:///|postgresql(\+[a-z0-9]+)?://)\S.*")


def checked_name(value: str) -> str:
    """The name of an app, channel or job: it goes into folders, headers and command lines."""
    if not _NAME.fullmatch(value):
        raise bad(
            "{value} can't be a name: use up to 64 letters, digits, - _ and . (ASCII), and begin "
            "with a letter or digit",
            value=value,
        )
    return value


def zone(value: object) -> str:
    """An IANA time zone."""
    return zone_name(text_of(value))


def locale(value: object) -> str:
    """A CLDR locale such as `de_DE`; `de-DE` is taken for it."""
    text = text_of(value).replace("-", "_")
    if text == "en":  # the usual one needs no look into the catalogue, which is slow to import
        return text
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415 — see above
    from babel.localedata import locale_identifiers  # noqa: PLC0415 — see above

    try:
        return str(Locale.parse(text))
    except (ValueError, TypeError, UnknownLocaleError):
        hint = did_you_mean(text, locale_identifiers()) or "; one is de_DE"
        raise bad("unknown locale {value}{hint}", value=text, hint=hint) from None


def filled_text(value: object) -> str:
    """Any text that is not blank."""
    text = text_of(value)
    if not text.strip():
        raise bad("is empty")
    return text


def identifier(value: object) -> str:
    """An id that can stand in a URL's path."""
    text = text_of(value)
    if not _ID.fullmatch(text):
        raise bad("is empty" if not text else "must be letters, digits, - and _")
    return text


def secret(value: object) -> SecretStr:
    """A password."""
    text = text_of(value)
    if not text:
        raise bad("is empty")
    if any(character in text for character in "\r\n\0"):
        raise bad("holds a line break, which no key or password has")
    return SecretStr(text)


def token(value: object) -> SecretStr:
    """A key that goes into a header."""
    held = secret(value)
    text = held.get_secret_value()
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise bad("holds characters that no key has, such as a space or an accent")
    return held


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def host(value: object) -> str:
    """A host name or an IP address (IPv6 with or without brackets)."""
    text = text_of(value).strip()
    if not text:
        raise bad("is empty")
    if "://" in text:
        raise bad("must be a host name alone, without a scheme")
    try:
        return str(ip_address(text.removeprefix("[").removesuffix("]")))
    except ValueError:
        pass
    if not _HOST.fullmatch(text):
        raise bad("{value} is not a host name", value=text)
    return text


def url(value: object) -> str:
    """An https:// URL, or http:// to this machine; comes back without a final slash."""
    text = _web_address(value)
    if "?" in text or "#" in text:
        raise bad("must end before any ? or #")
    return text.rstrip("/")


def secret_url(value: object) -> SecretStr:
    """Such a URL as it was written; its path and query may be what keeps strangers out."""
    text = _web_address(value)
    if "#" in text:
        raise bad("must end before any #")
    return SecretStr(text)


def _web_address(value: object) -> str:
    text = text_of(value).strip()
    if not text:
        raise bad("is empty")
    try:
        parts = urlsplit(text)
        name, user, _ = parts.hostname, parts.username, parts.port
    except ValueError:
        raise bad("is not a URL") from None
    if parts.scheme not in {"http", "https"} or not name or not text.isprintable() or " " in text:
        raise bad("must be a URL that begins with https://")
    if user is not None or "@" in parts.netloc:
        raise bad("must not hold a user name or password")
    if parts.scheme == "http" and not is_loopback(name):
        raise bad("http:// is only for this machine (localhost, 127.0.0.1, ::1); use https://")
    return text


def state_url(value: object, info: ValidationInfo) -> SecretStr:
    """A database URL; it may hold a password, so it is a secret. A file's path comes absolute."""
    text = secret(value).get_secret_value()
    if not _STATE.fullmatch(text):
        raise bad("must begin with sqlite:/// or postgresql://")
    if text.startswith(_SQLITE):
        text = f"{_SQLITE}{around(info).path(text.removeprefix(_SQLITE))}"
    return SecretStr(text)


def any_path(value: object, info: ValidationInfo) -> Path:
    """An absolute path; relative ones start at the config's folder."""
    text = text_of(value)
    if not text:
        raise bad("is empty")
    if "\0" in text:
        raise bad("is not a path")
    return around(info).path(text)


def existing_folder(value: object, info: ValidationInfo) -> Path:
    """A folder that is there."""
    path = any_path(value, info)
    if not _is_there(path):
        raise bad("there is no folder {value}", value=str(path))
    if not path.is_dir():
        raise bad("{value} is not a folder", value=str(path))
    return path


def existing_file(value: object, info: ValidationInfo) -> Path:
    """A file that is there."""
    path = any_path(value, info)
    if not _is_there(path):
        raise bad("there is no file {value}", value=str(path))
    if not path.is_file():
        raise bad("{value} is not a file", value=str(path))
    return path


def target_folder(value: object, info: ValidationInfo) -> Path:
    """A folder that is there or can be made."""
    path = any_path(value, info)
    if _is_there(path) and not path.is_dir():
        raise bad("{value} is not a folder", value=str(path))
    return path


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise bad(f"{{value}} can't be looked at: {error.strerror}", value=str(path)) from None


def mailbox(value: object) -> str:
    """`ana@example.com` or `Ana <ana@example.com>`."""
    return mail_recipient(text_of(value))


def seconds(value: object) -> float:
    """A duration, in seconds."""
    return parse_duration(value).total_seconds()


def days(value: object) -> tuple[date, ...]:
    """Calendar days such as `2026-12-25`."""
    return each(value, _day)


def _day(text: str) -> date:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise bad("{value} is not a day, such as 2026-12-25", value=text)


def tags(value: object) -> tuple[str, ...]:
    """Short labels."""
    return each(value, checked_name)
