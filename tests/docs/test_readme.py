"""What the documents promise is what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from digest.cli.group import COMMANDS
from digest.config.loader import load_text

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECRETS = {
    "PHASE_SHOP_KEY": "k" * 20,
    "SMTP_PASSWORD": "p" * 20,
    "SLACK_BOT_TOKEN": "xoxb-" + "t" * 20,
}
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len(README.splitlines()) <= 150


def test_the_readmes_config_loads(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)

    config = load_text(block, "README.md", SECRETS, tmp_path)

    assert set(config.digests) == {"monday-email", "daily-slack"}


def test_the_readme_names_every_command_and_no_other() -> None:
    named = set(re.findall(r"`digest ([a-z]+)", README))

    assert named == set(COMMANDS)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)|src=\"([^\"]+)\"", text)
    elsewhere = ("http:", "https:", "mailto:", "cid:")
    targets = [a or b for a, b in links if not (a or b).startswith(elsewhere)]

    assert not [target for target in targets if not (document.parent / target).exists()]


def test_every_declared_dependency_has_a_reason() -> None:
    declared = re.search(
        r"^dependencies = \[(.*?)^\]",
        (ROOT / "pyproject.toml").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert declared is not None
    names = re.findall(r'"([a-z0-9-]+)[>=<]', declared[1])
    reasons = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")

    assert len(names) > 10
    assert not [name for name in names if f"| {name} |" not in reasons]
    assert len(re.findall(r'"[a-z0-9-]+>=', declared[1])) == len(names), "a lower bound each"


def test_every_test_that_the_fault_matrix_names_is_there() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if re.match(r"\| \d", line)]
    named = [place for row in rows for place in re.findall(r"`([a-z]+/[\w.]+(?:::\w+)?)`", row)]

    assert len(rows) > 50
    for place in named:
        file, _, beginning = place.partition("::")
        tests = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert f"def {beginning}" in tests, place


def test_the_fault_matrix_has_every_case_that_is_promised() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    cases: set[int] = set()
    for first in re.findall(r"^\| ([\d–, ]+) \|", text, re.MULTILINE):
        for part in first.split(", "):
            start, _, end = part.strip().partition("–")
            cases |= set(range(int(start), int(end or start) + 1))
    promised = {*range(1, 7), *range(8, 11), *range(17, 58), 62, *range(64, 90)}

    assert promised <= cases
