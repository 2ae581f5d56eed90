"""Actors of commits, operators of the service with their keys and roles, and calls that count once.

Revision 0017. Commits of before have no actor: the rows by which persons acted have their names.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from billing.store import commit_chain
from billing.store.migrations import going_back
from rating.errors import UserError

revision = "0017"
down_revision = "0016"

INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ACTOR = ("by_name", "by_uid", "via", "role", "call", "subject", "reason", "peer", "request_id")
_TABLES = ("operators", "operator_keys", "operator_grants", "operator_revocations", "requests")


def upgrade() -> None:
    """Columns of the actor, null, and empty tables."""
    with op.batch_alter_table("commits") as commits:
        for name in _ACTOR:
            commits.add_column(sa.Column(name, INT64 if name == "by_uid" else sa.Text(), nullable=True))
    op.create_table(
        "operators",
        _id("operator_id"), _text("name"), _text("kind"), _int("person_uid"), *_by(),
        sa.UniqueConstraint("name"), sa.UniqueConstraint("person_uid"), sqlite_strict=True,
    )  # fmt: skip
    op.create_table(
        "operator_keys",
        _id("key_id"), _int("operator_id"), _text("kind"), _text("subject"), _int("from_us"), _int("until_us"), *_by(),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.operator_id"]), sa.UniqueConstraint("kind", "subject"), sqlite_strict=True,
    )  # fmt: skip
    op.create_table(
        "operator_grants",
        _id("grant_id"), _int("operator_id"), _text("role"), _text("entity", nullable=True), _text("source", nullable=True),
        _int("from_us"), _int("until_us", nullable=True), _text("reason"), *_by(),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.operator_id"]), sqlite_strict=True,
    )  # fmt: skip
    for name in ("operator_keys", "operator_grants"):
        op.create_index(f"ix_{name}_operator_id", name, ["operator_id"])
    op.create_table(
        "operator_revocations",
        _id("revocation_id"), _text("kind"), _int("item_id"), _text("reason"), *_by(),
        sa.UniqueConstraint("kind", "item_id"), sqlite_strict=True,
    )  # fmt: skip
    op.create_table(
        "requests",
        _id("request_key"), _int("by_uid"), _text("request_id"), sa.Column("nonce", sa.LargeBinary(), nullable=False), _text("call"),
        _text("fields"), _int("commit_seq"), _int("at_us"), sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.UniqueConstraint("by_uid", "request_id"), sqlite_strict=True,
    )  # fmt: skip
    op.create_index("ix_requests_commit_seq", "requests", ["commit_seq"])


def downgrade() -> None:
    """Back to 0016, which has no actors: refused where there are operators, or a commit has an edit that it would hide."""
    going_back.refuse_rows("0016", _TABLES)
    going_back.refuse(
        "0016", [going_back.NoPlace("commits", "via", "commits of operators of the service", "via IN ('token', 'certificate')")]
    )
    edited = commit_chain.broken(op.get_bind())
    if edited:
        raise UserError(
            f"the database cannot go back to schema 0016: the hash of commit {edited[0]} is not that of its content",
            "put back a backup in which `ratewright db check` finds no such commit",
        )
    commit_chain.sign_without_actors(op.get_bind())
    for name in reversed(_TABLES):
        op.drop_table(name)
    with op.batch_alter_table("commits") as commits:
        for name in _ACTOR:
            commits.drop_column(name)


def _id(name: str) -> sa.Column[int]:
    return sa.Column(name, INT64, primary_key=True)


def _int(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, INT64, nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _by() -> tuple[sa.Column[Any], ...]:
    return (_text("by_name"), _int("by_uid"), _int("at_us"), _int("commit_seq"))
