"""Handlers in one package per area of operations, each reading like its rule."""

from __future__ import annotations

from secconsole.operations import load_package


def load_all() -> None:
    """Import every module of this package, in the order of their names: each adds its handlers to the registry."""
    load_package(__name__, __path__)
