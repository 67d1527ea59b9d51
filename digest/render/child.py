"""The program that renders users' templates: a process of its own, which may be killed.

    one line of JSON on stdin   {"do": "render" | "check", "folder", "kind", "view", "pictures",
                                 "seconds", "memory", "cpu"}
    lines of JSON on stdout     {"at": FILE} whenever it turns to a template, then one of
                                {"subject", "html", "text", "messages"}, {"problems": [...]},
                                {"failed": SENTENCE}, {"broke": WHAT}

It limits itself before it reads a template, and dies when whoever holds its stdin dies.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from jinja2.exceptions import SecurityError

from digest.errors import TemplateError
from digest.render.checking import check
from digest.render.forms import Forms
from digest.render.templates import Kind, Templates

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    Json = dict[str, Any]


def main() -> None:
    """Answer the one request on stdin."""
    say = _speaker()
    asked: Json = json.loads(sys.stdin.buffer.readline())
    _end_with_the_reader_of_our_answer()
    _limit_ourselves(asked["memory"], asked["cpu"])
    _stop_after(asked["seconds"])
    at = ""

    def began(file: str) -> None:
        nonlocal at
        at = file
        say({"at": file})

    try:
        answer = _answer(asked, began)
    except TemplateError as error:
        answer = {"failed": str(error)}
    except SecurityError as error:  # the alarm, between two templates
        answer = {"failed": f"{at}: {error}"}
    except Exception as error:  # noqa: BLE001 — whatever it is, it is said
        answer = {"broke": type(error).__name__}
    signal.setitimer(signal.ITIMER_REAL, 0)
    say(answer)


def _answer(asked: Json, began: Callable[[str], None]) -> Json:
    forms = Forms(Templates(Path(asked["folder"]), began))
    if asked["do"] == "check":
        return {"problems": [asdict(problem) for problem in check(forms)]}
    kind = Kind(asked["kind"])
    mail = forms.mail(asked["view"], kind)
    messages = forms.slack(asked["view"], asked["pictures"], kind)
    return {**asdict(mail), "messages": [asdict(message) for message in messages]}


def _speaker() -> Callable[[Json], None]:
    """A way to say a line. Nothing else that is printed can get in between."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def say(what: Json) -> None:
        out.write(json.dumps(what, ensure_ascii=False).encode() + b"\n")
        out.flush()

    return say


def _end_with_the_reader_of_our_answer() -> None:
    """Have the kernel kill us when the other end of stdin is closed, whatever we are doing.

    Where the kernel can't do that, the limit on the processor's time ends us.
    """
    with suppress(OSError):
        fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(0, fcntl.F_SETSIG, signal.SIGKILL)
        flags = fcntl.fcntl(0, fcntl.F_GETFL)
        fcntl.fcntl(0, fcntl.F_SETFL, flags | os.O_ASYNC | os.O_NONBLOCK)
        if os.read(0, 1) == b"":  # it was closed before that; BlockingIOError while it is open
            sys.exit(1)


def _limit_ourselves(memory: int, cpu: int) -> None:
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        _, allowed = resource.getrlimit(kind)
        least = most if allowed == resource.RLIM_INFINITY else min(most, allowed)
        resource.setrlimit(kind, (least, least))
    with suppress(OSError):  # where memory is short, this process goes first
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _stop_after(seconds: float) -> None:
    """Raise in the middle of a template, so that the error names its line."""

    def ring(_number: int, _frame: FrameType | None) -> NoReturn:
        raise SecurityError(f"takes longer than {seconds:g} s")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    main()
