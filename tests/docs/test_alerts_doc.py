"""docs/alerts.md names everything that there is, and its example works."""

from __future__ import annotations

import re
from pathlib import Path

from digest.config.alerts import Alert
from digest.config.loader import load_text
from digest.core.alert_model import Missing, Phase, Severity
from digest.core.rules import kinds
from tests.docs.test_readme import README, SECRETS

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")


def rows(heading: str) -> set[str]:
    """The words in code in the first column of the table under a heading."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}


def test_every_key_of_an_alert_is_in_the_table_and_no_other() -> None:
    keys = {field.alias or name for name, field in Alert.model_fields.items()} - {"name"}

    assert rows("Every key") == keys


def test_every_state_is_explained() -> None:
    assert rows("States") == set(Phase)


def test_every_kind_of_rule_has_an_example() -> None:
    shown = " ".join(rows("What can be watched"))

    assert [mark for kind in kinds() for mark in kind.marks if mark not in shown] == []


def test_every_word_for_severity_and_missing_data_is_named() -> None:
    assert [word for word in (*Severity, *Missing) if f"`{word}`" not in PAGE] == []


def test_the_example_loads_beside_the_readme_s_config(tmp_path: Path) -> None:
    (config,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    text = config.partition("alerts:\n")[0] + example

    found = load_text(text, "alerts.md", SECRETS, tmp_path)

    assert list(found.alerts) == ["bounce-rate-spike"]
