"""Imports within the package form no cycle, and screens never import the program."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "secconsole"

Graph = Mapping[str, set[str]]


def modules(package: Path) -> dict[str, Path]:
    """Return the file of each module of a package."""
    found = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(module: str, path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """Yield modules that a module imports anywhere: at the top, in functions, and for type checking only."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                submodule = f"{base}.{alias.name}"
                yield submodule if submodule in known else base


def graph_of(package: Path) -> Graph:
    """Return the modules of a package with what each imports of it."""
    known = modules(package)
    return {module: set(imports_of(module, path, known)) & known.keys() - {module} for module, path in known.items()}


def cycles(graph: Graph) -> list[list[str]]:
    """Return the strongly connected components of more than one module (Tarjan)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        order[module] = low[module] = len(order)
        stack.append(module)
        for imported in sorted(graph[module]):
            if imported not in order:
                visit(imported)
                low[module] = min(low[module], low[imported])
            elif imported in stack:
                low[module] = min(low[module], order[imported])
        if low[module] == order[module]:
            at = stack.index(module)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for module in sorted(graph):
        if module not in order:
            visit(module)
    return found


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = graph_of(PACKAGE)
    assert len(graph) > 200
    assert cycles(graph) == []


def test_only_the_start_of_the_console_imports_its_program() -> None:
    graph = graph_of(PACKAGE)
    assert [module for module in graph if "secconsole.tui.app" in graph[module]] == ["secconsole.tui.main"]


@pytest.mark.parametrize(
    "back",
    [
        "from package import a",
        "import package.a",
        "from . import a",
        "from package.a import x",
        "def later():\n    from package.a import x",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .a import x",
    ],
)
def test_a_circle_is_found_for_every_form_of_import(tmp_path: Path, back: str) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text("from package.b import y\n")
    (package / "b.py").write_text("from package.c import z\n")
    (package / "c.py").write_text(back + "\n")
    assert cycles(graph_of(package)) == [["package.a", "package.b", "package.c"]]
