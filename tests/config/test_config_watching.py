"""The keys `heartbeat` and `web`, and which strings of a config are secrets."""

from __future__ import annotations

from datetime import timedelta

import pytest
import yaml
from jsonschema import Draft202012Validator

from digest.config.redaction import secrets_of
from digest.config.remarks import inactive_keys, warnings
from digest.config.schema import json_schema
from tests.support.configs import ENV, SMALL, changed, config_of, problems_of

SCHEMA = Draft202012Validator(json_schema())
PING = "https://hc.example/ping/0123456789abcdef-0"
FIVE = timedelta(minutes=5)


def fits_the_schema(line: str) -> bool:
    return SCHEMA.is_valid(yaml.safe_load(SMALL + line))


@pytest.mark.parametrize(
    ("line", "url", "every"),
    [
        (f"heartbeat: {PING}", PING, FIVE),
        (f"heartbeat: {{url: {PING}}}", PING, FIVE),
        (f"heartbeat: {{url: {PING}, every: 90s}}", PING, timedelta(seconds=90)),
        (f"heartbeat: {{url: {PING}, every: 60}}", PING, timedelta(seconds=60)),
        ("heartbeat: 'https://k.example/api/push/x?status=up&ping='",
         "https://k.example/api/push/x?status=up&ping=", FIVE),
        ("heartbeat: http://localhost:8000/", "http://localhost:8000/", FIVE),
        ('heartbeat: "${PING}"', PING, FIVE),
        ('heartbeat: {url: "${PING}", every: "${EVERY}"}', PING, timedelta(hours=1)),
    ],
)  # fmt: skip
def test_a_heartbeat_is_a_url_or_a_mapping(line: str, url: str, every: timedelta) -> None:
    heartbeat = config_of(SMALL + line, {**ENV, "PING": PING, "EVERY": "1h"}).heartbeat
    assert heartbeat is not None
    assert (heartbeat.url.get_secret_value(), heartbeat.every) == (url, every)
    assert fits_the_schema(line)


@pytest.mark.parametrize("line", ["", "heartbeat:", "web:\nheartbeat: ~"])
def test_without_the_keys_there_is_no_ping_and_no_token(line: str) -> None:
    config = config_of(SMALL + line)
    assert config.heartbeat is None
    assert (config.web.token, config.web.hosts) == (None, ())


def test_the_web_page_s_token_and_hosts() -> None:
    line = "web: {token: 0123456789abcdef, hosts: [Digest.Example.com., '[::1]']}"
    web = config_of(SMALL + line).web
    assert web.token is not None
    assert web.token.get_secret_value() == "0123456789abcdef"
    assert web.hosts == ("digest.example.com", "::1")
    assert config_of(SMALL + "web: {hosts: proxy}").web.hosts == ("proxy",)
    assert fits_the_schema(line)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("heartbeat: {url: https://h, evry: 5m}",
         '29: heartbeat.evry: unknown key "evry" (did you mean "every"?)'),
        ("heartbeat: {every: 5m}", "1: heartbeat.url: is missing"),
        ("heartbeat: [a]", "12: heartbeat: must be text"),
        ("heartbeat: ''", "12: heartbeat: is empty"),
        ("heartbeat: ping", "12: heartbeat: must be a URL that begins with https://"),
        ("heartbeat: https://u:p@h/", "12: heartbeat: must not hold a user name or password"),
        ("heartbeat: https://h.example/#a", "12: heartbeat: must end before any #"),
        (
            "heartbeat: http://h.example/s3cret",
            ("12: heartbeat: http:// is only for this machine (localhost, 127.0.0.1, ::1); "
             "use https://"),
        ),
        ("heartbeat: {url: https://h, every: 9s}", "36: heartbeat.every: must be from 10s to 1d"),
        ("heartbeat: {url: https://h, every: 2d}", "36: heartbeat.every: must be from 10s to 1d"),
        ('heartbeat: "${NOT_SET}"', "12: heartbeat: the environment variable NOT_SET is not set"),
        ("web: {tokn: x}", '7: web.tokn: unknown key "tokn" (did you mean "token"?)'),
        ("web: {token: 'a b'}",
         "14: web.token: holds characters that no key has, such as a space or an accent"),
        ("web: {hosts: https://h.example}",
         "14: web.hosts: must be a host name alone, without a scheme"),
        ("web: {hosts: 'h:80'}", '14: web.hosts: "h:80" is not a host name'),
        ("web: {hosts: [a, A]}", '18: web.hosts[1]: "A" is listed twice'),
        ("web: 8080", "6: web: must be a mapping (key: value)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(line: str, problem: str) -> None:
    assert problems_of(SMALL + line) == [f"config.yaml:10:{problem}"]


@pytest.mark.parametrize(
    "line",
    ["heartbeat: ftp://x", "heartbeat: {every: 5m}", "heartbeat: {url: https://h, x: y}",
     "web: {x: y}", "heartbeat: 5"],
)  # fmt: skip
def test_the_schema_refuses_it_too(line: str) -> None:
    assert not fits_the_schema(line)


def test_nothing_of_them_is_inactive_or_strange() -> None:
    config = config_of(
        SMALL + f"heartbeat: {PING}\nweb: {{token: '${{T}}'}}", {**ENV, "T": "t" * 16}
    )
    assert inactive_keys(config) == []
    assert warnings(config) == []


def test_a_token_that_can_be_guessed_is_warned_of() -> None:
    config = config_of(SMALL + 'web: {token: "${T}"}', {**ENV, "T": "secret"})
    assert warnings(config) == [
        "web.token is short enough to be guessed; use at least 16 characters"
    ]


def test_neither_the_url_nor_the_token_prints() -> None:
    config = config_of(SMALL + f"heartbeat: {PING}\nweb: {{token: web-t0ken}}\n")
    shown = f"{config} {config!r} {config.heartbeat!r} {config.web}"
    assert "0123456789abcdef" not in shown
    assert "web-t0ken" not in shown


def test_every_secret_of_a_config_is_known_once() -> None:
    text = changed("host: smtp.example.com, ", "host: h, username: u, password: correct horse, ")
    text += f"state: postgresql://me:p%40ss/w@db/digest?password=other\nheartbeat: {PING}\n"
    text += "web: {token: web-t0ken, hosts: h.example}\n"
    assert sorted(secrets_of(config_of(text))) == sorted(
        [
            ENV["PHASE_SHOP_KEY"], ENV["SLACK_BOT_TOKEN"], "correct horse", "web-t0ken",
            "p%40ss/w", "p@ss/w", "other",
            PING, "/ping/0123456789abcdef-0", "0123456789abcdef-0",
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    "state", ["sqlite:///x.db", "postgresql:///digest", "postgresql://me@db/digest"]
)
def test_a_state_without_a_password_is_no_secret(state: str) -> None:
    without = config_of(SMALL)
    assert secrets_of(config_of(SMALL + f"state: {state}\n")) == secrets_of(without)
