"""Data that the database derives as users change: counts of users by their facts, and an index of their words.

Migrations create it, and name the facts that were counted at the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_FIRST = ("tenant_pk",)
BLOCKED, NO_PASSWORD = "blocked", "no_password"
_SOURCES = {BLOCKED: "locked_until", NO_PASSWORD: "password_hash"}  # of facts that are computed from another column


def index_words(dialect: str) -> list[str]:
    """Return the statements that create the index of search words, and keep it up to date."""
    if dialect == "sqlite":
        return [
            # `content`: the text is in the users' table and not stored twice. Without positions and sizes the index is
            # much smaller: a match is checked in the row anyway.
            "CREATE VIRTUAL TABLE users_fts USING fts5(search_key, content='users', content_rowid='pk', "
            "tokenize='trigram case_sensitive 1', detail=none, columnsize=0)",
            "INSERT INTO users_fts (users_fts) VALUES ('rebuild')",
            f"CREATE TRIGGER users_indexed AFTER INSERT ON users BEGIN {_INDEX} END",
            f"CREATE TRIGGER users_unindexed AFTER DELETE ON users BEGIN {_DROP} END",
            f"CREATE TRIGGER users_reindexed AFTER UPDATE OF search_key ON users BEGIN {_DROP} {_INDEX} END",
        ]
    return [
        "CREATE EXTENSION IF NOT EXISTS pg_trgm",
        "CREATE INDEX ix_users_words ON users USING gin (search_key gin_trgm_ops)",
    ]


def drop_index(dialect: str) -> list[str]:
    """Return the statements that undo `index_words`, in its earlier form too."""
    if dialect == "sqlite":
        triggers = ("renamed", "indexed", "unindexed", "reindexed")
        return [*(f"DROP TRIGGER IF EXISTS users_{name}" for name in triggers), "DROP TABLE IF EXISTS users_fts"]
    return ["DROP INDEX IF EXISTS ix_users_words"]


def count_by_triggers(
    dialect: str, counted: Sequence[str], forever: int, computed: Sequence[str] = (BLOCKED,)
) -> list[str]:
    """Return the statements that keep `user_counts` up to date from now on.

    `forever`: the `locked_until` that means locked until unlocked. `computed`: the facts that are computed from
    another column.
    """
    make = _sqlite_triggers if dialect == "sqlite" else _postgres_triggers
    return make(_Facts(tuple(counted), tuple(computed), forever))


def drop_triggers(dialect: str) -> list[str]:
    """Return the statements that undo `count_by_triggers`."""
    if dialect == "sqlite":
        return [f"DROP TRIGGER users_{event}" for event in ("inserted", "deleted", "counted")]
    # Dropping a function drops the trigger that calls it.
    return [f"DROP FUNCTION {name}() CASCADE" for name in COUNTING]


def recount(counted: Sequence[str], forever: int, computed: Sequence[str] = (BLOCKED,)) -> str:
    """Return the statement that counts all users into an empty `user_counts`."""
    facts = _Facts(tuple(counted), tuple(computed), forever)
    names = facts.names
    return (
        f"INSERT INTO user_counts ({names}, n) SELECT {facts.group_of('u')}, count(*) FROM users u "  # noqa: S608
        f"GROUP BY {', '.join(str(at + 1) for at in range(len(names.split(', '))))}"
    )


COUNTING = tuple(f"users_counted_on_{event}" for event in ("insert", "delete", "update"))  # on PostgreSQL
_INDEX = "INSERT INTO users_fts (rowid, search_key) VALUES (new.pk, new.search_key);"
# An external-content index of FTS5 finds what to remove only by the old text.
_DROP = "INSERT INTO users_fts (users_fts, rowid, search_key) VALUES ('delete', old.pk, old.search_key);"


@dataclass(frozen=True, slots=True)
class _Facts:
    """Facts that users are counted by: columns, and those that are computed from another column."""

    counted: tuple[str, ...]
    computed: tuple[str, ...]
    forever: int

    @property
    def names(self) -> str:
        return ", ".join((*_FIRST, *self.counted, *self.computed))

    @property
    def sources(self) -> str:
        """The columns whose change is counted."""
        return ", ".join((*self.counted, *(_SOURCES[name] for name in self.computed)))

    def group_of(self, row: str) -> str:
        """Return the facts of a row, in the order of their names."""
        made = {
            BLOCKED: f"{row}.locked_until >= {self.forever}",
            NO_PASSWORD: f"{row}.password_hash IS NULL",
        }
        plain = (f"{row}.{column}" for column in (*_FIRST, *self.counted))
        return ", ".join((*plain, *(made[name] for name in self.computed)))


def _sqlite_triggers(facts: _Facts) -> list[str]:
    names = facts.names

    def count(row: str, step: str) -> str:
        return (
            f"INSERT INTO user_counts ({names}, n) VALUES ({facts.group_of(row)}, {step}) "  # noqa: S608
            f"ON CONFLICT ({names}) DO UPDATE SET n = n + ({step});"
        )

    return [
        f"CREATE TRIGGER users_inserted AFTER INSERT ON users BEGIN {count('new', '1')} END",
        f"CREATE TRIGGER users_deleted AFTER DELETE ON users BEGIN {count('old', '-1')} END",
        f"CREATE TRIGGER users_counted AFTER UPDATE OF {facts.sources} ON users BEGIN "
        f"{count('old', '-1')} {count('new', '1')} END",
    ]


def _postgres_triggers(facts: _Facts) -> list[str]:
    """Return triggers that count once per statement: per row, every line of an import would rewrite the same count."""
    names = facts.names
    steps = {"added": "1", "gone": "-1"}

    def count(*tables: str) -> str:
        rows = " UNION ALL ".join(
            f"SELECT {facts.group_of('u')}, {steps[table]} FROM {table} u"  # noqa: S608
            for table in tables
        )
        return (
            f"INSERT INTO user_counts ({names}, n) SELECT {names}, sum(step) FROM ({rows}) AS steps ({names}, step) "  # noqa: S608
            # In one order, so that two transactions that count the same groups do not deadlock.
            f"GROUP BY {names} HAVING sum(step) <> 0 ORDER BY {names} "
            f"ON CONFLICT ({names}) DO UPDATE SET n = user_counts.n + excluded.n"
        )

    def trigger(event: str, *tables: str) -> list[str]:
        name = f"users_counted_on_{event.lower()}"
        kinds = {"added": "NEW TABLE AS added", "gone": "OLD TABLE AS gone"}
        return [
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {count(*tables)}; RETURN NULL; END $$",
            f"CREATE TRIGGER {name} AFTER {event} ON users REFERENCING {' '.join(kinds[t] for t in tables)} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
        ]

    return [*trigger("INSERT", "added"), *trigger("DELETE", "gone"), *trigger("UPDATE", "added", "gone")]
