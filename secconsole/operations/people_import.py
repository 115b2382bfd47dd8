"""Import of many people: checked or written in batches that do not block other requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from secconsole.domain.limits import MOST_PER_PAGE
from secconsole.domain.roles import Role
from secconsole.domain.users.login import login_key
from secconsole.domain.users.search import UserFilter
from secconsole.operations.portions import Perform
from secconsole.operations.user_import import ImportResult, ImportUsers, NewUser, Rejected
from secconsole.operations.users import ListUsers

BATCH = 2000
BATCH_IN_ONE_TRANSACTION = 1000  # if one bad line rejects all: one transaction, which blocks other writers
BATCH_WITH_PASSWORDS = 100  # each needs a slow hash, and the counter should move


def split_batches(people: Iterable[NewUser], most: int = BATCH) -> Iterator[tuple[NewUser, ...]]:
    """Yield the lines in the batches that are sent."""
    batch: list[NewUser] = []
    for person in people:
        batch.append(person)
        if len(batch) >= (BATCH_WITH_PASSWORDS if person.password else most):
            yield tuple(batch)
            batch = []
    if batch:
        yield tuple(batch)


class PeopleImport:
    """One import and its counts so far."""

    def __init__(self, perform: Perform, tenant: str) -> None:
        self._perform = perform
        self.tenant = tenant
        self._created = self._updated = self._unchanged = 0
        self.rejected: list[Rejected] = []
        self.wrote = False

    def valid(self, lines: Iterable[NewUser | Rejected]) -> Iterator[NewUser]:
        """Yield the valid lines, and append the others to `rejected`."""
        for line in lines:
            if isinstance(line, Rejected):
                self.rejected.append(line)
            else:
                yield line

    async def admins_first(self, people: Iterable[NewUser]) -> Iterator[NewUser]:
        """Return all lines, with those that add or remove platform administrators first.

        The rule that one of them remains is checked within a batch, since a checked batch changes nothing for the
        next one.
        """
        admins = await self._platform_admins()
        lines = list(people)
        concerned = [p for p in lines if p.role == Role.PLATFORM_ADMIN or login_key(p.login) in admins]
        numbers = {person.line for person in concerned}
        return chain(concerned, (person for person in lines if person.line not in numbers))

    async def _platform_admins(self) -> set[str]:
        found: set[str] = set()
        cursor: str | None = None
        wanted = UserFilter(role=Role.PLATFORM_ADMIN)
        while True:
            page = await self._perform(ListUsers(tenant=self.tenant, filter=wanted, limit=MOST_PER_PAGE, cursor=cursor))
            found.update(login_key(user.login) for user in page.items)
            cursor = page.next
            if cursor is None:
                return found

    async def send(
        self,
        batches: Iterable[tuple[NewUser, ...]],
        *,
        all_or_nothing: bool = False,
        check_only: bool = False,
        progress: Callable[[int], None] = lambda sent: None,
    ) -> None:
        """Send the batches and count what is done.

        With `all_or_nothing` stop after a rejected line.
        """
        sent = 0
        for users in batches:
            result = await self._perform(
                ImportUsers(tenant=self.tenant, users=users, all_or_nothing=all_or_nothing, check_only=check_only)
            )
            self._count(result, wrote=not check_only)
            sent += len(users)
            progress(sent)
            if all_or_nothing and result.rejected:
                return

    def _count(self, result: ImportResult, *, wrote: bool) -> None:
        self._created += result.created
        self._updated += result.updated
        self._unchanged += result.unchanged
        self.rejected += result.rejected
        self.wrote |= wrote and bool(result.created or result.updated)

    def forget_counts(self) -> None:
        """Begin to count again: what was only checked is written next."""
        self._created = self._updated = self._unchanged = 0

    def result(self, *, nothing_written: bool = False) -> ImportResult:
        """Return the counts and the rejected lines in their order."""
        rejected = tuple(sorted(self.rejected, key=lambda r: r.line))
        if nothing_written:
            return ImportResult(0, 0, 0, rejected)
        return ImportResult(self._created, self._updated, self._unchanged, rejected)
