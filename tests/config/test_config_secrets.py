"""References are filled in, and what they stand for is never shown."""

from __future__ import annotations

import os
import pickle
import traceback
from pathlib import Path

import pytest

from digest.config.loader import load_text
from digest.config.models import SmtpChannel
from digest.config.secrets import Filler
from digest.errors import ConfigError
from tests.support.configs import ENV, SMALL, changed, config_of, problems_of

CANARY = "hunter2-Zq9-öCANARY"
KEY_PLACE = "config.yaml:3:46: apps.shop.api_key: "


def filled(text: str, env: dict[str, str], base_dir: Path = Path()) -> str:
    done = Filler(env, base_dir).fill({"a": [text]})
    assert not done.faults
    value = done.data["a"][0]
    assert isinstance(value, str)
    return value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "1"),
        ("x${A}y${B}z", "x1y2z"),
        ("${NONE:-d}", "d"),
        ("${EMPTY:-d}", "d"),
        ("${A:-d}", "1"),
        ("${NONE:-}", ""),
        ("${EMPTY}", ""),
        ("${NONE:-a b:-c}", "a b:-c"),
        ("$${A}", "${A}"),
        ("$$${A}", "$${A}"),
        ("$A $ 5$ {A}", "$A $ 5$ {A}"),
        ("${NESTED}", "${A}"),
        ("a\n${A}", "a\n1"),
    ],
)
def test_references_are_filled_in(text: str, value: str) -> None:
    env = {"A": "1", "B": "2", "EMPTY": "", "NESTED": "${A}"}
    assert filled(text, env) == value


@pytest.mark.parametrize(
    ("raw", "value"),
    [(b"k\n", "k"), (b"k\r\n", "k"), (b"k", "k"), (b"k\n\n", "k\n"), (b" k ", " k ")],
)
def test_a_file_loses_its_last_line_end_only(raw: bytes, value: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(raw)
    assert filled(f"${{file:{tmp_path}/key}}", {}) == value
    assert filled("${file:key}", {}, tmp_path) == value
    assert filled("${credential:key}", {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == value


def key(reference: str) -> str:
    return changed("${PHASE_SHOP_KEY}", reference)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("${NOT_SET}", "the environment variable NOT_SET is not set"),
        ("${EMPTY}", "is empty"),
        ("${file:/nowhere/key}", "the file /nowhere/key can't be read: No such file or directory"),
        ("${file:/}", "the file / can't be read: Is a directory"),
        ("${file:}", "${file:…} needs a path"),
        ("${file:big}", "the file big is larger than 64 KiB"),
        ("${file:binary}", "the file binary is not UTF-8 text"),
        ("${file:nul}", "the file nul is not text"),
        ("${file:two}", "holds a line break, which no key or password has"),
        (
            "${credential:phase}",
            (
                "the credential phase comes from systemd (LoadCredential=phase:…), but "
                "$CREDENTIALS_DIRECTORY is not set"
            ),
        ),
        ("${credential:../x}", "${credential:…} needs the name of a systemd credential"),
        *(
            (
                broken,
                (
                    "a reference is ${NAME}, ${NAME:-default}, ${file:/path} or "
                    "${credential:name}; "
                    "write $${ for a literal ${"
                ),
            )
            for broken in ("${", "${}", "${A", "${1A}", "x${A B}", "${A-b}", "${A:-{}}", "${É}")
        ),
    ],
)
def test_a_reference_that_can_t_be_filled_in_is_one_problem(
    reference: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "big").write_bytes(b"x" * 70_000)
    (tmp_path / "binary").write_bytes(b"\xff\xff")
    (tmp_path / "nul").write_bytes(b"a\0b")
    (tmp_path / "two").write_bytes(b"a\nb\n")

    problems = problems_of(key(reference), {**ENV, "EMPTY": ""}, tmp_path)

    assert problems == [KEY_PLACE + message]


def test_a_file_that_the_system_refuses_is_one_problem(tmp_path: Path) -> None:
    """A link to itself, because root may read every file whatever its mode."""
    (tmp_path / "key").symlink_to("key")
    problems = problems_of(key("${file:key}"), ENV, tmp_path)
    assert problems == [KEY_PLACE + "the file key can't be read: Too many levels of symbolic links"]


def test_odd_bytes_of_the_environment_are_no_text() -> None:
    problems = problems_of(SMALL, {**ENV, "PHASE_SHOP_KEY": os.fsdecode(b"\xff")})
    assert problems == [KEY_PLACE + "the environment variable PHASE_SHOP_KEY is not text"]


def test_what_is_missing_has_no_further_complaints() -> None:
    text = changed("host: smtp.example.com, ", "host: '${H}', port: '${P}', security: none, ")
    assert [problem.rsplit(": ", 1)[1] for problem in problems_of(text)] == [
        "the environment variable H is not set", "the environment variable P is not set",
    ]  # fmt: skip


def test_numbers_and_switches_may_be_references() -> None:
    text = changed("host: smtp.example.com, ", "host: h, port: '${P}', allow_plain: '${S}', ")
    mail = config_of(text, {**ENV, "P": "2525", "S": "true"}).channels["mail"]
    assert isinstance(mail, SmtpChannel)
    assert (mail.port, mail.allow_plain) == (2525, True)


EVERYTHING = """\
timezone: A0
locale: A1
templates: A2
state: A3
apps:
  shop: {title: A4, app_id: A5, api_key: A6, base_url: A7}
channels:
  mail: {type: smtp, host: A8, port: A9, security: A10, username: A11, password: A12, from: A13,
         reply_to: A14, ca_file: A15, allow_plain: A16, connections: A17}
  slack: {type: slack, token: A18, base_url: A19}
  files: {type: folder, path: A20}
  odd: {type: A21}
  odder: {type: [A21]}
  oddest: {type: {a: A21}}
  list: [A21]
digests:
  weekly: {app: A22, period: A23, schedule: A24, to: {mail: A25, slack: [A26], files: A27},
           title: A28, enabled: A29, metrics: [A30], breakdowns: A31, charts: [A32],
           baseline: A33, tags: A34, settle: A35, skip_dates: [A36], catch_up: A37,
           max_lateness: A38}
  zoned: {app: shop, period: day, schedule: {at: A39, timezone: A40}, to: A41,
          baseline: {trailing: A42}}
alerts:
  high: {app: A43, metric: A44, schedule: A45, window: A46, when: {above: A47}, clear: A48,
         min_sessions: A49, to: {slack: A50}}
ops: {mail: A51, slack: A52}
limits: {connect: A53, tries: A54, max_body: A55}
delivery: {on_uncertain: A56, deadline: A57, retention: A58}
heartbeat: {url: A59, every: A60}
web: {token: A61, hosts: A62}
"""
SOURCES = {
    "a variable": ("${SECRET}", {"SECRET": CANARY}),
    "a near miss": ("${SECRET}", {"SECRET": f"sessions {CANARY}"}),
    "inside text": ("x ${SECRET} y", {"SECRET": CANARY}),
    "an address": ("${SECRET}", {"SECRET": f"{CANARY} <@>"}),
    "a URL": ("${SECRET}", {"SECRET": f"http://u:{CANARY}@h/?{CANARY}"}),
    "a default": (f"${{NOT_SET:-{CANARY}}}", {}),
    "a path": ("${SECRET}", {"SECRET": f"/nowhere/{CANARY}"}),
    "a schedule": ("${SECRET}", {"SECRET": f"mon,{CANARY} 08:00"}),
    "a line break": ("${SECRET}", {"SECRET": f"a\n{CANARY}"}),
}  # fmt: skip


@pytest.mark.parametrize(("written", "env"), SOURCES.values(), ids=SOURCES.keys())
def test_a_secret_in_any_wrong_place_is_never_shown(written: str, env: dict[str, str]) -> None:
    text = EVERYTHING
    for number in reversed(range(63)):
        text = text.replace(f"A{number}", f"'{written}'")

    with pytest.raises(ConfigError) as caught:
        load_text(text, "config.yaml", env, Path())

    assert len(caught.value.problems) > 30
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value.problems)
    for piece in (CANARY, "hunter2", "CANARY", "Zq9"):
        assert piece not in told


@pytest.mark.parametrize(
    "secret_line",
    [
        "  mail: {type: smtp, host: h, from: a@example.com, password: %s}",
        "  mail: {type: smtp, host: h, from: a@example.com, username: u, password: {x: %s}}",
        "  mail: {type: smtp, host: h, from: a@example.com, username: u, password: [%s]}",
        "  slack2: {type: slack, token: a %s}",
        "  slack2: {type: slack, tken: %s}",
        "  slack2: {type: slack, token: *%s}",
        "  slack2: {type: slack, token: !%s x}",
        "  slack2: {type: slack, token: &%s }",
        "  slack2: {type: slack, token: @%s}",
        '  slack2: {type: slack, token: "\\q%s"}',
        '  slack2: {type: slack, token: "%s}',
        "  slack2: {type: slack, token: '${%s '}",
    ],
)
def test_a_secret_in_the_file_is_not_shown_by_its_own_problem(secret_line: str) -> None:
    usual = "  mail: {type: smtp, host: smtp.example.com, from: digest@example.com}\n"
    instead = "" if secret_line.startswith("  mail:") else usual
    text = changed(usual, f"{secret_line % 'hunter2'}\n{instead}")

    problems = problems_of(text)

    assert problems
    assert "hunter2" not in "\n".join(problems)


def test_secrets_don_t_print() -> None:
    text = changed("host: smtp.example.com, ", "host: h, username: u, password: correct horse, ")
    config = config_of(text + "state: postgresql://me:pa55@db/digest\n")
    shown = f"{config} {config!r} {config.apps} {config.channels} {vars(config)}"
    for secret in ("correct horse", ENV["PHASE_SHOP_KEY"], ENV["SLACK_BOT_TOKEN"], "pa55"):
        assert secret not in shown


def test_literal_secrets_are_known_by_their_path() -> None:
    text = changed('"${PHASE_SHOP_KEY}"', "literal")
    text = changed("host: smtp.example.com, ", "host: h, username: u, password: x, ", text)
    text = changed('"${SLACK_BOT_TOKEN}"', '"${NONE:-xoxb-literal}"', text)
    text += "state: postgresql://me:pw@db/digest\nweb: {token: literal}\n"
    assert config_of(text).literal_secrets == (
        "apps.shop.api_key", "channels.mail.password", "channels.slack.token", "state",
        "web.token",
    )  # fmt: skip
    assert config_of(SMALL).literal_secrets == ()
    assert config_of(SMALL + "state: sqlite:///x.db\n").literal_secrets == ()


def test_a_reference_beside_a_literal_is_no_literal() -> None:
    assert config_of(key("pre-${PHASE_SHOP_KEY}")).literal_secrets == ()


def test_config_errors_travel_between_processes() -> None:
    with pytest.raises(ConfigError) as caught:
        config_of("a: 1")
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems
