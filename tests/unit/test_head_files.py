"""Heads of the audit are found in the files that people keep."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from secconsole.operations.audit import AuditHead
from secconsole.operations.head_files import LONGEST_LINE, MOST_LINES, heads_in

HEADS = st.builds(
    AuditHead,
    tenant=st.sampled_from(["acme", "Příliš s.r.o.", "a, b"]),
    tenant_id=st.just("01KAMYTP9Z1B3D5F7H9K1M3P5R"),
    chain=st.just("main"),
    seq=st.integers(1, 2**53 - 1),
    mac=st.just("5f" * 32),
    at=st.just(datetime(2026, 11, 22, 9, 30, tzinfo=UTC)),
    key_id=st.just("9c1e5a7700d24b38"),
    signature=st.just("a3" * 32),
)


def _plain(head: AuditHead) -> dict[str, object]:
    return dict(msgspec.to_builtins(head))


def _as_csv(heads: list[AuditHead]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(_plain(heads[0])))
    writer.writeheader()
    writer.writerows(map(_plain, heads))
    return file.getvalue()


def _document(heads: list[AuditHead], indent: int | None) -> str:
    return json.dumps({"items": [_plain(head) for head in heads], "next": None}, indent=indent, ensure_ascii=False)


def _log(head: AuditHead) -> str:
    return json.dumps({"time": "…", "level": "info", "message": "Head of the audit.", "audit_head": _plain(head)})


@given(
    st.lists(HEADS, min_size=1, max_size=4), st.sampled_from(["document", "indented", "lines", "log", "journal", "csv"])
)
def test_heads_are_found_in_every_form_between_other_lines(heads: list[AuditHead], form: str) -> None:
    texts = {
        "document": lambda: _document(heads, None),
        "indented": lambda: _document(heads, 2),
        "lines": lambda: "\n".join(json.dumps(_plain(head)) for head in heads),
        "log": lambda: "\n".join(f"Nov 30 01:00:00 host secconsole[7]: {_log(head)}" for head in heads),
        "journal": lambda: "\n".join(json.dumps({"_PID": "7", "MESSAGE": _log(head)}) for head in heads),
        "csv": lambda: _as_csv(heads),
    }
    noise = '{"level": "info", "message": "Listening."}\nplain, text\n{"a": [1, {"b": 2}]}\n'
    text = texts[form]()
    before = "" if form == "csv" else noise
    found = [head for _, head in heads_in(io.StringIO(f"{before}{text}\n{noise}"))]
    assert found == heads


@given(st.text(max_size=300), st.text(max_size=300))
def test_other_text_has_no_heads_and_raises_nothing(first: str, second: str) -> None:
    assert list(heads_in([first, second, "{" + first, second + "}"])) == []


def test_an_endless_line_and_an_endless_document_are_left_behind() -> None:
    head = AuditHead("acme", "t", "main", 1, "5f" * 32, datetime(2026, 1, 1, tzinfo=UTC), "k", "a3" * 32)
    lines = ["x" * (LONGEST_LINE + 1), "{", *("  1," for _ in range(6_000)), json.dumps(_plain(head))]
    assert [found for _, found in heads_in(lines)] == [head]


@given(
    st.lists(HEADS, min_size=1, max_size=3),
    st.lists(st.sampled_from(["{", '{"a": [', '{"a": "', "  {", "}", "},", "]", "  1,", '{"b": 1}']), max_size=6),
    st.sampled_from([None, 0, 2]),
)
def test_no_line_before_a_head_hides_it(heads: list[AuditHead], before: list[str], indent: int | None) -> None:
    document = _document(heads, indent).splitlines()
    assert [found for _, found in heads_in([*before, *document])] == heads
    assert [found for _, found in heads_in([*before, *map(_log, heads)])] == heads


def test_many_lines_before_a_document_do_not_hide_it() -> None:
    head = AuditHead("acme", "t", "main", 1, "5f" * 32, datetime(2026, 1, 1, tzinfo=UTC), "k", "a3" * 32)
    document = _document([head], 2).splitlines()
    for filler, most in (("  1,", MOST_LINES), ("}", 110), ("x" * LONGEST_LINE, 65)):
        for number in (most - 5, most - 1, most):
            found = [one for _, one in heads_in(["{", *(filler for _ in range(number)), *document])]
            assert found == [head], (filler, number)


def test_a_line_that_is_no_csv_is_skipped() -> None:
    assert list(heads_in(['a\rb,"signature"'])) == []


def test_a_head_with_text_that_cannot_be_sent_is_skipped() -> None:
    head = AuditHead("acme", "t", "main", 1, "5f" * 32, datetime(2026, 1, 1, tzinfo=UTC), "k", "a3" * 32)
    for field in ("tenant", "tenant_id", "chain", "key_id"):
        hostile = json.dumps(_plain(head) | {field: "\ud800"})
        assert [found for _, found in heads_in([hostile, _log(head)])] == [head]
