"""The command as a process: streams, signals, and a server for other programs."""

from __future__ import annotations

import gzip
import json
import os
import pty
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.support.cli import ROOT, SECRETS, config_of, process, start, write_config
from tests.support.commands import NOW
from tests.support.hostile_http import HostileServer, answer
from tests.support.recorded import ROWS, SHOP
from tests.support.smtp_acts import STALL
from tests.support.smtp_server import SmtpServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from digest.sandbox.server import PhaseSandbox

PATIENCE = 20.0


def eventually(happens: Any) -> None:
    until = time.monotonic() + PATIENCE
    while not happens():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.01)


def stopped(running: subprocess.Popen[str], name: signal.Signals) -> tuple[int, str, str]:
    running.send_signal(name)
    try:
        out, err = running.communicate(timeout=PATIENCE)
    finally:
        running.kill()  # if it would not stop
    return running.returncode, out, err


def test_results_go_to_stdout_and_a_pipe_hears_no_progress(
    tmp_path: Path, phase: PhaseSandbox
) -> None:
    write_config(tmp_path, config_of(phase.base_url))
    said = process("-v", "run", "files-only", "--now", NOW, "--json", cwd=tmp_path)
    assert said.code == 0
    assert said.json["runs"][0]["state"] == "sent"
    assert "\r" not in said.err
    assert "\033" not in said.err


def test_a_terminal_sees_progress_and_is_left_clean(tmp_path: Path, phase: PhaseSandbox) -> None:
    write_config(tmp_path, config_of(phase.base_url))
    ours, theirs = pty.openpty()
    try:
        said = process("run", "files-only", "mail-only", "--now", NOW, cwd=tmp_path, stderr=theirs)
        shown = os.read(ours, 65536).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert said.code == 75
    assert "sessions/timeseries sessionCount 1/1" in shown
    assert "sending 1/1" in shown
    # whatever is said after the progress begins on an empty line
    assert shown.rindex("\033[K") > shown.rindex("1/1")
    assert "\033" not in said.out


def test_a_reader_who_has_gone_is_no_failure_to_explain(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        said = process("schema", cwd=tmp_path, stdout=writing)
        shown = process("--help", cwd=tmp_path, stdout=writing)
    finally:
        os.close(writing)
    assert (said.code, said.err) == (128 + signal.SIGPIPE, "")
    assert (shown.code, shown.err) == (128 + signal.SIGPIPE, "")


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 — a device, not a file
        said = process("schema", cwd=tmp_path, stdout=full)
    assert (said.code, said.err) == (1, "digest: No space left on device\n")


def test_ctrl_c_while_the_api_is_silent_stops_with_one_line(tmp_path: Path) -> None:
    with HostileServer() as server:
        write_config(tmp_path, config_of(server.url, limits={}))
        with start("run", "files-only", "--now", NOW, cwd=tmp_path) as running:
            eventually(lambda: server.requests)
            assert stopped(running, signal.SIGINT) == (130, "", "digest: stopped\n")


@pytest.mark.parametrize("connections", [1, 2])
def test_ctrl_c_while_a_mail_server_is_silent_hands_back_and_stops(
    tmp_path: Path, phase: PhaseSandbox, connections: int
) -> None:
    with SmtpServer({"DATA": [STALL, STALL]}) as server:
        config = config_of(phase.base_url, smtp=server.port, limits={})
        config["channels"]["mail"]["connections"] = connections
        config["digests"]["mail-only"]["to"] = {"mail": ["ceo@example.com", "cto@example.com"]}
        write_config(tmp_path, config)
        with start("run", "mail-only", "--now", NOW, cwd=tmp_path) as running:
            eventually(lambda: server.verbs().count("DATA") == connections)
            code, out, err = stopped(running, signal.SIGINT)
        assert (code, err.splitlines()[-1]) == (130, "digest: stopped")
        assert out.count("planned    mail: ") == 2, "both wait for the next run"
        assert server.accepted == []


class Sandbox:
    """`digest sandbox …` while the test lasts, and its first line."""

    def __init__(self, folder: Path, *arguments: object) -> None:
        self.running = start("sandbox", *arguments, cwd=folder)
        assert self.running.stdout is not None
        self.line: dict[str, Any] = json.loads(self.running.stdout.readline())

    def get(self, report: str, **query: str) -> requests.Response:
        return requests.get(
            f"{self.line['base_url']}/apps/{self.line['app_id']}/reports/{report}",
            params=query,
            headers={"Authorization": f"Bearer {self.line['api_key']}"},
            timeout=10,
        )


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Any]:
    made: list[Sandbox] = []

    def begin(*arguments: object) -> Sandbox:
        made.append(Sandbox(tmp_path, *arguments))
        return made[-1]

    yield begin
    for one in made:
        one.running.kill()
        one.running.communicate()


def test_the_sandbox_serves_the_rows_that_it_is_given(sandbox: Any) -> None:
    box = sandbox("--rows", ROWS, "--api", "april", "--now", NOW, "--rate-limit", "0")
    assert box.line["base_url"].startswith("http://127.0.0.1:")
    assert box.line["base_url"].endswith("/public-api/v1")
    assert (box.line["app_id"], box.line["api_key"]) == (SHOP, "TOKEN_MAIN")
    assert "TOKEN_REVOKED" in box.line["keys"]
    week = {"start_date": "2026-11-16T00:00:00Z", "end_date": "2026-11-22T23:59:59.999Z"}
    answered = box.get("sessions/breakdown", dimension="city", **week)
    assert answered.status_code == 200, "cities are what only april has"
    assert answered.json()["meta"]["generatedAt"].startswith("2026-11-23T04:46:04")
    assert stopped(box.running, signal.SIGTERM) == (0, "", "")


def test_the_sandbox_keeps_to_its_rate_limit_and_stops_on_ctrl_c(sandbox: Any) -> None:
    box = sandbox("--rate-limit", "2")
    assert set(box.line) == {"base_url", "app_id", "api_key"}
    statuses = [box.get("users/overview").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert stopped(box.running, signal.SIGINT) == (0, "", "")


def test_the_sandbox_may_be_stopped_by_whoever_reads_its_first_line(sandbox: Any) -> None:
    box = sandbox("--rows", ROWS)
    assert stopped(box.running, signal.SIGTERM)[0] == 0


def test_a_port_that_is_taken_is_a_usage_error(tmp_path: Path, phase: PhaseSandbox) -> None:
    port = phase.base_url.split(":")[2].split("/")[0]
    said = process("sandbox", "--port", port, cwd=tmp_path)
    assert (said.code, said.out) == (2, "")
    assert said.err == f"digest: port {port} on 127.0.0.1 can't be used: choose another\n"


# A child's ru_maxrss begins with its parent's, so the run looks at its own high-water mark.
PEAK = """
import sys
from pathlib import Path
from digest.cli import run_command_line
code = run_command_line(sys.argv[1:])
(peak,) = [line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
print(peak.split()[1])
sys.exit(code)
"""


def test_a_gzip_bomb_does_not_fill_the_memory(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(256 * 1024 * 1024), 9)
    with HostileServer(answer(200, bomb, headers={"Content-Encoding": "gzip"})) as server:
        write_config(tmp_path, config_of(server.url))
        done = subprocess.run(
            [sys.executable, "-c", PEAK, "run", "files-only", "--now", NOW],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT), **SECRETS},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert int(done.stdout) < 200 * 1024, "KiB, of which a run that works takes about half"
