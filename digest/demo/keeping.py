"""What the demo's servers received, kept as files that a person can open."""

from __future__ import annotations

import email
import email.policy
import html
import json
from typing import TYPE_CHECKING, Any

from digest.core.content import SlackContent, SlackMessage
from digest.render import slack_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from email.message import EmailMessage
    from pathlib import Path

    from digest.sandbox.inbox import ReceivedMail
    from digest.sandbox.slack import SlackSandbox
    from digest.sandbox.slack_store import Post

INDEX = """\
<!doctype html>
<html lang="en"><meta charset="utf-8"><title>digest demo</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 760px; margin: 32px auto; padding: 0 16px }
h1 { font-size: 22px } h2 { font-size: 16px; margin: 32px 0 8px }
iframe { width: 100%; height: 900px; border: 1px solid #8884; border-radius: 8px }
</style>
<h1>What the demo's mail server and Slack received</h1>
FRAMES
</html>
"""


def keep_mail(folder: Path, messages: Sequence[ReceivedMail]) -> list[Path]:
    """The received mails as .eml, and as pages whose pictures lie beside them."""
    folder.mkdir(exist_ok=True)
    pages = []
    for received in messages:
        (folder / "email.eml").write_bytes(received.data)
        message = email.message_from_bytes(received.data, policy=email.policy.default)
        page = _text_of(message, "text/html")
        for part in message.walk():
            name, content_id = part.get_filename(), part["Content-ID"]
            if name and content_id:
                (folder / name).write_bytes(part.get_content())
                page = page.replace(f"cid:{content_id.strip('<>')}", name)
        (folder / "email.html").write_text(page, encoding="utf-8")
        (folder / "email.txt").write_text(_text_of(message, "text/plain"), encoding="utf-8")
        pages.append(folder / "email.html")
    return pages


def _text_of(message: EmailMessage, kind: str) -> str:
    part = next(part for part in message.walk() if part.get_content_type() == kind)
    return str(part.get_content())


def keep_slack(folder: Path, slack: SlackSandbox, said: Sequence[Post]) -> Path:
    """The received posts as JSON, and as a page that shows them as Slack would."""
    folder.mkdir(exist_ok=True)
    used = {
        block["slack_file"]["id"] for post in said for block in post.blocks if "slack_file" in block
    }
    for file in slack.files.values():
        if file.file_id in used:
            (folder / file.name).write_bytes(file.data)
    names = {file_id: file.name.removesuffix(".png") for file_id, file in slack.files.items()}
    messages = tuple(
        SlackMessage(
            text=post.text,
            blocks=tuple(_named(block, names) for block in post.blocks),
            thread=post.thread_ts is not None,
        )
        for post in said
    )
    posts = [
        {
            "channel": post.channel,
            "text": post.text,
            "blocks": post.blocks,
            "thread": post.thread_ts,
        }
        for post in said
    ]
    (folder / "slack.json").write_text(
        json.dumps({"messages": posts}, indent=2, ensure_ascii=False), encoding="utf-8"
    )
    page = folder / "slack.html"
    page.write_text(slack_page(SlackContent(messages=messages)), encoding="utf-8")
    return page


def _named(block: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The block with an uploaded file's id turned back into the name of its picture."""
    if "slack_file" not in block:
        return dict(block)
    rest = {key: value for key, value in block.items() if key != "slack_file"}
    return {**rest, "picture": names[block["slack_file"]["id"]]}


def index(out: Path, pages: list[Path]) -> Path:
    """One page that frames the others."""
    frames = "\n".join(
        f"<h2>{html.escape(page.parent.name)}</h2>"
        f'<iframe title="{html.escape(page.parent.name)}" '
        f'src="{html.escape(page.relative_to(out).as_posix())}"></iframe>'
        for page in pages
    )
    index = out / "index.html"
    index.write_text(INDEX.replace("FRAMES", frames), encoding="utf-8")
    return index
