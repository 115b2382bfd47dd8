"""What a database derives by itself as users change: how many share one set of facts, and an index of their words."""

from __future__ import annotations

_COUNTED = (
    "role", "status", "whitelisted", "disabled", "must_reset", "weak_only", "has_recovery", "switched_on",
    "keeps_factor",
)  # fmt: skip
_GROUP = ("tenant_pk", *_COUNTED, "blocked")


def _group_of(row: str, forever: int) -> str:
    return ", ".join((f"{row}.tenant_pk", *(f"{row}.{c}" for c in _COUNTED), f"{row}.locked_until >= {forever}"))


def sqlite_extras(forever: int) -> list[str]:
    """The statements that SQLite needs beside the tables: full-text search, and the triggers that keep the counts.

    `forever`: the `locked_until` that means locked until unlocked.
    """
    names = ", ".join(_GROUP)

    def count(row: str, step: str) -> str:
        return (
            f"INSERT INTO user_counts ({names}, n) VALUES ({_group_of(row, forever)}, {step}) "  # noqa: S608
            f"ON CONFLICT ({names}) DO UPDATE SET n = n + ({step});"
        )

    index = "INSERT INTO users_fts (rowid, login, name, email) VALUES (new.pk, new.login, new.name, new.email);"
    drop = (
        "INSERT INTO users_fts (users_fts, rowid, login, name, email) "
        "VALUES ('delete', old.pk, old.login, old.name, old.email);"
    )
    return [
        "CREATE VIRTUAL TABLE users_fts USING fts5(login, name, email, content='users', content_rowid='pk', "
        "tokenize='trigram', detail=none)",
        f"CREATE TRIGGER users_inserted AFTER INSERT ON users BEGIN {index} {count('new', '1')} END",
        f"CREATE TRIGGER users_deleted AFTER DELETE ON users BEGIN {drop} {count('old', '-1')} END",
        f"CREATE TRIGGER users_renamed AFTER UPDATE OF login, name, email ON users BEGIN {drop} {index} END",
        f"CREATE TRIGGER users_counted AFTER UPDATE OF {', '.join(_COUNTED)}, locked_until ON users BEGIN "
        f"{count('old', '-1')} {count('new', '1')} END",
    ]


def postgres_extras(forever: int) -> list[str]:
    """The same on PostgreSQL: an index of trigrams, and a trigger that counts once for each statement.

    One that counted row by row would write the same count anew for every line of an import.
    """
    names = ", ".join(_GROUP)
    steps = {"added": "1", "gone": "-1"}

    def count(*tables: str) -> str:
        rows = " UNION ALL ".join(
            f"SELECT {_group_of('u', forever)}, {steps[table]} FROM {table} u"  # noqa: S608
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

    return [
        "CREATE EXTENSION IF NOT EXISTS pg_trgm",
        "CREATE INDEX ix_users_words ON users USING gin (login gin_trgm_ops, name gin_trgm_ops, email gin_trgm_ops)",
        *trigger("INSERT", "added"),
        *trigger("DELETE", "gone"),
        *trigger("UPDATE", "added", "gone"),
    ]
