"""Rows from files: NULL and empty text, packed and plain, and what is said about bad ones."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from digest.errors import UsageError
from digest.sandbox.csvrows import records
from digest.sandbox.dates import micros
from digest.sandbox.rows import Key, KeyState, read_rows
from digest.sandbox.store import Store
from tests.support.recorded import ODD, recorded_rows

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "devices.csv": (
        "device_id,app_id,platform,country,city,first_seen\r\n"
        'd1,7,"",,"Köln, ""am"" Dom",2026-11-01 10:00:00.5\r\n'
        "d2,7,ios,US,,2026-11-02 00:00:00"
    ),
    "sessions.csv": (
        "session_id,device_id,started_at,last_activity_at\n"
        "s1,d1,2026-11-03 10:00:00,2026-11-03 10:01:00.25\n\n"
    ),
    "events.csv": (
        "app_id,device_id,name,is_screen,is_debug,timestamp\n"
        '7,d1,"two\nlines",f,t,2026-11-03T10:00:01.123456Z\n'
        "7,d1,/home,t,,2026-11-03T13:00:01+03:00\n"
    ),
    "keys.json": '{"K": {"app_id": "7", "state": "active"}}',
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    return tmp_path


def at(text: str) -> int:
    return micros(datetime.fromisoformat(text).replace(tzinfo=UTC))


def test_unquoted_empty_is_null_and_quoted_empty_is_text(folder: Path) -> None:
    first, second = read_rows(folder).devices
    assert first == ("d1", "7", "", None, 'Köln, "am" Dom', at("2026-11-01T10:00:00.500"))
    assert second == ("d2", "7", "ios", "US", None, at("2026-11-02T00:00:00"))


def test_quoted_text_may_hold_line_breaks_and_times_may_have_offsets(folder: Path) -> None:
    first, second = read_rows(folder).events
    assert first == ("7", "d1", "two\nlines", False, True, at("2026-11-03T10:00:01.123456"))
    assert second == ("7", "d1", "/home", True, False, at("2026-11-03T10:00:01"))


def test_an_empty_field_may_end_the_file(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text('a,b\n"",1\n1,', newline="")
    assert list(records(tmp_path, "x", ("a", "b"))) == [("", "1"), ("1", None)]


def test_packed_files_are_read_and_win_over_plain_ones(folder: Path) -> None:
    text = FILES["devices.csv"].replace("d1,7", "d9,7")
    (folder / "devices.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert read_rows(folder).devices[0].device_id == "d9"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("devices.csv", None, "neither devices.csv.gz nor devices.csv"),
        ("events.csv", b"\xff\xfe", "can't be read as CSV in UTF-8"),
        ("events.csv.gz", b"no gzip", "can't be read as CSV in UTF-8"),
        ("events.csv", b"a,b\n1,2\n", "the first line has to be app_id,"),
        (
            "sessions.csv",
            FILES["sessions.csv"].encode() + b"s2,d1\n",
            "record 3 has 2 fields, not 4",
        ),
        (
            "sessions.csv",
            FILES["sessions.csv"].encode() + b's2,"d1"x,,\n',
            "a quote is out of place",
        ),
        (
            "sessions.csv",
            FILES["sessions.csv"].encode() + b"s2,d1,soon,\n",
            "time that is none: 'soon'",
        ),
        ("keys.json", None, "has no keys.json"),
        ("keys.json", b"[1]", "has to be"),
        ("keys.json", b'{"K": {"app_id": "7", "state": "asleep"}}', "has to be"),
        ("keys.json", b'{"K": {"state": "active"}}', "has to be"),
    ],
)
def test_bad_files_are_named(folder: Path, name: str, content: bytes | None, said: str) -> None:
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(UsageError, match=said):
        read_rows(folder)


def test_two_rows_with_one_id_are_refused(folder: Path) -> None:
    repeated = FILES["sessions.csv"].rstrip() + "\ns1,d1,2026-11-03 10:00:00,2026-11-03 10:01:00\n"
    (folder / "sessions.csv").write_text(repeated)
    with pytest.raises(UsageError, match="same id"):
        Store(read_rows(folder))


def test_the_recorded_rows_are_all_there() -> None:
    rows = recorded_rows()
    assert (len(rows.devices), len(rows.sessions), len(rows.events)) == (668, 6705, 34064)
    odd = {device.platform for device in rows.devices if device.app_id == ODD}
    assert {"", None, "unknown", "iOS"} <= odd


BEFORE, AFTER = datetime(2026, 11, 19, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)
END = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        (Key(name="k", app_id="7"), True, True),
        (Key(name="k", app_id="7", state=KeyState.EXPIRED), False, False),
        (Key(name="k", app_id="7", state=KeyState.REVOKED), False, False),
        (Key(name="k", app_id="7", state=KeyState.EXPIRED, expires_at=END), True, False),
        (Key(name="k", app_id="7", state=KeyState.REVOKED, revoked_at=END), True, False),
        (Key(name="k", app_id="7", expires_at=END), True, False),
        (Key(name="k", app_id="8"), False, False),
    ],
    ids=["active", "expired", "revoked", "expires", "revoked-on", "active-expires", "other-app"],
)
def test_a_key_opens_its_app_until_its_date(key: Key, *, before: bool, after: bool) -> None:
    assert (key.opens("7", BEFORE), key.opens("7", AFTER)) == (before, after)


def test_the_name_of_a_key_is_not_in_its_repr() -> None:
    assert "secret" not in repr(Key(name="secret", app_id="7"))


def test_rows_without_an_active_key_say_so(folder: Path) -> None:
    (folder / "keys.json").write_text('{"K": {"app_id": "7", "state": "revoked"}}')
    with pytest.raises(UsageError, match="none of the keys is active"):
        read_rows(folder).first_key(BEFORE)
