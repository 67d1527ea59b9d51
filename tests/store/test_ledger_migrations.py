"""The schema: what alembic makes is what the code says, and an older ledger becomes a new one."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from digest.errors import StateRefusedError, StoreError
from digest.store import schema
from digest.store.opening import open_deciding, reading
from digest.store.places import StatePlace
from digest.store.tables import metadata
from tests.store.databases import Ledgers, new_database
from tests.store.processes import running
from tests.support.ledgers import Clock, opened, plan, states

if TYPE_CHECKING:
    from digest.store.opened import Store

MIGRATIONS = Path(schema.__file__).parent / "migrations"

NEWER = """\
import sqlalchemy as sa
from alembic import op

revision = "9000"
down_revision = "{head}"


def upgrade():
    op.add_column("runs", sa.Column("note", sa.Text(), nullable=True))
    op.execute("{more}")
"""


# What there is


def test_the_tables_that_are_made_are_those_that_the_code_knows(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_known_revisions_are_the_scripts_oldest_first() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    revisions = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(revisions)) == schema.KNOWN
    assert scripts.get_heads() == [schema.HEAD]


def test_a_new_ledger_has_the_newest_schema(store: Store) -> None:
    with store.engine.connect() as connection:
        assert schema.revision(connection) == schema.HEAD
    assert not schema.must_migrate(schema.HEAD)


def test_what_has_no_tables_must_be_migrated() -> None:
    assert schema.must_migrate(None)


# From an older schema to a newer one


def newer_program(folder: Path, monkeypatch: pytest.MonkeyPatch, more: str = "SELECT 1") -> None:
    """From now on the program knows one more revision, in which a run has a note."""
    shutil.copytree(MIGRATIONS, folder / "migrations", ignore=shutil.ignore_patterns("*.pyc"))
    script = folder / "migrations" / "versions" / "9000_notes.py"
    script.write_text(NEWER.format(head=schema.HEAD, more=more))
    monkeypatch.setattr(schema, "__file__", str(folder / "schema.py"))
    monkeypatch.setattr(schema, "KNOWN", (*schema.KNOWN, "9000"))
    monkeypatch.setattr(schema, "HEAD", "9000")


def columns(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as database:
        return {name for _, name, *_ in database.execute("PRAGMA table_info(runs)")}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A ledger of this program, in which something waits."""
    with opened(tmp_path / "state") as store:
        plan(store, "ana")
    return tmp_path / "state" / "digest.db"


def test_an_older_ledger_is_brought_up_to_date_after_a_copy_was_made_beside_it(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = schema.HEAD
    newer_program(tmp_path, monkeypatch)
    with opened(old.parent) as store:
        (run,) = store.ledger.latest_runs(1)
        assert states(store, run) == {"ana": "planned"}
        with store.engine.connect() as connection:
            assert schema.revision(connection) == "9000"
    copy = old.with_name(f"digest.db.schema-{head}")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert ("note" in columns(old), "note" in columns(copy)) == (True, False)
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT recipient FROM deliveries").fetchall() == [("ana",)]


def test_a_ledger_is_brought_up_to_date_once(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer_program(tmp_path, monkeypatch)
    with opened(old.parent):
        pass
    (copy,) = old.parent.glob("*.schema-*")
    copy.unlink()
    with opened(old.parent):
        pass
    assert list(old.parent.glob("*.schema-*")) == []


def test_whoever_only_looks_or_decides_leaves_an_older_ledger_as_it_is(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer_program(tmp_path, monkeypatch)
    before, place = old.read_bytes(), StatePlace(path=old)
    said = "it has an older schema; digest run, once, brings it up to date"
    with pytest.raises(StateRefusedError, match=said), reading(place):
        pass
    with pytest.raises(StateRefusedError, match=said):
        open_deciding(place, clock=Clock())
    assert old.read_bytes() == before


def test_an_upgrade_that_fails_on_the_way_leaves_the_older_ledger(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = schema.HEAD
    with monkeypatch.context() as patched:
        newer_program(tmp_path, patched, more="SELECT * FROM nowhere")
        with pytest.raises(StateRefusedError, match="can't be used"), opened(old.parent):
            pass
    assert "note" not in columns(old)
    with opened(old.parent) as store, store.engine.connect() as connection:
        assert schema.revision(connection) == head


def test_without_a_copy_nothing_is_upgraded(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old.with_name(f".digest.db.schema-{schema.HEAD}.part").mkdir()
    newer_program(tmp_path, monkeypatch)
    try:
        with pytest.raises(StoreError), opened(old.parent):
            pass
    finally:
        assert "note" not in columns(old)


def test_a_ledger_on_a_server_is_brought_up_to_date_in_one_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with new_database() as url, Ledgers(StatePlace(url=url)) as ledgers:
        first = ledgers.open()
        run = plan(first, "ana")
        first.close()
        newer_program(tmp_path, monkeypatch)
        second = ledgers.open()
        assert states(second, run) == {"ana": "planned"}
        assert ledgers.sql(second, "SELECT note FROM runs") == [(None,)]
        assert ledgers.sql(second, "SELECT version_num FROM alembic_version") == [("9000",)]


# Killed while it is made


KILLED_ON_THE_WAY = """\
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from digest.core.steps import Step, listen
from digest.store.opening import open_sender
from digest.store.places import StatePlace

def die(step):
    if step is Step.MIGRATE_MID:
        os.kill(os.getpid(), signal.SIGKILL)

listen(die)
place = StatePlace(path=Path(sys.argv[1]))
open_sender(place, command="a test", clock=lambda: datetime.now(UTC))
"""


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """Where a process was killed while it made the ledger."""
    with running(KILLED_ON_THE_WAY, tmp_path / "digest.db") as process:
        assert process.wait(30) == -signal.SIGKILL
    return tmp_path / "digest.db"


def test_a_process_that_is_killed_while_it_makes_the_ledger_leaves_none(killed: Path) -> None:
    assert killed.with_name("digest.db.new").exists()
    assert not killed.exists()
    with reading(StatePlace(path=killed)) as found:
        assert found is None
    with opened(killed.parent) as store:
        run = plan(store, "ana")
        assert states(store, run) == {"ana": "planned"}
    left = sorted(file.name for file in killed.parent.iterdir())
    assert left == ["digest.db", "digest.lock", "instance.json"]
