"""Columns as all tables have them."""

from __future__ import annotations

import sqlalchemy as sa

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
