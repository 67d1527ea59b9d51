"""The JSON Schema, the example and the reference say the same as the loader."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from digest.config.loader import load, starter
from digest.config.remarks import inactive_keys, warnings
from digest.config.schema import json_schema
from digest.config.tree import TreeReader
from digest.core.metrics import Dimension, Metric
from tests.support.configs import ENV, SMALL, changed, config_of

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
SCHEMA = json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def errors(text: str) -> list[str]:
    return [error.json_path for error in VALIDATOR.iter_errors(yaml.safe_load(text))]


def properties(node: Any, path: str = "") -> dict[str, Any]:
    """Every property of the schema by its path, references followed once."""
    found: dict[str, Any] = {}
    for name, held in node.get("properties", {}).items():
        found[f"{path}.{name}"] = held
        found |= properties(held, f"{path}.{name}")
    for name, held in node.get("$defs", {}).items():
        found |= properties(held, f"{path}.{name}")
    return found


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_key_is_described_for_editors() -> None:
    nameless = {".at", ".timezone", ".above", ".below", ".trailing"}
    silent = [
        path
        for path, held in properties(SCHEMA).items()
        if "description" not in held and not any(path.endswith(name) for name in nameless)
    ]
    assert silent == []


def test_every_mapping_with_known_keys_is_closed() -> None:
    open_ones = [
        name
        for name, model in SCHEMA["$defs"].items()
        if model["additionalProperties"] is not False
    ]
    assert open_ones == []
    assert SCHEMA["additionalProperties"] is False


def as_written(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: as_written(held) for key, held in node.items()}
    return [as_written(held) for held in node] if isinstance(node, list) else str(node)


def test_the_example_fits_the_schema_and_means_the_same_in_any_yaml() -> None:
    assert errors(starter()) == []
    assert as_written(yaml.safe_load(starter())) == TreeReader(starter()).read()


def test_the_example_loads_without_a_word(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(starter(), encoding="utf-8")
    config = load(path, ENV)
    assert list(config.digests) == ["monday-email", "daily-slack"]
    assert warnings(config) == []
    assert inactive_keys(config) == []


def test_the_example_s_suggestions_are_right_too() -> None:
    text = re.sub(r"^(\s*)# (\s*)(?=(\S+: |\S+:$))", r"\1\2", starter(), flags=re.MULTILINE)
    text = text.replace("previous  # what", "previous # what")
    assert "\nalerts:\n  bounce-rate-spike:\n" in text
    assert "    metrics: [sessions" in text
    config = config_of(text)
    assert config.alerts["bounce-rate-spike"].min_sessions == 30
    assert list(config.alerts) == [
        "bounce-rate-spike", "sessions-fell", "odd-day", "silence-in-the-data", "new-country",
        "ios-share",
    ]  # fmt: skip
    assert config.digests["monday-email"].title == "Our week"
    assert errors(text) == []


@pytest.mark.parametrize(
    "line",
    [
        'schedule: "0 8 * * 1"', "schedule: {at: mon 08:00, timezone: Asia/Tokyo}", "settle: 7200",
        "settle: 2h", 'settle: "${SETTLE}"', "enabled: false", 'enabled: "${ON}"',
        "metrics: sessions", "metrics: [sessions, events]", "charts: [sessions, events.eventName]",
        "baseline: year", "baseline: {trailing: 4}", "skip_dates: ['2026-12-25']", "tags: [a, 1]",
        "breakdowns: []", "title: ", "to: {mail: a@b.com, files: }",
    ],
)  # fmt: skip
def test_the_schema_takes_what_the_loader_takes(line: str) -> None:
    usual = ["app: shop", "period: week", "schedule: mon 08:00", "to: {mail: a@b.com}"]
    key = line.partition(":")[0]
    lines = [line, *(each for each in usual if not each.startswith(f"{key}:"))]
    head = SMALL.partition("  weekly:")[0]
    text = "\n    ".join([f"{head}  weekly:", *lines])

    assert "weekly" in config_of(text, {**ENV, "SETTLE": "3h", "ON": "no"}).digests
    assert errors(text) == []


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (SMALL + "digest: {}\n", "$"),
        (changed("period: week", "period: weekly"), "$.digests.weekly.period"),
        (changed("period: week, ", ""), "$.digests.weekly"),
        (changed("type: folder", "type: teams"), "$.channels.files"),
        (changed("host: smtp.example.com, ", ""), "$.channels.mail"),
        (changed("{app_id:", "{titel: x, app_id:"), "$.apps.shop"),
        (changed("{app_id:", "{base_url: ftp://x, app_id:"), "$.apps.shop.base_url"),
        (changed("  shop:", "  my shop:"), "$.apps"),
        (SMALL + "limits: {tries: 0}\n", "$.limits.tries"),
        (SMALL + "limits: {connect: soon}\n", "$.limits.connect"),
        (SMALL + "limits: {max_body: much}\n", "$.limits.max_body"),
        (changed("schedule: mon 08:00", "schedule: {at: x, zone: y}"), "$.digests.weekly.schedule"),
        (changed("schedule: mon 08:00", "settle: ever, schedule: x"), "$.digests.weekly.settle"),
    ],
)
def test_the_schema_refuses_what_is_wrong(text: str, where: str) -> None:
    assert errors(text) == [where]


def test_the_reference_names_every_key_metric_and_breakdown() -> None:
    keys = {path.rpartition(".")[2] for path in properties(SCHEMA)}
    names = keys | set(Metric) | set(Dimension)
    missing = {name for name in names if not re.search(rf"[`{{ ]{re.escape(name)}[`:]", REFERENCE)}
    assert missing == set()


def test_the_reference_names_no_key_that_is_not_there() -> None:
    keys = {path.rpartition(".")[2] for path in properties(SCHEMA)}
    rows = re.findall(r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \|", REFERENCE, flags=re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    assert named
    assert named <= keys


def test_the_reference_s_config_loads() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", REFERENCE, flags=re.DOTALL)
    assert blocks
    for block in blocks:
        assert config_of(block).digests
        assert errors(block) == []
