"""What all models have in common: frozen, closed, silent about what they were given."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, PrivateAttr, model_validator


class Strict(BaseModel):
    """A mapping with known keys only. A key without a value is as good as left out."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, data: Any) -> Any:
        if not isinstance(data, dict) or None not in data.values():
            return data
        needed = {
            field.alias or name for name, field in cls.model_fields.items() if field.is_required()
        }
        return {key: held for key, held in data.items() if held is not None or key in needed}


class Named(Strict):
    """A model that stands under a name of the user's choice."""

    _name: str = PrivateAttr(default="")

    @property
    def name(self) -> str:
        """The key it stands under."""
        return self._name

    def take_name(self, name: str) -> None:
        """Called once, by the config that holds it."""
        self._name = name
