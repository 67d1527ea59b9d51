"""Which texts are mail addresses, and which are refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.channels.smtp.mailbox import parse_mailbox
from digest.errors import DeliveryError


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        pytest.param("ana@example.com", "", "ana@example.com", id="plain"),
        pytest.param(" Ana <ana@example.com>\n", "Ana", "ana@example.com", id="with a name"),
        pytest.param('"Lopez, Ana" <a@b.de>', "Lopez, Ana", "a@b.de", id="quoted name"),
        pytest.param('"a \\"b\\" c" <a@b.de>', 'a "b" c', "a@b.de", id="quotes in the name"),
        pytest.param("Änne Grün <a@b.de>", "Änne Grün", "a@b.de", id="name in other letters"),
        pytest.param("Acme, Inc. <a@b.de>", "Acme, Inc.", "a@b.de", id="name without quotes"),
        pytest.param("a@bücher.example", "", "a@xn--bcher-kva.example", id="idn"),
        pytest.param("a@faß.de", "", "a@xn--fa-hia.de", id="idn of 2008, not fass.de"),
        pytest.param("än@example.com", "", "än@example.com", id="international local part"),
        pytest.param("root@localhost", "", "root@localhost", id="a host of its own"),
        pytest.param("a+b@mail.internal", "", "a+b@mail.internal", id="internal domain"),
        pytest.param("a@[127.0.0.1]", "", "a@[127.0.0.1]", id="address literal"),
    ],
)
def test_mailboxes_that_are_understood(text: str, name: str, address: str) -> None:
    mailbox = parse_mailbox(text)
    assert (mailbox.name, mailbox.address) == (name, address)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("ana", id="no domain"),
        pytest.param("@example.com", id="no local part"),
        pytest.param("a@b@c.de", id="two ats"),
        pytest.param("a b@c.de", id="space"),
        pytest.param("a@b.de\r\nBcc: x@y.de", id="line end"),
        pytest.param("Ana\r\nBcc: x@y.de <a@b.de>", id="line end in the name"),
        pytest.param("a@b.de> SIZE=1", id="command words"),
        pytest.param("<a@b.de> <c@d.de>", id="two addresses"),
        pytest.param("a@b.de\x00", id="nul"),
        pytest.param("a\u202e@b.de", id="override"),
        pytest.param("a@b..de", id="empty label"),
        pytest.param("a" * 65 + "@b.de", id="local part too long"),
        pytest.param("a\ud83d@b.de", id="lone surrogate"),
        pytest.param("a@bü cher.de", id="space in an idn"),
        pytest.param("a@" + "ü" * 300 + ".de", id="idn too long"),
    ],
)
def test_what_is_no_mailbox_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(DeliveryError, match="is not a mail address") as caught:
        parse_mailbox(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@given(st.text(max_size=60))
def test_no_text_becomes_a_mailbox_that_could_break_a_command(text: str) -> None:
    try:
        mailbox = parse_mailbox(text)
    except DeliveryError:
        return
    assert not re.search(r"[\s<>\x00-\x1f]", mailbox.address)
    assert mailbox.domain.isascii()
