"""The table of routes: every operation is found by its own path and method, and by nothing else."""

from __future__ import annotations

import re

import pytest
from starlette.requests import Request
from starlette.responses import Response

from secconsole.operations import load_all
from secconsole.operations.base import OPERATIONS
from secconsole.server.routing import RouteTable, parts_of


async def answer(_: Request) -> Response:
    return Response()


def request(path: str, method: str = "GET") -> dict[str, object]:
    return {"type": "http", "method": method, "path": path, "raw_path": path.encode()}


@pytest.fixture(scope="module")
def table() -> RouteTable:
    load_all()
    table = RouteTable()
    for kind in OPERATIONS.values():
        table.add(kind.spec.path, answer, method=kind.spec.method, name=kind.spec.name)
    return table


def test_every_operation_is_found_by_its_path_with_the_values_of_its_parameters(table: RouteTable) -> None:
    for kind in OPERATIONS.values():
        scope = request(re.sub(r"\{(\w+)\}", r"a%2F\1", kind.spec.path), kind.spec.method)
        target = table.find(scope)
        assert target is not None
        assert target.name == kind.spec.name
        assert scope["path_params"] == {name: f"a/{name}" for name in re.findall(r"\{(\w+)\}", kind.spec.path)}


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/tenants//users", "/v1/tenants/a/users/", "/v1/tenants/a/b/users", "/%FF"]
)
def test_other_paths_are_not_found(table: RouteTable, path: str) -> None:
    assert table.find(request(path)) is None
    assert table.methods_at(request(path)) == set()


def test_another_method_is_not_found_and_those_that_are_supported_are_known(table: RouteTable) -> None:
    scope = request("/v1/tenants/acme/users", "PATCH")
    assert table.find(scope) is None
    assert table.methods_at(scope) == {"GET", "HEAD", "POST"}


def test_a_word_comes_before_a_parameter_and_a_path_is_taken_once() -> None:
    table = RouteTable()
    table.add("/users/{user}", answer, method="GET", name="show")
    table.add("/users/count", answer, method="GET", name="count")
    table.add("/users/count", answer, method="POST", name="recount")
    names = {path: table.find(request(path)) for path in ("/users/count", "/users/counts")}
    assert [target.name for target in names.values() if target] == ["count", "show"]
    with pytest.raises(ValueError, match="POST /users/count is the path of recount"):
        table.add("/users/count", answer, method="POST", name="again")


def test_an_encoded_slash_stays_within_its_part() -> None:
    assert parts_of(request("/a%2Fb/c")) == ["", "a/b", "c"]
