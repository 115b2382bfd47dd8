"""What a database derives by itself as users change: how many share one set of facts, and an index of their words.

Migrations make it, and say which facts were counted then: what is counted changes with them.
"""

from __future__ import annotations

from collections.abc import Sequence

_FIRST = ("tenant_pk",)
_LAST = ("blocked",)


def index_words(dialect: str) -> list[str]:
    """The statements that make parts of a name quick to find."""
    if dialect == "sqlite":
        return [
            "CREATE VIRTUAL TABLE users_fts USING fts5(login, name, email, content='users', content_rowid='pk', "
            "tokenize='trigram', detail=none)",
            f"CREATE TRIGGER users_renamed AFTER UPDATE OF login, name, email ON users BEGIN {_DROP} {_INDEX} END",
        ]
    return [
        "CREATE EXTENSION IF NOT EXISTS pg_trgm",
        "CREATE INDEX ix_users_words ON users USING gin (login gin_trgm_ops, name gin_trgm_ops, email gin_trgm_ops)",
    ]


def count_by_triggers(dialect: str, counted: Sequence[str], forever: int) -> list[str]:
    """The statements that have `user_counts` kept from here on; those of a name that are found follow users, too.

    `forever`: the `locked_until` that means locked until unlocked.
    """
    return _sqlite_triggers(counted, forever) if dialect == "sqlite" else _postgres_triggers(counted, forever)


def drop_triggers(dialect: str) -> list[str]:
    """The statements that undo `count_by_triggers`."""
    if dialect == "sqlite":
        return [f"DROP TRIGGER users_{event}" for event in ("inserted", "deleted", "counted")]
    # With a function goes the trigger that calls it.
    return [f"DROP FUNCTION users_counted_on_{event}() CASCADE" for event in ("insert", "delete", "update")]


def count_anew(counted: Sequence[str], forever: int) -> str:
    """The statement that counts all users into an empty `user_counts`."""
    names = _names(counted)
    return (
        f"INSERT INTO user_counts ({names}, n) SELECT {_group_of('u', counted, forever)}, count(*) FROM users u "  # noqa: S608
        f"GROUP BY {', '.join(str(at + 1) for at in range(len(names.split(', '))))}"
    )


_INDEX = "INSERT INTO users_fts (rowid, login, name, email) VALUES (new.pk, new.login, new.name, new.email);"
_DROP = (
    "INSERT INTO users_fts (users_fts, rowid, login, name, email) "
    "VALUES ('delete', old.pk, old.login, old.name, old.email);"
)


def _names(counted: Sequence[str]) -> str:
    return ", ".join((*_FIRST, *counted, *_LAST))


def _group_of(row: str, counted: Sequence[str], forever: int) -> str:
    return ", ".join((f"{row}.tenant_pk", *(f"{row}.{c}" for c in counted), f"{row}.locked_until >= {forever}"))


def _sqlite_triggers(counted: Sequence[str], forever: int) -> list[str]:
    names = _names(counted)

    def count(row: str, step: str) -> str:
        return (
            f"INSERT INTO user_counts ({names}, n) VALUES ({_group_of(row, counted, forever)}, {step}) "  # noqa: S608
            f"ON CONFLICT ({names}) DO UPDATE SET n = n + ({step});"
        )

    return [
        f"CREATE TRIGGER users_inserted AFTER INSERT ON users BEGIN {_INDEX} {count('new', '1')} END",
        f"CREATE TRIGGER users_deleted AFTER DELETE ON users BEGIN {_DROP} {count('old', '-1')} END",
        f"CREATE TRIGGER users_counted AFTER UPDATE OF {', '.join(counted)}, locked_until ON users BEGIN "
        f"{count('old', '-1')} {count('new', '1')} END",
    ]


def _postgres_triggers(counted: Sequence[str], forever: int) -> list[str]:
    """Each counts once for a statement: row by row the same count would be written anew for every line of an import."""
    names = _names(counted)
    steps = {"added": "1", "gone": "-1"}

    def count(*tables: str) -> str:
        rows = " UNION ALL ".join(
            f"SELECT {_group_of('u', counted, forever)}, {steps[table]} FROM {table} u"  # noqa: S608
            for table in tables
        )
        return (
            f"INSERT INTO user_counts ({names}, n) SELECT {names}, sum(step) FROM ({rows}) AS steps ({names}, step) "  # noqa: S608
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
