"""What others decide about an account, written as a dated fact.

Dunning bars and unbars through here, so that it and the cycle never call each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.store import tables

if TYPE_CHECKING:
    import sqlalchemy as sa

FACT_KINDS: Final = ("bar_outgoing", "unbar")


def record_fact(  # noqa: PLR0913 - one argument a column
    connection: sa.Connection, account_key: int, kind: str, from_date: str, detail: str, *, commit_seq: int
) -> None:
    """Add one fact that holds from the local date `from_date` (ISO) on. `commit_seq` is that of the decision behind it."""
    assert kind in FACT_KINDS, kind
    connection.execute(
        tables.account_facts.insert().values(account_key=account_key, kind=kind, from_date=from_date, detail=detail, commit_seq=commit_seq)
    )
