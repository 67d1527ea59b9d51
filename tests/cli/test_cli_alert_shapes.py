"""How `digest alerts` shows what came from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from digest.app import open_config
from digest.app.silencing import Standing
from digest.cli.alert_shapes import tell_noteworthy, tell_standings
from digest.core.alert_model import AlertState, Phase

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

CONFIG = {
    "apps": {"shop": {"app_id": "1", "api_key": "KEY_1"}},
    "channels": {"files": {"type": "folder", "path": "./out"}},
    "alerts": {
        "new": {
            "app": "shop",
            "schedule": "every day 09:00",
            "window": "day",
            "when": {"new_value": "sessions.country"},
            "to": {"files": ["alerts"]},
        }
    },
}


def test_a_name_from_the_data_neither_colours_the_terminal_nor_begins_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    alert = open_config(path, {}).alerts["new"]
    state = AlertState(phase=Phase.FIRING, bucket="2026-11-21", reason="new: \x1b[2J\nok: 0\x9b")
    found = [Standing(alert=alert, state=state, looked_at=None, silence=None, next_look=None)]

    tell_standings(found, as_json=False)
    tell_noteworthy(found)

    assert capsys.readouterr().out.splitlines() == [
        "new: firing",
        "  2026-11-21: new:  [2J ok: 0 ",
        "alert new firing: new:  [2J ok: 0 ",
    ]
