"""`python -m docs.draw_architecture`: draw the packages and their imports into docs/architecture.md.

The layers come from the import contract in pyproject.toml, the arrows from the import statements in the code.
"""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "secconsole"
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- drawing: made by `make docs`, do not edit -->", "<!-- end of drawing -->"
WIDTH = 76


def layers() -> list[list[str]]:
    """Return the packages of each layer, top first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    (contract,) = (c for c in contracts if c["name"] == "Imports run downwards only")
    return [[name.strip().rpartition(".")[2] for name in layer.split("|")] for layer in contract["layers"]]


def imports_of(package: str) -> set[str]:
    """Return the sibling packages that the modules of a package import, including for type checking."""
    found: set[str] = set()
    for path in (PACKAGE / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            found |= {name.split(".")[1] for name in names if name.startswith("secconsole.")}
    return found - {package, "__version__"}


def drawing() -> str:
    """Return the layers as boxes, each package with the packages that it imports."""
    order = [package for layer in layers() for package in layer]
    width = max(map(len, order))
    lines: list[str] = []
    for layer in layers():
        lines.append(f"┌{'─' * WIDTH}┐")
        for package in layer:
            imported = imports_of(package)
            used = [other for other in order if other in imported]
            text = f" {package:<{width}}  →  {', '.join(used) or 'no other package of secconsole'}"
            lines.append(f"│{text:<{WIDTH}}│")
        lines.append(f"└{'─' * WIDTH}┘")
    return "\n".join(lines)


def with_drawing(page: str) -> str:
    """Return the page with its drawing replaced by the current one."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n```\n{drawing()}\n```\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_drawing(PAGE.read_text()))
