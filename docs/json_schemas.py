"""`python -m docs.json_schemas`: write build/schemas/OPERATION.json, the JSON of each reply, from the operations."""

from __future__ import annotations

import json
import re
from pathlib import Path

from secconsole.operations import load_all
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.server.openapi.schemas import REF, Json, components, described, schema_of

load_all()
FOLDER = Path(__file__).parents[1] / "build" / "schemas"
_DEFS = "#/$defs/{name}"
_NAMED = re.compile(re.escape(_DEFS).replace(r"\{name\}", r"([^\"]+)"))


def reply_schema(kind: type[Operation[object]]) -> Json:
    """Return the JSON Schema of an operation's reply, complete in itself."""
    known = {name: _moved(schema) for name, schema in components().items()}
    schema = _moved(schema_of(described(kind).reply))
    wanted, found = set(_NAMED.findall(json.dumps(schema))), dict[str, Json]()
    while wanted:
        name = wanted.pop()
        found[name] = known[name]
        wanted |= set(_NAMED.findall(json.dumps(known[name]))) - found.keys()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.spec.name,
        **schema,
        "$defs": dict(sorted(found.items())),
    }


def _moved(schema: Json) -> Json:
    """Return a schema that refers to definitions beside it instead of an OpenAPI document's."""
    moved: Json = json.loads(json.dumps(schema).replace(REF.removesuffix("{name}"), _DEFS.removesuffix("{name}")))
    return moved


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, kind in OPERATIONS.items():
        (FOLDER / f"{name}.json").write_text(json.dumps(reply_schema(kind), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
