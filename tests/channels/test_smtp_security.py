"""Encryption and login: nothing leaves before the connection is safe, and nothing leaks."""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING, Any

import pytest

from digest.channels.smtp import Security, SmtpSettings
from digest.channels.smtp.dialogue import tls_context
from digest.core.content import DeliveryState
from digest.errors import DeliveryError
from tests.support.deliveries import Hidden, envelope
from tests.support.mailing import PASSWORD, channel, secure_channel, settings
from tests.support.passages import sent
from tests.support.smtp_acts import DROP, Act, reply
from tests.support.smtp_server import TLS_DATA, SmtpServer

if TYPE_CHECKING:
    from pathlib import Path

SENT, LATER = DeliveryState.SENT, DeliveryState.RETRY_WAIT
ANA, BO = envelope("ana@example.com"), envelope("bo@example.com")
USERS = {"mailer": PASSWORD}


def test_starttls_and_login_come_before_the_first_mail() -> None:
    with SmtpServer(certificate="server.pem", users=USERS) as server:
        results = sent(secure_channel(server), ANA, BO)
    assert [result.state for result in results] == [SENT, SENT]
    assert server.verbs()[:5] == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL"]
    assert server.connections == 1


def test_tls_from_the_first_byte() -> None:
    with SmtpServer(certificate="server.pem", implicit=True, users=USERS) as server:
        (result,) = sent(secure_channel(server, security=Security.TLS), ANA)
    assert result.state is SENT
    assert server.verbs()[:3] == ["EHLO", "AUTH", "MAIL"]


def test_an_address_that_the_certificate_names_is_fine_too() -> None:
    with SmtpServer(certificate="server.pem", users=USERS) as server:
        (result,) = sent(secure_channel(server, host="127.0.0.1"), ANA)
    assert result.state is SENT


@pytest.mark.parametrize("method", ["PLAIN LOGIN", "LOGIN", "PLAIN", "CRAM-MD5 PLAIN"])
def test_the_login_methods_that_servers_offer(method: str) -> None:
    with SmtpServer(certificate="server.pem", users=USERS, auth=method) as server:
        (result,) = sent(secure_channel(server), ANA)
    assert result.state is SENT
    assert server.verbs().count("AUTH") == 1


def test_a_password_of_any_letters_can_log_in() -> None:
    password = "pässwörd 密码"
    with SmtpServer(certificate="server.pem", users={"mailer": password}) as server:
        (result,) = sent(secure_channel(server, password=Hidden(password)), ANA)
    assert result.state is SENT


def test_cram_md5_answers_the_challenge() -> None:
    # The example of RFC 2195: user tim, secret tanstaaftanstaaf.
    challenge = "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"
    answer = "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"
    script = {"AUTH": [reply(f"334 {challenge}"), reply("235 yes")]}
    with SmtpServer(script, certificate="server.pem", users=USERS, auth="CRAM-MD5") as server:
        made = secure_channel(server, username="tim", password=Hidden("tanstaaftanstaaf"))
        sent(made, ANA)
    assert answer in server.commands


def test_a_challenge_that_is_none_puts_off() -> None:
    script = {"AUTH": [reply("334 not-base64!")]}
    with SmtpServer(script, certificate="server.pem", users=USERS, auth="CRAM-MD5") as server:
        (result,) = sent(secure_channel(server), ANA)
    assert result.state is LATER
    assert "its login question is not base64" in result.detail


def test_a_server_without_starttls_gets_nothing() -> None:
    with SmtpServer(users=USERS) as server:
        results = sent(secure_channel(server), ANA, BO)
    assert {result.state for result in results} == {LATER}
    assert "does not offer STARTTLS" in results[0].detail
    assert set(server.verbs()) <= {"EHLO", "QUIT"}
    assert server.connections == 1


@pytest.mark.parametrize(
    ("act", "said"),
    [
        pytest.param(reply("454 4.7.0 not now"), "454 4.7.0 not now", id="put off"),
        pytest.param(reply("501 what"), "501 what", id="refused"),
        pytest.param(DROP, "can't be used", id="dropped"),
        pytest.param(
            Act(text=b"220 go\r\n250 injected\r\n"), "slipped in before", id="injected text"
        ),
    ],
)
def test_starttls_that_fails_gets_no_login_and_no_mail(act: Act, said: str) -> None:
    with SmtpServer({"STARTTLS": [act]}, certificate="server.pem", users=USERS) as server:
        results = sent(secure_channel(server), ANA, BO)
    assert {result.state for result in results} == {LATER}
    assert said in results[0].detail
    assert not {"AUTH", "MAIL"} & set(server.verbs())


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
@pytest.mark.parametrize(
    ("certificate", "changes", "said"),
    [
        pytest.param("expired.pem", {}, "certificate has expired", id="expired"),
        pytest.param("wrong-name.pem", {}, "Hostname mismatch", id="other name"),
        pytest.param("server.pem", {"ca_file": None}, "unable to get local issuer", id="unknown"),
        pytest.param(
            "server.pem",
            {"ca_file": TLS_DATA / "wrong-name.pem"},
            "unable to get local issuer",
            id="another authority",
        ),
    ],
)
def test_a_bad_certificate_gets_no_login_and_no_mail(
    certificate: str, changes: dict[str, Any], said: str, security: Security
) -> None:
    implicit = security is Security.TLS
    with SmtpServer(certificate=certificate, implicit=implicit, users=USERS) as server:
        results = sent(secure_channel(server, security=security, **changes), ANA, BO)
    assert {result.state for result in results} == {LATER}
    assert said in results[0].detail
    assert not {"AUTH", "MAIL"} & set(server.verbs())


def test_plain_text_on_a_tls_port_is_said_to_be_that() -> None:
    with SmtpServer() as server:
        (result,) = sent(secure_channel(server, security=Security.TLS), ANA)
    assert result.state is LATER
    assert "the encryption failed" in result.detail


def test_old_versions_of_tls_are_off() -> None:
    with SmtpServer() as server:
        context = tls_context(settings(server, security=Security.TLS))
    assert context is not None
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize("content", [None, b"not a certificate"])
def test_a_file_of_authorities_that_cannot_be_read_is_said_so(
    content: bytes | None, tmp_path: Path
) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_bytes(content)
    with SmtpServer(certificate="server.pem", users=USERS) as server:
        made = secure_channel(server, ca_file=ca_file)
        results = sent(made, ANA, BO)
        with pytest.raises(DeliveryError, match="ca_file"):
            made.probe()
    assert {result.state for result in results} == {LATER}
    assert f"ca_file {ca_file} can't be used" in results[0].detail
    assert server.connections == 0


def test_a_wrong_password_is_tried_once_and_puts_everybody_off() -> None:
    with SmtpServer(certificate="server.pem", users={"mailer": "another"}) as server:
        results = sent(secure_channel(server), ANA, BO)
    assert {result.state for result in results} == {LATER}
    assert "535 5.7.8 no" in results[0].detail
    assert results[0].detail.endswith("check username and password")
    assert server.verbs().count("AUTH") == 1


def test_a_server_without_login_is_said_so() -> None:
    with SmtpServer(certificate="server.pem") as server:
        (result,) = sent(secure_channel(server), ANA)
    assert result.state is LATER
    assert "offers no login that digest knows" in result.detail


def test_a_probe_tries_encryption_and_login() -> None:
    with SmtpServer(certificate="server.pem", users=USERS) as server:
        sentence = secure_channel(server).probe()
    assert sentence == f"localhost:{server.port} answers (TLSv1.3, logged in as mailer)"
    assert "MAIL" not in server.verbs()


def test_a_probe_with_a_wrong_password_says_so_without_it() -> None:
    with SmtpServer(certificate="server.pem", users={"mailer": "another"}) as server:
        made = secure_channel(server)
        with pytest.raises(DeliveryError, match="check username and password") as caught:
            made.probe()
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("auth", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_no_password_gets_into_logs_receipts_or_settings(
    auth: str,
    password: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    with SmtpServer(certificate="server.pem", users={"mailer": password}, auth=auth) as server:
        results = sent(secure_channel(server), ANA)
        shown = repr(settings(server, username="mailer", password=Hidden(PASSWORD)))
    output = "".join([caplog.text, *capfd.readouterr(), repr(results), shown])
    extras = repr([record.__dict__ for record in caplog.records])
    for trace in (PASSWORD, "Y29ycmVjdC1ob3JzZS05", "AG1haWxlcgBjb3JyZWN0LWhvcnNlLTk="):
        assert trace not in output + extras


def test_settings_are_frozen() -> None:
    made = SmtpSettings(host="h", port=25, sender="a@example.com")
    with pytest.raises(AttributeError):
        made.host = "other"  # type: ignore[misc] # that is the point


def test_without_a_username_nobody_logs_in() -> None:
    with SmtpServer(certificate="server.pem", users=USERS) as server:
        (result,) = sent(
            channel(
                server, host="localhost", security=Security.STARTTLS, ca_file=TLS_DATA / "ca.pem"
            ),
            ANA,
        )
    assert result.state is SENT
    assert "AUTH" not in server.verbs()
