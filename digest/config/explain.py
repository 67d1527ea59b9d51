"""What pydantic found wrong, as sentences: each with its path in the file, no value ever shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from digest.config.alerts import Alert
from digest.config.jobs import Digest
from digest.config.lists import in_words
from digest.config.models import KINDS, Alerting, App, Config, Delivery, Heartbeat, Limits, Web
from digest.config.problems import BadValueError, did_you_mean, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic import ValidationError

    from digest.config.problems import Path
    from digest.config.secrets import Cover

_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "dict_type": "must be a mapping (key: value)",
    "model_type": "must be a mapping (key: value)",
    "model_attributes_type": "must be a mapping (key: value)",
}
_KEY: Final = "[key]"
_NAMED: Final[Mapping[str, Any]] = {"apps": App, "digests": Digest, "alerts": Alert}
_SECTIONS: Final[Mapping[str, Any]] = {
    "limits": Limits,
    "delivery": Delivery,
    "alerting": Alerting,
    "heartbeat": Heartbeat,
    "web": Web,
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """A sentence about a path; `on_key` if the key there is wrong, not what it holds."""

    path: Path
    message: str
    on_key: bool = False


def complaints(
    error: ValidationError, covers: Mapping[Path, Cover], most: int
) -> Iterator[Complaint]:
    """Every complaint of a failed validation, at most that many."""
    for number, details in enumerate(error.errors(include_url=False)):
        if number == most:
            return
        yield from _of(details, covers)


def _of(details: Mapping[str, Any], covers: Mapping[Path, Cover]) -> Iterator[Complaint]:
    path, kind = _path(details["loc"]), details["type"]
    context: dict[str, Any] = details.get("ctx", {})
    if kind == "default_factory_not_called":
        return  # another field of the same mapping is wrong, which has its own complaint
    if kind == "value_error" and isinstance(context.get("error"), BadValueError):
        on_key = details["loc"][-1] == _KEY
        yield from _faults(context["error"], path, covers, on_key=on_key)
    elif kind == "extra_forbidden":
        yield Complaint(path, _unknown_key(path), on_key=True)
    elif kind in {"union_tag_not_found", "union_tag_invalid"}:
        yield _type(path, details["input"], covers)
    else:
        yield Complaint(path, _SENTENCES.get(kind, "is not valid").format_map(context))


def _faults(
    error: BadValueError, path: Path, covers: Mapping[Path, Cover], *, on_key: bool
) -> Iterator[Complaint]:
    for fault in error.faults:
        place = (*path, *fault.at)
        cover = None if on_key or fault.on_key else covers.get(place)
        message = fault.say(cover.shown if cover else None)
        yield Complaint(place, message, on_key=on_key or fault.on_key)


def _path(loc: tuple[int | str, ...]) -> Path:
    """Pydantic's place as a path in the file: without `[key]` and the tag of a channel's kind."""
    path = loc[:-1] if loc and loc[-1] == _KEY else loc
    if len(path) > 2 and path[0] == "channels":  # noqa: PLR2004 — channels, its name, the tag
        path = (*path[:2], *path[3:])
    return path


def _unknown_key(path: Path) -> str:
    key = str(path[-1])
    return f"unknown key {quoted(key)}{did_you_mean(key, _known_keys(path[:-1]))}"


def _known_keys(path: Path) -> Iterable[str]:
    """The keys that the mapping at a path may have."""
    match path:
        case ():
            models: tuple[Any, ...] = (Config,)
        case ("channels", _):
            models = tuple(KINDS.values())
        case (("apps" | "digests" | "alerts") as section, _):
            models = (_NAMED[section],)
        case (str(section),):
            models = tuple(model for name, model in _SECTIONS.items() if name == section)
        case _:
            models = ()
    return (
        field.alias or name
        for model in models
        for name, field in cast("type[Config]", model).model_fields.items()
    )


def _type(path: Path, channel: object, covers: Mapping[Path, Cover]) -> Complaint:
    place = (*path, "type")
    tag = channel.get("type") if isinstance(channel, dict) else None
    there = f"there are {in_words(KINDS)}"
    if not isinstance(tag, str) or place in covers:
        return Complaint(place if tag is not None else path, f"needs a type; {there}")
    hint = did_you_mean(tag, KINDS) or f"; {there}"
    return Complaint(place, f"unknown channel type {quoted(tag)}{hint}")
