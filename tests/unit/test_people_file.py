"""Files of people: byte order marks, line ends, quotes, encodings, and error messages."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.config.people_file import read_people
from secconsole.domain.errors import Invalid
from secconsole.domain.safe_csv import neutral
from secconsole.domain.secret import Secret
from secconsole.domain.users.login import login_key
from secconsole.operations.user_import import NewUser, Rejected

HEADER = b"login,name,email,phone,role\n"


def people(data: bytes) -> list[NewUser | Rejected]:
    return list(read_people(io.BufferedReader(io.BytesIO(data))))


def reasons(data: bytes) -> list[tuple[int, str, str]]:
    return [(p.line, p.login, p.reason) for p in people(data) if isinstance(p, Rejected)]


def logins(data: bytes) -> list[str]:
    return [p.login for p in people(data) if isinstance(p, NewUser)]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_byte_order_marks_and_line_ends_do_not_matter(mark: bytes, end: bytes) -> None:
    data = mark + end.join([b"Login , NAME", b'ana,"Lindqvist, Ana"', b"", b"bob,B\xc3\xb6b"]) + end
    assert people(data) == [
        NewUser(line=2, login="ana", name="Lindqvist, Ana"),
        NewUser(line=4, login="bob", name="Böb"),
    ]


def test_columns_may_be_in_any_order_and_passwords_are_secret_at_once() -> None:
    (ana,) = people(b"role,password,login,phone,email,name\nhelpdesk, s p ,ana,'+420601123456,ana@acme.example,Ana\n")
    assert ana == NewUser(2, "ana", "Ana", "ana@acme.example", "+420601123456", "helpdesk", Secret("s p "))


def test_a_multi_line_record_is_numbered_by_its_first_line() -> None:
    data = HEADER + b'ana,"Ana\nof\nAcme",,,\nbob,too,few\n'
    assert reasons(data) == [(5, "bob", "it has 3 fields, but the first line names 5")]
    assert people(data)[0] == NewUser(line=2, login="ana", name="Ana\nof\nAcme")


def test_an_unclosed_quote_rejects_only_its_own_line() -> None:
    data = HEADER + b'ana,"Ana,,,\nbob,Bob,,,\neve,"Eve, of Acme",,,\n\nmax,"Max,,,\nzoe,Zoe,,,\n'
    assert logins(data) == ["bob", "eve", "zoe"]
    assert [line for line, _, _ in reasons(data)] == [2, 6]


def test_a_long_field_does_not_stop_reading() -> None:
    data = HEADER + b"ana," + b"x" * 200_000 + b",,,\nbob,Bob,,,\n"
    assert reasons(data) == [(2, "", "a field is longer than 131,072 characters")]
    assert logins(data) == ["bob"]


def test_invalid_utf_8_rejects_only_its_own_line_and_is_named() -> None:
    data = HEADER + "ana,Núñez,,,\n".encode("latin-1") + b"bob,Bob,,,\n\xff,x,,,\n"
    reason = "name is not UTF-8: byte 2 of it is 0xFA; save the file as UTF-8"
    assert reasons(data)[0] == (2, "ana", reason)
    assert reasons(data)[1][:2] == (4, "\ufffd")
    assert logins(data) == ["bob"]


def test_a43_no_reason_contains_a_byte_of_a_password() -> None:
    ((_, _, reason),) = reasons(b"login,password\nana,\xfahunter2\n")
    assert reason == "the password is not UTF-8; save the file as UTF-8"


def test_the_same_login_twice_in_any_spelling_is_rejected_the_second_time() -> None:
    data = b"login\nana\nbob\n ANA\n"
    assert reasons(data) == [(4, "ANA", "line 2 has the same login")]


def test_blank_lines_are_skipped() -> None:
    assert logins(HEADER + b"\n,,,,\n \nana,,,,\n\n") == ["ana"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "The file is empty. Its first line names the columns: login,name,email,phone,role,password"),
        (b"\n\n", "The file is empty. Its first line names the columns: login,name,email,phone,role,password"),
        (
            b"login,e-mail\n",
            "Line 1: column e-mail is unknown. The columns are login, name, email, phone, role, password.",
        ),
        (b"login,name,login\n", "Line 1: column login occurs twice."),
        (
            b"\nname,email\n",
            "Line 2: the column login is missing. "
            "The first line must name the columns: login, name, email, phone, role, password.",
        ),
        (b"login;name\n", "Line 1: the columns must be separated by commas."),
        (b'"login\n', "Line 1: the quotes do not match; double a quote inside quotes."),
        ("login\n".encode("utf-16"), "The file is in UTF-16. Save it as UTF-8 and import that."),
    ],
)
def test_a_file_of_another_format_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(Invalid) as raised:
        people(data)
    assert raised.value.message == message


PLAIN = st.characters(codec="utf-8", exclude_characters=" ")


@given(st.lists(st.tuples(st.text(PLAIN, min_size=1), st.text(PLAIN)), unique_by=lambda row: login_key(row[0])))
def test_a44_a_written_file_round_trips(rows: list[tuple[str, str]]) -> None:
    rows = [row for row in rows if row[0].strip() and login_key(row[0])]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["login", "name"])
    writer.writerows([[neutral(cell) for cell in row] for row in rows])
    assert [(p.login, p.name) for p in people(text.getvalue().encode()) if isinstance(p, NewUser)] == rows


@given(st.binary(max_size=300))
def test_no_file_content_crashes_the_reader(data: bytes) -> None:
    lines = data.count(b"\n") + data.count(b"\r") + 1
    for person in people(b"login,name\n" + data):
        assert 2 <= person.line <= lines + 1


def test_a1_a_cell_that_is_too_long_rejects_only_its_line_unparsed() -> None:
    worst = ("a" + "\u0301\u0316" * 40_000).encode()
    data = HEADER + b"ana,,,,\n" + worst[:100_001] + b",,,,\nbob,," + b"x" * 1_025 + b",,\neve,,,,\n"
    assert logins(data) == ["ana", "eve"]
    assert reasons(data) == [
        (3, "", "login is longer than 1,024 characters"),
        (4, "bob", "email is longer than 1,024 characters"),
    ]


def test_a1_an_endless_line_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(Invalid, match="Line 2: it is longer than 524,288 characters"):
        people(HEADER + b"x" * 600_000)
