"""The people of the demo: many plausible ones, and a few with deceptive names."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from secconsole.domain.model import BindingStatus
from secconsole.domain.roles import Role

TENANT = "acme"
DOMAIN = "acme.example"

# Reasons for a whitelist entry, and its days (0: no end date).
REASONS = (
    ("service account of the build server", 0),
    ("works in the clean room, no phones there", 90),
    ("new phone ordered, T-1774", 3),
    ("board member abroad until the end of the month", 12),
    ("shared terminal at the reception", 0),
)
TICKETS = (("lost phone", "T-1881"), ("new phone, old one wiped", "T-1902"), ("phone stolen", "T-1907"))

_FIRST = (
    "alex maria ivan olga petr anna dmitry elena sergey natalia john emma liam noah olivia ava sophia mia "
    "lucas ethan wei li ming yuki hanako kenji fatima omar ali zara pablo lucia diego carlos marta jan "
    "eva marek karel zdenek ingrid lars sven astrid bjorn aisha kofi amara chidi nina oscar felix greta "
    "hugo ida otto clara bruno marius maja"
).split()
_LAST = (
    "novak svoboda dvorak cerny kral horak lindqvist berg holm dahl strand lund otto maier huber wagner "
    "fischer weber rossi bianchi ferrari costa silva santos sosa garcia lopez ruiz moreno okafor mensah "
    "diallo haddad nasser khan patel iyer rao sato tanaka suzuki kim park nguyen tran wong chen wu smith "
    "jones brown taylor walker hughes murphy kelly byrne"
).split()


@dataclass(frozen=True, slots=True)
class Person:
    login: str
    name: str
    email: str
    role: Role
    status: BindingStatus
    disabled: bool = False
    must_reset: bool = False


_ODD = (
    Person("marek.novak", "Marek Novák", f"marek@{DOMAIN}", Role.USER, BindingStatus.BOUND),
    Person("mаrek.novak", "Mаrek Novák", f"marek.n@{DOMAIN}", Role.USER, BindingStatus.UNBOUND),
    Person("mallory", "Mallory \u202egnp.exe", f"mallory@{DOMAIN}", Role.USER, BindingStatus.UNBOUND),
    Person("bobby.tables", "[b]Bobby[/b] \x1b[31mTables", f"bobby@{DOMAIN}", Role.USER, BindingStatus.BOUND),
)


def people(count: int, chance: random.Random) -> Iterator[Person]:
    """Return so many different people, in an order that depends only on the seed."""
    yield from _ODD[:count]
    taken: set[str] = set()
    for number in range(max(0, count - len(_ODD))):
        first, last = chance.choice(_FIRST), chance.choice(_LAST)
        login = f"{first}.{last}"
        if login in taken or number >= len(_FIRST) * len(_LAST) // 3:
            login = f"{login}{number}"
        taken.add(login)
        draw = chance.random()
        status = BindingStatus.BOUND if draw < 0.72 else BindingStatus.UNBOUND if draw < 0.96 else BindingStatus.PENDING
        role = Role.USER
        if chance.random() < 0.004:
            role = chance.choice((Role.HELPDESK, Role.AUDITOR, Role.TENANT_ADMIN))
        yield Person(
            login,
            f"{first.capitalize()} {last.capitalize()}",
            f"{login}@{DOMAIN}",
            role,
            status,
            disabled=chance.random() < 0.012,
            must_reset=chance.random() < 0.006,
        )
