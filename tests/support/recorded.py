"""The recorded Phase server: its rows, its keys and what it answered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digest.sandbox.rows import Rows, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(__file__).parents[1] / "data" / "phase"
ROWS = DATA / "rows"
RECORDINGS = DATA / "recordings"

SHOP = "482913750261048"
EMPTY = "907361528440135"
ODD = "615240983377216"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One recorded request and its answer. `body` is empty text where there was none."""

    name: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    status: int
    body: Any
    answer_headers: dict[str, str]


@cache
def recorded_rows() -> Rows:
    """The rows that the recorded servers had loaded."""
    return read_rows(ROWS)


def exchanges(name: str) -> Iterator[Exchange]:
    """The recordings `current`, `april`, `outages` or `variants`; keys are bare names."""
    for line in (RECORDINGS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        found = json.loads(line)
        request, response = found["request"], found["response"]
        yield Exchange(
            name=found["name"],
            method=request["method"],
            path=request["path"],
            query=request["raw_query"],
            headers={
                key: value.replace("<TOKEN", "TOKEN").replace(">", "")
                for key, value in request["headers"].items()
            },
            status=response["status"],
            body=response["body"],
            answer_headers=response["headers"],
        )
