"""Private names of Textual: all in use are listed, and the installed version has them."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

import secconsole.tui
from secconsole.tui.runtime.textual_internals import INTERNALS, Internal

FOLDER = Path(secconsole.tui.__file__).parent
DYNAMIC = {"_reactive_theme": "theme"}  # made by Textual for a reactive attribute
NOT_TEXTUAL = {"os._exit"}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def is_self(node: ast.expr) -> bool:
    """Return True for `self`, `cls` and `super()`."""
    name = node.func if isinstance(node, ast.Call) else node
    return isinstance(name, ast.Name) and name.id in ("self", "cls", "super")


@cache
def classes_of(module: str) -> dict[str, ast.AST]:
    """Return the syntax trees of a module's classes, as inspect.getsource would read the file for each of them."""
    source = inspect.getsource(importlib.import_module(module))
    return {node.name: node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)}


def tree_of(cls: type) -> ast.AST:
    return classes_of(cls.__module__).get(cls.__name__, ast.Module([], []))


@cache
def private_names_of(cls: type) -> set[str]:
    """Return private names that a class itself defines, in its body or by assigning to `self`."""
    stored = {
        node.attr
        for node in ast.walk(tree_of(cls))
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
    return {name for name in {*vars(cls), *vars(cls).get("__annotations__", {}), *stored} if is_private(name)}


def modules() -> list[ModuleType]:
    return [importlib.import_module(m.name) for m in pkgutil.walk_packages([str(FOLDER)], "secconsole.tui.")]


def uses_in_subclasses() -> Iterator[tuple[str, str, str, str]]:
    """Yield where a subclass of a Textual class uses or hides a private name: class, Textual's module, owner, name."""
    for module in modules():
        for cls in vars(module).values():
            if not inspect.isclass(cls) or cls.__module__ != module.__name__:
                continue
            nodes = list(ast.walk(tree_of(cls)))
            used = {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
            used |= {n.attr for n in nodes if isinstance(n, ast.Attribute) and is_self(n.value)}
            for base in cls.__mro__:
                if base.__module__.startswith("textual"):
                    for name in used & private_names_of(base):
                        yield f"{module.__name__}.{cls.__name__}", base.__module__, base.__name__, name


def uses_from_outside() -> Iterator[tuple[str, str]]:
    """Yield private attributes of other objects, with the file."""
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Attribute) or not is_private(node.attr) or is_self(node.value):
                continue
            if ast.unparse(node) not in NOT_TEXTUAL:
                yield str(path.relative_to(FOLDER)), node.attr


@pytest.mark.parametrize("internal", INTERNALS, ids=lambda internal: f"{internal.owner}.{internal.name}")
def test_the_installed_textual_has_every_listed_name(internal: Internal) -> None:
    owner = getattr(importlib.import_module(internal.module), internal.owner)
    if internal.name in DYNAMIC:
        assert DYNAMIC[internal.name] in owner._reactives
    else:
        assert internal.name in private_names_of(owner), f"{internal.owner} has no {internal.name} any more"
    assert internal.why


def test_no_subclass_uses_or_hides_an_unlisted_name() -> None:
    listed = {(internal.module, internal.owner, internal.name) for internal in INTERNALS}
    found = set(uses_in_subclasses())
    assert {use[1:] for use in found} & listed, "the search finds those that are listed"
    assert sorted(use for use in found if use[1:] not in listed) == []


def test_no_unlisted_name_is_used_from_outside_its_class() -> None:
    listed = {internal.name for internal in INTERNALS}
    assert sorted(use for use in uses_from_outside() if use[1] not in listed) == []


def test_nothing_is_imported_from_a_private_module() -> None:
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("textual"):
                names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
                assert not any(is_private(name) for name in names), f"{path.name}: {ast.unparse(node)}"


def test_every_listed_name_is_used() -> None:
    text = "\n".join(p.read_text(encoding="utf-8") for p in FOLDER.rglob("*.py") if p.stem != "textual_internals")
    assert [
        internal.name
        for internal in INTERNALS
        if f".{internal.name}" not in text and f"def {internal.name}(" not in text
    ] == []
