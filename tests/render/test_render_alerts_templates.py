"""Users' templates for alerts: theirs where they have some, ours otherwise, checked beforehand."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from digest.errors import TemplateError
from digest.render import ChildRenderer, Renderer
from digest.render.child_process import Limits
from digest.render.loader import shipped_root
from digest.render.sample_alerts import sample_notices
from digest.render.templates import Kind
from tests.support.children import NESTED, children, put
from tests.support.rendered import week

if TYPE_CHECKING:
    from pathlib import Path

ALERT = Kind.ALERT
FIRING = sample_notices()["firing"]
ROOMY = Limits(memory=96 * 1024 * 1024)


@pytest.mark.parametrize("case", ["group", "long names"])
def test_a_child_renders_what_this_process_would(tmp_path: Path, case: str) -> None:
    put(tmp_path, "{{ state.word }}: {{ app }}", ALERT.subject)
    notice, pictures = sample_notices()[case]
    files = {"report.json": b"{}"}
    made = ChildRenderer(tmp_path).notice(notice, pictures, files)
    assert made == Renderer(tmp_path).notice(notice, pictures, files)
    assert made.email.subject.endswith("Acme Shop")


def test_a_template_without_an_end_is_ended_and_named(tmp_path: Path) -> None:
    file = put(tmp_path, NESTED, ALERT.html)
    with pytest.raises(TemplateError) as caught:
        ChildRenderer(tmp_path, ROOMY).notice(*FIRING)
    assert str(caught.value).startswith(f"{file}:1: more than 50,000 loop turns")
    assert caught.value.template == ALERT.html
    assert children() == []


def test_a_folder_with_templates_for_digests_alone_has_our_alerts(tmp_path: Path) -> None:
    for name in Kind.DIGEST.entries:
        put(tmp_path, '{"messages": [{"text": "mine", "blocks": []}]}', name)
    assert Renderer(tmp_path).notice(*FIRING) == Renderer(None).notice(*FIRING)


def test_templates_for_alerts_leave_digests_alone(tmp_path: Path) -> None:
    for name in ALERT.entries:
        put(tmp_path, '{"messages": [{"text": "mine", "blocks": []}]}', name)
    assert Renderer(tmp_path).content(*week()) == Renderer(None).content(*week())
    made = Renderer(tmp_path).notice(*FIRING)
    assert made.slack.messages[0].text == "mine"
    assert "mine" in made.email.text


def test_a_frame_that_was_made_for_digests_fits_alerts(tmp_path: Path) -> None:
    frame = (
        "<html><head><title>{{ app }} · {{ period.text }}</title></head>"
        "<body><p>{{ verdict }}</p>{% block content %}{% endblock %}"
        "{% block footer %}{% endblock %}</body></html>"
    )
    put(tmp_path, frame, "email/base.html.j2")
    html = Renderer(tmp_path).notice(*FIRING).email.html
    assert "<title>Acme Shop · Sat, Nov 21, 2026</title>" in html
    assert "What moved with it" in html
    assert Renderer(tmp_path).check() == []


def test_a_template_can_build_on_ours(tmp_path: Path) -> None:
    put(
        tmp_path,
        '{% extends "shipped/email/alert.html.j2" %}{% block notes %}<p>Ask Ana.</p>{% endblock %}',
        ALERT.html,
    )
    html = Renderer(tmp_path).notice(*FIRING).email.html
    assert "Ask Ana." in html
    assert "What moved with it" in html
    assert "Nov 21 was looked at again" not in html


def test_our_own_templates_have_no_problems(tmp_path: Path) -> None:
    shutil.copytree(shipped_root(), tmp_path / "copy")
    assert Renderer(tmp_path / "copy").check() == []


@pytest.mark.parametrize(
    ("name", "text", "line", "message"),
    [
        pytest.param(ALERT.subject, "a\n{% endif %}", 2, "unknown tag", id="syntax"),
        pytest.param(ALERT.text, "{{ hero.value }}", 1, "unknown value 'hero'", id="a digest's"),
        pytest.param(
            Kind.DIGEST.text, "\n{{ silence }}", 2, "unknown value 'silence'", id="an alert's"
        ),
        pytest.param(
            ALERT.text,
            "{% for a in alerts if a.state.name == 'held' %}\n{{ a.why }}{% endfor %}",
            2,
            "no attribute 'why'",
            id="field of a state that is rare",
        ),
        pytest.param(
            ALERT.html,
            "{% if more %}\n{{ (more | first).name }}{% endif %}",
            2,
            "no attribute 'name'",
            id="field of many alerts only",
        ),
        pytest.param(ALERT.slack, "{", None, "valid JSON", id="no json"),
        pytest.param(
            ALERT.slack,
            '{"messages": [{"text": "x", "blocks": [{"type": "image", "picture": "alert-bounce",'
            ' "alt_text": "x"}]}]}',
            None,
            "there is no picture 'alert-bounce'",
            id="a picture that most messages lack",
        ),
    ],
)
def test_a_broken_template_is_found_before_an_alert_needs_it(
    tmp_path: Path, name: str, text: str, line: int | None, message: str
) -> None:
    file = put(tmp_path, text, name)
    found = Renderer(tmp_path).check()
    assert found
    assert message in found[0].message
    assert (found[0].source, found[0].line) == (str(file), line)


def test_a_child_finds_the_problems_that_this_process_would(tmp_path: Path) -> None:
    put(tmp_path, "{{ alerts.nope }}", ALERT.text)
    found = ChildRenderer(tmp_path).check()
    assert found == Renderer(tmp_path).check()
    assert len(found) == 1


def test_a_part_may_use_the_values_of_either(tmp_path: Path) -> None:
    part = "{% if hero is defined and hero %}{{ hero.value }}{% endif %}{{ about }}"
    put(tmp_path, part, "email/parts/footer.html.j2")
    put(tmp_path, "{{ silence }}", "email/parts/own.html.j2")
    assert Renderer(tmp_path).check() == []
