"""A1: every text of every operation has a limit, within which the worst text costs little.

The remaining cost is measured in work (the marks ordered at once), not in time.
`python -m bench.worst_text` prints the time.
"""

from __future__ import annotations

import ast
import sys
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

import secconsole
from secconsole.domain import text as domain_text
from secconsole.domain.errors import Invalid
from secconsole.domain.limits import LONGEST_TEXT, USUAL_BODY
from secconsole.domain.roles import Permission
from secconsole.domain.secret import Secret
from secconsole.domain.text import normal
from secconsole.domain.users.login import login_key, skeleton
from secconsole.domain.users.password import normal_password
from secconsole.operations.base import OPERATIONS, Operation, declare
from secconsole.operations.bounds import Unlimited, check_limits
from secconsole.operations.fields import FLATTENED
from secconsole.operations.signin import SignIn
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.wire import encode, to_request
from secconsole.server.openapi.document import document
from tests.examples import example_of

WORST = "\u0301\u0316"
PACKAGE = Path(secconsole.__file__).parent


# ---- no operation without limits -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    text: str


BAD: dict[str, Any] = {
    "a text": str,
    "a secret": Secret[str],
    "a text that may be missing": str | None,
    "items": tuple[Annotated[str, Meta(max_length=5)], ...],
    "the text of an item": Annotated[tuple[str, ...], Meta(max_length=5)],
    "a text within": Line,
    "a text within items": Annotated[tuple[Line, ...], Meta(max_length=5)],
    "a limit that is none": Annotated[str, Meta(max_length=LONGEST_TEXT + 1)],
    "an object of any size": dict[str, int],
    "bytes": bytes,
}


@pytest.mark.parametrize("hint", BAD.values(), ids=BAD)
def test_an_operation_with_an_unlimited_text_cannot_be_declared(hint: object) -> None:
    namespace = {"__annotations__": {"field": hint}, "__module__": __name__, "spec": None}
    kind = dataclass(frozen=True, kw_only=True)(type("Endless", (Operation,), namespace))
    with pytest.raises(Unlimited, match=r"(Endless\.field|Line\.text)"):
        declare("endless", "POST", "/v1/endless", Permission.SEE)(kind)
    assert "endless" not in OPERATIONS


def test_every_text_of_every_request_is_described_with_its_limit() -> None:
    described = document()
    unlimited = [place for place, schema in _strings(described) if not _is_limited(schema)]
    assert unlimited == []


def _strings(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The schemas of all texts and lists that requests are made of."""
    for path, methods in described["paths"].items():
        if path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
            continue
        for method, about in methods.items():
            for parameter in about.get("parameters", ()):
                if "schema" in parameter:
                    yield from _within(f"{method} {path} {parameter['name']}", parameter["schema"], described)
            body = about.get("requestBody", {}).get("content", {}).get("application/json")
            if body:
                yield from _within(f"{method} {path}", body["schema"], described)


def _within(place: str, schema: dict[str, Any], described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if "$ref" in schema:
        found: Any = described
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        yield from _within(place, found, described)
    for part in (*schema.get("anyOf", ()), *schema.get("allOf", ()), *schema.get("oneOf", ())):
        yield from _within(place, {**part, **{k: v for k, v in schema.items() if k == "maxLength"}}, described)
    if schema.get("type") in ("string", "array"):
        yield place, schema
    if schema.get("type") == "array":
        yield from _within(f"{place}[]", schema["items"], described)
    for name, part in schema.get("properties", {}).items():
        yield from _within(f"{place}.{name}", part, described)


def _is_limited(schema: dict[str, Any]) -> bool:
    if schema["type"] == "array":
        return "maxItems" in schema
    return "maxLength" in schema or "enum" in schema or "const" in schema or schema.get("format") == "date-time"


# ---- what is too long ----------------------------------------------------------------------------------------------


def _places(value: Any, put: Callable[[Any], Any] = lambda new: new, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every text of a value, by its path, with what makes the same value with another text there."""
    if isinstance(value, Secret) or (isinstance(value, str) and type(value) is str):
        yield name, lambda text: put(Secret(text) if isinstance(value, Secret) else text)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            rest = value[:index], value[index + 1 :]
            yield from _places(item, lambda new, rest=rest: put((*rest[0], new, *rest[1])), f"{name}[{index}]")
    elif is_dataclass(value):
        for field in fields(value):
            inner = f"{name}.{field.name}" if name and type(value) not in FLATTENED else field.name
            yield from _places(
                getattr(value, field.name),
                lambda new, field=field: put(replace(value, **{field.name: new})),
                inner,
            )


_FULL: dict[str, dict[str, object]] = {
    "user.import": {"users": (NewUser(2, "ana", "Ana", "a@b.c", "+1", "user", Secret("a password")),)},
    "user.create": {"password": Secret("a good password")},
    "delivery.set-smtp": {"password": Secret("secret"), "username": "name"},
    "tenant.create": {"admin": "root", "password": Secret("a good password")},
    "token.create": {"tenant": "acme"},
}
TEXTS = [
    pytest.param(name, place, make, id=f"{name} {place}")
    for name in sorted(OPERATIONS)
    for place, make in _places(example_of(name, **_FULL.get(name, {})))
]


@pytest.mark.parametrize(("name", "place", "make"), TEXTS)
def test_a_text_that_is_too_long_is_refused_by_its_field_and_not_repeated(name: str, place: str, make: Any) -> None:
    with pytest.raises(Invalid) as refused:
        check_limits(make("a" + WORST * 40_000))
    assert refused.value.field == place
    assert len(refused.value.message) < 100
    assert WORST[0] not in refused.value.message


def test_the_number_of_items_is_limited_too() -> None:
    with pytest.raises(Invalid) as refused:
        check_limits(example_of("unbind", users=("ana",) * 1_001))
    assert refused.value.field == "users"


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_example_of_every_operation_is_within_its_limits(name: str) -> None:
    check_limits(example_of(name))
    request = to_request(example_of(name))
    assert len(request.body or b"") < USUAL_BODY


def test_limits_hold_at_exactly_their_length() -> None:
    most = SignIn(tenant="t" * 256, login="l" * 256, password=Secret("p" * 2_048))
    check_limits(most)
    for changed in (
        replace(most, tenant="t" * 257),
        replace(most, login="l" * 257),
        replace(most, password=Secret("p" * 2_049)),
    ):
        with pytest.raises(Invalid):
            check_limits(changed)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_longest_request_that_holds_no_list_fits_its_body(name: str) -> None:
    longest = example_of(name, **_FULL.get(name, {}))
    if OPERATIONS[name].spec.body != USUAL_BODY:
        return
    for place, _ in _places(longest):
        make = dict(_places(longest))[place]
        for most in (16_384, 2_048, 1_024, 512, 256, 100):
            full = make("\U0001f600" * most)
            try:
                check_limits(full)
            except Invalid:
                continue
            longest = full
            break
    assert len(encode(longest)) < USUAL_BODY


def test_one_import_line_that_is_too_long_does_not_reject_the_others() -> None:
    check_limits(ImportUsers(tenant="acme", users=(NewUser(2, "ana", name="n" * 1_024),)))


# ---- what is within ------------------------------------------------------------------------------------------------

FORMS: tuple[Any, ...] = ("NFC", "NFD", "NFKC", "NFKD")


class Counted:
    """Wrapper of `unicodedata` that remembers the longest run of marks it had to order."""

    combining = staticmethod(unicodedata.combining)
    longest: ClassVar[int] = 0

    @classmethod
    def normalize(cls, form: Any, text: str) -> str:
        run = 0
        for char in unicodedata.normalize("NFKD" if "K" in form else "NFD", text):
            run = run + 1 if unicodedata.combining(char) else 0
            cls.longest = max(cls.longest, run)
        return unicodedata.normalize(form, text)


WORST_TEXTS = {
    "marks of two classes": "a" + WORST * 8_192,
    "marks alone": WORST * 8_192,
    "letters that are marks taken apart": "\u0f73\u0f75\u0f81" * 5_000,
    "halfwidth marks between others": "a" + "\u0301\uff9e" * 8_000,
    "marks that are two": "a" + "\u0344\u0316" * 8_000,
    "letters that become eighteen": "\ufdfa" * 16_000,
    "hangul": "\u1100\u1161\u11a8" * 5_000,
}


@pytest.mark.parametrize("text", WORST_TEXTS.values(), ids=WORST_TEXTS)
@pytest.mark.parametrize("form", FORMS)
def test_no_text_has_more_than_a_few_marks_put_in_order_at_once(
    form: Any, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domain_text, "unicodedata", Counted)
    monkeypatch.setattr(Counted, "longest", 0)
    normal(form, text)
    assert Counted.longest <= 64  # thirty, each of which may be two


@pytest.mark.parametrize("prepare", [login_key, skeleton, lambda text: normal_password(Secret(text))])
def test_logins_and_passwords_use_the_limited_normalization(prepare: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain_text, "unicodedata", Counted)
    monkeypatch.setattr(Counted, "longest", 0)
    prepare("a" + WORST * 1_000)
    assert 0 < Counted.longest <= 64


def test_every_letter_that_decomposes_to_a_leading_mark_is_listed() -> None:
    for point in range(sys.maxunicode + 1):
        char = chr(point)
        apart = [unicodedata.normalize(form, char)[:1] for form in ("NFD", "NFKD")]
        if not unicodedata.combining(char) and any(unicodedata.combining(first) for first in apart):
            assert char in domain_text._MARKS_WITHIN, hex(point)


@given(st.text(st.characters(codec="utf-8"), max_size=80))
def test_ordinary_text_has_the_unicode_normal_form(text: str) -> None:
    for form in FORMS:
        assert normal(form, text) == unicodedata.normalize(form, text)


@given(st.lists(st.sampled_from(["a", "\u0301", "\u0316", "\u0f73", "\uff9e", "\uac00"]), max_size=200).map("".join))
def test_normalization_is_idempotent(text: str) -> None:
    for form in FORMS:
        once = normal(form, text)
        assert sorted(unicodedata.normalize("NFKD", once)) == sorted(unicodedata.normalize("NFKD", text))


def test_no_other_module_normalizes() -> None:
    callers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("normalize", "is_normalized")
    }
    assert callers == {"domain/text.py"}
