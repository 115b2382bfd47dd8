"""The API's description: whole, true to the declarations, and with examples that are what they say."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis

import secconsole.operations
from secconsole.domain.errors import SecconsoleError
from secconsole.operations.base import OPERATIONS
from secconsole.operations.shape import PLACEHOLDER, answers_nothing, shape_of
from secconsole.operations.wire import decode, encode, from_request, to_request
from secconsole.server.examples import EXAMPLES
from secconsole.server.openapi import document
from secconsole.server.problems import CODES, MEDIA_TYPE
from secconsole.server.watching import WATCHING
from tests.server import test_api

NAMES = sorted(OPERATIONS)
JSON = "application/json"


def operation(name: str) -> dict[str, Any]:
    """What the document says of an operation."""
    spec = OPERATIONS[name].spec
    found: dict[str, Any] = document()["paths"][spec.path][spec.method.lower()]
    return found


def answer(name: str) -> dict[str, Any]:
    found: dict[str, Any] = operation(name)["responses"]["200"]["content"][JSON]
    return found


def check(schema: dict[str, Any], value: object) -> None:
    """Fail with the reason if a value is not what a schema of the document says."""
    whole = {**schema, "components": document()["components"]}
    jsonschema_rs.Draft202012Validator(whole, validate_formats=True).validate(value)


def objects(value: object) -> Iterator[dict[str, Any]]:
    """Every object within a document."""
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from objects(part)
    elif isinstance(value, list):
        for part in value:
            yield from objects(part)


def test_the_document_is_openapi_3_1() -> None:
    loaded = schemathesis.openapi.from_dict(document())
    loaded.validate()
    assert loaded.specification.version.startswith("3.1")


def test_every_operation_of_every_area_is_described_and_tried_with_half_a_sign_in() -> None:
    for module in pkgutil.iter_modules(secconsole.operations.__path__):
        importlib.import_module(f"{secconsole.operations.__name__}.{module.name}")
    described = {op["operationId"] for path in document()["paths"].values() for op in path.values()}
    assert described == set(OPERATIONS) | {entry["operationId"] for entry in WATCHING.values()}
    (tried,) = test_api.test_a10_nothing_works_with_half_a_sign_in.pytestmark  # type: ignore[attr-defined]
    assert tried.args == ("name", sorted(OPERATIONS))


@pytest.mark.parametrize("name", NAMES)
def test_an_operation_says_what_it_is_for_and_answers_with(name: str) -> None:
    said = operation(name)
    tags = {tag["name"]: tag["description"] for tag in document()["tags"]}
    assert said["summary"]
    assert said["description"].startswith(said["summary"])
    assert tags[said["tags"][0]]
    if answers_nothing(OPERATIONS[name]):
        assert "204" in said["responses"]
        assert "200" not in said["responses"]
    else:
        assert answer(name)["schema"]
    assert ("requestBody" in said) == (OPERATIONS[name].spec.method in ("POST", "PUT"))


@pytest.mark.parametrize("name", NAMES)
def test_an_example_fits_its_schemas_and_is_read_as_what_it_stands_for(name: str) -> None:
    example, said = EXAMPLES[name], operation(name)
    path: dict[str, str] = {}
    query: list[tuple[str, str]] = []
    for parameter in said["parameters"]:
        if "$ref" in parameter or "example" not in parameter:
            continue
        check(parameter["schema"], parameter["example"])
        values = parameter["example"] if isinstance(parameter["example"], list) else [parameter["example"]]
        if parameter["in"] == "path":
            path[parameter["name"]] = parameter["example"]
        elif parameter["in"] == "query":
            query += [(parameter["name"], encode(v).decode().strip('"')) for v in values]
    body = b""
    if "requestBody" in said:
        content = said["requestBody"]["content"][JSON]
        check(content["schema"], content["examples"]["request"]["value"])
        body = encode(content["examples"]["request"]["value"])
    assert from_request(OPERATIONS[name], path, query, body) == example.request
    assert OPERATIONS[name] is type(example.request)
    if not answers_nothing(OPERATIONS[name]):
        value = answer(name)["examples"]["answer"]["value"]
        check(answer(name)["schema"], value)
        assert decode(encode(value), shape_of(OPERATIONS[name]).reply) == example.reply


@pytest.mark.parametrize("name", NAMES)
def test_what_is_left_out_of_an_example_is_what_is_left_as_it_is(name: str) -> None:
    """A client may send every field, as ours does: that fits the schema of the body too."""
    said = operation(name)
    if "requestBody" in said:
        full = to_request(EXAMPLES[name].request).body
        assert full is not None
        check(said["requestBody"]["content"][JSON]["schema"], json.loads(full))


def test_every_problem_has_an_example_and_every_error_a_code() -> None:
    kinds = list(all_kinds(SecconsoleError))
    assert {kind.code for kind in kinds} <= set(CODES)
    seen: set[str] = set()
    for status, response in document()["components"]["responses"].items():
        content = response["content"][MEDIA_TYPE]
        for code, example in content["examples"].items():
            check(content["schema"], example["value"])
            assert example["value"]["code"] == code
            assert str(example["value"]["status"]) == status.partition(".")[0]
            seen.add(code)
    assert seen == set(CODES) - {"method-not-allowed", "refused"}  # no operation's: of paths that are none


def all_kinds(kind: type[SecconsoleError]) -> Iterator[type[SecconsoleError]]:
    for below in kind.__subclasses__():
        yield below
        yield from all_kinds(below)


def test_every_reference_leads_somewhere_and_nothing_lies_about_unused() -> None:
    whole = document()
    used = {found["$ref"] for found in objects(whole) if "$ref" in found}
    there = {f"#/components/{kind}/{name}" for kind, found in whole["components"].items() for name in found}
    assert used <= there
    assert there - used == {f"#/components/securitySchemes/{name}" for name in ("session", "token", "key")}


def test_secrets_are_marked_and_only_bodies_are_for_writing() -> None:
    schemas = document()["components"]["schemas"]
    assert schemas["SignInBody"]["properties"]["password"]["format"] == "password"
    for name, schema in schemas.items():
        for field, said in schema.get("properties", {}).items():
            for part in objects(said):
                if part.get("format") == "password":
                    assert part.get("writeOnly", False) == (name.endswith("Body") or name == "NewUser"), (name, field)
                if field in ("password", "code", "token", "challenge", "key", "uri") and part.get("type") == "string":
                    assert part.get("format") == "password" or name == "Problem", (name, field)


def test_times_are_date_times_and_null_is_said() -> None:
    schemas = document()["components"]["schemas"]
    until = schemas["WhitelistAddBody"]["properties"]["until"]["anyOf"]
    assert [part.get("format", part["type"]) for part in until] == ["date-time", "null"]
    assert schemas["UserDetail"]["properties"]["created"]["format"] == "date-time"
    assert {"type": "null"} in schemas["UserRow"]["properties"]["last_sign_in"]["anyOf"]
    assert set(schemas["UserRow"]["required"]) == set(schemas["UserRow"]["properties"])
    assert schemas["UserCreateBody"]["additionalProperties"] is False
    assert schemas["NewUser"]["additionalProperties"] is False


def test_no_two_paths_can_be_meant_by_one() -> None:
    """Nobody's login, and no tenant's name, leads to another operation than the one that was asked for."""
    paths = sorted({kind.spec.path for kind in OPERATIONS.values()} | set(WATCHING))
    for i, one in enumerate(paths):
        for other in paths[i + 1 :]:
            mine, theirs = one.split("/"), other.split("/")
            apart = len(mine) != len(theirs) or any(
                a != b and not PLACEHOLDER.fullmatch(a) and not PLACEHOLDER.fullmatch(b)
                for a, b in zip(mine, theirs, strict=True)
            )
            assert apart, f"{one} and {other}"


def test_the_unsafe_take_a_key_and_all_take_a_request_id() -> None:
    for name, kind in OPERATIONS.items():
        taken = [p.get("name", p.get("$ref", "").rpartition("/")[2]) for p in operation(name)["parameters"]]
        assert ("Idempotency-Key" in taken) == kind.spec.writes, name
        assert "RequestId" in taken
