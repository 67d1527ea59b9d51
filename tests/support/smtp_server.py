"""A scriptable SMTP server on loopback: it can refuse, drop, stall or drip at any point.

    with SmtpServer({"RCPT": [reply("451 4.7.1 greylisted")]}) as server:
        ...  # the first RCPT is put off, the second is taken

A script maps a point of the conversation to what happens there, one entry for each time the
point is reached; when the entries are used up the server behaves well. The points are GREETING,
EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, BODY (a message has begun to arrive), DOT (it has arrived
whole, and is kept before anything is done), RSET, NOOP and QUIT. `None` stands for good behaviour.
"""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import ssl
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.support.smtp_acts import Act, HungUpError, Received, Talk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TLS_DATA = Path(__file__).parents[1] / "data" / "tls"
CA_FILE = TLS_DATA / "ca.pem"


class SmtpServer:
    """Context manager; look at `received`, `commands` and `connections` afterwards.

    `broken_off` has what came of messages that never ended with a dot. `hung_up` is set once a
    first connection is over; `on_body` is called when a message is to come.

    `certificate` names a file in tests/data/tls; `implicit` speaks TLS from the first byte,
    otherwise STARTTLS is offered when there is a certificate. `users` are logins (name →
    password); with any, a login is offered. `refuse` maps a recipient to a reply.
    """

    def __init__(
        self,
        script: Mapping[str, Sequence[Act | None]] | None = None,
        *,
        certificate: str | None = None,
        implicit: bool = False,
        users: Mapping[str, str] | None = None,
        refuse: Mapping[str, str] | None = None,
        extensions: Sequence[str] = ("8BITMIME", "SMTPUTF8", "SIZE 10485760"),
        auth: str = "PLAIN LOGIN",
        on_body: Callable[[], object] | None = None,
    ) -> None:
        self.received: list[Received] = []
        self.broken_off: list[bytes] = []
        self.commands: list[str] = []
        self.connections = 0
        self.hung_up = threading.Event()
        self._script = {point: list(acts) for point, acts in (script or {}).items()}
        self._users = dict(users or {})
        self._refuse = dict(refuse or {})
        self._extensions = tuple(extensions)
        self._auth = auth
        self._implicit = implicit
        self._on_body = on_body
        self._context = _server_context(certificate) if certificate else None
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._socks: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = "127.0.0.1"
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._listener.settimeout(0.05)
        self._start(self._accept)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopped.set()
        with self._lock:
            socks, threads = list(self._socks), list(self._threads)
        for sock in socks:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5)
        self._listener.close()
        for sock in socks:
            sock.close()

    @property
    def accepted(self) -> list[Received]:
        """The messages that the server took."""
        return [message for message in self.received if message.accepted]

    def verbs(self) -> list[str]:
        """The commands by their first word."""
        return [command.split(" ")[0].upper() for command in self.commands]

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                sock, _ = self._listener.accept()
            except TimeoutError:
                continue
            sock.settimeout(10)
            with self._lock:
                self._socks.append(sock)
                self.connections += 1
            self._start(partial(self._serve, sock))

    def _serve(self, sock: socket.socket) -> None:
        talk = Talk(sock=sock)
        try:
            if self._implicit:
                self._encrypt(talk)
            self._do(talk, "GREETING", "220 test ESMTP")
            while True:
                self._command(talk, talk.line().decode())
        except (HungUpError, OSError):
            pass
        finally:
            talk.sock.close()
            self.hung_up.set()

    def _encrypt(self, talk: Talk) -> None:
        assert self._context is not None
        talk.sock = self._context.wrap_socket(talk.sock, server_side=True)
        talk.encrypted = True
        with self._lock:
            self._socks.append(talk.sock)

    def _command(self, talk: Talk, line: str) -> None:
        with self._lock:
            self.commands.append(line)
        verb, _, argument = line.partition(" ")
        match verb.upper():
            case "EHLO":
                self._do(talk, "EHLO", self._features(talk))
            case "NOOP" | "RSET" as plain:
                talk.sender, talk.recipients = None, []
                self._do(talk, plain, "250 2.0.0 ok")
            case "STARTTLS":
                self._start_tls(talk)
            case "AUTH":
                self._login(talk, argument)
            case "MAIL":
                talk.sender, talk.recipients = _address(argument), []
                self._do(talk, "MAIL", "250 2.1.0 ok")
            case "RCPT":
                self._rcpt(talk, _address(argument))
            case "DATA":
                self._data(talk)
            case "QUIT":
                self._do(talk, "QUIT", "221 2.0.0 bye")
                raise HungUpError
            case _:
                talk.say("500 5.5.1 what?")

    def _start_tls(self, talk: Talk) -> None:
        if self._do(talk, "STARTTLS", "220 go ahead"):
            self._encrypt(talk)

    def _features(self, talk: Talk) -> str:
        features = list(self._extensions)
        if self._context is not None and not talk.encrypted:
            features.append("STARTTLS")
        if self._users:
            features.append(f"AUTH {self._auth}")
        lines = ["test", *features]
        return "\r\n".join(
            f"250{'-' if number < len(lines) - 1 else ' '}{line}"
            for number, line in enumerate(lines)
        )

    def _login(self, talk: Talk, argument: str) -> None:
        act = self._next("AUTH")
        if act is not None:
            talk.act(act, self._stopped)
            return
        method, _, initial = argument.partition(" ")
        if method.upper() == "PLAIN":
            name, password = base64.b64decode(initial).decode().split("\0")[1:]
        else:
            name, password = self._ask(talk, "VXNlcm5hbWU6"), self._ask(talk, "UGFzc3dvcmQ6")
        right = self._users.get(name) == password
        talk.say("235 2.7.0 welcome" if right else f"535 5.7.8 no, {name}:{password}")

    def _ask(self, talk: Talk, question: str) -> str:
        talk.say(f"334 {question}")
        return base64.b64decode(talk.line()).decode()

    def _rcpt(self, talk: Talk, address: str) -> None:
        answer = self._refuse.get(address)
        if answer is not None:
            talk.say(answer)
        elif self._do(talk, "RCPT", "250 2.1.5 ok"):
            talk.recipients.append(address)

    def _data(self, talk: Talk) -> None:
        if not talk.recipients:
            talk.say("503 5.5.1 who is it for?")
            return
        if not self._do(talk, "DATA", "354 go ahead"):
            return
        if self._on_body is not None:
            self._on_body()
        try:
            body_act = self._next("BODY")
            if body_act is not None:
                talk.line()  # the message has begun
                talk.act(body_act, self._stopped)
            raw = talk.message()
        except (HungUpError, OSError):
            self.broken_off.append(bytes(talk.buffer))
            raise
        act = self._next("DOT")
        taken = act is None or not act.text or act.text.startswith(b"2")
        with self._lock:
            self.received.append(
                Received(
                    sender=talk.sender or "",
                    recipients=tuple(talk.recipients),
                    data=re.sub(rb"(?m)^\.\.", b".", raw.removesuffix(b".\r\n")),
                    raw=raw,
                    accepted=taken,
                )
            )
        talk.sender, talk.recipients = None, []
        if act is None:
            talk.say("250 2.0.0 taken")
        else:
            talk.act(act, self._stopped)

    def _do(self, talk: Talk, point: str, good: str) -> bool:
        """The script's act at this point, or good behaviour; whether it was a yes."""
        act = self._next(point)
        if act is None:
            talk.say(good)
            return True
        talk.act(act, self._stopped)
        return act.text[:1] == good[:1].encode()

    def _next(self, point: str) -> Act | None:
        with self._lock:
            acts = self._script.get(point)
            return acts.pop(0) if acts else None


def _server_context(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS_DATA / certificate)
    return context


def _address(argument: str) -> str:
    found = re.search(r"<([^>]*)>", argument)
    return found[1] if found else ""
