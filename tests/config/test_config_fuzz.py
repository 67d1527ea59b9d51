"""Whatever stands in the file, it is a config or a list of problems, never a crash."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from digest.config.loader import load, load_text
from digest.config.tree import TreeReader, UnreadableError
from digest.errors import ConfigError, Problem
from tests.support.configs import ENV, SMALL

if TYPE_CHECKING:
    from collections.abc import Callable

RICH = SMALL + (
    "ops: {slack: ['#ops']}\nlimits: {call: 2, tries: 1}\ndelivery: {on_uncertain: hold}\n"
    "alerts:\n  a: &a {app: shop, metric: events, schedule: every 15m, when: {above: 1.5}, "
    "to: {slack: '#a'}}\n  b: *a\n"
)
PIECES = st.sampled_from(
    [*RICH.split("\n"), "${X}", "${", "null", "~", "[]", "{}", "&a", "*a", "<<: *a", "!!str", "-",
     "? ", ": ", "'", '"', "\t", "  ", "#", "|", ">", "---", "...", "%YAML 1.2", "\x85", "\u2028",
     "\ufeff", "1e999", ".nan", "-5", "0x1F", "9" * 400, "a" * 5000, "{at: x}", "trailing: 1"]
)  # fmt: skip


def complaints(load_it: Callable[[], object]) -> tuple[Problem, ...] | None:
    """The problems, or None for a config; anything else that is raised fails the test."""
    try:
        load_it()
    except ConfigError as error:
        return error.problems
    return None


def judge(text: str) -> None:
    problems = complaints(lambda: load_text(text, "config.yaml", ENV, Path()))
    assert problems != ()
    for problem in problems or ():
        assert str(problem).isprintable()


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
@example("\ud800")
@example('"\\ud83d\\ude00"')
@example("a: &a [*a]")
@example("{{{{")
@example("? {a: b}\n: c")
@example("apps: {? [a]: b}")
@example("channels: {mail: {type: [smtp]}}")
@example("digests: {d: {schedule: {at: {}, timezone: []}, to: {mail: {}}}}")
@example("digests: {d: {baseline: {trailing: {}}, metrics: {}, charts: [[]]}}")
@example("timezone: {}\nlocale: []\nlimits: [1]\nops: 5\nstate: {}\ntemplates: [x]")
@example("limits: {connect: nan, tries: 1e3, max_body: 99999999999999999999999}")
def test_any_text_is_a_config_or_problems(text: str) -> None:
    judge(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=12), st.sampled_from(["\n", " ", "", "\n  ", ", "]))
def test_any_pieces_of_a_config_are_a_config_or_problems(pieces: list[str], glue: str) -> None:
    judge(glue.join(pieces))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(RICH)), st.integers(0, 12), st.one_of(PIECES, st.text(max_size=6)))
def test_any_edit_of_a_config_is_a_config_or_problems(at: int, length: int, new: str) -> None:
    judge(RICH[:at] + new + RICH[at + length :])


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(raw=st.binary(max_size=100))
@example(raw=b"\xff\xfe\x00\xd8")
@example(raw=b"\xfe\xff")
def test_any_bytes_are_a_config_or_problems(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(raw)
    assert complaints(lambda: load(path, ENV)) != ()


def outcome(text: str, *, pure: bool) -> object:
    """What a parser makes of a text that it finds no fault with, else None."""
    reader = TreeReader(text, pure=pure)
    try:
        tree = reader.read()
    except UnreadableError:
        return None
    return None if reader.faults else ("read", tree)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(RICH)), st.integers(0, 12), st.one_of(PIECES, st.text(max_size=6)))
def test_both_parsers_read_the_same(at: int, length: int, new: str) -> None:
    text = RICH[:at] + new + RICH[at + length :]
    fast, pure = outcome(text, pure=False), outcome(text, pure=True)
    # Where one of them finds fault, the text is one that nobody should write.
    assert fast is None or pure is None or fast == pure


@pytest.mark.parametrize(
    "module", ["digest.config.loader", "digest.config.remarks", "digest.config.schedule"]
)
def test_importing_the_config_leaves_heavy_things_alone(module: str) -> None:
    heavy = [
        "requests", "slack_sdk", "jinja2", "matplotlib", "numpy", "babel", "email_validator",
        "difflib", "smtplib", "apscheduler", "sqlite3", "digest.phase", "digest.channels",
    ]  # fmt: skip
    code = f"import sys, {module}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_loading_an_ordinary_config_leaves_them_alone_too(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(SMALL)
    code = (
        "import sys, pathlib\nfrom digest.config.loader import load\n"
        f"load(pathlib.Path({str(tmp_path / 'config.yaml')!r}), {ENV!r})\n"
        "print([m for m in ('babel', 'email_validator', 'difflib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
