"""Every module of the contract is listed with its backends."""

from __future__ import annotations

from pathlib import Path

from tests.contract.conftest import MODULES


def test_every_module_is_in_the_table_of_backends() -> None:
    there = {path.stem for path in Path(__file__).parent.glob("test_*.py")}
    missing, gone = sorted(there - set(MODULES)), sorted(set(MODULES) - there)
    assert not missing, f"say in MODULES (tests/contract/conftest.py) which backends these run on: {missing}"
    assert not gone, f"MODULES (tests/contract/conftest.py) names modules that are gone: {gone}"
