"""Plain English in everything that users read, in docstrings and comments, and in the names of tests.

The words below are archaic, private or vague.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "secconsole"

AVOID = re.compile(
    r"\b(anew|whoever|whosoever|whom|oneself|one's own|(?-i:(?<!there )is none)|somebody|thereof|hitherto|hereby"
    r"|the way to the store|for want of|stands in the way|is told|are told|come to theirs|afresh|all the same|everybody"
    r"|wherein|thereby|to be had|a password alone (opened|made)"
    r"|without an end( date)?|no end(?! date| of)|never ends)\b",  # everywhere: with no end date
    re.IGNORECASE,
)
OPENING = re.compile(r"(What|Whether|Whom|How|Who|That|Where|Which|When|Why)\b")
TEST_NAME = re.compile(
    r"test_([a-z]\d+_)*(who|what)_|_(anew|afresh|whoever|whatever|however|oneself|ones_own|told|said|heard|stands"
    r"|nobodys|somebody|is_none|are_none|all_the_same)(_|$)"
)
SENTENCES = re.compile(r"[a-z0-9`)][.!?] [A-Z]")

Found = tuple[str, int, str]


def folders() -> list[str]:
    return sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists())


def texts(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Yield line, text and True for docstrings of all string literals in a module."""
    tree = ast.parse(path.read_text())
    docstrings = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                docstrings.add(first.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value, node in docstrings


def comments(path: Path) -> Iterator[tuple[int, str]]:
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


def modules(folder: str) -> list[Path]:
    return sorted((PACKAGE / folder).rglob("*.py"))


def avoided(folder: str) -> list[Found]:
    return [
        (str(path.relative_to(ROOT)), line, found[0])
        for path in modules(folder)
        for line, text in [*((line, text) for line, text, _ in texts(path)), *comments(path)]
        for found in AVOID.finditer(text)
    ]


def first_lines(folder: str) -> list[Found]:
    """Return the docstrings whose first line is not one plain sentence."""
    return [
        (str(path.relative_to(ROOT)), line, first)
        for path in modules(folder)
        for line, text, is_docstring in texts(path)
        if is_docstring
        for first in [text.partition("\n")[0]]
        if ";" in first or OPENING.match(first) or SENTENCES.search(first)
    ]


def pages() -> dict[str, list[Path]]:
    help_pages = sorted((PACKAGE / "tui" / "help").glob("*.md"))
    single = {path.name: [path] for path in sorted(ROOT.glob("*.md"))}
    return {**single, "docs": sorted((ROOT / "docs").glob("*.md")), "help": help_pages}


def avoided_in_pages(name: str) -> list[Found]:
    return [
        (str(path.relative_to(ROOT)), number, found[0])
        for path in pages()[name]
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for found in AVOID.finditer(line)
    ]


@pytest.mark.parametrize("folder", folders())
def test_texts_docstrings_and_comments_use_no_word_to_avoid(folder: str) -> None:
    assert avoided(folder) == []


@pytest.mark.parametrize("folder", folders())
def test_docstrings_begin_with_one_plain_sentence(folder: str) -> None:
    assert first_lines(folder) == []


@pytest.mark.parametrize("name", list(pages()))
def test_pages_use_no_word_to_avoid(name: str) -> None:
    assert avoided_in_pages(name) == []


def test_names_of_tests_use_no_word_to_avoid() -> None:
    names = {
        node.name
        for path in (ROOT / "tests").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }
    assert sorted(name for name in names if TEST_NAME.search(name)) == []


@pytest.mark.parametrize("text", ["Choose whoever signs in.", "Tell Somebody", "made anew", "it is none of these"])
def test_forbidden_words_are_detected(text: str) -> None:
    assert AVOID.search(text)
