"""Lists of names and choices: one item or many, each checked, none of them twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from digest.config.problems import BadValueError, Fault, bad, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable
    from enum import StrEnum

Item = TypeVar("Item", bound="Hashable")
Choice = TypeVar("Choice", bound="StrEnum")


def text_of(value: object) -> str:
    """The value if it is text; raises BadValueError."""
    if isinstance(value, str):
        return value
    if value is None:
        raise bad("is empty")
    raise bad("must be text")


def each(
    value: object,
    convert: Callable[[str], Item],
    same: Callable[[Item], Hashable] | None = None,
) -> tuple[Item, ...]:
    """Convert one text or a list of texts. Raises BadValueError with every fault at once.

    Two items that are the same, by `same` or by being equal, are a fault too.
    """
    if isinstance(value, dict):
        raise bad("must be a list")
    items = value if isinstance(value, list) else [] if value is None else [value]
    found: list[Item] = []
    seen: set[Hashable] = set()
    faults: list[Fault] = []
    for index, item in enumerate(items):
        at = (index,) if isinstance(value, list) else ()
        try:
            converted = convert(text_of(item))
        except BadValueError as error:
            faults += (Fault(template=f.template, parts=f.parts, at=at) for f in error.faults)
            continue
        identity = same(converted) if same else converted
        if identity in seen:
            parts = {"value": text_of(item)}
            faults.append(Fault(template="{value} is listed twice", parts=parts, at=at))
        seen.add(identity)
        found.append(converted)
    if faults:
        raise BadValueError(*faults)
    return tuple(found)


def choice(members: Iterable[Choice], value: object, what: str) -> Choice:
    """The member with that value. Raises BadValueError with a suggestion, or all there are."""
    text = text_of(value)
    by_value = {member.value: member for member in members}
    if text not in by_value:
        hint = did_you_mean(text, by_value) or f"; there are {in_words(by_value)}"
        raise bad(f"unknown {what} {{value}}{{hint}}", value=text, hint=hint)
    return by_value[text]


def in_words(names: Iterable[str]) -> str:
    """`a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
