"""Columns as all tables have them, and the parts of their definition that each database gets."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

_ONLY = "only"  # in the info of a constraint: the dialect that has it
INT64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")
metadata = sa.MetaData()


def table(name: str, *items: sa.schema.SchemaItem) -> sa.Table:
    """A table of the store."""
    return sa.Table(name, metadata, *items, sqlite_strict=True)


def int_(name: str, *, nullable: bool = False) -> sa.Column[int]:
    """A column of 64-bit integers."""
    return sa.Column(name, INT64, nullable=nullable)


def text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    """A column of text."""
    return sa.Column(name, sa.Text, nullable=nullable)


def id_(name: str) -> sa.Column[int]:
    """The primary key, a number that the database gives."""
    return sa.Column(name, INT64, primary_key=True)


def kept_by_sqlite(column: str, target: str) -> sa.ForeignKeyConstraint:
    """A foreign key that PostgreSQL does not get, since it checks each row alone: five million lines would take minutes.

    The one writer takes keys from the rows that it has just written, `db check` joins the tables, and so do the books.
    """
    key = sa.ForeignKeyConstraint([column], [target], info={_ONLY: "sqlite"})
    key.ddl_if(dialect="sqlite")
    return key


def comparing(dialect: str) -> dict[str, Any]:
    """Options with which alembic compares a database of this dialect with the tables."""

    def is_told(item: Any, _name: str | None, kind: str, _reflected: bool, _other: object) -> bool:  # noqa: ANN401, FBT001 -- as alembic calls it
        return kind != "foreign_key_constraint" or item.info.get(_ONLY, dialect) == dialect

    return {"compare_type": True, "include_object": is_told}
