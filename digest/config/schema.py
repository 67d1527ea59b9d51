"""The JSON Schema of the config, for editors: what may be written, not what becomes of it."""

from __future__ import annotations

from typing import Any, Final

from digest.config.models import Config

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_REFERENCE: Final = {"type": "string", "pattern": r"\$\{", "description": "A ${…} reference."}
_NOT_TEXT: Final = frozenset({"integer", "number", "boolean"})
_MAPS: Final = ("properties", "$defs", "patternProperties")
_LISTS: Final = ("anyOf", "oneOf", "allOf")
_DURATIONS: Final = ("connect", "read", "try", "call")
_NAMES: Final = {"pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"}


def json_schema() -> dict[str, Any]:
    """A JSON Schema (draft 2020-12) with a description of every key.

    Numbers and switches may also be `${…}` references. References to other parts of the file
    (apps, channels) are checked by `digest check` only.
    """
    schema: dict[str, Any] = _opened(Config.model_json_schema(by_alias=True))
    for name in ("apps", "channels", "digests", "alerts"):
        schema["properties"][name]["propertyNames"] = _NAMES
    limits = schema["$defs"]["Limits"]["properties"]
    for name in _DURATIONS:
        limits[name]["anyOf"].append({"type": "string", "pattern": r"^\s*[0-9].*[a-z]\s*$"})
    return {"$schema": DIALECT, "title": "digest", **schema}


def _opened(node: Any) -> Any:
    """The schema without pydantic's extras, and open for references where it is not text."""
    if isinstance(node, list):
        return [_opened(item) for item in node]
    if not isinstance(node, dict):
        return node
    opened: dict[str, Any] = {}
    for key, held in node.items():
        if key in _MAPS:
            opened[key] = {name: _opened(inner) for name, inner in held.items()}
        elif key in {"title", "discriminator"} or (
            key == "default" and not (held or held is False)
        ):
            continue  # not JSON Schema's, or of no use to a reader
        else:
            opened[key] = held if key in {"default", "examples", "enum"} else _opened(held)
    return _with_reference(opened)


def _with_reference(node: dict[str, Any]) -> dict[str, Any]:
    kind = node.get("type")
    if not ("enum" in node or (isinstance(kind, str) and kind in _NOT_TEXT)):
        return node
    outer: dict[str, Any] = {
        key: node.pop(key) for key in ("description", "default") if key in node
    }
    return {**outer, "anyOf": [node, _REFERENCE]}
