"""The charts in a message about several alerts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from tests.support.alerting import SPIKE, watchers_in

if TYPE_CHECKING:
    from pathlib import Path


def test_alerts_whose_names_differ_by_a_sign_have_each_their_own_chart(tmp_path: Path) -> None:
    with watchers_in(tmp_path) as watchers:
        lower = SPIKE | {"when": {"above": 40}, "clear": {"below": 30}}
        watchers.configure({"a.spike": SPIKE, "a-spike": lower})
        watchers.numbers.bounce = {date(2026, 3, 5): 70.0}
        with watchers.works.daemon(datetime(2026, 3, 6, 8, tzinfo=UTC)) as daemon:
            daemon.until(datetime(2026, 3, 6, 10, tzinfo=UTC))
        (mail,) = watchers.mails()

    pictures = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    html = mail.get_body(("html",))
    assert html is not None
    assert len({part.get_filename() for part in pictures}) == 2
    assert len({part.get_content() for part in pictures}) == 2
    for part in pictures:
        assert f"cid:{str(part['Content-ID']).strip('<>')}" in html.get_content()
