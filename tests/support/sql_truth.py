"""What plain SQL over the given rows says, to hold a report against.

Nothing of `digest` is used here: the rows are read with csv and gzip, and each number is one
query. The two versions of the server differ in three rules, written down in `RULES`.
"""

from __future__ import annotations

import csv
import gzip
import sqlite3
from dataclasses import dataclass
from pathlib import Path

ROWS = Path(__file__).parents[1] / "data" / "phase" / "rows"
SHOP = "482913750261048"
TABLES = ("devices", "sessions", "events")

# A text such as 2026-11-16 03:02:59.647107 (0 to 6 decimals) as microseconds.
MICROS = (
    "(CAST(strftime('%s', substr({0}, 1, 19)) AS INTEGER) * 1000000"
    " + CAST(substr(substr({0}, 21) || '000000', 1, 6) AS INTEGER))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Shortest session that exists and first duration that is no bounce, both in seconds."""

    least: int
    bounce: int
    debug_events: bool


RULES = {
    "current": Rules(least=5, bounce=20, debug_events=False),
    "april": Rules(least=0, bounce=10, debug_events=True),
}


def load() -> sqlite3.Connection:
    """The three tables, every column as text, in memory."""
    db = sqlite3.connect(":memory:")
    for table in TABLES:
        with gzip.open(ROWS / f"{table}.csv.gz", "rt", encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        db.execute(f"CREATE TABLE {table} ({', '.join(f'{name} TEXT' for name in header)})")
        db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(header))})", rows)
    return db


def metrics(db: sqlite3.Connection, api: str, start: str, end: str) -> dict[str, float]:
    """The seven metrics over the UTC days from `start` up to, not including, `end`."""
    rules = RULES[api]
    begun, seen = MICROS.format("started_at"), MICROS.format("last_activity_at")
    db.executescript(
        f"""
        DROP VIEW IF EXISTS lived;
        CREATE VIEW lived AS
            SELECT device_id, {begun} AS begun, {seen} AS seen, {seen} - {begun} AS lasted,
                   substr(started_at, 1, 10) AS start_day,
                   substr(last_activity_at, 1, 10) AS last_day
            FROM sessions JOIN devices USING (device_id)
            WHERE app_id = '{SHOP}' AND {seen} - {begun} >= {rules.least} * 1000000;
        """
    )

    def one(query: str, *parts: object) -> float:
        return float(db.execute(query, parts).fetchone()[0])

    days = (start, end)
    return {
        "sessions": one("SELECT count(*) FROM lived WHERE start_day >= ? AND start_day < ?", *days),
        "bounce_rate": one(
            "SELECT 100.0 * sum(lasted < ? * 1000000) / count(*) FROM lived"
            " WHERE start_day >= ? AND start_day < ?",
            rules.bounce,
            *days,
        ),
        "session_duration": one(
            "SELECT sum(lasted) / 1000000.0 / count(*) FROM lived"
            " WHERE start_day >= ? AND start_day < ?",
            *days,
        ),
        "active_users": one(
            "SELECT count(*) * 1.0 / (julianday(?2) - julianday(?1)) FROM"
            " (SELECT DISTINCT device_id, last_day FROM lived"
            "  WHERE last_day >= ?1 AND last_day < ?2)",
            *days,
        ),
        "new_users": one(
            f"SELECT count(*) FROM devices WHERE app_id = '{SHOP}'"
            " AND substr(first_seen, 1, 10) >= ? AND substr(first_seen, 1, 10) < ?",
            *days,
        ),
        "total_users": one(
            f"SELECT count(*) FROM devices WHERE app_id = '{SHOP}'"
            " AND substr(first_seen, 1, 10) < ?",
            end,
        ),
        "events": one(
            f"SELECT count(*) FROM events WHERE app_id = '{SHOP}'"
            " AND substr(timestamp, 1, 10) >= ? AND substr(timestamp, 1, 10) < ?"
            " AND (is_debug = 'f' OR ?)",
            *days,
            rules.debug_events,
        ),
    }


def bounce_rates(
    db: sqlite3.Connection, api: str, start: str, end: str
) -> dict[str, tuple[float, int]]:
    """Bounce rate and number of sessions of each day that has sessions."""
    rules = RULES[api]
    lasted = f"{MICROS.format('last_activity_at')} - {MICROS.format('started_at')}"
    rows = db.execute(
        f"SELECT substr(started_at, 1, 10), 100.0 * sum({lasted} < ? * 1000000) / count(*),"
        f" count(*) FROM sessions JOIN devices USING (device_id) WHERE app_id = '{SHOP}'"
        f" AND {lasted} >= ? * 1000000 AND substr(started_at, 1, 10) >= ?"
        f" AND substr(started_at, 1, 10) < ? GROUP BY 1 ORDER BY 1",
        (rules.bounce, rules.least, start, end),
    )
    return {str(day): (float(rate), int(count)) for day, rate, count in rows}


def countries(db: sqlite3.Connection, api: str, start: str, end: str) -> dict[str, int]:
    """Sessions by country over the same days; the shop has no country that is an empty text."""
    least = RULES[api].least
    lasted = f"{MICROS.format('last_activity_at')} - {MICROS.format('started_at')}"
    rows = db.execute(
        f"SELECT coalesce(nullif(country, ''), 'unknown'), count(*)"
        f" FROM sessions JOIN devices USING (device_id) WHERE app_id = '{SHOP}'"
        f" AND {lasted} >= ? * 1000000 AND substr(started_at, 1, 10) >= ?"
        f" AND substr(started_at, 1, 10) < ? GROUP BY 1",
        (least, start, end),
    )
    return {str(country): int(count) for country, count in rows}


def event_names(
    db: sqlite3.Connection, api: str, start: str, end: str, *, screens: bool
) -> dict[str, int]:
    """Events (or screen views) by name over the same days."""
    rows = db.execute(
        f"SELECT name, count(*) FROM events WHERE app_id = '{SHOP}' AND is_screen = ?"
        " AND substr(timestamp, 1, 10) >= ? AND substr(timestamp, 1, 10) < ?"
        " AND (is_debug = 'f' OR ?) GROUP BY 1",
        ("t" if screens else "f", start, end, RULES[api].debug_events),
    )
    return {str(name): int(count) for name, count in rows}


def platforms(db: sqlite3.Connection) -> dict[str, int]:
    """All users by platform."""
    rows = db.execute(
        "SELECT coalesce(nullif(platform, ''), 'unknown'), count(*) FROM devices"
        f" WHERE app_id = '{SHOP}' GROUP BY 1"
    )
    return {str(platform): int(count) for platform, count in rows}
