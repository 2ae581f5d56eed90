"""What others decide about an account, written as a dated fact.

Dunning bars and unbars through here, so that it and the cycle never call each other.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from billing.store import tables

FACT_KINDS: Final = ("bar_outgoing", "unbar")


def ends_learned_later(connection: sa.Connection, seq: int | None = None) -> dict[int, str]:
    """First day without service by subscription key, of those that were imported without an end; as of `seq`, if given."""
    end = tables.subscription_ends.c
    query = sa.select(end.subscription_key, end.to_date)
    rows = connection.execute(query if seq is None else query.where(end.commit_seq <= seq))
    return {row.subscription_key: row.to_date for row in rows}


def record_fact(  # noqa: PLR0913 - one argument a column
    connection: sa.Connection, account_key: int, kind: str, from_date: str, detail: str, *, commit_seq: int
) -> None:
    """Add one fact that holds from the local date `from_date` (ISO) on. `commit_seq` is that of the decision behind it."""
    assert kind in FACT_KINDS, kind
    connection.execute(
        tables.account_facts.insert().values(account_key=account_key, kind=kind, from_date=from_date, detail=detail, commit_seq=commit_seq)
    )
