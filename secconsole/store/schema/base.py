"""Metadata, types and common columns of all tables."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# On SQLite only INTEGER PRIMARY KEY is the row id itself. BIGINT would cost a second index.
Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Time = sa.BigInteger
# PostgreSQL would order and compare text by the rules of a language, while SQLite does so by code points.
Words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def text_column(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, Words, nullable=False, server_default=default)


def flag_column(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def number_column(name: str, default: int = 0) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default=str(default))


def tenant_column() -> sa.Column[int]:
    return sa.Column("tenant_pk", Key, sa.ForeignKey("tenants.pk"), nullable=False)


def user_column() -> sa.Column[int]:
    return sa.Column("user_pk", Key, sa.ForeignKey("users.pk"), nullable=False)
