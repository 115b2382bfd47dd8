"""The mutations of `make mutations` match the source."""

from __future__ import annotations

import ast

import pytest

from tests.mutations import MUTATIONS, ROOT, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_each_mutation_matches_once_and_its_tests_exist(mutation: Mutation) -> None:
    source = mutation.file().read_text()
    ast.parse(source.replace(mutation.old, mutation.new))  # what cannot even be loaded, no test has noticed
    assert mutation.new != mutation.old
    assert [test for test in mutation.tests if not (ROOT / test).exists()] == []


def test_the_number_of_mutations_does_not_shrink() -> None:
    assert len(MUTATIONS) >= 36
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
