"""What `digest sandbox` says on its first line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.sandbox.rows import Key
    from digest.sandbox.server import PhaseSandbox


def announcement(box: PhaseSandbox, keys: Sequence[Key] | None = None) -> dict[str, Any]:
    """`base_url`, `app_id` and `api_key`; with `keys` also every key by its name.

    The name of a key is the key.
    """
    line: dict[str, Any] = {
        "base_url": box.base_url,
        "app_id": box.app_id,
        "api_key": box.api_key,
    }
    if keys is not None:
        line["keys"] = {key.name: {"app_id": key.app_id, "state": str(key.state)} for key in keys}
    return line
