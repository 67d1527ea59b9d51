"""A YAML parser's complaint in words for the person who wrote the file.

The two parsers word things differently and quote what they stumbled over, which may be a secret,
so their own words are never passed on.
"""

from __future__ import annotations

from typing import Any, Final

TAG_WORDS: Final = (
    "tags (!…) are not used in a config; a value that begins with ! must be in quotes"
)

DEPTH: Final = 20
"""Levels that a config may be nested; libyaml has a limit of its own, far beyond."""

# The first entry whose words all occur in the complaint wins.
_WORDS: Final = (
    (("nesting depth",), f"nested deeper than {DEPTH} levels"),
    (("mapping values",), 'no ": " is expected here; check the indentation, or quote the value'),
    (("sequence entries",), 'no "- " is expected here; check the indentation'),
    (("quoted", "end of stream"), "the quote that opens here is never closed"),
    (("quoted",), "in double quotes a \\ begins an escape; write \\\\, or use single quotes"),
    (("flow sequence",), 'the list that opens here lacks a "," or its closing "]"'),
    (("flow mapping",), 'the mapping that opens here lacks a "," or its closing "}"'),
    (("expected ':'",), 'a ":" is missing after this key, or a quote is not closed'),
    (("tag",), TAG_WORDS),
    (("anchor",), "a value that begins with & must be in quotes"),
    (("alias",), "a value that begins with * must be in quotes"),
    (("directive",), "only a %YAML 1.2 directive may stand here; put the value in quotes"),
    (("incompatible",), "this is not YAML 1.2"),
    (("flow node",), "a value is expected here; one that begins with # or , must be in quotes"),
    (("block node",), "a value is expected here; one that begins with ] or } must be in quotes"),
    (("block mapping",), "this does not fit the keys above; check the indentation and the quotes"),
    (("block collection",), "this does not fit the list above; check the indentation"),
    (("block scalar",), "after | or > the text begins on the next line"),
    (("document start",), "nothing is expected after the value above; check the quotes"),
)  # fmt: skip
_AT_CONTEXT: Final = ("quoted", "flow sequence", "flow mapping", "expected ':'")


def explain_syntax(error: Exception, text: str) -> tuple[str, tuple[int, int] | None]:
    """A sentence, and the line and column (from 1) to look at, where they are known."""
    context: str = getattr(error, "context", None) or ""
    problem: str = getattr(error, "problem", None) or ""
    mark: Any = getattr(error, "problem_mark", None)
    if mark is None:
        return "this is not YAML", None
    said = f"{context} {problem}"
    if "cannot start any token" in said:
        return _bad_start(text, mark.line, mark.column), (mark.line + 1, mark.column + 1)
    if any(words in said for words in _AT_CONTEXT):
        mark = getattr(error, "context_mark", None) or mark
    sentence = next(
        (sentence for words, sentence in _WORDS if all(word in said for word in words)),
        "this is not valid YAML; check the indentation and the quotes",
    )
    return sentence, (mark.line + 1, mark.column + 1)


def _bad_start(text: str, line: int, column: int) -> str:
    lines = text.split("\n")
    character = lines[line][column : column + 1] if line < len(lines) else ""
    if character == "\t":
        return "a tab can't indent in YAML; use spaces"
    if character in {"@", "`", "%", "|", ">"}:
        return f"a value that begins with {character} must be in quotes"
    return "a value that begins like this must be in quotes"
