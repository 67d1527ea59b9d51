"""The types of the models' fields: how a value is checked, and the JSON Schema of writing it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, SecretStr

from digest.config import values
from digest.config.durations import parse_duration
from digest.config.lists import choice
from digest.config.recipients import routes

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum

JsonSchema: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)  # typing wants to hash it
class Reads:
    """A field's annotation: the function that reads it, and the schema of writing it.

    A schema that takes imports to make may be a function. `around` functions are also given
    pydantic's ValidationInfo. (Pydantic's own PlainValidator builds a schema of the result's type
    too, which nobody needs and every start would pay for.)
    """

    convert: Callable[..., Any]
    schema: JsonSchema | Callable[[], JsonSchema]
    around: bool = False

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> dict[str, Any]:
        kind = "with-info" if self.around else "no-info"
        return {"type": "function-plain", "function": {"type": kind, "function": self.convert}}

    def __get_pydantic_json_schema__(self, _schema: Any, _handler: Any) -> JsonSchema:
        return dict(self.schema() if callable(self.schema) else self.schema)


def one_of(members: type[StrEnum], what: str) -> Reads:
    """A choice among the members of an enum."""
    names = [member.value for member in members]
    return Reads(lambda value: choice(members, value, what), {"enum": names})


def one_or_many(item: JsonSchema) -> JsonSchema:
    """The schema of one item, or a list of different ones."""
    return {"anyOf": [item, {"type": "array", "items": item, "uniqueItems": True}]}


TEXT: JsonSchema = {"type": "string", "minLength": 1}
DURATION: JsonSchema = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^\s*[0-9]", "examples": ["90s", "15m", "2h", "3d"]},
    ]
}
ROUTES: JsonSchema = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {"anyOf": [one_or_many(TEXT), {"type": "null"}]},
    "examples": [{"mail": ["ana@example.com"], "slack": ["#growth"]}],
}
URL: JsonSchema = {"type": "string", "pattern": r"^(https?://|.*\$\{)"}
ZONE: JsonSchema = {**TEXT, "examples": ["Europe/Berlin", "UTC"]}

Name: TypeAlias = Annotated[str, AfterValidator(values.checked_name)]
Text: TypeAlias = Annotated[str, Reads(values.filled_text, TEXT)]
Identifier: TypeAlias = Annotated[str, Reads(values.identifier, {"type": ["string", "integer"]})]
Zone: TypeAlias = Annotated[str, Reads(values.zone, ZONE)]
LocaleName: TypeAlias = Annotated[str, Reads(values.locale, {**TEXT, "examples": ["en", "de_DE"]})]
Secret: TypeAlias = Annotated[SecretStr, Reads(values.secret, TEXT)]
Token: TypeAlias = Annotated[SecretStr, Reads(values.token, TEXT)]
StateUrl: TypeAlias = Annotated[
    SecretStr,
    Reads(
        values.state_url,
        {**TEXT, "pattern": r"^(sqlite:///|postgresql(\+[a-z0-9]+)?://|.*\$\{)"},
        around=True,
    ),
]
Host: TypeAlias = Annotated[str, Reads(values.host, TEXT)]
Url: TypeAlias = Annotated[str, Reads(values.url, URL)]
SecretUrl: TypeAlias = Annotated[SecretStr, Reads(values.secret_url, URL)]
MailboxText: TypeAlias = Annotated[str, Reads(values.mailbox, TEXT)]
ExistingFolder: TypeAlias = Annotated[Path, Reads(values.existing_folder, TEXT, around=True)]
ExistingFile: TypeAlias = Annotated[Path, Reads(values.existing_file, TEXT, around=True)]
TargetFolder: TypeAlias = Annotated[Path, Reads(values.target_folder, TEXT, around=True)]
Duration: TypeAlias = Annotated[timedelta, Reads(parse_duration, DURATION)]
Seconds: TypeAlias = Annotated[float, BeforeValidator(values.seconds)]
Days: TypeAlias = Annotated[
    tuple[date, ...],
    Reads(values.days, one_or_many({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"})),
]
Tags: TypeAlias = Annotated[
    tuple[str, ...], Reads(values.tags, one_or_many({"type": ["string", "number"]}))
]
Routes: TypeAlias = Annotated[dict[str, tuple[str, ...]], Reads(routes, ROUTES, around=True)]
