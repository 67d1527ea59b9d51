"""Kinds of alert rules. Every module in this folder that has a `KIND` is one.

There is no table to edit: a new file here is a new kind of rule, with its keys in the config, its
part of the JSON Schema and its own idea of what is fair to judge. The other modules here are what
rules are made of.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from digest.core.rules.writing import Kind

_FIRST = ("threshold", "change", "deviates", "share")  # the order in which people are told of them


@cache
def kinds() -> tuple[Kind[Any, Any], ...]:
    """Every kind of rule there is; imports them."""
    names = sorted(
        (module.name for module in pkgutil.iter_modules(__path__)),
        key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name),
    )
    modules = (importlib.import_module(f"{__name__}.{name}") for name in names)
    return tuple(
        cast("Kind[Any, Any]", module.KIND) for module in modules if hasattr(module, "KIND")
    )
