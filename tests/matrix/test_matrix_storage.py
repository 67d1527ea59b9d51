"""Cases 20 to 27 of the fault matrix: what the disk under the ledger can do to a delivery.

Faults are brought about from outside: strace makes the kernel's answer to one call another one,
from a moment that the mail server chooses. So nothing has to be counted, and digest knows nothing.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from digest.sandbox.flavour import Flavour
from digest.sandbox.server import PhaseSandbox
from tests.support.cli import SECRETS, Terminal, config_of, process, start, write_config
from tests.support.commands import CLOCK, NOW
from tests.support.recorded import recorded_rows
from tests.support.smtp_server import SmtpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.support.commands import Done
    from tests.support.smtp_acts import Act

    TakesRoom = Callable[[subprocess.Popen[str], "Site"], AbstractContextManager[None]]

A, B = "a@example.com", "b@example.com"
RUN = ("run", "mail-only", "--now", NOW)
PATIENCE = 30.0  # seconds, for a busy machine
FULL = "its disk is full; nothing is sent until there is room"
UNKNOWN = "it is not known what was written, so nothing more is sent"
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1


@pytest.fixture(scope="module")
def phase() -> Iterator[PhaseSandbox]:
    rows = recorded_rows()
    with PhaseSandbox(rows, api=Flavour.CURRENT, clock=lambda: CLOCK, rate_limit=0) as box:
        yield box


class Halt(SmtpServer):
    """Stands still when a point is reached for the first time, until `go` is set."""

    def __init__(self, point: str) -> None:
        super().__init__()
        self.reached, self.go = threading.Event(), threading.Event()
        self._point = point

    def _next(self, point: str) -> Act | None:
        if point == self._point and not self.reached.is_set():
            self.reached.set()
            assert self.go.wait(PATIENCE)
        return super()._next(point)


class Site:
    """A digest for two readers whose ledger is in `state`."""

    def __init__(self, folder: Path, phase: PhaseSandbox, terminal: Terminal) -> None:
        self.folder, self.state = folder, folder / "state"
        self.ledger, self.mark = self.state / "digest.db", self.state / "instance.json"
        self.phase, self._terminal = phase.base_url, terminal

    def set(self, port: int, **changes: Any) -> None:
        """Write the config; limits are real ones, so nothing here ends by a time-out."""
        config = config_of(self.phase, smtp=port, **{"limits": {}, **changes})
        config["digests"]["mail-only"]["to"] = {"mail": [A, B]}
        write_config(self.folder, config)

    def run(self, *options: str) -> Done:
        return self._terminal(*RUN, *options)

    def say(self, *command: str) -> Done:
        return self._terminal(*command)

    @contextmanager
    def begun(self, server: Halt, *options: str, **more: Any) -> Iterator[subprocess.Popen[str]]:
        """A run as a process of its own, which waits where the server stands still."""
        with start(*RUN, *options, cwd=self.folder, **more) as running:
            try:
                assert server.reached.wait(PATIENCE), running.communicate()
                yield running
            finally:
                running.kill()

    @property
    def rows(self) -> dict[str, tuple[str, int]]:
        """Reader → state and unknown outcomes."""
        found = self._terminal("deliveries", "--json").json
        return {row["recipient"]: (row["state"], row["uncertain"]) for row in found}


@pytest.fixture
def site(
    tmp_path: Path,
    phase: PhaseSandbox,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Site:
    monkeypatch.chdir(tmp_path)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    return Site(tmp_path, phase, Terminal(capsys))


def ended(running: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = running.communicate(timeout=PATIENCE)
    return running.returncode, out, err


def copies(*servers: SmtpServer) -> Counter[str]:
    """How many copies of anything each reader has."""
    return Counter(one.recipients[0] for server in servers for one in server.accepted)


@contextmanager
def tampered(process: subprocess.Popen[str], calls: str, how: str, *paths: Path) -> Iterator[None]:
    """From now on the kernel answers these calls of the process differently; only on `paths`."""
    command = ["strace", "-f", "-p", str(process.pid), "-e", f"trace={calls}"]
    command += ["-e", f"inject={calls}:{how}", *(f"--trace-path={path}" for path in paths)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        said = ""
        while "attached" not in said:
            said = strace.stderr.readline()
            assert said, "strace ended"
        reader = threading.Thread(target=strace.stderr.read, daemon=True)
        reader.start()  # so that it never waits for somebody to read
        try:
            yield
        finally:
            strace.send_signal(signal.SIGINT)  # it lets go
            strace.wait(PATIENCE)
            reader.join(PATIENCE)


@contextmanager
def small_disk(site: Site) -> Iterator[None]:
    """A file system of 1 MiB under the ledger."""
    site.state.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "digest-test", str(site.state)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(site.state)], check=True)


@contextmanager
def filled(_process: object, site: Site) -> Iterator[None]:
    """Somebody else has taken all the room."""
    filler = site.state / "somebody-else-s"
    with filler.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    yield
    filler.unlink()


@contextmanager
def answered_full(process: subprocess.Popen[str], site: Site) -> Iterator[None]:
    """The kernel says that there is no room for the ledger's journal, which comes first."""
    journal = site.state / "digest.db-journal"
    with tampered(process, "pwrite64", "error=ENOSPC", journal):
        yield


@pytest.fixture(
    params=[
        pytest.param("strace", marks=pytest.mark.faults),
        pytest.param(
            "tmpfs", marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
        ),
    ]
)
def no_room(request: pytest.FixtureRequest, site: Site) -> Iterator[TakesRoom]:
    """What takes all room away from a process, for as long as a block lasts."""
    if request.param == "strace":
        yield answered_full
        return
    with small_disk(site):
        yield filled


# Nobody listens -----------------------------------------------------------------------------------


@contextmanager
def nobody() -> Iterator[int]:
    """The writing end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@contextmanager
def full_device() -> Iterator[int]:
    device = os.open("/dev/full", os.O_WRONLY)
    yield device
    os.close(device)


def to_folders(site: Site) -> tuple[str, ...]:
    """A command for three digests, of which the second can't be built."""
    config = config_of(site.phase)
    config["apps"]["gone"] = config["apps"]["shop"] | {"app_id": "999"}
    everyday = config["digests"]["files-only"]
    config["digests"] = {"first": everyday, "lost": everyday | {"app": "gone"}, "last": everyday}
    write_config(site.folder, config)
    return ("run", "first", "lost", "last", "--now", NOW)


def delivered(site: Site) -> list[str]:
    jobs = [path.parent.name for path in (site.folder / "out").rglob("2026-W47")]
    rows = site.say("deliveries", "--json").json
    assert sorted(jobs) == sorted(row["job"] for row in rows if row["state"] == "sent")
    return sorted(jobs)


def test_case_20_a_run_goes_on_without_any_stream(site: Site) -> None:
    command = to_folders(site)
    said = process(*command, cwd=site.folder, stdout=None, stderr=None, preexec_fn=_close_streams)
    assert said.code == 1
    assert delivered(site) == ["first", "last"]


def _close_streams() -> None:
    os.close(1)
    os.close(2)


def test_case_20_one_digest_is_recorded_whoever_listens(site: Site) -> None:
    to_folders(site)
    with nobody() as closed, full_device() as full:
        process("-v", "run", "last", "--now", NOW, cwd=site.folder, stdout=full, stderr=closed)
    assert delivered(site) == ["last"]


@pytest.mark.parametrize(
    ("stream", "sink"),
    [("stdout", nobody), ("stderr", nobody), ("stdout", full_device)],
    ids=["nobody reads stdout", "nobody reads stderr", "stdout on a full disk"],
)
def test_case_20_a_run_goes_on_when_nobody_can_hear_it(
    site: Site, stream: str, sink: Callable[[], AbstractContextManager[int]]
) -> None:
    command = to_folders(site)
    with sink() as where:
        process("-v", *command, cwd=site.folder, **{stream: where})
    assert delivered(site) == ["first", "last"]


# No room ------------------------------------------------------------------------------------------


def test_case_21_a_full_disk_before_the_dot_means_no_dot(site: Site, no_room: TakesRoom) -> None:
    with Halt("RCPT") as server:
        site.set(server.port)
        with site.begun(server, "--json") as running, no_room(running, site):
            server.go.set()
            code, out, err = ended(running)
        assert (code, server.received) == (75, [])
        assert FULL in err
        (made,) = json.loads(out)["runs"]
        assert FULL in made["error"]
        assert {uncertain for _, uncertain in site.rows.values()} == {0}
        assert site.run().code == 0, "there is room again"
    assert copies(server) == {A: 1, B: 1}
    assert site.rows == {A: ("sent", 0), B: ("sent", 0)}


def test_case_21_nothing_is_planned_without_room(site: Site) -> None:
    with small_disk(site), SmtpServer() as server:
        site.set(server.port)
        with filled(None, site):
            said = site.run()
        assert (said.code, server.received) == (75, [])
        assert "disk is full" in said.err
        assert len(said.err.splitlines()) == 1
        assert site.run().code == 0
    assert copies(server) == {A: 1, B: 1}


def test_case_22_a_result_that_finds_no_room_is_kept_until_there_is_some(
    site: Site, no_room: TakesRoom
) -> None:
    with Halt("DOT") as server:
        site.set(server.port)
        with site.begun(server) as running:
            with no_room(running, site):
                server.go.set()
                time.sleep(1.0)
                assert running.poll() is None, "it waits for room"
                assert len(server.received) == 1, "and sends nothing new"
            code, out, err = ended(running)
        # B's turn may have come already: then it was about to be armed, and went on after that.
        # Else it was put off, and the last step of the run may have found room for it.
        assert (code, len(server.received)) in {(75, 1), (75, 2), (0, 2)}, err
        assert f"sent       mail: {A}" in out
        assert site.rows[A] == ("sent", 0)
        assert site.run().code == 0
    assert copies(server) == {A: 1, B: 1}
    assert site.rows == {A: ("sent", 0), B: ("sent", 0)}


@pytest.mark.parametrize(("policy", "code", "had"), [("resend", 0, 2), ("hold", 1, 1)])
def test_case_22_a_crash_before_it_is_written_leaves_the_outcome_unknown(
    site: Site, no_room: TakesRoom, policy: str, code: int, had: int
) -> None:
    with Halt("DOT") as server:
        site.set(server.port, delivery={"on_uncertain": policy})
        with site.begun(server) as running, no_room(running, site):
            server.go.set()
            time.sleep(0.5)
            running.kill()
            running.wait(PATIENCE)
        assert site.rows[A] == ("at_risk", 0)
        assert site.run().code == code
    assert copies(server) == {A: had, B: 1}
    assert len({one.raw for one in server.accepted if one.recipients == (A,)}) == 1
    assert site.rows == {A: ("held" if policy == "hold" else "sent", 1), B: ("sent", 0)}


# A disk that fails --------------------------------------------------------------------------------


@pytest.mark.faults
def test_case_23_a_failing_sync_before_the_dot_stops_at_once(site: Site) -> None:
    with Halt("RCPT") as server:
        site.set(server.port)
        with (
            site.begun(server, "--json") as running,
            tampered(running, "fsync,fdatasync", "error=EIO"),
        ):
            server.go.set()
            code, out, err = ended(running)
        assert (code, server.received) == (1, [])
        assert UNKNOWN in err
        assert "internal error" not in err
        assert UNKNOWN in json.loads(out)["runs"][0]["error"]
        assert site.run().code == 0
    assert copies(server) == {A: 1, B: 1}
    assert site.rows == {A: ("sent", 0), B: ("sent", 0)}


@pytest.mark.faults
def test_case_23_a_failing_sync_after_the_dot_stops_at_once_and_leaves_doubt(site: Site) -> None:
    with Halt("DOT") as server:
        site.set(server.port, delivery={"on_uncertain": "hold"})
        with site.begun(server) as running, tampered(running, "fsync,fdatasync", "error=EIO"):
            server.go.set()
            code, _, err = ended(running)
        assert (code, len(server.received)) == (1, 1)
        assert UNKNOWN in err
        assert site.run().code == 1
    assert copies(server) == {A: 1, B: 1}
    assert site.rows == {A: ("held", 1), B: ("sent", 0)}


@pytest.mark.faults
def test_case_23_a_high_water_mark_that_can_t_be_written_stops_at_once(site: Site) -> None:
    with Halt("DOT") as server:
        site.set(server.port)
        with (
            site.begun(server) as running,
            tampered(running, "fdatasync", "error=EIO", site.mark),
        ):
            server.go.set()
            code, _, err = ended(running)
        assert (code, len(server.received)) == (1, 1)
        assert "instance.json" in err
        assert "defect" not in err
        assert site.rows[B][0] != "sent"
        assert site.run().code == 0
    assert copies(server) == {A: 1, B: 1}
    # B's arm may have been in the commit after which the mark failed; then it was not acted on.
    assert site.rows in ({A: ("sent", 0), B: ("sent", n)} for n in (0, 1))


# Not writable -------------------------------------------------------------------------------------


def as_anybody() -> None:
    """Give up what lets root write where nobody may; others never had it."""
    if os.geteuid() == 0:
        failed = ctypes.CDLL(None, use_errno=True).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)
        assert not failed


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    mode = path.stat().st_mode & 0o777
    path.chmod(mode & 0o555)
    try:
        yield
    finally:
        path.chmod(mode)


def test_case_24_a_ledger_that_can_t_be_written_is_refused_before_anything_is_sent(
    site: Site,
) -> None:
    with SmtpServer() as server:
        site.set(server.port)
        assert site.say("run", "files-only", "--now", NOW).code == 0
        before = site.ledger.read_bytes()
        for path in (site.ledger, site.state):
            with read_only(path):
                said = process(*RUN, cwd=site.folder, preexec_fn=as_anybody)
            assert (said.code, said.out) == (78, "")
            assert "can't be written" in said.err
            assert len(said.err.splitlines()) == 1
        with read_only(site.state):
            looked = process("status", cwd=site.folder, preexec_fn=as_anybody)
        assert (looked.code, looked.out) == (0, "files-only 2026-W47: 1 sent\n")
        assert site.ledger.read_bytes() == before
        assert server.connections == 0
        assert site.run().code == 0
    assert copies(server) == {A: 1, B: 1}


def test_case_24_a_state_folder_that_can_t_be_made_is_said_so(site: Site) -> None:
    site.set(9)
    with read_only(site.folder):
        said = process(*RUN, cwd=site.folder, preexec_fn=as_anybody)
    assert (said.code, said.out) == (78, "")
    assert "the state folder" in said.err
    assert "can't be made" in said.err
    assert not site.state.exists()


def test_case_24_a_folder_that_becomes_read_only_stops_the_sending(site: Site) -> None:
    with Halt("RCPT") as server:
        site.set(server.port)
        with site.begun(server, preexec_fn=as_anybody) as running, read_only(site.state):
            server.go.set()
            code, _, err = ended(running)
        assert (code, server.received) == (1, [])
        assert UNKNOWN in err
        assert site.run().code == 0
    assert copies(server) == {A: 1, B: 1}
    assert site.rows == {A: ("sent", 0), B: ("sent", 0)}


# Damage -------------------------------------------------------------------------------------------

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "its header overwritten": lambda whole: b"\0" * 100 + whole[100:],
    "its first page overwritten": lambda whole: b"\xff" * 4096 + whole[4096:],
    "cut in half": lambda whole: whole[: len(whole) // 2],
    "cut to a page": lambda whole: whole[:4096],
    "empty": lambda _whole: b"",
    "all zero": lambda whole: bytes(len(whole)),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_case_25_a_damaged_ledger_is_refused_and_left_for_somebody_to_look_at(
    site: Site, damage: Callable[[bytes], bytes]
) -> None:
    with SmtpServer() as server:
        site.set(server.port)
        assert site.run().code == 0
        mark, damaged = site.mark.read_bytes(), damage(site.ledger.read_bytes())
        site.ledger.write_bytes(damaged)
        for command in (
            RUN,
            (*RUN, "--force"),
            ("status",),
            ("deliveries",),
            ("deliveries", "resend", "--failed"),
            ("deliveries", "resolve", "0123abcd", "--sent"),
            ("test", "mail"),
            ("purge",),
            ("backup", "copy.db"),
            ("recover", "--accept-older-db"),
        ):
            said = site.say(*command)
            assert (said.code, said.out) == (78, ""), command
            assert "damaged" in said.err
            assert len(said.err.splitlines()) == 1
            assert site.ledger.read_bytes() == damaged, command
        assert site.mark.read_bytes() == mark
        assert {path.name for path in site.state.iterdir()} == {
            "digest.db", "digest.lock", "instance.json",
        }  # fmt: skip
    assert copies(server) == {A: 1, B: 1}
    assert not (site.folder / "copy.db").exists()


def test_case_25_a_copy_put_back_makes_it_well(site: Site) -> None:
    with SmtpServer() as server:
        site.set(server.port)
        assert site.run().code == 0
        assert site.say("backup", "copy.db").code == 0
        site.ledger.write_bytes(b"")
        assert site.run().code == 78
        shutil.copy("copy.db", site.ledger)
        assert site.run().code == 0, "it is the newest one, so nothing has to be recovered"
    assert copies(server) == {A: 1, B: 1}


def pages(whole: bytes) -> Iterator[bytes]:
    """The database with each of its pages but the first overwritten."""
    for start_ in range(4096, len(whole), 4096):
        yield whole[:start_] + b"\xff" * 4096 + whole[start_ + 4096 :]


def test_case_25_whichever_page_is_damaged_nothing_is_sent(site: Site) -> None:
    with SmtpServer() as server:
        site.set(server.port)
        assert site.run().code == 0
        for damaged in pages(site.ledger.read_bytes()):
            site.ledger.write_bytes(damaged)
            assert site.run("--force").code == 78
            assert site.ledger.read_bytes() == damaged
    assert copies(server) == {A: 1, B: 1}


def test_case_25_whichever_page_is_damaged_looking_is_refused_in_a_sentence(site: Site) -> None:
    with SmtpServer() as server:
        site.set(server.port)
        assert site.run().code == 0
    for damaged in pages(site.ledger.read_bytes()):
        site.ledger.write_bytes(damaged)
        for command in (("status",), ("deliveries",), ("deliveries", "resolve", "0123", "--sent")):
            said = site.say(*command)
            assert "internal error" not in said.err
            assert said.code in {0, 2, 78}


def test_case_25_no_damaged_ledger_is_copied_over_a_good_copy(site: Site) -> None:
    with SmtpServer() as server:
        site.set(server.port)
        assert site.run().code == 0
    assert site.say("backup", "copy.db").code == 0
    good = (site.folder / "copy.db").read_bytes()
    for damaged in pages(site.ledger.read_bytes()):
        site.ledger.write_bytes(damaged)
        assert site.say("backup", "copy.db").code == 78
        assert (site.folder / "copy.db").read_bytes() == good


@pytest.mark.faults
@pytest.mark.parametrize(
    ("point", "write", "policy"),
    [
        ("RCPT", 2, "hold"),
        ("RCPT", 4, "resend"),
        ("DOT", 2, "resend"),
        ("DOT", 3, "hold"),
        ("DOT", 4, "resend"),
        ("DOT", 6, "hold"),
    ],
)
def test_case_26_a_hot_journal_that_was_cleaned_away_never_makes_a_wrong_resend(
    site: Site, point: str, write: int, policy: str
) -> None:
    journal = site.state / "digest.db-journal"
    with Halt(point) as server:
        site.set(server.port, delivery={"on_uncertain": policy})
        with site.begun(server) as running:
            # killed when some pages of a commit are in the database and some are not
            with tampered(running, "pwrite64", f"signal=SIGKILL:when={write}", site.ledger):
                server.go.set()
                running.wait(PATIENCE)
            assert running.returncode == -signal.SIGKILL
        assert journal.exists(), "it was in the middle of a commit"
        journal.unlink()
        said = site.run()
        if "SQLITE_CORRUPT" in said.err or "damaged" in said.err:
            assert said.code in {1, 78}
            assert copies(server)[B] == 0, "what is damaged sends nothing"
            return
        rows, had = site.rows, copies(server)
        assert said.code == (1 if ("held", 1) in rows.values() else 0)
        assert site.run().code == said.code
    for reader in (A, B):
        state, uncertain = rows[reader]
        assert state in ({"sent", "held"} if policy == "hold" else {"sent"})
        assert had[reader] <= (1 if policy == "hold" else 1 + uncertain)
    assert copies(server) == had


def test_case_27_yesterday_s_copy_is_noticed_and_nothing_is_sent_from_it(site: Site) -> None:
    with SmtpServer() as server:
        site.set(server.port)
        assert site.say("run", "files-only", "--now", NOW).code == 0
        yesterday = site.ledger.read_bytes()
        assert site.run().code == 0
        site.ledger.write_bytes(yesterday)
        for _ in range(2):
            for command in (RUN, (*RUN, "--force"), ("test", "mail"), ("purge",)):
                said = site.say(*command)
                assert (said.code, said.out) == (78, "")
                assert "is older than it was: it knows of 1 sent messages, and 3 were" in said.err
        assert site.say("status").code == 0, "looking is always allowed"

        assert site.say("recover", "--accept-older-db").code == 0
        assert site.run().code == 1, "nobody knows whether that week was sent"
        assert copies(server) == {A: 1, B: 1}
        assert site.run("--force").code == 0, "a person does"
    assert copies(server) == {A: 2, B: 2}


def test_case_27_the_copy_that_is_refused_is_left_as_it_is(site: Site) -> None:
    site.set(9)
    assert site.say("run", "files-only", "--now", NOW).code == 0
    older = site.ledger.read_bytes()
    assert site.say("run", "files-only", "--now", NOW, "--force").code == 0
    site.ledger.write_bytes(older)
    assert site.run().code == 78
    assert site.ledger.read_bytes() == older


def test_case_27_another_installation_s_ledger_is_noticed_too(site: Site) -> None:
    with SmtpServer() as server:
        site.set(server.port)
        assert site.run().code == 0
        another = site.ledger.read_bytes()
        shutil.rmtree(site.state)
        assert site.say("run", "files-only", "--now", NOW).code == 0
        site.ledger.write_bytes(another)
        said = site.run()
        assert (said.code, said.out) == (78, "")
        assert "digest recover --accept-older-db" in said.err
    assert copies(server) == {A: 1, B: 1}
