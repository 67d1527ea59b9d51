"""The templates that ship with digest keep their own rules, and the docs know every value."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from digest.render.alert_view import notice_view
from digest.render.environment import SafeEnvironment
from digest.render.loader import FolderLoader, shipped_root
from digest.render.sample import samples
from digest.render.sample_alerts import sample_notices
from digest.render.view import view_of

ROOT = shipped_root()
TEMPLATES = sorted(file.relative_to(ROOT).as_posix() for file in ROOT.rglob("*.j2"))
DOCS = Path(__file__).parents[2] / "docs" / "templates.md"
PRINTED = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
MACRO_CALL = re.compile(r"(\w+\.)?[a-z_]+\(.*\)", re.DOTALL)


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_template_switches_escaping_off(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"\|\s*safe\b|autoescape|Markup", text)


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name.startswith("slack/")])
def test_slack_templates_print_json_only(name: str) -> None:
    for printed in PRINTED.findall((ROOT / name).read_text(encoding="utf-8")):
        expression = printed.strip()
        assert expression.endswith("tojson") or MACRO_CALL.fullmatch(expression)


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_stay_short(name: str) -> None:
    limit = 140 if ".css" in name else 80
    assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) <= limit


@pytest.mark.parametrize("name", [name for name in TEMPLATES if ".html." in name])
def test_html_templates_escape(name: str) -> None:
    escaping: object = SafeEnvironment(FolderLoader(None)).autoescape
    assert callable(escaping)
    assert escaping(name) is True
    assert escaping("email/digest.txt.j2") is False


def keys(value: Any) -> set[str]:
    match value:
        case dict():
            return set(value) | {key for inner in value.values() for key in keys(inner)}
        case list():
            return {key for inner in value for key in keys(inner)}
        case _:
            return set()


def test_the_docs_describe_every_value_that_a_template_sees() -> None:
    documented = set(re.findall(r"`([a-z_]+)`", DOCS.read_text(encoding="utf-8")))
    assert keys(view_of(*samples()[0])) <= documented
    for sample in sample_notices().values():
        assert keys(notice_view(*sample)) <= documented


def test_the_docs_name_every_template_and_filter() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for name in TEMPLATES:
        if not name.startswith("page/"):
            assert f"`{name}`" in text
    for name in SafeEnvironment(FolderLoader(None)).filters:
        assert name.startswith("_") or f"`{name}" in text


def test_what_templates_see_is_plain_data() -> None:
    def plain(value: object) -> bool:
        match value:
            case dict():
                return all(isinstance(k, str) and plain(v) for k, v in value.items())
            case list():
                return all(plain(inner) for inner in value)
            case _:
                return type(value) in {str, int, bool, type(None)}

    for report, pictures in samples():
        assert plain(view_of(report, pictures))
    for notice, pictures in sample_notices().values():
        assert plain(notice_view(notice, pictures))
