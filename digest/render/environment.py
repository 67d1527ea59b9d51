"""The Jinja environment: sandboxed, escaping, strict, and with an end to every loop.

Templates see plain data (strings, numbers, lists, dicts) and a short list of filters. They call
no methods of data, so nothing can be reached through it; loop turns, calls and what is written
count against a budget, so that the usual mistakes end at once and name their line. What a budget
can't count (a slow filter, a huge number) is ended by the limits of `child_process`.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from digest.render.clean import clip
from digest.render.slack_text import inert, mrkdwn
from digest.render.text_layout import columns, ljust, rjust, wrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jinja2 import BaseLoader
    from jinja2.runtime import Context

MAX_STEPS = 50_000
MAX_CHARACTERS = 4_000_000
_JINJA_FILTERS = (
    "capitalize default first groupby join last length list lower map reject rejectattr reverse"
    " round select selectattr sort string title trim unique upper"
)
_PLAIN = (str, bytes, int, float, complex, list, tuple, dict, set, frozenset, range)


@dataclass(slots=True)
class _Budget:
    """What one rendering may still do."""

    steps: int = MAX_STEPS
    characters: int = MAX_CHARACTERS

    def step(self, count: int = 1) -> None:
        self.steps -= count
        if self.steps < 0:
            raise SecurityError(f"more than {MAX_STEPS:,} loop turns and calls")

    def write(self, text: str) -> None:
        self.characters -= len(text)
        if self.characters < 0:
            raise SecurityError(f"more than {MAX_CHARACTERS:,} characters written")


_budget: ContextVar[_Budget] = ContextVar("_budget")


class SafeEnvironment(ImmutableSandboxedEnvironment):
    """Jinja's immutable sandbox, tightened as the module says."""

    intercepted_binops = frozenset({"*", "**", "+", "%"})

    def __init__(self, loader: BaseLoader | None = None) -> None:
        super().__init__(
            loader=loader,
            undefined=StrictUndefined,
            autoescape=_is_html,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self.filters = {name: FILTERS[name] for name in _JINJA_FILTERS.split()}
        self.filters |= {
            "clip": clip,
            "columns": columns,
            "inert": inert,
            "ljust": ljust,
            "mrkdwn": mrkdwn,
            "rjust": rjust,
            "tojson": _tojson,
            "wrap": wrap,
            "_counted": _counted,
            "_written": _written,
        }
        self.globals = {"range": _range}

    def write(self, name: str, values: Mapping[str, object]) -> str:
        """Render a template; Jinja's errors, and SecurityError when it goes over its budget."""
        template = self.get_template(name)
        token = _budget.set(_Budget())
        output = _Budget()
        pieces: list[str] = []
        try:
            for piece in template.generate(values):
                output.write(piece)
                pieces.append(piece)
        finally:
            _budget.reset(token)
        return "".join(pieces)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """No attributes of data: its keys are found all the same."""
        return not isinstance(obj, _PLAIN) and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """No special way for `str.format` either: it is a method of data like any other."""
        del value

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic of numbers, and `+` of strings or lists; no powers, no `%` formatting."""
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        joining = operator == "+" and isinstance(left, str | list)
        if joining or (numbers and operator != "**"):
            return _written(context, super().call_binop(context, operator, left, right))
        raise SecurityError(f"{operator!r} is for two numbers (and '+' for two strings)")

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a macro or a global, on the budget."""
        _budget.get().step()
        return super().call(context, obj, *args, **kwargs)

    def _generate(
        self,
        source: nodes.Template,
        name: str | None,
        filename: str | None,
        defer_init: bool = False,  # noqa: FBT001, FBT002 — Jinja's own signature
    ) -> str:
        """Jinja's hook before code is made: what loops and writes is put on the budget."""
        for tag in source.find_all(nodes.EvalContextModifier):
            raise TemplateSyntaxError("escaping cannot be switched off", tag.lineno, name, filename)
        return super()._generate(_Metered().visit(source), name, filename, defer_init)


class _Metered(NodeTransformer):
    """Sends every loop's items, every `~` and every `{{ value }}` through a counting filter."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 — Jinja's name
        self.generic_visit(node)
        node.iter = _filtered(node.iter, "_counted")
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 — Jinja's name
        self.generic_visit(node)
        return _filtered(node, "_written")

    def visit_Output(self, node: nodes.Output) -> nodes.Node:  # noqa: N802 — Jinja's name
        self.generic_visit(node)
        node.nodes = [
            part if isinstance(part, nodes.TemplateData) else _filtered(part, "_written")
            for part in node.nodes
        ]
        return node


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


# Filters that take the context are never worked out at compile time, so they count each time.
@pass_context
def _counted(_context: Context, items: Iterable[object]) -> list[object]:
    found = list(items)
    _budget.get().step(len(found))
    return found


@pass_context
def _written(_context: Context, value: Any) -> Any:
    if isinstance(value, str):
        _budget.get().write(value)
    return value


def _range(*args: int) -> range:
    found = range(*args)
    _budget.get().step(len(found))
    return found


def _tojson(value: object) -> str:
    """Plain JSON of plain values."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_refused)


def _refused(value: object) -> str:
    """An undefined value says its own name when it is used; anything else is no data."""
    if isinstance(value, Undefined):
        return str(value)
    raise TypeError(f"{value!r} cannot be written as JSON; is a macro named like a value?")


def _is_html(name: str | None) -> bool:
    return name is None or name.removesuffix(".j2").endswith((".html", ".htm", ".xml"))
