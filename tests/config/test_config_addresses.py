"""Addresses, Slack channels and folders: what is taken, and in which form."""

from __future__ import annotations

import email_validator
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digest.config.addresses import (
    _USUAL,
    Mailbox,
    folder_recipient,
    mail_recipient,
    parse_mailbox,
    slack_recipient,
)


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("ana@example.com", "", "ana@example.com"),
        (" Ana.B+news@EXAMPLE.com ", "", "Ana.B+news@example.com"),
        ("Ana <ana@example.com>", "Ana", "ana@example.com"),
        ("Ana<ana@example.com>", "Ana", "ana@example.com"),
        ("<ana@example.com>", "", "ana@example.com"),
        ('"Lovelace, Ada" <ada@example.com>', "Lovelace, Ada", "ada@example.com"),
        (r'"A \"the\" B" <a@b.example>', 'A "the" B', "a@b.example"),
        ("Søren Ærø <s@example.com>", "Søren Ærø", "s@example.com"),
        ("o'neil@example.ie", "", "o'neil@example.ie"),
        ("ana@bücher.example", "", "ana@bücher.example"),
        ("ana@xn--bcher-kva.example", "", "ana@bücher.example"),
        ("用户@例子.广告", "", "用户@例子.广告"),
        ("ops@mail.corp.local", "", "ops@mail.corp.local"),
        ("root@localhost", "", "root@localhost"),
    ],
)
def test_mailboxes_are_read(text: str, name: str, address: str) -> None:
    assert parse_mailbox(text) == Mailbox(name, address)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "ana", "ana@", "@example.com", "ana@@example.com", "ana@example",
        "ana@exa mple.com", "a b@example.com", "ana@example.com, bo@example.com",
        "ana@example.com\r\nBcc: x@example.com", "ana@example.com\n", "a\tb@example.com",
        "Ana\r\nBcc: x <ana@example.com>", "Ana <ana@example.com", "Ana ana@example.com>",
        "Ana <>", "Ana <a@b.com> <c@d.com>", 'A"na <a@b.com>', "a@b.com <c@d.com>",
        ".ana@example.com", "ana.@example.com", "a..b@example.com", "ana@-example.com",
        "ana@example..com", "ana@[127.0.0.1]", f"{'a' * 65}@example.com",
        f"a@{'b' * 64}.com", f"a@{'b.' * 130}com", f"{'A' * 400} <a@b.com>", "a@b\u202e.com",
        "ana@example.com\0", "mailto:ana@example.com x",
    ],
)  # fmt: skip
def test_what_is_no_mailbox_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_mailbox(text)


NAMES = st.text(max_size=30).filter(str.isprintable)


@given(NAMES, st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.com", fullmatch=True))
def test_a_mailbox_s_text_reads_back(name: str, address: str) -> None:
    box = Mailbox(name.strip(), address)
    assert parse_mailbox(str(box)) == box


@given(st.from_regex(_USUAL, fullmatch=True))
@example(f"{'a' * 64}@example.com")
def test_the_quick_look_takes_nothing_that_email_validator_refuses(text: str) -> None:
    try:
        found = email_validator.validate_email(text, check_deliverability=False, strict=True)
    except email_validator.EmailSyntaxError as error:
        assert "special-use" in str(error) or text.endswith("@localhost")  # noqa: PT017 — private networks are taken on purpose
    else:
        assert mail_recipient(text) == found.normalized


@pytest.mark.parametrize("text", ["a@ab--c.example", "a@xn--a.example", f"{'a' * 65}@example.com"])
def test_the_quick_look_leaves_doubtful_ones_alone(text: str) -> None:
    assert not _USUAL.fullmatch(text)


@pytest.mark.parametrize(
    "text",
    ["#growth", "#a", "#team-1_x", "#équipe", "#日本", "C0123456789", "G01ABCDEFGH", "U0123ABCD",
     "D0123ABCD", f"#{'a' * 80}", "#2026"],
)  # fmt: skip
def test_slack_channels_are_taken(text: str) -> None:
    assert slack_recipient(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "#", "growth", "#Growth", "#a b", "@ana", "#a.b", "c0123456789", "C01", "C012345678é",
     "#growth\n", "##growth", f"#{'a' * 81}", "<!channel>", "https://hooks.slack.com/x"],
)  # fmt: skip
def test_what_is_no_slack_channel_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Slack channel"):
        slack_recipient(text)


@pytest.mark.parametrize(
    ("text", "folder"), [(".", "."), ("./", "."), ("a", "a"), ("./a//b/", "a/b"), ("Q3 x", "Q3 x")]
)
def test_folders_below_are_taken(text: str, folder: str) -> None:
    assert folder_recipient(text) == folder


@pytest.mark.parametrize(
    "text", ["", "/", "/etc", "..", "a/../..", "../a", "~/a", "a\0b", "a\nb", "\\\\srv", "C:/x"]
)
def test_folders_elsewhere_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"folder|path"):
        folder_recipient(text)
