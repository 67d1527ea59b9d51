"""A ledger of schema 0002 gets the tables of alerts, and keeps all that it had."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, text

from digest.core.agenda import DueState
from digest.store import identity, schema, sqlite
from digest.store.places import StatePlace
from tests.store.databases import Ledgers, new_database
from tests.support.alert_looks import FIRST, look, looked
from tests.support.ledgers import NOW, states

MIGRATIONS = Path(schema.__file__).parent / "migrations"
AT = int(NOW.timestamp() * 1_000_000)
RUN = f"""
INSERT INTO runs
  (job, kind, period, generation, app, planned_at, deadline, warnings)
VALUES ('daily', 'digest', '2026-11-22', 0, 'shop', {AT}, {AT}, '')
"""
BYTES = "INSERT INTO contents (sha256, data) VALUES (:bytes, :bytes)"
DELIVERY = f"""
INSERT INTO deliveries
  (key, run_id, channel, recipient, generation, content_id, head, state, fence, attempts,
   uncertain, looks, small, updated_at, reported)
VALUES ('k', 1, 'mail', 'ana', 0, 1, :bytes, 'planned', 0, 0, 0, 0, :no, {AT}, :no)
"""
DUE = f"""
INSERT INTO dues
  (job, period, due_at, local, ready_at, deadline, state, tries, reported, updated_at)
VALUES ('daily', '2026-11-23', {AT}, '', {AT}, {AT}, 'waiting', 0, :no, {AT})
"""
ALERT = f"INSERT INTO alert_states VALUES ('never', 'ok', {AT}, '1', 'of a digest that never was')"


def make_old(engine: Engine) -> None:
    """A ledger of schema 0002 in which a digest waits and a period is due."""
    with engine.connect() as connection:
        scripts = Config()
        scripts.set_main_option("script_location", str(MIGRATIONS))
        scripts.attributes["connection"] = connection
        command.upgrade(scripts, "0002")
        identity.first_rows(connection)
        for statement in (RUN, BYTES, DELIVERY, DUE, ALERT):
            values = {"bytes": b"the digest", "no": False}
            wanted = {name: one for name, one in values.items() if f":{name}" in statement}
            connection.execute(text(statement), wanted)
        connection.commit()
    engine.dispose()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_ledger_from_before_alerts_is_brought_up_to_date_with_all_that_it_had(
    tmp_path: Path, database: str
) -> None:
    if database == "sqlite":
        path = tmp_path / "digest.db"
        path.touch(0o600)
        make_old(sqlite.engine_of(path))
        path.chmod(0o600)
        check(StatePlace(path=path))
        with closing(sqlite3.connect(path.with_name("digest.db.schema-0002"))) as copy:
            assert copy.execute("SELECT data FROM alert_states").fetchall() == [
                ("of a digest that never was",)
            ]
        return
    with new_database() as url:
        make_old(create_engine(url))
        check(StatePlace(url=url))


def check(place: StatePlace) -> None:
    with Ledgers(place) as ledgers:
        store = ledgers.open()
        with store.engine.connect() as connection:
            assert schema.revision(connection) == schema.HEAD
        (run,) = store.ledger.latest_runs(1)
        assert (run.job, run.period, states(store, run)) == (
            "daily",
            "2026-11-22",
            {"ana": "planned"},
        )
        assert [one.state for one in store.agenda.recent(5)] == [DueState.WAITING]
        assert store.alerts.states() == {}
        looked(store, look(0))
        assert len(store.alerts.episodes(FIRST)) == 1
