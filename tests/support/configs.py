"""Configs for tests: a small one that is right, and what the loader says about a text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from digest.config.loader import load_text
from digest.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.config.models import Config

ENV = {
    "PHASE_SHOP_KEY": "phase_public_k3y",
    "SMTP_PASSWORD": "correct horse",
    "SLACK_BOT_TOKEN": "xoxb-1-2-three",
}
HERE = Path(__file__).parent

SMALL = """\
timezone: Europe/Berlin
apps:
  shop: {app_id: "482913750261048", api_key: "${PHASE_SHOP_KEY}"}
channels:
  mail: {type: smtp, host: smtp.example.com, from: digest@example.com}
  slack: {type: slack, token: "${SLACK_BOT_TOKEN}"}
  files: {type: folder, path: out}
digests:
  weekly: {app: shop, period: week, schedule: mon 08:00, to: {mail: ana@example.com}}
"""


def config_of(text: str, env: Mapping[str, str] = ENV, base_dir: Path = HERE) -> Config:
    """The config of a text that is right."""
    return load_text(text, "config.yaml", env, base_dir)


def changed(old: str, new: str, text: str = SMALL) -> str:
    """The small config with one piece replaced; the piece must be there."""
    assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
    return text.replace(old, new)


def problems_of(text: str, env: Mapping[str, str] = ENV, base_dir: Path = HERE) -> list[str]:
    """What the loader complains of, a line each; empty when it is right."""
    try:
        load_text(text, "config.yaml", env, base_dir)
    except ConfigError as error:
        return str(error).split("\n")
    return []
