"""`when` and `clear` of an alert: which kind of rule is meant, and its settings.

The kinds say themselves how they are written (`digest.core.rules`); they are imported only when
there is an alert to read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationInfo  # noqa: TC002 — pydantic looks at the annotations

from digest.config.problems import BadValueError, Fault, bad, did_you_mean
from digest.core.rules import kinds
from digest.core.rules.writing import RuleError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from digest.config.fields import JsonSchema
    from digest.core.rules.writing import Kind


@dataclass(frozen=True, slots=True)
class Condition:
    """A kind of rule and the settings that its `when` has."""

    kind: Kind[Any, Any]
    settings: Any


def condition(value: object) -> Condition:
    """`{above: 60}`, `no_data` and so on. Raises BadValueError."""
    held = {value: "true"} if isinstance(value, str) and _is_word(value) else value
    if not isinstance(held, dict) or not held:
        raise bad(f"must say one of {_marks()}, such as {{above: 60}}")
    kind = _kind_of(held)
    _refuse_strange(held, kind.keys)
    try:
        return Condition(kind, kind.read(held))
    except RuleError as error:
        raise bad_value(error) from None


def clearing(value: object, info: ValidationInfo) -> Any:
    """The settings of a `clear`, as the kind of its `when` reads them. Raises BadValueError."""
    when = info.data.get("when")
    if not isinstance(when, Condition):
        return None  # what is wrong with `when` has its own complaint
    kind = when.kind
    if kind.read_clear is None:
        raise bad(f"is not for {kind.marks[0]}: {kind.no_clear}")
    keys = tuple(key for schema in kind.clear_schemas for key in schema["properties"])
    if not isinstance(value, dict) or not value:
        raise bad(f"must say {' or '.join(keys)}")
    _refuse_strange(value, keys)
    try:
        return kind.read_clear(value)
    except RuleError as error:
        raise bad_value(error) from None


def bad_value(error: RuleError) -> BadValueError:
    """The same as a fault of the config."""
    parts = {}
    if error.value is not None:
        hint = did_you_mean(error.value, error.known) or f"; there are {', '.join(error.known)}"
        parts = {"value": error.value, "hint": hint}
    return BadValueError(
        Fault(template=error.sentence, parts=parts, at=error.at, on_key=error.on_key)
    )


def when_schema() -> JsonSchema:
    """The JSON Schema of `when`."""
    return {"anyOf": [schema for kind in kinds() for schema in kind.schemas]}


def clear_schema() -> JsonSchema:
    """The JSON Schema of `clear`."""
    found: list[JsonSchema] = []
    for schema in (one for kind in kinds() for one in kind.clear_schemas):
        if schema not in found:
            found.append(schema)
    return {"anyOf": found}


def _is_word(value: str) -> bool:
    """Whether a `when` may be this word alone."""
    return any(schema.get("const") == value for kind in kinds() for schema in kind.schemas)


def _marks() -> str:
    *first, last = [mark for kind in kinds() for mark in kind.marks]
    return f"{', '.join(first)} or {last}"


def _kind_of(held: dict[str, object]) -> Kind[Any, Any]:
    """The kind whose mark is there; a mark may be an ordinary key of another kind."""
    there = [kind for kind in kinds() if any(mark in held for mark in kind.marks)]
    meant = [kind for kind in there if not any(_covers(other, kind, held) for other in there)]
    if not meant:
        known = [key for kind in kinds() for key in kind.keys]
        if any(key not in known for key in held):
            _refuse_strange(held, known)
        raise bad(f"must say one of {_marks()}, such as {{above: 60}}")
    if len(meant) > 1:
        marks = [mark for kind in meant for mark in kind.marks if mark in held]
        raise bad(f"has {' and '.join(marks)}, which are two rules; make two alerts of them")
    return meant[0]


def _covers(other: Kind[Any, Any], kind: Kind[Any, Any], held: dict[str, object]) -> bool:
    marks = [mark for mark in kind.marks if mark in held]
    return other is not kind and all(m in other.keys and m not in other.marks for m in marks)


def _refuse_strange(held: dict[str, object], known: Iterable[str]) -> None:
    names = tuple(known)
    strange = [
        Fault(
            template="unknown key {value}{hint}",
            parts={"value": key, "hint": did_you_mean(key, names)},
            at=(key,),
            on_key=True,
        )
        for key in held
        if key not in names
    ]
    if strange:
        raise BadValueError(*strange)
