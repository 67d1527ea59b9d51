"""How rules are written in the config: what each key may hold, as the file has it (text)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from digest.core.metrics import CATALOGUE, Dimension, Metric, MetricInfo, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from digest.core.periods import PeriodKind
    from digest.core.rules.reading import Rule

Settings = TypeVar("Settings")
Clear = TypeVar("Clear")
JsonSchema: TypeAlias = dict[str, Any]

NUMBER: JsonSchema = {"type": "number"}
CHANGE: JsonSchema = {"type": "string", "pattern": r"^\s*[0-9.]+\s*(%|pp)\s*$"}

_NUMBER = re.compile(r"[-+]?\d{1,15}(\.\d{1,15})?", re.ASCII)
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_CHANGE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(%|pp)", re.ASCII)
_HUNDRED = 100.0


class RuleError(ValueError):
    """What is wrong with a rule: a sentence, and where.

    `at` leads from the `when` or `clear` that is read, or from the alert where a rule is built.
    `value` fills the sentence's `{value}`, and `known` is what may have been meant by it.
    """

    def __init__(
        self,
        sentence: str,
        *at: str,
        value: str | None = None,
        known: Iterable[str] = (),
        on_key: bool = False,
    ) -> None:
        self.sentence = sentence
        self.at = at
        self.value = value
        self.known = tuple(known)
        self.on_key = on_key
        super().__init__(sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What else of the alert a rule depends on; `partial` is the day so far."""

    metric: Metric | None
    kind: PeriodKind
    partial: bool = False

    def watched(self) -> MetricInfo:
        """The metric's entry, for a rule that can't do without. Raises RuleError."""
        if self.metric is None:
            raise RuleError("is missing", "metric")
        return CATALOGUE[self.metric]

    def refuse_metric(self, key: str) -> None:
        """For a rule that says itself what it is about. Raises RuleError."""
        if self.metric is not None:
            raise RuleError(f"is not for {key}, which says itself what it counts", "metric")

    def refuse_partial(self, key: str, why: str) -> None:
        """For a rule that needs whole days. Raises RuleError."""
        if self.partial:
            sentence = f"{key} can't judge the day so far, {why}; use window: day"
            raise RuleError(sentence, "window")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[Settings, Clear]):
    """A kind of rule, as the config has it.

    One of its `marks` in a `when` says that it is meant; `keys` are all that a `when` may have.
    `schemas` and `clear_schemas` are JSON Schemas, one for each way to write it. `read` and
    `read_clear` give the settings, `build` the rule; they raise RuleError. Without `read_clear`
    the rule has no `clear`, for the reason in `no_clear`.
    """

    marks: tuple[str, ...]
    keys: tuple[str, ...]
    schemas: tuple[JsonSchema, ...]
    read: Callable[[Mapping[str, object]], Settings]
    build: Callable[[About, Settings, Clear | None], Rule]
    read_clear: Callable[[Mapping[str, object]], Clear] | None = None
    clear_schemas: tuple[JsonSchema, ...] = ()
    no_clear: str = ""


@dataclass(frozen=True, slots=True)
class Amount:
    """The size of a change: percent of the baseline, or points of a percentage."""

    size: float
    points: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """A number and the side of it that is meant: above it or below it, never at it."""

    above: bool
    value: float


def closed(required: Mapping[str, JsonSchema], **optional: JsonSchema) -> JsonSchema:
    """The JSON Schema of a mapping with these keys and no other."""
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
        "additionalProperties": False,
    }


def text(held: Mapping[str, object], key: str) -> str:
    """Text that is not blank. Raises RuleError."""
    value = held.get(key)
    if value is None:
        raise RuleError("is missing" if key not in held else "is empty", key)
    if not isinstance(value, str):
        raise RuleError("must be text", key)
    if not value.strip():
        raise RuleError("is empty", key)
    return value.strip()


def number(held: Mapping[str, object], key: str) -> float:
    """A number. Raises RuleError."""
    value = held.get(key)
    if not isinstance(value, str) or not _NUMBER.fullmatch(value.strip()):
        raise RuleError("must be a number", key)
    return float(value)


def whole(held: Mapping[str, object], key: str, *, default: int, least: int, most: int) -> int:
    """A whole number within bounds. Raises RuleError."""
    if held.get(key) is None:
        return default
    value = held[key]
    if not isinstance(value, str) or not _WHOLE.fullmatch(value.strip()):
        raise RuleError("must be a whole number", key)
    if not least <= int(value) <= most:
        raise RuleError(f"must be from {least} to {most}", key)
    return int(value)


def amount(held: Mapping[str, object], key: str) -> Amount:
    """`30%` or `5pp`. Raises RuleError."""
    value = held.get(key)
    found = _CHANGE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise RuleError("must be a percent such as 30%, or points such as 5pp", key)
    return Amount(float(found[1]), points=found[2] == "pp")


def bound(held: Mapping[str, object]) -> Bound:
    """`above: 60` or `below: 50`, one of them. Raises RuleError."""
    (key,) = one_of(held, "above", "below")
    return Bound(key == "above", number(held, key))


def one_of(held: Mapping[str, object], *keys: str) -> tuple[str]:
    """The one of these keys that is there. Raises RuleError."""
    there = [key for key in keys if key in held]
    if not there:
        raise RuleError(f"needs {' or '.join(keys)}")
    if len(there) > 1:
        raise RuleError(f"has {' and '.join(there)}; give one of them")
    return (there[0],)


def dimension(held: Mapping[str, object], key: str, among: Iterable[Dimension]) -> Dimension:
    """A breakdown that this rule can be about. Raises RuleError."""
    value = text(held, key)
    names = [one.value for one in among]
    if value in names:
        return Dimension(value)
    if value in {one.value for one in Dimension}:
        raise RuleError(f"must be one of {', '.join(names)}", key)
    raise RuleError("unknown breakdown {value}{hint}", key, value=value, known=names)


def within(unit: Unit, given: Bound, *at: str) -> None:
    """Refuse a limit that every value, or none, goes beyond. Raises RuleError."""
    if given.value < 0:
        raise RuleError("must be at least 0", *at)
    if not given.above and given.value == 0:
        raise RuleError("must be more than 0, because nothing comes below it", *at)
    if unit is Unit.PERCENT and given.value > _HUNDRED:
        raise RuleError("must be at most 100, because it is a percentage", *at)
    if unit is Unit.PERCENT and given.above and given.value == _HUNDRED:
        raise RuleError("must be less than 100, because nothing comes above it", *at)
