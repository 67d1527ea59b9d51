from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from digest.errors import Problem
from digest.render import Renderer
from digest.render.loader import shipped_root

if TYPE_CHECKING:
    from pathlib import Path


def check(folder: Path, name: str, text: str) -> list[Problem]:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return Renderer(folder).check()


def test_our_own_templates_have_no_problems(tmp_path: Path) -> None:
    assert Renderer(None).check() == []
    shutil.copytree(shipped_root(), tmp_path / "copy")
    assert Renderer(tmp_path / "copy").check() == []


def test_a_good_user_template_has_no_problems(tmp_path: Path) -> None:
    assert check(tmp_path, "email/digest.subject.j2", "{{ app }}: {{ verdict | clip(40) }}") == []


@pytest.mark.parametrize(
    ("name", "text", "line", "message"),
    [
        pytest.param("email/digest.subject.j2", "a\n{% endif %}", 2, "unknown tag", id="syntax"),
        pytest.param("my/own.html.j2", "a\n{{ x y }}", 2, "expected token", id="unused file"),
        pytest.param("email/digest.txt.j2", "{{ nope }}", 1, "unknown value 'nope'", id="value"),
        pytest.param(
            "email/digest.txt.j2",
            "x\n{% if quiet and not quiet %}\n{{ nope }}{% endif %}",
            3,
            "unknown value 'nope'",
            id="value in a branch never taken",
        ),
        pytest.param(
            "email/digest.txt.j2", "\n{{ hero.colour }}", 2, "no attribute 'colour'", id="field"
        ),
        pytest.param(
            "email/digest.txt.j2",
            "{% for b in breakdowns %}{% if b.unavailable %}\n{{ b.why }}{% endif %}{% endfor %}",
            2,
            "no attribute 'why'",
            id="field in a branch of some reports",
        ),
        pytest.param(
            "email/digest.txt.j2",
            "x\n{% include 'email/gone.j2' %}",
            2,
            "no template 'email/gone.j2'",
            id="missing part",
        ),
        pytest.param(
            "email/digest.txt.j2",
            "{% include '../out.j2' %}",
            1,
            "a path inside the folder",
            id="part outside",
        ),
        pytest.param("email/digest.txt.j2", "{{ app | nope }}", 1, "No filter", id="filter"),
        pytest.param("email/digest.txt.j2", "{{ app|safe }}", 1, "No filter", id="unescaped"),
        pytest.param(
            "email/digest.txt.j2",
            "{% for x in range(99999) %}{% endfor %}",
            1,
            "more than",
            id="endless",
        ),
        pytest.param("slack/digest.json.j2", "{", None, "valid JSON", id="no json"),
        pytest.param(
            "slack/digest.json.j2", "[]", None, "'messages' is not a list", id="no messages"
        ),
        pytest.param(
            "slack/digest.json.j2",
            '{"messages": [{"text": "x", "blocks": [{"type": "banner"}]}]}',
            None,
            "type 'banner' is not one of",
            id="unknown block",
        ),
    ],
)
def test_problems_are_found_before_monday(
    tmp_path: Path, name: str, text: str, line: int | None, message: str
) -> None:
    problems = check(tmp_path, name, text)
    assert problems
    assert message in problems[0].message
    assert problems[0].source == str(tmp_path / name)
    assert problems[0].line == line


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "one.j2").write_text("{{ a b }}")
    (tmp_path / "two.j2").write_text("{{ one }}\n{{ two }}")
    problems = Renderer(tmp_path).check()
    assert [(p.source, p.line) for p in problems] == [
        (str(tmp_path / "one.j2"), 1),
        (str(tmp_path / "two.j2"), 1),
        (str(tmp_path / "two.j2"), 2),
    ]


def test_a_link_out_of_the_folder_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "templates" / "x.j2").symlink_to(tmp_path / "secret")
    problems = Renderer(tmp_path / "templates").check()
    assert len(problems) == 1
    assert "leads out of the template folder" in str(problems[0])


def test_a_missing_folder_is_a_problem(tmp_path: Path) -> None:
    problems = Renderer(tmp_path / "gone").check()
    assert problems == [
        Problem(source=str(tmp_path / "gone"), message="the template folder does not exist")
    ]
