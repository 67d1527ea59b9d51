"""Cases 28, 29, 31 and 32 of the fault matrix: what other programs, upgrades, a purge and a lack of
file handles do to a ledger.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from digest.core.content import DeliveryKind
from digest.core.content import DeliveryState as State
from digest.core.steps import Step
from digest.errors import StateBusyError
from digest.store import schema, sqlite, upkeep
from digest.store.opening import reading
from tests.lab.conftest import phase, world_of
from tests.lab.launcher import STEPLOG, Mode, Trap
from tests.lab.world import NOW as CALL
from tests.lab.world import THREE
from tests.store.databases import Ledgers, clock, ledger_place, ledgers, new_ledger, store
from tests.store.processes import python
from tests.support.cli import process
from tests.support.ledgers import (
    DAY,
    NOW,
    REFUSED,
    Clock,
    Post,
    new_run,
    opened,
    plan,
    scope,
    sender,
    states,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.store.opened import Store
    from digest.store.rows import Run
    from tests.lab.conftest import Worlds

__all__ = ["clock", "ledger_place", "ledgers", "phase", "store", "world_of"]

TWO = THREE[:2]
PATIENCE = 30.0  # seconds, for a busy machine
BUSY = "another program holds the database; try again"
NO_FILE = "no file can be opened or made beside it; nothing is sent until one can"


# Another program ----------------------------------------------------------------------------------


@contextmanager
def held(ledger: Path) -> Iterator[None]:
    """Another program has the database for itself."""
    with closing(sqlite3.connect(ledger, timeout=PATIENCE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def wait_for(log: Path, step: Step) -> None:
    end = time.monotonic() + PATIENCE
    while not log.exists() or str(step) not in log.read_text("utf-8").split():
        assert time.monotonic() < end, step
        time.sleep(0.01)


@pytest.mark.parametrize("step", [Step.SMTP_BODY, Step.REPLY_POST])
def test_case_28_a_run_waits_for_another_program_and_goes_on(world_of: Worlds, step: Step) -> None:
    """The lock is held for 0.7 s here; a run would wait for it for a minute."""
    assert sqlite._PATIENCE > 30
    world = world_of(readers=TWO, more=("before",))
    world.until_done("before")
    before, steps = len(world.journal.entries("mail")), world.folder / "steps"
    trap = Trap(step=step, mode=Mode.PAUSE, seconds=0.2)
    running = world.begin("mail", trap=trap, **{STEPLOG: str(steps)})
    wait_for(steps, step)
    with held(world.folder / "digest.db"):
        time.sleep(0.7)
        taken = len(world.journal.entries("mail")) - before
        assert taken == (1 if step is Step.REPLY_POST else 0), "nothing new is sent meanwhile"
    assert running.wait().code == 0
    assert world.copies("mail") == dict.fromkeys(TWO, 1)
    assert world.uncertain("mail") == dict.fromkeys(TWO, 0)
    assert world.violations() == []


def test_case_28_a_run_waits_at_its_start_too(world_of: Worlds) -> None:
    world = world_of(readers=TWO, more=("before",))
    world.until_done("before")
    with held(world.folder / "digest.db"):
        running = world.begin("mail")
        time.sleep(0.5)
    assert running.wait().code == 0
    assert world.copies("mail") == dict.fromkeys(TWO, 1)


def test_case_28_a_process_whose_patience_is_over_goes_on_at_its_next_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_PATIENCE", 0.05)
    post = Post()
    with opened(tmp_path) as store:
        run = plan(store, "ana", "ben")
        with held(tmp_path / "digest.db"):
            for ask in (
                lambda: plan(store, "ana", period="2026-W48"),
                lambda: sender(store, Clock(), [post]).send(scope(run)),
                lambda: store.ledger.latest_runs(1),
                lambda: reading(store.place).__enter__(),
            ):
                with pytest.raises(StateBusyError, match=BUSY):
                    ask()
        assert post.tried == []
        sender(store, Clock(), [post]).send(scope(run))
        assert states(store, run) == {"ana": "sent", "ben": "sent"}
    assert post.tried == ["ana", "ben"]


def test_case_28_what_was_in_hand_when_patience_ended_is_taken_up_by_the_same_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_PATIENCE", 0.05)
    with opened(tmp_path) as store:
        run = plan(store, "ana", "ben")
        post = Post()
        other = sqlite3.connect(
            tmp_path / "digest.db", isolation_level=None, check_same_thread=False
        )
        with closing(other):

            def take(_parcel: object) -> None:
                store.writer.do(lambda _batch: None)  # that it has begun is noted
                other.execute("BEGIN EXCLUSIVE")

            post.on_begin = take
            with pytest.raises(StateBusyError, match=BUSY):
                sender(store, Clock(), [post]).send(scope(run))
            assert post.accepted == []
            other.execute("ROLLBACK")
        assert "sending" in states(store, run).values(), "that could not be handed back"
        post.on_begin = None
        sender(store, Clock(), [post]).send(scope(run))
        assert [parcel.key.recipient for parcel in post.accepted] == ["ana", "ben"]
        assert {one.uncertain for one in store.ledger.deliveries(scope(run))} == {0}


# Another version ----------------------------------------------------------------------------------


def set_schema(ledger: Path, number: str) -> None:
    with closing(sqlite3.connect(ledger)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = ?", (number,))


def test_case_29_a_ledger_of_a_newer_digest_is_refused_by_every_command_and_not_touched(
    world_of: Worlds,
) -> None:
    world = world_of(readers=TWO)
    world.until_done("mail")
    ledger = world.folder / "digest.db"
    set_schema(ledger, "9999")
    before = {path: path.read_bytes() for path in world.folder.glob("*[.db|.json]")}
    for command in (
        ("run", "mail", "--force"),
        ("status",),
        ("deliveries",),
        ("deliveries", "resend", "--failed"),
        ("purge",),
        ("recover", "--accept-older-db"),
        ("test", "mail"),
    ):
        said = world.start(*command).wait()
        assert (said.code, said.out) == (78, ""), command
        assert "it was written by a newer digest (schema 9999); install that version" in said.err
        assert len(said.err.splitlines()) == 1
        assert {path: path.read_bytes() for path in before} == before, command
    set_schema(ledger, schema.HEAD)
    assert world.start("status").wait().code == 0
    assert world.copies("mail") == dict.fromkeys(TWO, 1)


MIGRATIONS = Path(schema.__file__).parent / "migrations"
NEWER = """\
import sqlalchemy as sa
from alembic import op

revision = "9000"
down_revision = "{head}"


def upgrade():
    op.add_column("runs", sa.Column("note", sa.Text(), nullable=True))
    op.execute("UPDATE runs SET note = 'new'")
"""

UPGRADE = """\
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
import alembic.command, alembic.config
from sqlalchemy import event
from digest.store import schema, sqlite
from digest.store.opening import open_sender
from digest.store.places import StatePlace

ledger, new, head = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
schema.__file__, schema.KNOWN, schema.HEAD = new, (*schema.KNOWN, head), head
number, seen, made = 0, 0, sqlite.engine_of

def traced(path):
    def heard(_statement):
        global seen
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)
    engine = made(path)
    event.listen(engine, "connect", lambda raw, _: raw.set_trace_callback(heard))
    return engine

sqlite.engine_of = traced
files = {path: path.read_bytes() for path in ledger.parent.iterdir()}
for line in sys.stdin:
    for path in ledger.parent.iterdir():
        if path != ledger.with_name(line.strip()):
            path.unlink()
    for path, content in files.items():
        path.write_bytes(content)
    number, seen = int(line), 0
    child = os.fork()
    if child == 0:
        with open_sender(
            StatePlace(path=ledger), command="an upgrade", clock=lambda: datetime.now(UTC)
        ):
            os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def test_case_29_an_upgrade_that_is_killed_at_any_statement_leaves_the_old_ledger_or_the_new_one(
    tmp_path: Path,
) -> None:
    ledger = _old_ledger(tmp_path / "state")
    shutil.copytree(MIGRATIONS, tmp_path / "migrations", ignore=shutil.ignore_patterns("*.pyc"))
    script = tmp_path / "migrations" / "versions" / "9000_notes.py"
    script.write_text(NEWER.format(head=schema.HEAD))
    found: set[tuple[str, bool]] = set()
    with python(UPGRADE, ledger, tmp_path / "schema.py", "9000") as upgrading:
        assert upgrading.stdin is not None
        assert upgrading.stdout is not None
        for number in count(1):
            upgrading.stdin.write(f"{number}\n")
            upgrading.stdin.flush()
            code = int(upgrading.stdout.readline())
            version, notes, copied = _state_of(ledger)
            assert notes == ({"new"} if version == "9000" else None), number
            assert copied or version == schema.HEAD, "it is copied before it is changed"
            found.add((version, copied))
            if code == 0:
                break
            assert code == -signal.SIGKILL
        upgrading.stdin.close()
    assert number > 10
    assert found == {(schema.HEAD, False), (schema.HEAD, True), ("9000", True)}


def _old_ledger(folder: Path) -> Path:
    with opened(folder) as store:
        plan(store, "ana")
    return folder / "digest.db"


def _state_of(ledger: Path) -> tuple[str, set[str] | None, bool]:
    """Its schema, the notes that the newer one has, and whether there is a whole copy of it."""
    copy = ledger.with_name(f"digest.db.schema-{schema.HEAD}")
    with closing(sqlite3.connect(ledger)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (version,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
        assert database.execute("SELECT recipient FROM deliveries").fetchall() == [("ana",)]
        columns = {name for _, name, *_ in database.execute("PRAGMA table_info(runs)")}
        notes = None
        if "note" in columns:
            notes = {note for (note,) in database.execute("SELECT note FROM runs")}
    if copy.exists():
        with closing(sqlite3.connect(copy)) as database:
            assert database.execute("SELECT version_num FROM alembic_version").fetchone() == (
                schema.HEAD,
            )
            assert database.execute("SELECT recipient FROM deliveries").fetchall() == [("ana",)]
    return version, notes, copy.exists()


# Purge --------------------------------------------------------------------------------------------


ENDED = {State.SENT, State.FAILED, State.DEAD, State.SKIPPED}


def in_every_state(store: Store) -> Run:
    """One delivery of each state that has not changed for two days, and one that just did."""
    names = [f"{age} {state}" for state in State for age in ("old", "new")]
    run = plan(store, *names)
    for one in store.ledger.deliveries(scope(run)):
        age, _, state = one.key.recipient.partition(" ")
        Ledgers.sql(
            store,
            "UPDATE deliveries SET state = :state, updated_at = updated_at + :more WHERE id = :id",
            state=state,
            more=0 if age == "old" else 2 * 86_400_000_000,
            id=one.row,
        )
    return run


def test_case_31_only_what_ended_before_the_retention_goes(store: Store) -> None:
    run = in_every_state(store)
    assert upkeep.purge(store.writer, NOW + DAY) == len(ENDED)
    left = {f"old {state}" for state in State if state not in ENDED}
    assert set(states(store, run)) == left | {f"new {state}" for state in State}


def test_case_31_a_purged_period_is_not_planned_again(store: Store, clock: Clock) -> None:
    run, post = plan(store, "ana", "ben"), Post()
    sender(store, clock, [post]).send(scope(run))
    assert upkeep.purge(store.writer, NOW + DAY) == 2
    assert store.ledger.plan(new_run(), []) is None
    assert store.ledger.run("monday-email", DeliveryKind.DIGEST, "2026-W47") == run
    sender(store, clock, [post]).send(scope(run, early=True))
    assert post.tried == ["ana", "ben"]


def test_case_31_a_generation_stays_while_an_earlier_one_is_open_so_that_its_key_is_not_used_again(
    store: Store, clock: Clock
) -> None:
    run = plan(store, "ana")
    (first,) = store.ledger.deliveries(scope(run))
    store.writer.do(lambda batch: upkeep.resend(batch, [first], NOW + DAY, NOW))
    _, second = store.ledger.deliveries(scope(run))
    Ledgers.sql(store, "UPDATE deliveries SET state = 'held' WHERE id = :id", id=first.row)
    sender(store, clock, [Post()]).send(scope(run))
    assert upkeep.purge(store.writer, NOW + DAY) == 0, "it is needed"
    (held_one, _) = store.ledger.deliveries(scope(run))
    store.writer.do(lambda batch: upkeep.resend(batch, [held_one], NOW + DAY, NOW))
    keys = [one.key for one in store.ledger.deliveries(scope(run))]
    assert [one.generation for one in keys] == [0, 1, 2]
    assert keys[1] == second.key
    assert upkeep.purge(store.writer, NOW + DAY) == 2, "and then no more"


KILLED_WHILE_IT_PURGES = """\
import os, signal, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from digest.core.steps import Step, listen
from digest.store import upkeep
from digest.store.opening import open_sender
from digest.store.places import StatePlace

def die(step):
    if step is Step.PRUNE_MID:
        os.kill(os.getpid(), signal.SIGKILL)

listen(die)
now = datetime(2026, 11, 23, 8, tzinfo=UTC)
upkeep._AT_ONCE = 10
with open_sender(StatePlace(path=Path(sys.argv[1])), command="a test", clock=lambda: now) as store:
    upkeep.purge(store.writer, now + timedelta(days=1))
"""


def test_case_31_a_purge_that_is_killed_half_way_loses_nothing_that_is_due(tmp_path: Path) -> None:
    readers = [f"reader{n:02}" for n in range(25)]
    post, clock = Post(script={"ana": [REFUSED]}), Clock()
    with opened(tmp_path) as store:
        run = plan(store, *readers, document=b"shared")
        sender(store, clock, [post]).send(scope(run))
        plan(store, "due", document=b"shared", period="2026-W48")
    with python(KILLED_WHILE_IT_PURGES, tmp_path / "digest.db") as purging:
        assert purging.wait(PATIENCE) == -signal.SIGKILL
    with opened(tmp_path) as store:
        assert len(states(store, run)) == 15
        assert store.ledger.plan(new_run(), []) is None
        assert upkeep.purge(store.writer, NOW + DAY) == 15
        assert store.ledger.plan(new_run(), []) is None
        later = store.ledger.run("monday-email", DeliveryKind.DIGEST, "2026-W48")
        assert later is not None
        sender(store, clock, [post]).send(scope(later))
        assert states(store, later) == {"due": "sent"}
    assert post.accepted[-1].document == b"shared"
    assert sorted(post.tried) == ["due", *readers]


# No handles, no inodes ----------------------------------------------------------------------------


@contextmanager
def no_handles() -> Iterator[None]:
    """This process can't open one file more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def no_inodes(folder: Path) -> Iterator[None]:
    """Nothing can be made in a folder that is a small file system of its own."""
    made: list[Path] = []
    refused = 0
    while refused < 3:  # an inode that was just given up may come free a moment later
        path = folder / f"somebody-else-s-{len(made)}"
        try:
            path.touch()
        except OSError:
            refused += 1
            time.sleep(0.02)
        else:
            made.append(path)
    yield
    for path in made:
        path.unlink()


@contextmanager
def few_inodes(folder: Path) -> Iterator[None]:
    mount = ["mount", "-t", "tmpfs", "-o", "nr_inodes=12,size=4m,mode=0700", "digest-test"]
    if subprocess.run([*mount, str(folder)], capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(params=["handles", "inodes"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    if request.param == "handles":
        yield tmp_path
        return
    if os.geteuid():
        pytest.skip("only root mounts")
    with few_inodes(tmp_path):
        yield tmp_path


def test_case_32_without_handles_or_inodes_nothing_is_sent_and_the_same_process_recovers(
    folder: Path, request: pytest.FixtureRequest
) -> None:
    exhausted = no_handles if "handles" in request.node.name else lambda: no_inodes(folder)
    new_ledger(folder)
    post = Post()
    with opened(folder) as store:
        run = plan(store, "ana", "ben", "cy")
        (leased,) = store.ledger.lease(
            scope(run), "mail", after=0, most=1, wanted=lambda _held: True
        )
        written(store, store.ledger.begin(leased))
        assert store.ledger.arm(leased)
        with exhausted():
            for ask in (
                lambda: plan(store, "ana", period="2026-W48"),
                lambda: sender(store, Clock(), [post]).send(scope(run)),
            ):
                with pytest.raises(StateBusyError) as caught:
                    ask()
                assert str(caught.value) == f"{folder / 'digest.db'}: {NO_FILE}"
            kept = store.ledger.settle(leased, REFUSED)
            with pytest.raises(TimeoutError):
                kept.result(0.15)
            assert post.accepted == []
        assert kept.result(PATIENCE), "a result is kept until it can be written"
        sender(store, Clock(), [post]).send(scope(run))
        assert states(store, run) == {"ana": "failed", "ben": "sent", "cy": "sent"}
    assert post.tried == ["ben", "cy"]


def test_case_32_a_start_without_handles_or_inodes_is_put_off(
    folder: Path, request: pytest.FixtureRequest
) -> None:
    exhausted = no_handles if "handles" in request.node.name else lambda: no_inodes(folder)
    with exhausted(), pytest.raises(StateBusyError), opened(folder):
        pass
    new_ledger(folder)
    with opened(folder) as store:
        run = plan(store, "ana")
    with exhausted(), pytest.raises(StateBusyError), opened(folder):
        pass
    with opened(folder) as store:
        assert states(store, run) == {"ana": "planned"}


def test_case_32_a_run_with_too_few_handles_says_so_in_a_sentence_and_the_next_one_is_whole(
    world_of: Worlds,
) -> None:
    world = world_of(readers=TWO)

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (10, 10))

    said = process("run", "both", "--now", CALL, cwd=world.folder, preexec_fn=limited)
    assert said.code in {0, 75}, said.said  # with ten it is now and then just enough
    if said.code:
        assert "Too many open files" in said.out or "no file can be opened" in said.err
    told = {line.partition("digest.db: ")[2] for line in said.err.splitlines()}
    assert len(told) <= 1, said.err  # the run and what comes after it may say the same
    assert world.run("both").code == 0
    assert set(world.copies("both").values()) == {1}
    assert world.violations() == []
