"""Data reaches widgets only as visible content, checked in the sources."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import secconsole.tui
from secconsole.domain.text import visible
from secconsole.tui.text.safe import fill, join, lines, safe, safe_text

SOURCES = sorted(Path(secconsole.tui.__file__).parent.rglob("*.py"))
#: calls that read a str as markup: every positional argument, and these keywords
MARKUP = {"Static", "Label", "Button", "Option", "add_row", "add_option", "update", "Hit", "DiscoveryHit"}
OURS = {"secconsole.tui.widgets.form_fields"}
ATTRIBUTES = {"border_title", "border_subtitle", "tooltip"}


def unsafe_strings(source: str) -> list[int]:
    """Lines on which something that is surely a str made of data goes where markup is read."""
    tree = ast.parse(source)
    own = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in OURS
        for alias in node.names
    } | {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    found: list[int] = []
    for function in [tree, *(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))]:
        strings = _names_of_strings(function)
        for node in _within(function):
            for handed in _handed(node, own):
                if _is_data(handed, strings):
                    found.append(handed.lineno)
    return sorted(set(found))


def _within(function: ast.AST) -> list[ast.AST]:
    """The nodes of a function without those of functions inside it."""
    out: list[ast.AST] = []
    todo = list(ast.iter_child_nodes(function))
    while todo:
        node = todo.pop()
        out.append(node)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            todo += ast.iter_child_nodes(node)
    return out


def _handed(node: ast.AST, own: set[str]) -> list[ast.expr]:
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in MARKUP and name not in own:
            return [*node.args, *(k.value for k in node.keywords if k.arg in (*ATTRIBUTES, "content", "label"))]
    if isinstance(node, ast.Assign) and any(getattr(target, "attr", "") in ATTRIBUTES for target in node.targets):
        return [node.value]
    return []


def _names_of_strings(function: ast.AST) -> set[str]:
    """Names that hold a str here: by annotation, or by what is assigned to them."""
    names: set[str] = set()
    if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        names = {a.arg for a in every if a.annotation is not None and ast.unparse(a.annotation).startswith("str")}
    for node in _within(function):
        if isinstance(node, ast.Assign) and _is_data(node.value, names):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def _is_data(value: ast.expr, strings: set[str]) -> bool:
    if isinstance(value, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in value.values)
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add | ast.Mod):
        return any(_is_text(side, strings) for side in (value.left, value.right))
    if isinstance(value, ast.Call):
        name = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        return name in ("str", "format", "visible") or (name == "join" and not _is_our_join(value))
    if isinstance(value, ast.IfExp):
        return _is_data(value.body, strings) or _is_data(value.orelse, strings)
    return isinstance(value, ast.Name) and value.id in strings


def _is_text(value: ast.expr, strings: set[str]) -> bool:
    return (isinstance(value, ast.Constant) and isinstance(value.value, str)) or _is_data(value, strings)


def _is_our_join(call: ast.Call) -> bool:
    """`join(...)` of safe_text and `Content.join`, not that of a str."""
    return isinstance(call.func, ast.Name) or not isinstance(getattr(call.func, "value", None), ast.Constant)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a16_no_bare_string_of_data_goes_into_a_widget(path: Path) -> None:
    assert unsafe_strings(path.read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        "Static(f'hello {name}')",
        "Label('a' + name)",
        "w.update('%s' % name)",
        "t.add_row('a', str(x))",
        "w.border_title = f'{x}'",
        "Static(', '.join(names))",
        "Label('{}'.format(x))",
        "Static(visible(x))",
        "name = f'{x}'\nStatic(name)",
        "def f(login: str):\n    Label(login)",
        "Static('a' if b else f'{c}')",
        "Button(f'Unbind {n}')",
        "Static('x', tooltip=f'{x}')",
    ],
)
def test_the_checker_finds(line: str) -> None:
    assert unsafe_strings(line) != []


@pytest.mark.parametrize(
    "line",
    [
        "Static('words')",
        "Static(safe(f'hello {name}'))",
        "Label(fill('[b]$x[/b]', x=name))",
        "w.update(lines(*rows))",
        "d.update(other)",
        "Static(join('a', b))",
        "def f(login: str):\n    Label(safe(login))",
    ],
)
def test_the_checker_lets_pass(line: str) -> None:
    assert unsafe_strings(line) == []


@given(st.text())
def test_a15_a17_every_widget_shows_only_the_text(text: str) -> None:
    assert safe(text).plain == visible(text)
    assert safe(text, "bold").plain == visible(text)
    assert safe_text(text).plain == visible(text)
    assert fill("<[b]$it[/b]>", it=text).plain == f"<{visible(text)}>"
    assert join("a ", (text, "bold")).plain == f"a {visible(text)}"
    assert lines(text, "b").plain == f"{visible(text)}\nb"


def test_markup_in_data_is_shown_as_text() -> None:
    evil = "[@click=app.quit]bob[/] [b]x[/b] [/]"
    for content in (safe(evil), fill("$who", who=evil), join(evil)):
        assert content.plain == evil
        assert not content.spans
