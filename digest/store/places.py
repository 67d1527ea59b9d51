"""Where the ledger is: the config's `state`, or the state folder of the service or the user."""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from digest.errors import StateBusyError, StateRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.ENOMEM})
_SQLITE = "sqlite:///"
_FILE = "digest.db"
_SHARED = re.compile(r"nfs\d?|cifs|smb\d?|smbfs|afs|ceph|lustre|glusterfs|fuse\.(sshfs|glusterfs)")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatePlace:
    """A database: a file of SQLite's, or a URL of PostgreSQL's that may hold a password."""

    path: Path | None = None
    url: str = ""

    @property
    def shown(self) -> str:
        """How it may be named to a person."""
        if self.path is not None:
            return str(self.path)
        return re.sub(r"//[^/@]*@", "//", self.url).partition("?")[0]


def state_place(url: str | None, env: Mapping[str, str]) -> StatePlace:
    """What the config says, else the usual place of the service or the user."""
    if url is None:
        return StatePlace(path=_usual(env) / _FILE)
    if url.startswith(_SQLITE):
        return StatePlace(path=Path(url.removeprefix(_SQLITE)))
    rest = re.sub(r"^postgresql(\+[a-z0-9]+)?", "", url)
    return StatePlace(url=f"postgresql+psycopg{rest}")


def note_place(place: StatePlace, env: Mapping[str, str]) -> Path:
    """Where the daemon's note is: beside the ledger, or in the usual folder."""
    folder = _usual(env) if place.path is None else place.path.parent
    return folder / "serve.json"


def _usual(env: Mapping[str, str]) -> Path:
    if folder := env.get("STATE_DIRECTORY"):  # systemd may give several, colon-separated
        return Path(folder.partition(":")[0])
    if folder := env.get("XDG_STATE_HOME"):
        return Path(folder) / "digest"
    return Path(env.get("HOME") or "/var/lib") / ".local" / "state" / "digest"


def is_short(error: OSError) -> bool:
    """Whether room, inodes or file handles are wanting: later it may work."""
    return error.errno in _SHORT


def refused(error: OSError, said: str, advice: str = "") -> StateRefusedError | StateBusyError:
    """The error for a file that can't be used; `advice` is for when waiting does not help."""
    if is_short(error):
        return StateBusyError(f"{said}; nothing was sent, try again")
    return StateRefusedError(f"{said}; {advice}" if advice else said)


def make_folder(folder: Path) -> None:
    """The state folder, private to its user. Raises StateRefusedError when it can't be used."""
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, mode=0o700)
    except OSError as error:
        said = f"the state folder {folder} can't be made: {error.strerror}"
        raise refused(error, said, "set `state` in the config") from None
    kind = file_system(folder)
    if kind is not None and _SHARED.fullmatch(kind):
        raise StateRefusedError(
            f"{folder} is on a network file system ({kind}), where locks and syncs can't be "
            "trusted; put `state` on a local disk, or use PostgreSQL"
        )


def file_system(folder: Path, table: Path = Path("/proc/self/mounts")) -> str | None:
    """The type of the file system that holds the folder; None where that can't be told."""
    try:
        lines = table.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    place, best, kind = folder.resolve(), -1, None
    for line in lines:
        _, _, rest = line.partition(" ")
        where, _, rest = rest.partition(" ")
        mount = Path(re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), where))
        if len(mount.parts) > best and place.is_relative_to(mount):
            best, kind = len(mount.parts), rest.partition(" ")[0]
    return kind
