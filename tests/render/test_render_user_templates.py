from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from digest.errors import TemplateError
from digest.render import Renderer
from digest.render.environment import MAX_CHARACTERS, MAX_STEPS
from digest.render.loader import MAX_BYTES
from digest.render.templates import Templates
from tests.support.rendered import named, week

if TYPE_CHECKING:
    from pathlib import Path

SUBJECT = "email/digest.subject.j2"


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_one_file_of_the_user_replaces_one_of_ours(tmp_path: Path) -> None:
    write(tmp_path, SUBJECT, "[{{ job }}] {{ headline }}\n")
    email = Renderer(tmp_path).email(*week())
    assert email.subject == "[monday-email] sessions +12.3 % to 2,784"
    assert email.html == Renderer(None).email(*week()).html


def test_an_edited_template_counts_from_the_next_renderer_on(tmp_path: Path) -> None:
    for words in ("as it was", "as it is now"):
        write(tmp_path, SUBJECT, words)
        assert Renderer(tmp_path).email(*week()).subject == words


def test_a_partial_of_the_user_is_used_by_our_templates(tmp_path: Path) -> None:
    write(tmp_path, "email/parts/footer.html.j2", "<p>Legal notice</p>")
    email = Renderer(tmp_path).email(*week())
    assert "Legal notice" in email.html
    assert "you are on the list" not in email.html


def test_a_user_template_extends_ours_of_the_same_name(tmp_path: Path) -> None:
    write(
        tmp_path,
        "email/digest.html.j2",
        '{% extends "shipped/email/digest.html.j2" %}'
        "{% block notes %}<p>For {{ app }} only</p>{% endblock %}",
    )
    html = Renderer(tmp_path).email(*week()).html
    assert "For Acme Shop only" in html
    assert "Top events" in html


def test_values_in_a_user_template_are_escaped(tmp_path: Path) -> None:
    write(tmp_path, "email/parts/footer.html.j2", "<p>{{ app }}</p>")
    assert "&lt;b&gt;hi</p>" in Renderer(tmp_path).email(*named("<b>hi")).html


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        pytest.param("a\n{% if %}", 2, "Expected an expression", id="syntax"),
        pytest.param("a\n\n{{ nothing }}", 3, "'nothing' is undefined", id="unknown value"),
        pytest.param("{{ period.colour }}", 1, "has no attribute 'colour'", id="unknown field"),
        pytest.param("\n{{ app | shout }}", 2, "No filter named 'shout'", id="unknown filter"),
        pytest.param("{{ 1 / 0 }}", 1, "ZeroDivisionError", id="division"),
        pytest.param("x\n{% include 'gone.j2' %}", 2, "there is no template 'gone.j2'", id="gone"),
        pytest.param("{{ metrics.0.value.upper() }}", 1, "unsafe", id="method of data"),
        pytest.param("{{ nothing | tojson }}", 1, "'nothing' is undefined", id="no json of it"),
        pytest.param(
            "{% macro app() %}x{% endmacro %}{{ app | tojson }}", 1, "macro named like", id="macro"
        ),
        pytest.param("{{ app | safe }}", 1, "No filter named 'safe'", id="safe"),
        pytest.param(
            "\n{% autoescape false %}x{% endautoescape %}", 2, "escaping cannot", id="autoescape"
        ),
    ],
)
def test_a_broken_template_names_its_file_and_line(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    file = write(tmp_path, SUBJECT, text)
    with pytest.raises(TemplateError, match=message) as caught:
        Renderer(tmp_path).email(*week())
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert "\n" not in str(caught.value)


def test_a_fault_in_a_partial_names_the_partial(tmp_path: Path) -> None:
    file = write(tmp_path, "email/parts/footer.html.j2", "<p>\n{{ wrong }}")
    with pytest.raises(TemplateError) as caught:
        Renderer(tmp_path).email(*week())
    assert str(caught.value).startswith(f"{file}:2: ")


ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ ''|attr('__class__') }}",
    "{{ [].__class__.__base__ }}",
    "{{ {}.__class__ }}",
    "{{ ().__class__.__bases__[0].__subclasses__()[40] }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context.environment }}",
    "{{ request.application.__globals__ }}",
    "{{ config.items() }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ lipsum(10000) }}",
    "{{ url_for.__globals__ }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ range.__class__ }}",
    "{{ app.__class__ }}",
    "{{ app.__init__ }}",
    "{{ app.format }}{{ app.format() }}",
    "{{ '{0.__class__}'.format(app) }}",
    "{{ '{x.__class__}'.format_map({'x': app}) }}",
    "{{ '%s' % app }}",
    "{{ '%(a)s' % {'a': app} }}",
    "{{ app.encode().decode() }}",
    "{{ metrics.append(1) }}",
    "{{ metrics.clear() }}",
    "{{ period.update({'text': 'x'}) }}",
    "{{ period.pop('text') }}",
    "{{ period.__dict__ }}",
    "{{ metrics|map(attribute='__class__')|first }}",
    "{{ metrics|map(attribute='title.__class__')|join }}",
    "{{ metrics|selectattr('title.__class__')|list }}",
    "{{ metrics|groupby('__class__') }}",
    "{{ metrics|sort(attribute='__class__') }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "{% set x = ''.__class__ %}{{ x }}",
    "{% macro m() %}{{ caller.__globals__ }}{% endmacro %}{{ m() }}",
    "{% macro m() %}x{% endmacro %}{{ m.__globals__ }}",
    "{% macro m() %}x{% endmacro %}{{ m._func.__globals__ }}",
    "{% include '/etc/passwd' %}",
    "{% include '../../../../etc/passwd' %}",
    "{% import 'os' as os %}{{ os.popen('id') }}",
    "{{ ''.join(['a', 'b']) }}",
    "{{ __import__('os') }}",
    "{{ open('/etc/passwd').read() }}",
    "{{ (1).__class__ }}",
    "{{ loop.__class__ }}",
    "{% for x in [1] %}{{ loop._iterator.__class__ }}{% endfor %}",
    "{% for x in [1] %}{{ loop.__init__.__globals__ }}{% endfor %}",
]


@pytest.mark.parametrize("text", ESCAPES)
def test_a_template_gets_out_of_the_sandbox_by_none_of_the_known_ways(
    tmp_path: Path, text: str
) -> None:
    write(tmp_path, SUBJECT, text)
    try:
        subject = Renderer(tmp_path).email(*week()).subject
    except TemplateError:
        return
    pytest.fail(f"wrote {subject!r}")


ENDLESS = [
    "{% for x in range(10 ** 9) %}x{% endfor %}",
    "{% for x in range(1000000000) %}x{% endfor %}",
    "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
    "{% set l = range(500) %}" + "{% for a in l %}" * 3 + "{% endfor %}" * 3,
    "{% set l = [1,2,3,4,5,6,7,8,9] %}" + "{% for _ in l %}" * 8 + "{% endfor %}" * 8,
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "{% include 'email/digest.subject.j2' %}",
    "{{ 'x' * 10 ** 9 }}",
    "{{ [0] * 1000000000 }}",
    "{{ 9 ** 9 ** 9 ** 9 }}",
    "{{ '%01000000000d' % 1 }}",
    "{% set x = 'xxxxxxxxxx' %}" + "{% set x = x ~ x %}" * 40 + "{{ x }}",
    "{% set x = 'xxxxxxxxxx' %}" + "{% set x = x + x %}" * 40 + "{{ x }}",
    "{% set x = 'xxxxxxxxxx' %}" + "{% set x %}{{ x }}{{ x }}{% endset %}" * 40 + "{{ x }}",
    "{% for x in range(40000) %}" + "y" * 1000 + "{% endfor %}",
]


@pytest.mark.parametrize("text", ENDLESS, ids=range(len(ENDLESS)))
def test_no_template_runs_for_ever_or_fills_the_memory(tmp_path: Path, text: str) -> None:
    file = write(tmp_path, "email/digest.subject.j2", text)
    with pytest.raises(TemplateError) as caught:
        Templates(tmp_path).render(SUBJECT, {})
    assert str(caught.value).startswith(str(file))


def test_padding_has_an_end(tmp_path: Path) -> None:
    write(tmp_path, SUBJECT, "{{ ('x' | rjust(1000000000)) | length }}")
    assert Templates(tmp_path).render(SUBJECT, {}) == "200"


def test_the_budget_leaves_room_for_every_template_of_ours() -> None:
    html = Renderer(None).email(*named("x" * 80)).html
    assert len(html) * 10 < MAX_CHARACTERS
    assert MAX_STEPS >= 10_000


@pytest.mark.parametrize(
    "name",
    [
        "../secret.j2",
        "/etc/passwd",
        "email/../../secret.j2",
        "a\\..\\b.j2",
        "",
        "a//b.j2",
        "./a.j2",
    ],
)
def test_no_name_leads_out_of_the_template_folder(tmp_path: Path, name: str) -> None:
    root = tmp_path / "templates"
    root.mkdir()
    (tmp_path / "secret.j2").write_text("secret")
    with pytest.raises(TemplateError, match="a template's name is a path inside the folder"):
        Templates(root).render(name, {})


def test_a_link_out_of_the_template_folder_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "templates"
    (root / "email").mkdir(parents=True)
    secret = write(tmp_path, "secret", "secret")
    (root / SUBJECT).symlink_to(secret)
    with pytest.raises(TemplateError, match="leads out of the template folder"):
        Renderer(root).email(*week())


def test_a_linked_folder_out_of_the_template_folder_is_refused(tmp_path: Path) -> None:
    root, other = tmp_path / "templates", tmp_path / "other"
    root.mkdir()
    write(other, "digest.subject.j2", "secret")
    (root / "email").symlink_to(other)
    with pytest.raises(TemplateError, match="leads out of the template folder"):
        Renderer(root).email(*week())


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    write(tmp_path / "real", SUBJECT, "linked {{ app }}")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert Renderer(tmp_path / "link").email(*week()).subject == "linked Acme Shop"


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\xff\xfe\x00", "not UTF-8"), (b"x" * (MAX_BYTES + 1), "that is no template")],
)
def test_a_file_that_is_no_template_is_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    file = write(tmp_path, SUBJECT, "")
    file.write_bytes(content)
    with pytest.raises(TemplateError, match=message):
        Renderer(tmp_path).email(*week())


def test_a_missing_template_folder_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="the template folder does not exist"):
        Renderer(tmp_path / "gone").email(*week())


def test_an_empty_subject_is_refused(tmp_path: Path) -> None:
    write(tmp_path, SUBJECT, "  {# nothing #}\n")
    with pytest.raises(TemplateError, match="the subject is empty"):
        Renderer(tmp_path).email(*week())


def test_a_subject_of_several_lines_becomes_one(tmp_path: Path) -> None:
    write(tmp_path, SUBJECT, "{{ app }}\nBcc: x\n")
    assert Renderer(tmp_path).email(*week()).subject == "Acme Shop Bcc: x"
