"""The headers of every answer: no scripts, nothing from elsewhere, nothing kept."""

from __future__ import annotations

import base64
import hashlib

PLAIN = "text/plain; charset=utf-8"

_ALWAYS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_POLICY = (
    "default-src 'none'; {style}img-src 'self' data:; base-uri 'none'; form-action {form}; "
    "frame-ancestors 'none'"
)


def headers(style: str | None = None) -> dict[str, str]:
    """Headers of an answer; `style` is the text of a page's own <style>, which alone is let in.

    A page with a style may also send a form to itself.
    """
    policy = _POLICY.format(
        style="" if style is None else f"style-src 'sha256-{_sha256(style)}'; ",
        form="'none'" if style is None else "'self'",
    )
    return {**_ALWAYS, "Content-Security-Policy": policy}


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
