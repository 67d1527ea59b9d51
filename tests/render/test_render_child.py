"""Users' templates in a process of their own: the same words, and an end to everything."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from digest.errors import TemplateError
from digest.render import ChildRenderer, Renderer
from digest.render.child_process import Limits
from digest.render.sample import samples
from digest.render.templates import HTML, SLACK, TEXT
from tests.support.children import (
    HUNGRY,
    NESTED,
    SLOW,
    STUCK,
    WORDY,
    at_work,
    children,
    gone,
    put,
)
from tests.support.rendered import HOSTILE_NAMES, named, week

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
MIB = 1024 * 1024
ROOMY = Limits(memory=96 * MIB)
SHORT = Limits(seconds=0.3, grace=1.2)
"""From the start of the process, which takes a moment too, to its end by force: 1.5 s."""


def failure(folder: Path, limits: Limits = ROOMY) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        ChildRenderer(folder, limits).content(*week())
    return caught.value


@contextmanager
def rendering(folder: Path) -> Iterator[tuple[int, list[TemplateError]]]:
    """A child that is at work on a slow template, and the error that comes of it in the end."""
    errors: list[TemplateError] = []

    def work() -> None:
        try:
            ChildRenderer(folder).content(*week())
        except TemplateError as error:
            errors.append(error)

    put(folder, SLOW, HTML)
    thread = threading.Thread(target=work)
    thread.start()
    child = at_work()
    time.sleep(0.1)  # until it has turned to the template
    try:
        yield child, errors
    finally:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        thread.join()


# The same words ----------------------------------------------------------------------------------


def test_a_child_renders_what_this_process_would(tmp_path: Path) -> None:
    put(tmp_path, "{{ app }}: {{ verdict }}")
    odd = "".join(name[:9] for name in HOSTILE_NAMES.values())
    for report, pictures in (samples()[-1], named(odd)):
        files = {"report.json": b"{}"}
        made = ChildRenderer(tmp_path).content(report, pictures, files)
        assert made == Renderer(tmp_path).content(report, pictures, files)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("own/two.j2", "{{ one }}\n{{ two }}"),
        (TEXT, NESTED),
    ],
)
def test_a_child_finds_the_problems_that_this_process_would(
    tmp_path: Path, name: str, text: str
) -> None:
    put(tmp_path, text, name)
    assert ChildRenderer(tmp_path).check() == Renderer(tmp_path).check()


def test_a_missing_folder_is_a_problem_and_an_error(tmp_path: Path) -> None:
    (problem,) = ChildRenderer(tmp_path / "gone").check()
    assert str(problem) == f"{tmp_path / 'gone'}: the template folder does not exist"
    assert failure(tmp_path / "gone").template == ""


# An end to everything ----------------------------------------------------------------------------

NO_END = [
    pytest.param(NESTED, ROOMY, ":1: more than 50,000 loop turns", id="nested loops"),
    pytest.param(SLOW, SHORT, ":2: takes longer than 0.3 s", id="steps that nobody counts"),
    pytest.param(STUCK, SHORT, ": takes longer than 0.3 s", id="one endless step"),
    pytest.param(HUNGRY, ROOMY, ":1: takes too much memory", id="memory"),
    pytest.param("{{ " + "(" * 9999, ROOMY, ": ", id="depth"),
    pytest.param(
        "{% for a in [1] %}" * 30 + "{% endfor %}" * 30, ROOMY, ": has too many", id="blocks"
    ),
]


@pytest.mark.parametrize(("text", "limits", "message"), NO_END)
def test_a_template_that_fails_is_named_and_leaves_nothing_behind(
    tmp_path: Path, text: str, limits: Limits, message: str
) -> None:
    file = put(tmp_path, text, HTML)
    error = failure(tmp_path, limits)
    assert str(error).startswith(f"{file}{message}")
    assert error.template == HTML
    assert children() == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (HTML, "{% for a in range(2000) %}" + "–" * 1000 + "{% endfor %}", "writes 6.0 MB, and"),
        (SLACK, "{% for a in range(3) %}" + " " * 400_000 + "{% endfor %}", "writes 1.2 MB, and"),
        (TEXT, "{% for a in range(2000) %}" + "y" * 1000 + "{% endfor %}", "writes 2.0 MB, and"),
    ],
    ids=["html", "slack", "text"],
)
def test_a_form_has_a_largest_size(tmp_path: Path, name: str, text: str, message: str) -> None:
    file = put(tmp_path, text, name)
    assert str(failure(tmp_path)).startswith(f"{file}: {message}")


def test_an_answer_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    put(tmp_path, "{{ app }}")
    error = failure(tmp_path, Limits(answer=20_000))
    assert "writes more than 0 MB" in str(error)


def test_the_time_of_a_child_that_does_not_move_ends_too(tmp_path: Path) -> None:
    errors: list[str] = []
    put(tmp_path, SLOW)
    short = Limits(seconds=1, grace=0.4)
    thread = threading.Thread(target=lambda: errors.append(str(failure(tmp_path, short))))
    began = time.monotonic()
    thread.start()
    os.kill(at_work(), signal.SIGSTOP)
    thread.join()
    assert time.monotonic() - began < 5
    assert errors[0].endswith(": takes longer than 1 s")
    assert children() == []


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_child_that_crashes_is_an_error_with_the_template_that_it_was_at(
    tmp_path: Path, number: signal.Signals
) -> None:
    with rendering(tmp_path) as (child, errors):
        os.kill(child, number)
        assert gone(child)
    (error,) = errors
    assert str(error) == f"{tmp_path / HTML}: ended the renderer ({number.name})"
    assert error.template == HTML
    assert children() == []


def test_this_process_stays_small(tmp_path: Path) -> None:
    put(tmp_path, WORDY)
    put(tmp_path, HUNGRY, TEXT)
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forget the highest mark so far
    assert "takes too much memory" in str(failure(tmp_path))
    put(tmp_path, "{{ app }}", TEXT)
    assert "characters written" in str(failure(tmp_path))
    assert memory("VmHWM") - before < 8 * MIB


def memory(line: str) -> int:
    found = re.search(rf"^{line}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


# What a child has and may -------------------------------------------------------------------------


def test_a_child_has_no_secret_no_file_of_ours_and_little_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "correct horse")
    with ExitStack() as closing:
        ours = closing.enter_context((tmp_path / "ledger").open("w"))
        os.set_inheritable(ours.fileno(), True)  # noqa: FBT003 — the system's own signature
        child, _ = closing.enter_context(rendering(tmp_path))
        proc = Path(f"/proc/{child}")
        names = [one.split(b"=")[0] for one in (proc / "environ").read_bytes().split(b"\0") if one]
        assert names == [b"PYTHONPATH"]
        assert b"correct horse" not in (proc / "cmdline").read_bytes()
        files = {str(one.readlink()) for one in (proc / "fd").iterdir()}
        assert all(one.startswith(("pipe:", "/dev/null")) for one in files), files
        limits = re.sub(r"  +", "  ", (proc / "limits").read_text())
    for limit in (
        f"Max address space  {256 * MIB}  {256 * MIB}  bytes",
        "Max core file size  0  0  bytes",
        "Max file size  0  0  bytes",
        "Max cpu time  33  33  seconds",
    ):
        assert limit in limits


def test_a_child_dies_with_its_parent_even_in_the_middle_of_a_step(tmp_path: Path) -> None:
    put(tmp_path, STUCK)
    program = (
        "import sys; from pathlib import Path; from digest.render import ChildRenderer;"
        "from digest.render.sample import samples;"
        "ChildRenderer(Path(sys.argv[1])).content(*samples()[0])"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, env={"PYTHONPATH": str(ROOT)}) as parent:
        child = at_work(parent.pid)
        parent.kill()
        parent.wait()
        assert gone(child)


def test_an_interrupted_wait_ends_the_child(tmp_path: Path) -> None:
    put(tmp_path, STUCK)

    def ring(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(KeyboardInterrupt):
            ChildRenderer(tmp_path).content(*week())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert children() == []


def test_a_python_that_can_t_be_started_is_an_error_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert "could not be started (No such file" in str(failure(tmp_path))
