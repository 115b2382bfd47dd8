"""Files of people as they come: byte order marks, line ends, quotes, encodings, and what is wrong with them."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.cli.people_file import read_people
from secconsole.domain.errors import Invalid
from secconsole.domain.login import login_key
from secconsole.domain.safe_csv import neutral
from secconsole.domain.secret import Secret
from secconsole.operations.users import NewUser, Rejected

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


def test_columns_stand_in_any_order_and_passwords_are_secret_at_once() -> None:
    (ana,) = people(b"role,password,login,phone,email,name\nhelpdesk, s p ,ana,'+420601123456,ana@acme.example,Ana\n")
    assert ana == NewUser(2, "ana", "Ana", "ana@acme.example", "+420601123456", "helpdesk", Secret("s p "))


def test_a_record_over_several_lines_counts_where_it_begins() -> None:
    data = HEADER + b'ana,"Ana\nof\nAcme",,,\nbob,too,few\n'
    assert reasons(data) == [(5, "bob", "there are 3 fields, and the first line names 5")]
    assert people(data)[0] == NewUser(line=2, login="ana", name="Ana\nof\nAcme")


def test_a_quote_that_is_never_closed_costs_its_own_line_only() -> None:
    data = HEADER + b'ana,"Ana,,,\nbob,Bob,,,\neve,"Eve, of Acme",,,\n\nmax,"Max,,,\nzoe,Zoe,,,\n'
    assert logins(data) == ["bob", "eve", "zoe"]
    assert [line for line, _, _ in reasons(data)] == [2, 6]


def test_a_field_of_any_length_does_not_end_the_reading() -> None:
    data = HEADER + b"ana," + b"x" * 200_000 + b",,,\nbob,Bob,,,\n"
    assert reasons(data) == [(2, "", "a field is longer than 131,072 characters")]
    assert logins(data) == ["bob"]


def test_bytes_that_are_not_utf_8_cost_their_own_line_and_are_named() -> None:
    data = HEADER + "ana,Núñez,,,\n".encode("latin-1") + b"bob,Bob,,,\n\xff,x,,,\n"
    reason = "name is not UTF-8: byte 2 of it is 0xFA; save the file as UTF-8"
    assert reasons(data)[0] == (2, "ana", reason)
    assert reasons(data)[1][:2] == (4, "\ufffd")
    assert logins(data) == ["bob"]


def test_a43_no_byte_of_a_password_stands_in_a_reason() -> None:
    ((_, _, reason),) = reasons(b"login,password\nana,\xfahunter2\n")
    assert reason == "the password is not UTF-8; save the file as UTF-8"


def test_the_same_login_twice_in_any_spelling_is_rejected_the_second_time() -> None:
    data = b"login\nana\nbob\n ANA\n"
    assert reasons(data) == [(4, "ANA", "the same login is in line 2")]


def test_lines_without_anything_in_them_are_skipped() -> None:
    assert logins(HEADER + b"\n,,,,\n \nana,,,,\n\n") == ["ana"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "The file is empty. Its first line names the columns: login,name,email,phone,role,password"),
        (b"\n\n", "The file is empty. Its first line names the columns: login,name,email,phone,role,password"),
        (
            b"login,e-mail\n",
            "Line 1: column e-mail is not known. The columns are login, name, email, phone, role, password.",
        ),
        (b"login,name,login\n", "Line 1: column login is there twice."),
        (
            b"\nname,email\n",
            "Line 2: there is no column login. "
            "The first line names the columns: login, name, email, phone, role, password.",
        ),
        (b"login;name\n", "Line 1: the columns must be separated by commas."),
        (b'"login\n', "Line 1: the quotes do not match; a quote inside quotes is written twice."),
        ("login\n".encode("utf-16"), "The file is in UTF-16. Save it as UTF-8 and import that."),
    ],
)
def test_what_is_no_such_file_is_refused_as_a_whole(data: bytes, message: str) -> None:
    with pytest.raises(Invalid) as raised:
        people(data)
    assert raised.value.message == message


PLAIN = st.characters(codec="utf-8", exclude_characters=" ")


@given(st.lists(st.tuples(st.text(PLAIN, min_size=1), st.text(PLAIN)), unique_by=lambda row: login_key(row[0])))
def test_a44_what_is_written_is_what_is_read(rows: list[tuple[str, str]]) -> None:
    rows = [row for row in rows if row[0].strip() and login_key(row[0])]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["login", "name"])
    writer.writerows([[neutral(cell) for cell in row] for row in rows])
    assert [(p.login, p.name) for p in people(text.getvalue().encode()) if isinstance(p, NewUser)] == rows


@given(st.binary(max_size=300))
def test_no_file_at_all_breaks_the_reading(data: bytes) -> None:
    lines = data.count(b"\n") + data.count(b"\r") + 1
    for person in people(b"login,name\n" + data):
        assert 2 <= person.line <= lines + 1
