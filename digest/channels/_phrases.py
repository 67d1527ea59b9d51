"""Foreign text inside our sentences, and why a connection failed in a few words."""

from __future__ import annotations

import socket
import ssl
import unicodedata

# Left-to-right and right-to-left marks, embeddings and isolates; zero-width and soft hyphens.
# The joiners U+200C and U+200D stay: scripts and emoji need them.
_INVISIBLE = frozenset("\u00ad\u061c\u180e\u200b\u200e\u200f\u2060\ufeff") | {
    chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
_REASON_LIMIT = 80


def clean_line(text: str, limit: int) -> str:
    """One line of visible text, at most `limit` characters."""
    kept = "".join(" " if is_control(char) else char for char in text if char not in _INVISIBLE)
    kept = " ".join(kept.encode("utf-8", "replace").decode().split())
    return kept if len(kept) <= limit else kept[: limit - 1].rstrip() + "…"


def shown(text: str) -> str:
    """Foreign text inside a sentence: quoted, one line, short."""
    return f'"{clean_line(text, 80)}"'


def has_unseen(text: str) -> bool:
    """Whether there is anything in it that a reader would not see."""
    return any(is_control(char) or char in _INVISIBLE for char in text)


def is_control(char: str) -> bool:
    """Whether it is a control character or ends a line or paragraph."""
    return unicodedata.category(char) in {"Cc", "Zl", "Zp"}


def reason(error: OSError) -> str:
    """Why a connection did not come about or broke, as the end of "HOST can't be used: …"."""
    match error:
        case ssl.SSLCertVerificationError():
            why = clean_line(error.verify_message, _REASON_LIMIT)
            return f"its certificate was not accepted ({why})"
        case ssl.SSLError():
            why = clean_line(error.reason or "TLS error", _REASON_LIMIT)
            return f"the encryption failed ({why})"
        case TimeoutError():
            return "it did not answer in time"
        case socket.gaierror():
            return "the host name was not found"
        case ConnectionRefusedError():
            return "it refused the connection"
        case _:
            return clean_line(error.strerror or type(error).__name__, _REASON_LIMIT)
