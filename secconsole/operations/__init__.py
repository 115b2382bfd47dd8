"""Contract of the program: every request is one small message, declared here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable


def load_all() -> None:
    """Import every module of this package in alphabetical order, so that each declares its operations."""
    load_package(__name__, __path__)


def load_package(name: str, path: Iterable[str]) -> None:
    """Import every module of a package and of the packages in it, in alphabetical order."""
    from importlib import import_module
    from pkgutil import walk_packages

    for module in sorted(found.name for found in walk_packages(path, f"{name}.")):
        import_module(module)
