"""`python -m tests.support.pictures PREVIEW_DIR…`: docs/pictures from what was built.

Each folder is what `digest preview` or `digest demo` leaves: `email.html` and its PNGs give the
e-mail at 600 and 375 px, `slack.html` (or `slack.json`) the Slack message, both light and dark.
Without a folder, what `digest demo` leaves is looked at (the alert's pictures begin with `alert-`),
and the daemon's status page on a good day and, on a phone, on a bad one.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image

from digest.core.content import SlackContent, SlackMessage
from digest.render import slack_page
from digest.web.choosing import Wish
from tests.support.browser import Browser, chromium
from tests.support.standings import bad_day, good_day
from tests.support.status_pages import shipped_page

ALERT = "bounce-rate-spike"
DEMO = tuple(Path("demo-out", name) for name in ("monday-email", "daily-slack", ALERT))
OUT = Path("docs/pictures")
COLOURS = 128
EMAIL_WIDTHS = (600, 375)
SLACK_WIDTH = 640
DESK, PHONE = 1120, 390
TOP = 2100  # device px


def main(arguments: list[str]) -> int:
    """Write the pictures and say where."""
    parser = argparse.ArgumentParser(description="Pictures of an e-mail and a Slack message.")
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as work, chromium() as browser:
        made = [
            picture
            for number, folder in enumerate(options.folders or DEMO)
            for picture in take(
                browser,
                pages(folder, Path(work, str(number))),
                options.out,
                "alert-" if folder.name == ALERT else "",
            )
        ]
        if not options.folders:
            made += take_status(browser, Path(work), options.out)
    for picture in made:
        sys.stdout.write(f"{picture}  {picture.stat().st_size // 1000} kB\n")
    if not made:
        sys.stderr.write("nothing to show: no email.html or slack.json there\n")
    return 0 if made else 1


def pages(folder: Path, work: Path) -> dict[str, Path]:
    """`email` and `slack` pages that a browser can show, copied with their pictures to `work`."""
    work.mkdir(parents=True)
    for picture in folder.glob("*.png"):
        shutil.copy(picture, work)
    found: dict[str, Path] = {}
    if (folder / "email.html").is_file():
        found["email"] = work / "email.html"
        html = (folder / "email.html").read_text(encoding="utf-8")
        for picture in work.glob("*.png"):
            html = html.replace(f'src="cid:{picture.stem}"', f'src="{picture.name}"')
        found["email"].write_text(html, encoding="utf-8")
    if (slack := _slack_page(folder)) is not None:
        found["slack"] = work / "slack.html"
        found["slack"].write_text(slack, encoding="utf-8")
    return found


def take(browser: Browser, found: dict[str, Path], out: Path, mark: str = "") -> list[Path]:
    """One PNG for each page, width and scheme; their names begin with `mark`."""
    out.mkdir(parents=True, exist_ok=True)
    made = []
    for kind, page in found.items():
        for width in EMAIL_WIDTHS if kind == "email" else (SLACK_WIDTH,):
            for scheme in ("light", "dark"):
                browser.open(page, width=width, dark=scheme == "dark")
                size = f"-{width}" if kind == "email" else ""
                file = out / f"{mark}{kind}{size}-{scheme}.png"
                file.write_bytes(_fewer_colours(browser.picture()))
                made.append(file)
    if "email" in found and not mark:
        made.append(_top(out / f"email-{EMAIL_WIDTHS[0]}-light.png", out / "email-top.png"))
    return made


def take_status(browser: Browser, work: Path, out: Path) -> list[Path]:
    """The status page at a desk, and its first screens on a phone in the dark."""
    made = []
    for name, standing, width, dark in (
        ("status-light", good_day(), DESK, False),
        ("status-dark-phone", bad_day(), PHONE, True),
    ):
        page = work / f"{name}.html"
        page.write_text(shipped_page().html(standing, Wish()), encoding="utf-8")
        browser.open(page, width=width, dark=dark)
        file = out / f"{name}.png"
        file.write_bytes(_fewer_colours(browser.picture(most=TOP // 2 if dark else TOP)))
        made.append(file)
    return made


def _top(picture: Path, out: Path) -> Path:
    """The first screen of a long mail, for the README."""
    with Image.open(picture) as image:
        image.crop((0, 0, image.width, min(TOP, image.height))).save(out, optimize=True)
    return out


def _slack_page(folder: Path) -> str | None:
    if (folder / "slack.html").is_file():
        return (folder / "slack.html").read_text(encoding="utf-8")
    if not (folder / "slack.json").is_file():
        return None
    document = json.loads((folder / "slack.json").read_text(encoding="utf-8"))
    messages = tuple(
        SlackMessage(
            text=entry["text"], blocks=tuple(entry["blocks"]), thread=bool(entry.get("thread"))
        )
        for entry in document["messages"]
    )
    return slack_page(SlackContent(messages=messages))


def _fewer_colours(png: bytes) -> bytes:
    """The same picture with a palette: a quarter of the bytes, for the repository's sake."""
    with Image.open(io.BytesIO(png)) as image:
        small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    small.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
