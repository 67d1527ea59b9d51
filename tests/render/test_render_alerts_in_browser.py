"""Messages about alerts in a real browser: nothing sticks out, everything can be read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from digest.render import Renderer, slack_page
from digest.render.sample_alerts import sample_notices
from tests.support.browser import LOWEST_CONTRAST, Browser, chromium

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.browser

CASES = tuple(sample_notices())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for case, (notice, pictures) in sample_notices().items():
        content = Renderer(None).notice(notice, pictures)
        for kind, html in (("email", content.email.html), ("slack", slack_page(content.slack))):
            found[f"{kind} {case}"] = folder / f"{kind}-{case}.html"
            found[f"{kind} {case}"].write_text(re.sub(r'src="cid:([\w-]+)"', r'src="\1.png"', html))
        for picture in content.email.pictures:
            (folder / picture.filename).write_bytes(picture.png)
    return found


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", ["email", "slack"])
def test_nothing_is_wider_than_the_window(
    browser: Browser, pages: dict[str, Path], kind: str, case: str
) -> None:
    for width in (320, 360, 600, 1200):
        browser.open(pages[f"{kind} {case}"], width=width, dark=False, scale=1)
        assert browser.value("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("width", [360, 600])
def test_every_text_can_be_read(
    browser: Browser, pages: dict[str, Path], case: str, width: int, *, dark: bool
) -> None:
    browser.open(pages[f"email {case}"], width=width, dark=dark, scale=1)
    background = browser.value("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 200) is dark
    assert browser.value(LOWEST_CONTRAST) >= 4.5


@pytest.mark.parametrize(("width", "lines"), [(600, 1), (360, 2)])
def test_facts_stand_beside_their_names_or_below_them(
    browser: Browser, pages: dict[str, Path], width: int, lines: int
) -> None:
    browser.open(pages["email firing"], width=width, dark=False, scale=1)
    tops = browser.value(
        "[...document.querySelector('.facts tr').children]"
        ".map(part => Math.round(part.getBoundingClientRect().top))"
    )
    assert len(set(tops)) == lines
