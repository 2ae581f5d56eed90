"""Numbers that moved for an earlier day after an interim bill had their usage, before a run of the billed account takes it off.

Interim bills keep no charges by event, so their usage of the number is not known. A run of the cycle computes the period of the account
that was billed, and takes it off. Until then the new owner is put aside: else usage would be on two bills.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import sqlalchemy as sa

from billing.accounts.covering import THRESHOLD
from billing.store import tables
from billing.store.voids import voided
from rating.dates import DAY_US, utc_midnight_us

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.charges.lines import Int64s
    from billing.runs.contracts.facts import Facts
    from billing.runs.selection.scope import Scope
    from billing.store.home import Home


class Moves(NamedTuple):
    """Accounts (keys) that are put aside, each with the reason; and pairs of accounts of the run: the one billed, and the new owner."""

    reasons: dict[int, str]
    pairs: frozenset[tuple[int, int]]


class _Bill(NamedTuple):
    """An interim bill of an account (key) since its last run of the cycle. `to_us`: no usage of it begins at this instant or later."""

    account_key: int
    commit_seq: int
    to_us: int


def interim_moves(home: Home, seq: int, known: Facts, scope: Scope) -> Moves:
    """Such moves as of `seq`; mostly none."""
    reasons: dict[int, str] = {}
    pairs = set[tuple[int, int]]()
    with home.connect() as connection:
        in_run = set(known.account_keys[scope.calendar >= 0].tolist()) if (bills := _bills(connection, seq, known, scope)) else set()
        for bill in bills:
            for served_id, owner in _given_since(connection, seq, bill):
                if owner not in in_run:
                    continue
                pairs.add((bill.account_key, owner))
                if bill.account_key not in in_run:
                    name = known.accounts[int(known.account_index(_one(bill.account_key))[0])].account_id
                    reasons[owner] = (
                        f"an interim bill of account {name} may have usage of its number {served_id}: a run of {name} comes first"
                    )
    return Moves(reasons, frozenset(pairs))


def _bills(connection: sa.Connection, seq: int, known: Facts, scope: Scope) -> list[_Bill]:
    """Valid interim bills since the last run of the cycle that covers their account."""
    invoice, run = tables.invoices.c, tables.bill_runs.c
    query = sa.select(invoice.account_key, invoice.commit_seq, invoice.period_to).join_from(tables.invoices, tables.bill_runs)
    query = query.where(run.kind == THRESHOLD, invoice.commit_seq <= seq, invoice.invoice_key.not_in(voided(as_of=seq)))
    found = []
    for account_key, commit_seq, period_to in connection.execute(query):
        index = int(known.account_index(_one(account_key))[0])
        runs = () if scope.covered_by is None or index < 0 else scope.covered_by.classes[int(scope.covered_by.of[index])]
        if index >= 0 and all(run.pinned_seq < commit_seq for run in runs):
            found.append(_Bill(int(account_key), int(commit_seq), utc_midnight_us(dt.date.fromisoformat(period_to)) + DAY_US))
    return found


def _given_since(connection: sa.Connection, seq: int, bill: _Bill) -> Iterator[tuple[str, int]]:
    """Numbers of the account that a later commit gives another account from before the end of the bill on, each with that account."""
    fact, subscription = tables.guiding_facts.c, tables.subscriptions.c
    owned = sa.select(fact.served_id, subscription.account_key).join_from(
        tables.guiding_facts, tables.subscriptions, fact.subscription_key == subscription.subscription_key
    )
    own = owned.where(subscription.account_key == bill.account_key, fact.commit_seq <= bill.commit_seq).subquery()
    query = owned.where(fact.served_id.in_(sa.select(own.c.served_id)), subscription.account_key != bill.account_key)
    query = query.where(fact.commit_seq > bill.commit_seq, fact.commit_seq <= seq, fact.from_us < bill.to_us)
    for served_id, account_key in connection.execute(query.order_by(fact.served_id)):
        yield served_id, int(account_key)


def _one(key: int) -> Int64s:
    return np.array([key], np.int64)
