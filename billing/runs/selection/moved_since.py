"""Usage that facts or decisions of some commits may have given to another account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from billing.intake import marks
from billing.runs.selection.event_charges import ChargeFilter
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Collection


def moved_since(connection: sa.Connection, since: int, seq: int, account_keys: Collection[int] | None = None) -> ChargeFilter:
    """Charges of accounts that had a number with new facts in (since, seq], and of records that changed then; of some (keys) alone.

    The records have versions of several numbers or instants: with either the owner may be another one.
    """
    fact, owner, row = tables.guiding_facts.c, tables.subscriptions.c, tables.suspense.c
    new = sa.select(fact.served_id).where(fact.commit_seq > since, fact.commit_seq <= seq)
    told = sa.select(owner.account_key).join_from(
        tables.guiding_facts, tables.subscriptions, owner.subscription_key == fact.subscription_key
    )
    owners = set(connection.execute(told.where(fact.served_id.in_(new), fact.commit_seq <= seq).distinct()).scalars())
    marked = sa.select(row.event_key).where(row.event_key.is_not(None), row.reason != marks.SUPERSEDED, row.commit_seq <= seq)
    of_several = sa.func.count(row.served_id.distinct()) + sa.func.max(sa.case((row.served_id.is_(None), 1), else_=0)) > 1
    of_several |= sa.func.count(row.start_us.distinct()) + sa.func.max(sa.case((row.start_us.is_(None), 1), else_=0)) > 1
    marked = marked.group_by(row.event_key).having(of_several, sa.func.max(row.commit_seq) > since)
    events = frozenset(bytes(key) for key in connection.execute(marked).scalars())
    return ChargeFilter(events, frozenset(owners if account_keys is None else owners.intersection(account_keys)))
