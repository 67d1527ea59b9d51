"""The command of systemd/digest.service, run as systemd runs it: credentials, state, notify."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
UNIT = (ROOT / "systemd" / "digest.service").read_text(encoding="utf-8")
SECRETS = {
    "phase_key": "key-4f1c9a7702d64e5b",
    "smtp_password": "password-83b1d0c2f9",
    "slack_token": "xoxb-1111-2222-abcdefgh",
}
CONFIG = """
apps:
  shop: {app_id: "482913750261048", api_key: "${credential:phase_key}", base_url: "http://127.0.0.1:9/v1"}
channels:
  mail: {type: smtp, host: 127.0.0.1, port: 9, security: none, username: me,
         password: "${credential:smtp_password}", from: digest@example.com}
  slack: {type: slack, token: "${credential:slack_token}", base_url: "http://127.0.0.1:9/api"}
digests:
  monday-email: {app: shop, period: week, schedule: mon 08:00,
                 to: {mail: [ana@example.com], slack: ["#growth"]}}
"""


def arguments(key: str, config: Path) -> list[str]:
    """The unit's own command, by our interpreter and with our config."""
    (line,) = re.findall(rf"^{key}=(.*)$", UNIT, re.MULTILINE)
    program, *rest = shlex.split(line)
    assert program == "/opt/digest/bin/digest"
    at = rest.index("--config")
    assert rest[at + 1] == "/etc/digest/config.yaml"
    return [sys.executable, "-m", "digest", *rest[:at], "--config", str(config), *rest[at + 2 :]]


@dataclass(frozen=True, slots=True)
class Service:
    """What systemd gives the unit: folders, credentials, a socket; and nothing of our own."""

    folder: Path
    socket: socket.socket
    heard: list[str] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    def env(self, **more: str) -> dict[str, str]:
        return {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "CREDENTIALS_DIRECTORY": str(self.folder / "credentials"),
            "STATE_DIRECTORY": str(self.folder / "state"),
            "MPLCONFIGDIR": str(self.folder / "cache"),
            **more,
        }

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            arguments("ExecStart", self.config),
            cwd="/",
            env=self.env(NOTIFY_SOCKET=str(self.folder / "notify")),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_for(self, line: str) -> None:
        """Read what the daemon tells systemd until it says that."""
        while line not in self.heard:
            self.heard.extend(self.socket.recv(4096).decode().split("\n"))

    def reload(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            arguments("ExecReload", self.config),
            cwd="/",
            env=self.env(),
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    for name in ("credentials", "state", "cache"):
        (tmp_path / name).mkdir(mode=0o700)
    for name, secret in SECRETS.items():
        (tmp_path / "credentials" / name).write_text(f"{secret}\n", encoding="utf-8")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(30)
        yield Service(tmp_path, listening)


def test_the_service_starts_on_credentials_reloads_and_stops_in_order(service: Service) -> None:
    with service.start() as daemon:
        try:
            service.wait_for("READY=1")
            good = service.reload()
            service.config.write_text("digests: {", encoding="utf-8")
            bad = service.reload()
            daemon.send_signal(signal.SIGTERM)
            service.wait_for("STOPPING=1")
            said = daemon.communicate(timeout=30)[0]
        finally:
            daemon.kill()

    assert daemon.returncode == 0, said
    assert good.returncode == 0, good.stderr
    assert bad.returncode == 78
    assert "config.yaml" in bad.stderr
    assert service.heard.count("RELOADING=1") == 2
    assert service.heard.count("READY=1") == 3, "also after a config that was refused"
    everything = said + json.dumps(service.heard) + good.stdout + good.stderr + bad.stderr
    assert not [secret for secret in SECRETS.values() if secret in everything]


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_credential_without_a_file_is_named_and_nothing_is_started(
    service: Service, name: str
) -> None:
    (service.folder / "credentials" / name).unlink()

    with service.start() as daemon:
        said = daemon.communicate(timeout=30)[0]

    (prevented,) = re.findall(r"^RestartPreventExitStatus=(.*)$", UNIT, re.MULTILINE)
    assert daemon.returncode == 78
    assert str(daemon.returncode) in prevented.split(), "systemd would start it for ever"
    assert f"the credential {name} can't be read" in said
    service.socket.setblocking(False)  # noqa: FBT003 — the socket module's own signature
    with pytest.raises(BlockingIOError):
        service.socket.recv(4096)
