"""The e-mail and the Slack page in a real browser: widths, dark mode, stacked cards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from digest.render import Renderer, slack_page
from tests.support.browser import LOWEST_CONTRAST, Browser, chromium
from tests.support.rendered import HOSTILE_NAMES, named, week

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for case, (report, pictures) in {
        "sample": week(),
        "long": named(HOSTILE_NAMES["long"]),
        "words": named(HOSTILE_NAMES["long words"]),
    }.items():
        content = Renderer(None).content(report, pictures)
        for kind, html in (("email", content.email.html), ("slack", slack_page(content.slack))):
            found[f"{kind}-{case}"] = folder / f"{kind}-{case}.html"
            found[f"{kind}-{case}"].write_text(re.sub(r'src="cid:([\w-]+)"', r'src="\1.png"', html))
        for picture in content.email.pictures:
            (folder / picture.filename).write_bytes(picture.png)
    return found


@pytest.mark.parametrize("width", [320, 375, 600, 1200])
@pytest.mark.parametrize("case", ["sample", "long", "words"])
@pytest.mark.parametrize("kind", ["email", "slack"])
def test_nothing_is_wider_than_the_window(
    browser: Browser, pages: dict[str, Path], kind: str, case: str, width: int
) -> None:
    browser.open(pages[f"{kind}-{case}"], width=width, dark=False)
    assert browser.value("document.documentElement.scrollWidth") <= width


def test_the_sheet_is_at_most_600_pixels_wide(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["email-sample"], width=1200, dark=False)
    assert browser.value("document.querySelector('.sheet').getBoundingClientRect().width") == 600


@pytest.mark.parametrize(("width", "columns"), [(600, 2), (375, 1)])
def test_cards_stand_side_by_side_or_are_stacked(
    browser: Browser, pages: dict[str, Path], width: int, columns: int
) -> None:
    browser.open(pages["email-sample"], width=width, dark=False)
    lefts = browser.value(
        "[...new Set([...document.querySelectorAll('.half .card')]"
        ".map(card => Math.round(card.getBoundingClientRect().left)))].length"
    )
    assert lefts == columns


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("page", ["email-sample", "slack-sample"])
def test_every_text_can_be_read(
    browser: Browser, pages: dict[str, Path], page: str, *, dark: bool
) -> None:
    browser.open(pages[page], width=600, dark=dark)
    background = browser.value("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 200) is dark
    assert browser.value(LOWEST_CONTRAST) >= 4.5
