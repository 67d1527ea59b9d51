"""Cases 13, 14 and 92 of the fault matrix: what fails while a digest is rendered costs its looks.

The limits themselves are tested in `tests/render/test_render_child.py`; here it is what becomes of
the digest. A chart is drawn in the process itself: memory that runs out is an error there.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from digest import pipeline
from digest.core.periods import parse_period
from digest.errors import TemplateError
from digest.render import ChildRenderer, Renderer
from digest.render.child_process import DEFAULT, Limits
from digest.render.templates import HTML, SLACK, TEXT
from digest.sandbox.flavour import Flavour
from digest.sandbox.server import PhaseSandbox
from tests.support.children import (
    HUNGRY,
    NESTED,
    SLOW,
    SUBJECT,
    WORDY,
    at_work,
    children,
    gone,
    put,
)
from tests.support.cli import SECRETS, Terminal, config_of, start, write_config
from tests.support.commands import CLOCK, NOW
from tests.support.recorded import recorded_rows
from tests.support.report_parts import MONDAY, World, silent, spec

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
RUN = ("run", "files-only", "--period", "2026-W47", "--now", NOW)
NOTE = "The template {} failed, so this is the built-in form."
FAULTS = [
    pytest.param(TEXT, "x\n{% include 'gone.j2' %}", ":2: there is no template", id="missing"),
    pytest.param(HTML, "\n{% if %}", ":2: Expected an expression", id="syntax"),
    pytest.param(SUBJECT, "{{ appp }}", ":1: unknown value 'appp'", id="undefined"),
    pytest.param(TEXT, NESTED, ":1: more than 50,000 loop turns", id="endless loop"),
    pytest.param(SLACK, WORDY, ": more than 4,000,000 characters", id="a gigabyte"),
]
FORMS = ("email.html", "email.txt", "slack.json", "report.json")


@pytest.fixture(scope="module")
def phase() -> Iterator[PhaseSandbox]:
    rows = recorded_rows()
    with PhaseSandbox(rows, api=Flavour.CURRENT, clock=lambda: CLOCK, rate_limit=0) as box:
        yield box


@pytest.fixture
def terminal(
    tmp_path: Path,
    phase: PhaseSandbox,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Terminal:
    """The command line in a folder whose config has templates of its own."""
    monkeypatch.chdir(tmp_path)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    write_config(tmp_path, config_of(phase.base_url, templates="./mine"))
    (tmp_path / "mine").mkdir()
    return Terminal(capsys)


def forms(folder: Path) -> dict[str, str]:
    """What the reader of the folder channel has."""
    return {name: next(folder.rglob(f"out/**/{name}")).read_text() for name in FORMS}


@pytest.mark.parametrize(("name", "text", "message"), FAULTS)
def test_case_92_a_template_that_fails_is_found_when_it_is_checked(
    terminal: Terminal, tmp_path: Path, name: str, text: str, message: str
) -> None:
    file = put(tmp_path / "mine", text, name)
    said = terminal("check")
    assert (said.code, said.out) == (78, "")
    (sentence,) = said.err.splitlines()
    assert f"{file}{message}" in sentence


@pytest.mark.parametrize(
    ("name", "text"), [pytest.param(*one.values[:2], id=one.id) for one in FAULTS]
)
def test_case_92_at_run_time_the_built_in_form_goes_out_and_says_so(
    terminal: Terminal, tmp_path: Path, name: str, text: str
) -> None:
    put(tmp_path / "mine", text, name)
    said = terminal(*RUN)
    assert (said.code, "Traceback" in said.err) == (0, False)
    assert NOTE.format(name) in said.err
    sent = forms(tmp_path)
    for form in FORMS:
        assert "failed, so this is the built-in form." in sent[form], form
        assert str(tmp_path) not in sent[form], "readers see no path"


def test_case_92_a_preview_fails_because_somebody_looks(terminal: Terminal, tmp_path: Path) -> None:
    file = put(tmp_path / "mine", "{{ appp }}")
    said = terminal("preview", *RUN[1:], "--out", "seen")
    assert (said.code, said.out) == (1, "")
    assert f"{file}:1: 'appp' is undefined" in said.err


def test_case_92_templates_that_work_are_used_and_nothing_is_said(
    terminal: Terminal, tmp_path: Path
) -> None:
    put(tmp_path / "mine", "{{ app }} has no words", TEXT)
    said = terminal(*RUN)
    assert (said.code, said.err) == (0, "")
    assert forms(tmp_path)["email.txt"] == "Acme Shop has no words\n"


def built(folder: Path, *, limits: Limits = DEFAULT, fallback: bool = True) -> pipeline.Built:
    return pipeline.build(
        pipeline.Job(spec=spec(), charts=(), to={"files": (".",)}),
        parse_period("2026-W47"),
        source=World(),
        renderer=ChildRenderer(folder, limits),
        fallback=Renderer(None) if fallback else None,
        now=MONDAY,
        progress=silent,
    )


@pytest.mark.parametrize(
    ("text", "limits", "message"),
    [
        pytest.param(SLOW, Limits(seconds=0.3), ":2: takes longer than 0.3 s", id="time"),
        pytest.param(HUNGRY, DEFAULT, ":1: takes too much memory", id="memory"),
    ],
)
def test_case_92_a_template_without_an_end_is_ended_and_the_operator_hears_of_it_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, limits: Limits, message: str
) -> None:
    file = put(tmp_path, text, HTML)
    with caplog.at_level(logging.WARNING):
        made = built(tmp_path, limits=limits)
    assert made.troubles == (
        f"monday-email has the built-in form, because a template failed: {file}{message}",
    )
    note = NOTE.format(HTML)
    assert made.report.notes[0].text == note
    assert json.loads(made.content.files["report.json"])["notes"][0] == note
    assert all(note in form for form in (made.content.email.html, made.content.email.text))
    assert [getattr(record, "action", "") for record in caplog.records] == ["template_failed"]
    assert children() == []


def test_case_92_without_a_form_to_fall_back_to_it_is_an_error(tmp_path: Path) -> None:
    put(tmp_path, "{{ appp }}")
    with pytest.raises(TemplateError, match="'appp' is undefined"):
        built(tmp_path, fallback=False)


def test_case_92_what_works_has_no_troubles(tmp_path: Path) -> None:
    put(tmp_path, "{{ app }}")
    made = built(tmp_path)
    assert (made.troubles, made.content.email.subject) == ((), "Acme Shop")


def test_case_14_a_renderer_that_crashes_takes_nothing_with_it(
    terminal: Terminal, tmp_path: Path
) -> None:
    put(tmp_path / "mine", SLOW, HTML)
    with start(*RUN, cwd=tmp_path) as running:
        child = at_work(running.pid)
        os.kill(child, signal.SIGSEGV)
        out, err = running.communicate(timeout=60)
        assert gone(child)
    assert (running.returncode, "sent" in out) == (0, True), err
    assert "failed, so this is the built-in form." in forms(tmp_path)["email.html"]
    assert terminal("deliveries", "--json").json[0]["state"] == "sent"


# A real limit on memory: numpy, matplotlib and Pillow meet it as they would on a small machine.
STARVED = """
import json, logging, resource, sys
from digest import charts
from digest.render import Renderer
from digest.render.sample import samples
from tests.support.chart_parts import bars, line

assert charts.draw([line()])[0].png  # all is loaded before memory gets short
free = resource.getrlimit(resource.RLIMIT_AS)
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
hoard = []
resource.setrlimit(resource.RLIMIT_AS, (size, free[1]))
try:
    while True:
        hoard.append(bytes(100_000))
except MemoryError:
    pass
starved = charts.draw([line(), bars()])
resource.setrlimit(resource.RLIMIT_AS, free)
hoard.clear()
again = charts.draw([line()])
report, _ = samples()[0]
content = Renderer(None).content(report, starved)
json.dump({
    "starved": [type(one).__name__ for one in starved],
    "again": [type(one).__name__ for one in again],
    "html": content.email.html, "text": content.email.text,
    "slack": json.dumps([one.blocks for one in content.slack.messages]),
}, sys.stdout)
"""


def test_case_13_memory_that_runs_out_while_a_chart_is_drawn_costs_the_chart_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARVED],
        env={"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["starved"] == ["NoChart", "NoChart"]
    assert found["again"] == ["Picture"], "the next digest has its charts"
    assert done.stderr.count("chart not drawn") == 2
    for form in ("html", "text", "slack"):
        assert "the chart can" in found[form], form
