"""What one more reader costs: CPU, wall time, memory and database, against a bare loop.

The bare loop is the floor: ready bytes over one kept connection to the same server, no ledger.
"Ideal with ledger" adds two bare SQLite commits a mail (docs/performance.md, goals 3 and 5).
Everything is measured as a margin between two sizes in whole processes, so that start-up counts
for nothing; the ways are taken in turn.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import resource
import smtplib
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from digest.sandbox.flavour import Flavour
from digest.sandbox.sample import sample_rows
from digest.sandbox.server import PhaseSandbox

if TYPE_CHECKING:
    from collections.abc import Callable

FEW, MANY = 500, 1500
ROUNDS = 3
NOW = "2026-11-23T08:00:00Z"

OURS = """
import os, sys
from digest.cli import run_command_line
code = run_command_line(sys.argv[1:])
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
with open("peak", "w") as file:
    file.write(str(peak))
sys.exit(code)
"""


class Sink(asyncio.Protocol):
    """Takes everything, says the least."""

    def __init__(self) -> None:
        self.out: Any = None
        self.data = b""
        self.body = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.out = transport
        self.out.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        if self.body:
            tail = self.data[-4:] + data
            self.data = tail[-5:]
            if tail.endswith(b"\r\n.\r\n"):
                self.body, self.data = False, b""
                self.out.write(b"250 taken\r\n")
            return
        self.data += data
        while (end := self.data.find(b"\r\n")) >= 0:
            line, self.data = self.data[:end], self.data[end + 2 :]
            verb = line[:4].upper()
            if verb == b"DATA":
                self.body = True
                self.out.write(b"354 go\r\n")
                return
            if verb == b"EHLO":
                self.out.write(b"250-sink\r\n250 SIZE 10485760\r\n")
            else:
                self.out.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")


def serve(ports: Any) -> None:
    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
        ports.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())


def serve_phase(ports: Any) -> None:
    now = datetime.fromisoformat(NOW).astimezone(UTC)
    with PhaseSandbox(
        sample_rows(now), api=Flavour.CURRENT, clock=lambda: now, rate_limit=0
    ) as box:
        ports.put((box.base_url, box.app_id, box.api_key))
        time.sleep(3600)


def bare(port: int, count: int, mail: bytes, ledger: str) -> None:
    """The floor: `ledger` names a database to commit to twice a mail, or nothing."""
    database = sqlite3.connect(ledger, isolation_level=None) if ledger else None
    if database is not None:
        database.execute("PRAGMA synchronous=EXTRA")
        database.execute("CREATE TABLE sent (id INTEGER PRIMARY KEY, state TEXT)")
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        smtp.ehlo()
        for number in range(count):
            smtp.docmd("MAIL", "FROM:<digest@example.com>")
            smtp.docmd("RCPT", f"TO:<reader{number}@example.com>")
            smtp.docmd("DATA")
            smtp.send(mail)
            if database is not None:
                database.execute("INSERT INTO sent VALUES (?, 'at_risk')", (number,))
            smtp.send(b".\r\n")
            assert smtp.getreply()[0] == 250
            if database is not None:
                database.execute("UPDATE sent SET state = 'sent' WHERE id = ?", (number,))


@dataclass(frozen=True)
class Cost:
    cpu: float
    wall: float
    peak: float = 0.0
    size: float = 0.0


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """CPU seconds of the children that the work waits for, and wall seconds."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, time.monotonic() - begun


def ours(readers: int, phase: tuple[str, str, str], port: int) -> Cost:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url, app_id, key = phase
        config = {
            "state": "sqlite:///./digest.db",
            "apps": {"shop": {"app_id": app_id, "api_key": "${KEY}", "base_url": url}},
            "channels": {
                "mail": {
                    "type": "smtp",
                    "host": "127.0.0.1",
                    "port": port,
                    "security": "none",
                    "from": "Acme Analytics <digest@example.com>",
                }
            },
            "digests": {
                "weekly": {
                    "app": "shop",
                    "period": "week",
                    "schedule": "mon 08:00",
                    "to": {"mail": [f"reader{n}@example.com" for n in range(readers)]},
                }
            },
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        arguments = ["run", "weekly", "--now", NOW, "-c", str(folder / "config.yaml")]

        def work() -> None:
            subprocess.run(
                [sys.executable, "-c", OURS, *arguments],
                env={**os.environ, "KEY": key},
                cwd=folder,
                check=True,
                stdout=subprocess.DEVNULL,
            )

        cpu, wall = measured(work)
        return Cost(
            cpu=cpu,
            wall=wall,
            peak=float((folder / "peak").read_text()) * 1024,
            size=float((folder / "digest.db").stat().st_size),
        )


def floor(readers: int, port: int, mail: bytes, *, ledger: bool) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        place = f"{folder}/bare.db" if ledger else ""
        process = multiprocessing.Process(target=bare, args=(port, readers, mail, place))

        def work() -> None:
            process.start()
            process.join()
            assert process.exitcode == 0

        return Cost(*measured(work))


def margin(few: Cost, many: Cost) -> Cost:
    """What one more reader costs."""
    more = MANY - FEW
    return Cost(
        cpu=(many.cpu - few.cpu) / more,
        wall=(many.wall - few.wall) / more,
        peak=(many.peak - few.peak) / more,
        size=(many.size - few.size) / more,
    )


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def main() -> None:
    multiprocessing.set_start_method("spawn")
    ports: Any = multiprocessing.Queue()
    sink = multiprocessing.Process(target=serve, args=(ports,), daemon=True)
    sink.start()
    port = ports.get()
    box = multiprocessing.Process(target=serve_phase, args=(ports,), daemon=True)
    box.start()
    phase = ports.get()
    mail = b"Subject: x\r\n\r\n" + (b"x" * 76 + b"\r\n") * (120_000 // 78)
    rows = [
        (
            margin(ours(FEW, phase, port), ours(MANY, phase, port)),
            margin(floor(FEW, port, mail, ledger=False), floor(MANY, port, mail, ledger=False)),
            margin(floor(FEW, port, mail, ledger=True), floor(MANY, port, mail, ledger=True)),
        )
        for _ in range(ROUNDS)
    ]
    print(f"one more reader, between {FEW} and {MANY}, {ROUNDS} rounds, median (min–max):")
    print(f"  memory, bytes:       {spread([one.peak for one, _, _ in rows])}  (limit 2048)")
    print(f"  database, bytes:     {spread([one.size for one, _, _ in rows])}  (limit 2048)")
    print(f"  CPU, ms:             {spread([1000 * one.cpu for one, _, _ in rows])}")
    print(f"  CPU ÷ bare loop:     {spread([one.cpu / base.cpu for one, base, _ in rows])}")
    with_ledger = spread([one.cpu / base.cpu for one, _, base in rows])
    print(f"  CPU ÷ with ledger:   {with_ledger}  (goal 3: 4)")
    print(
        "  mails/s ÷ bare loop: "
        f"{spread([base.wall / one.wall for one, base, _ in rows])}  (goal 5: 0.4)"
    )
    print(f"  bare loop, CPU ms:   {spread([1000 * base.cpu for _, base, _ in rows])}")
    print(f"  with ledger, CPU ms: {spread([1000 * base.cpu for _, _, base in rows])}")
    sink.terminate()
    box.terminate()


if __name__ == "__main__":
    main()
