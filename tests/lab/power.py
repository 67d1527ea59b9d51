"""The power is cut: what digest asked of the kernel is replayed, and only what was synced survives.

    events = recorded(running, folder)
    for cut in range(len(events) + 1):
        disk = after(events[:cut])
        disk.lay_out(folder)                # nothing that was not synced
        disk.lay_out(folder, random)        # some of it, in any order, torn at sectors

A file's bytes are on the disk when it was synced, its name when its folder was. That is stricter
than most file systems are. Only one folder is looked at, the ledger's.
"""

from __future__ import annotations

import re
import signal
import subprocess
import time
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from random import Random

    from tests.lab.runner import Running

SECTOR = 512
_CALLS = "openat,write,pwrite64,ftruncate,fsync,fdatasync,rename,unlink,sendto"
_LINE = re.compile(r"^(\d+) +(\w+)\((.*)$")
_DONE = re.compile(r"\) += (-?\d+)")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>.* = (-?\d+)")
_PLACE = re.compile(r"^\d+<([^>]*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


class Deed(StrEnum):
    """What was asked for."""

    CREATE = "create"
    WRITE = "write"
    CUT = "truncate"
    SYNC = "sync"
    RENAME = "rename"
    UNLINK = "unlink"
    SEND = "send"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One call. `name` is a file's in the folder, "." for the folder; `at` an offset or a size."""

    deed: Deed
    name: str = ""
    at: int = 0
    data: bytes = b""
    to: str = ""


@dataclass(slots=True)
class _File:
    """What of a file is on the disk for certain, and what was written since."""

    synced: bytes = b""
    pending: list[Event] = field(default_factory=list)

    def content(self, chosen: Iterable[Event]) -> bytes:
        made = bytearray(self.synced)
        for event in chosen:
            if event.deed is Deed.CUT:
                del made[event.at :]
                made.extend(bytes(event.at - len(made)))
            else:
                made.extend(bytes(max(0, event.at - len(made))))
                made[event.at : event.at + len(event.data)] = event.data
        return bytes(made)


@dataclass(slots=True)
class Disk:
    """One folder: names now, names on the disk, and the changes of names since."""

    names: dict[str, _File] = field(default_factory=dict)
    synced: dict[str, _File] = field(default_factory=dict)
    pending: list[dict[str, _File]] = field(default_factory=list)

    def do(self, event: Event) -> None:
        """What an event changes."""
        match event.deed:
            case Deed.CREATE if event.name not in self.names:
                self._rename({**self.names, event.name: _File()})
            case Deed.WRITE | Deed.CUT:
                self.names[event.name].pending.append(event)
            case Deed.SYNC if event.name == ".":
                self.synced, self.pending = self.names, []
            case Deed.SYNC:
                file = self.names[event.name]
                file.synced, file.pending = file.content(file.pending), []
            case Deed.RENAME:
                left = {name: file for name, file in self.names.items() if name != event.name}
                self._rename({**left, event.to: self.names[event.name]})
            case Deed.UNLINK:
                self._rename({n: file for n, file in self.names.items() if n != event.name})
            case _:
                pass

    def _rename(self, names: dict[str, _File]) -> None:
        self.names = names
        self.pending.append(names)

    def contents(self, random: Random | None = None) -> dict[str, bytes]:
        """Name → bytes after a cut. With `random` a part of what was not synced is there, too.

        Names change in the order in which it was asked for; bytes come in any.
        """
        if random is None:
            return {name: file.synced for name, file in self.synced.items()}
        names = random.choice([self.synced, *self.pending])
        return {name: file.content(_some(file.pending, random)) for name, file in names.items()}


def _some(pending: list[Event], random: Random) -> Iterator[Event]:
    """A part of what was written, torn at sectors."""
    for event in pending:
        if event.deed is Deed.CUT:
            if random.random() < 0.5:
                yield event
            continue
        for start in range(0, len(event.data), SECTOR):
            if random.random() < 0.5:
                piece = event.data[start : start + SECTOR]
                yield Event(deed=Deed.WRITE, name=event.name, at=event.at + start, data=piece)


def recorded(running: Running, folder: Path) -> list[Event]:
    """Let a halted process run to its end; what it did with the folder, and what it sent."""
    log = folder.with_name(f"{folder.name}.strace")
    command = ["strace", "-f", "-y", "-xx", "-s", "10000000", "-o", str(log)]
    with subprocess.Popen(
        [*command, "-e", f"trace={_CALLS}", "-p", str(running.pid)],
        stderr=subprocess.PIPE,
        text=True,
    ) as strace:
        assert strace.stderr is not None
        said = strace.stderr.readline()
        assert "attached" in said, said
        while strace.poll() is None:
            running.signal(signal.SIGCONT)  # it may not have halted yet, whatever it did before
            time.sleep(0.02)
        strace.stderr.read()
    return list(_events(log.read_text("ascii").splitlines(), folder))


def _events(lines: Iterable[str], folder: Path) -> Iterator[Event]:
    """Writes count from when they were asked for, syncs when they are over."""
    begun: dict[str, str] = {}
    for line in lines:
        if (resumed := _RESUMED.match(line)) is not None:
            process, call, result = resumed.groups()
            arguments = begun.pop(process, "")
            if int(result) >= 0 and _is_late(call):
                yield from _event(call, arguments, folder)
            continue
        if (found := _LINE.match(line)) is None:
            continue
        process, call, arguments = found.groups()
        if "<unfinished" in arguments:
            begun[process] = arguments
            if not _is_late(call):
                yield from _event(call, arguments, folder)
        elif (done := _DONE.search(arguments)) is not None and int(done[1]) >= 0:
            yield from _event(call, arguments, folder)


def _is_late(call: str) -> bool:
    return call in {"fsync", "fdatasync", "openat"}


def _event(call: str, arguments: str, folder: Path) -> Iterator[Event]:
    texts = [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(arguments)]
    if call == "sendto":
        yield Event(deed=Deed.SEND, data=texts[0])
        return
    if call in {"openat", "rename", "unlink"}:
        names = [_name(folder / text.decode(), folder) for text in texts]
        if names[0] is None or (call == "openat" and "O_CREAT" not in arguments):
            return
        deed = {"openat": Deed.CREATE, "rename": Deed.RENAME, "unlink": Deed.UNLINK}[call]
        yield Event(deed=deed, name=names[0], to=names[-1] or "")
        if "O_TRUNC" in arguments:
            yield Event(deed=Deed.CUT, name=names[0])
        return
    place = _PLACE.match(arguments)
    name = None if place is None else _name(Path(_plain(place[1])), folder)
    if name is None:
        return
    number = re.search(r", (\d+)\)? *(?:=|<unfinished)", arguments)
    at = int(number[1]) if number is not None else 0
    match call:
        case "pwrite64":
            yield Event(deed=Deed.WRITE, name=name, at=at, data=texts[0])
        case "ftruncate":
            yield Event(deed=Deed.CUT, name=name, at=at)
        case "fsync" | "fdatasync":
            yield Event(deed=Deed.SYNC, name=name)
        case _:
            raise ValueError(f"{call} of {name}: where it writes is not known")


def _plain(text: str) -> str:
    return bytes.fromhex(text.replace("\\x", "")).decode() if text.startswith("\\x") else text


def _name(path: Path, folder: Path) -> str | None:
    if path == folder:
        return "."
    is_ours = path.parent == folder and path.name.startswith(("digest.db", "instance.json"))
    return path.name if is_ours else None
