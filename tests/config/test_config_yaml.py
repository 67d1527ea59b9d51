"""Reading YAML: values as written, both parsers alike, nothing that blows up."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from digest.config.syntax import DEPTH
from digest.config.tree import TreeReader, UnreadableError, loader_of
from tests.support.configs import problems_of

PARSERS = pytest.mark.parametrize("pure", [False, True], ids=["libyaml", "pure"])


def read(text: str, *, pure: bool = False, marked: bool = False) -> Any:
    reader = TreeReader(text, pure=pure, marked=marked)
    tree = reader.read()
    assert not reader.faults
    return tree


def complaint(text: str, *, pure: bool = False) -> tuple[tuple[int, int] | None, str]:
    """The first thing that is wrong with a text that is not YAML."""
    reader = TreeReader(text, pure=pure)
    try:
        reader.read()
    except UnreadableError as error:
        return error.mark, error.message
    return reader.faults[0]


@PARSERS
@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("country: NO", {"country": "NO"}),
        ("on: yes", {"on": "yes"}),
        ("at: 22:22", {"at": "22:22"}),
        ("id: 0123", {"id": "0123"}),
        ("n: 1_000", {"n": "1_000"}),
        ("v: 1.10", {"v": "1.10"}),
        ("day: 2026-12-25", {"day": "2026-12-25"}),
        ("big: 482913750261048", {"big": "482913750261048"}),
        ("a: ~\nb: null\nc:\nd: NULL", {"a": None, "b": None, "c": None, "d": None}),
        ("a: 'null'\nb: \"\"\nc: '~'", {"a": "null", "b": "", "c": "~"}),
        ("null: 1\n~: 2", {"null": "1", "~": "2"}),
        ("a: !!str null\nb: !!int 5", {"a": "null", "b": "5"}),
        ("a: &x [1]\nb: *x", {"a": ["1"], "b": ["1"]}),
        ("&k a: 1\nb: *k", {"a": "1", "b": "a"}),
        ("%YAML 1.2\n---\na: 1\n...\n", {"a": "1"}),
        ("a: |\n  x\n  y\nb: >-\n  x\n  y\n", {"a": "x\ny\n", "b": "x y"}),
        ("a:\r\n  - 1\r\n", {"a": ["1"]}),
        ("é: ü 😀", {"é": "ü 😀"}),
        ('a: "\\u00fc\\n"', {"a": "ü\n"}),
        ("", None),
        ("---\n", None),
    ],
)
def test_values_stay_as_they_are_written(text: str, tree: Any, pure: bool) -> None:  # noqa: FBT001 — a parameter of the table
    assert read(text, pure=pure) == tree
    assert read(text, pure=pure, marked=True) == tree


SYNTAX = {
    "a colon in a value": ("a: b: c", (1, 5), 'no ": " is expected here'),
    "a tab": ("a:\n\tb: 1", (2, 1), "a tab can't indent in YAML; use spaces"),
    "an open list": ("a: [1, 2", (1, 4), 'the list that opens here lacks a "," or its closing "]"'),
    "an open mapping": ("a: {b: c", (1, 4), "the mapping that opens here lacks"),
    "an open quote": ("a: 'x\nb: 1\n", (1, 4), "the quote that opens here is never closed"),
    "an at sign": ("a: @x", (1, 4), "a value that begins with @ must be in quotes"),
    "a backtick": ("a: `x", (1, 4), "a value that begins with ` must be in quotes"),
    "a percent sign": ("a: %x", (1, 4), "a value that begins with % must be in quotes"),
    "a lost quote": ("'a'b: c", (1, 4), "this does not fit the keys above"),
    "a hash in a list": ("s: [#growth]", None, "a value is expected here; one that begins with #"),
    "two commas": ("{a: 1,,}", (1, 7), "a value is expected here"),
    "a lost bracket": ("a: }", (1, 4), "a value is expected here; one that begins with ]"),
    "bad indentation": ("a:\n  - b\n c: 1", (3, 2), "this does not fit the keys above"),
    "a list and a mapping": ("- a\nb: c", (2, 1), "this does not fit the list above"),
    "a backslash": ('a: "C:\\q"', None, "in double quotes a \\ begins an escape"),
    "an unknown alias": ("a: *x", (1, 4), "this alias stands for nothing written above"),
    "an alias of itself": ("a: &a [*a]", (1, 8), "this alias stands for nothing written above"),
    "an empty alias": ("a: *", None, "a value that begins with * must be in quotes"),
    "an empty anchor": ("a: &", None, "a value that begins with & must be in quotes"),
    "a second document": ("a: 1\n---\nb: 2", (2, 1), "a second document begins here"),
    "a bell": ("a: \a", (1, 4), 'the character "\\x07" is not allowed in YAML'),
    "a NUL": ("a: 1\nb: \0", (2, 4), 'the character "\\x00" is not allowed in YAML'),
    "half a pair, as text": ("a: \ud800", (1, 4), "is not allowed in YAML"),
    "half a pair, escaped": ('a: "\\ud800"', None, ""),
    "beyond Unicode": ('"\\U00110000"', None, ""),
    "a merge": ("a: &x {b: 1}\nc:\n  <<: *x", (3, 3), '"<<" merges are not part of YAML 1.2'),
    "a list as a key": ("? [a]\n: b", (1, 3), "a key must be text"),
    "a python object": (
        "a: !!python/object/apply:os.system [id]", (1, 4), "tags (!…) are not used in a config",
    ),
    "a local tag": ("a: !secret x", (1, 4), "tags (!…) are not used in a config"),
    "an unknown handle": ("a: !x!y z", (1, 4), "tags (!…) are not used in a config"),
    "a duplicate key": ("a: 1\nb: 2\na: 3", (3, 1), 'the key "a" is there twice, first on line 1'),
    "YAML 2": ("%YAML 2.0\n---\na: 1", None, "this is not YAML 1.2"),
}  # fmt: skip


@PARSERS
@pytest.mark.parametrize(("text", "mark", "words"), SYNTAX.values(), ids=SYNTAX.keys())
def test_what_is_no_yaml_is_explained_where_it_is(
    text: str,
    mark: tuple[int, int] | None,
    words: str,
    pure: bool,  # noqa: FBT001 — as above
) -> None:
    found, message = complaint(text, pure=pure)

    assert words in message
    assert mark is None or found == mark


def test_a_syntax_error_comes_with_the_duplicates_before_it() -> None:
    assert problems_of("a: 1\na: 2\nb: 'x") == [
        'config.yaml:2:1: the key "a" is there twice, first on line 1',
        "config.yaml:3:4: the quote that opens here is never closed",
    ]


@PARSERS
@pytest.mark.parametrize(
    "text",
    ["[" * DEPTH + "[" + "]" * DEPTH + "]", "- " * (DEPTH + 1) + "a", "{a: " * DEPTH + "{}"],
    ids=["lists", "dashes", "mappings"],
)
def test_nesting_is_bounded(text: str, pure: bool) -> None:  # noqa: FBT001 — as above
    assert complaint(text, pure=pure)[1] == f"nested deeper than {DEPTH} levels"


def test_nesting_that_kills_libyaml_s_composer_is_an_ordinary_problem() -> None:
    code = (
        "from digest.config.tree import TreeReader\n"
        "try: TreeReader('[' * 200_000 + ']' * 200_000).read()\n"
        "except Exception as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"nested deeper than {DEPTH} levels\n"


def test_nesting_through_aliases_is_bounded_too() -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 60))]
    assert "levels through aliases" in complaint("\n".join(lines))[1]


def test_a_billion_laughs_are_cut_short() -> None:
    lines = ["a: &a [lol,lol,lol,lol,lol,lol,lol,lol,lol]"]
    for one, next_one in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{next_one}: &{next_one} [{','.join([f'*{one}'] * 9)}]")

    problems = problems_of("\n".join(lines))

    assert "the aliases stand for more than 200000 values" in problems[-1]


def test_values_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.config.tree.VALUES", 1000)
    assert read("[" + "a," * 999 + "]")
    assert complaint("[" + "a," * 1001 + "]")[1] == "more than 1000 values"


def test_the_pure_parser_is_used_where_libyaml_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml  # noqa: PLC0415 — to take libyaml away

    assert isinstance(loader_of("a: 1"), yaml.CSafeLoader)
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert isinstance(loader_of("a: 1"), yaml.SafeLoader)
    assert read("a: [1, NO]") == {"a": ["1", "NO"]}


def test_marks_lead_to_keys_and_values() -> None:
    reader = TreeReader("a:\n  - x\n  - {b: 1,  c: 2}\n", marked=True)
    reader.read()
    assert reader.spot is not None
    assert reader.spot.find(("a", 1, "c")) == ((3, 13), (3, 16))
    assert reader.spot.find(("a", 0)) == ((2, 5), (2, 5))
    assert reader.spot.find(("a", 1, "missing")) == ((3, 5), (3, 5))
    assert reader.spot.find(("missing",)) == ((1, 1), (1, 1))
