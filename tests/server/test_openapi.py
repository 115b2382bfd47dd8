"""The OpenAPI document: complete, true to the declarations, and with valid examples."""

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
from secconsole.operations.base import OPERATIONS, example_of
from secconsole.operations.request_schema import PLACEHOLDER, answers_nothing, request_schema
from secconsole.operations.wire import decode, encode, from_request, to_request
from secconsole.server.openapi.document import document
from secconsole.server.openapi.monitoring import MONITORING
from secconsole.server.problems import CODES, MEDIA_TYPE

NAMES = sorted(OPERATIONS)
JSON = "application/json"


def operation(name: str) -> dict[str, Any]:
    """Return the document's description of an operation."""
    spec = OPERATIONS[name].spec
    found: dict[str, Any] = document()["paths"][spec.path][spec.method.lower()]
    return found


def answer(name: str) -> dict[str, Any]:
    found: dict[str, Any] = operation(name)["responses"]["200"]["content"][JSON]
    return found


def check(schema: dict[str, Any], value: object) -> None:
    """Fail with the reason if a value does not match a schema of the document."""
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


def test_every_operation_is_described() -> None:
    for module in pkgutil.iter_modules(secconsole.operations.__path__):
        importlib.import_module(f"{secconsole.operations.__name__}.{module.name}")
    described = {op["operationId"] for path in document()["paths"].values() for op in path.values()}
    assert described == set(OPERATIONS) | {entry["operationId"] for entry in MONITORING.values()}


@pytest.mark.parametrize("name", NAMES)
def test_an_operation_describes_its_purpose_and_responses(name: str) -> None:
    report = operation(name)
    tags = {tag["name"]: tag["description"] for tag in document()["tags"]}
    assert report["summary"]
    assert report["description"].startswith(report["summary"])
    assert tags[report["tags"][0]]
    if answers_nothing(OPERATIONS[name]):
        assert "204" in report["responses"]
        assert "200" not in report["responses"]
    else:
        assert answer(name)["schema"]
    assert ("requestBody" in report) == (OPERATIONS[name].spec.method in ("POST", "PUT"))


@pytest.mark.parametrize("name", NAMES)
def test_an_example_matches_its_schemas_and_decodes_to_its_source(name: str) -> None:
    example, report = example_of(name), operation(name)
    path: dict[str, str] = {}
    query: list[tuple[str, str]] = []
    for parameter in report["parameters"]:
        if "$ref" in parameter or "example" not in parameter:
            continue
        check(parameter["schema"], parameter["example"])
        values = parameter["example"] if isinstance(parameter["example"], list) else [parameter["example"]]
        if parameter["in"] == "path":
            path[parameter["name"]] = parameter["example"]
        elif parameter["in"] == "query":
            query += [(parameter["name"], encode(v).decode().strip('"')) for v in values]
    body = b""
    if "requestBody" in report:
        content = report["requestBody"]["content"][JSON]
        check(content["schema"], content["examples"]["request"]["value"])
        body = encode(content["examples"]["request"]["value"])
    assert from_request(OPERATIONS[name], path, query, body) == example.request
    assert OPERATIONS[name] is type(example.request)
    if not answers_nothing(OPERATIONS[name]):
        value = answer(name)["examples"]["answer"]["value"]
        check(answer(name)["schema"], value)
        assert decode(encode(value), request_schema(OPERATIONS[name]).reply) == example.reply


@pytest.mark.parametrize("name", NAMES)
def test_every_header_and_filter_has_a_valid_example(name: str) -> None:
    parameters = [p for p in operation(name)["parameters"] if "$ref" not in p]
    path = {p["name"]: p["example"] for p in parameters if p["in"] == "path"}
    required = [(p["name"], str(p["example"])) for p in parameters if p["in"] == "query" and p["required"]]
    for parameter in parameters:
        shown = parameter.get("examples", {"": {"value": parameter.get("example")}})
        for example in shown.values():
            check(parameter["schema"], example["value"])
        if parameter["in"] == "query" and "examples" in parameter:
            (value,) = [example["value"] for example in shown.values()]
            text = json.dumps(value) if isinstance(value, bool) else str(value)
            read = from_request(OPERATIONS[name], path, [*required, (parameter["name"], text)], b"")
            assert read != from_request(OPERATIONS[name], path, required, b"")


@pytest.mark.parametrize("name", NAMES)
def test_fields_omitted_from_an_example_are_unchanged_ones(name: str) -> None:
    """A client may send every field, as ours does: that fits the schema of the body too."""
    report = operation(name)
    if "requestBody" in report:
        full = to_request(example_of(name).request).body
        assert full is not None
        check(report["requestBody"]["content"][JSON]["schema"], json.loads(full))


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
    assert seen == set(CODES) - {"method-not-allowed", "refused"}  # codes of no operation: unknown paths


def all_kinds(kind: type[SecconsoleError]) -> Iterator[type[SecconsoleError]]:
    for below in kind.__subclasses__():
        yield below
        yield from all_kinds(below)


def test_every_reference_resolves_and_every_schema_is_used() -> None:
    whole = document()
    used = {found["$ref"] for found in objects(whole) if "$ref" in found}
    there = {f"#/components/{kind}/{name}" for kind, found in whole["components"].items() for name in found}
    assert used <= there
    assert there - used == {f"#/components/securitySchemes/{name}" for name in ("session", "token", "key")}


def test_secrets_are_marked_and_only_bodies_are_write_only() -> None:
    schemas = document()["components"]["schemas"]
    assert schemas["SignInBody"]["properties"]["password"]["format"] == "password"
    for name, schema in schemas.items():
        for field, report in schema.get("properties", {}).items():
            for part in objects(report):
                if part.get("format") == "password":
                    assert part.get("writeOnly", False) == (
                        name.endswith("Body") or name in ("NewUser", "NewPassword", "NewFactor")
                    ), (name, field)
                if field in ("password", "code", "token", "challenge", "key", "uri") and part.get("type") == "string":
                    assert part.get("format") == "password" or name == "Problem", (name, field)


def test_times_are_date_times_and_null_is_declared() -> None:
    schemas = document()["components"]["schemas"]
    until = schemas["WhitelistAddBody"]["properties"]["until"]["anyOf"]
    assert [part.get("format", part["type"]) for part in until] == ["date-time", "null"]
    assert schemas["UserDetail"]["properties"]["created"]["format"] == "date-time"
    assert {"type": "null"} in schemas["UserRow"]["properties"]["last_sign_in"]["anyOf"]
    assert set(schemas["UserRow"]["required"]) == set(schemas["UserRow"]["properties"])
    assert schemas["UserCreateBody"]["additionalProperties"] is False
    assert schemas["NewUser"]["additionalProperties"] is False


def test_no_two_paths_are_ambiguous() -> None:
    """No login or name of a tenant leads to another operation than the requested one."""
    paths = sorted({kind.spec.path for kind in OPERATIONS.values()} | set(MONITORING))
    for i, one in enumerate(paths):
        for other in paths[i + 1 :]:
            mine, theirs = one.split("/"), other.split("/")
            apart = len(mine) != len(theirs) or any(
                a != b and not PLACEHOLDER.fullmatch(a) and not PLACEHOLDER.fullmatch(b)
                for a, b in zip(mine, theirs, strict=True)
            )
            assert apart, f"{one} and {other}"


def test_unsafe_operations_take_a_key_and_all_take_a_request_id() -> None:
    for name, kind in OPERATIONS.items():
        taken = [p.get("name", p.get("$ref", "").rpartition("/")[2]) for p in operation(name)["parameters"]]
        assert ("Idempotency-Key" in taken) == kind.spec.writes, name
        assert "RequestId" in taken
