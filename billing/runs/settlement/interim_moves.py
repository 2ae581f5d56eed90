"""Usage on interim bills, and on documents of re-ratings, that is another account's by now, before a run of the billed one takes it off.

Its number moved for an earlier day, or another version of its record is kept (`interim_usage`). A run of the cycle computes the period of
the account that was billed, and takes it off. Until then the new owner is put aside: else usage would be on two bills.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from billing.runs.settlement.interim_standing import on_bills_of_others
from billing.runs.settlement.interim_usage import interim_bills, moved_on
from billing.runs.settlement.rerated_moves import rerated_moves
from rating.dates import NEVER

if TYPE_CHECKING:
    import sqlalchemy as sa

    from billing.runs.contracts.facts import Facts
    from billing.runs.selection.scope import Scope
    from billing.runs.settlement.interim_usage import InterimBill, MovedOn
    from billing.store.home import Home


class Moves(NamedTuple):
    """Accounts (keys) that are put aside, each with the reason; and pairs of accounts of the run: the one billed, and the new owner."""

    reasons: dict[int, str]
    pairs: frozenset[tuple[int, int]]


def interim_moves(home: Home, seq: int, known: Facts, scope: Scope) -> Moves:
    """Such usage as of `seq`; mostly none."""
    reasons: dict[int, str] = {}
    pairs = set[tuple[int, int]]()
    with home.connect() as connection:
        every_bill = interim_bills(connection, seq)
        opened = set(known.account_keys[scope.reopened_day != NEVER].tolist()) if every_bill else set()
        found = moved_on(home, connection, seq, [bill for bill in (_open(each, known, scope) for each in every_bill) if bill.owned])
        found |= _back(home, connection, seq, [bill for bill in (_reopened(each, opened) for each in every_bill) if bill.owned])
        moved = {(each, "an interim bill") for every in found.values() for each in every}
        moved |= {(each, f"a document of re-rating {job_id}") for each, job_id in rerated_moves(home, connection, seq, known, scope)}
    in_run = set(known.account_keys[scope.calendar >= 0].tolist()) if moved else set()
    for each, has_it in sorted(moved, reverse=True):
        if each.now_key not in in_run:
            continue
        pairs.add((each.account_key, each.now_key))
        if each.account_key not in in_run:
            name = known.accounts[_index(known, each.account_key)].account_id
            reasons[each.now_key] = f"{has_it} of account {name} may have usage of its number {each.number}: a run of {name} comes first"
    return Moves(reasons, frozenset(pairs))


def _open(bill: InterimBill, known: Facts, scope: Scope) -> InterimBill:
    """The bill with the subscriptions of accounts that no run of the cycle has covered since, as the run knows it."""

    def is_open(account_key: int) -> bool:
        index = _index(known, account_key)
        runs = () if scope.covered_by is None or index < 0 else scope.covered_by.classes[int(scope.covered_by.of[index])]
        return index >= 0 and all(run.pinned_seq < bill.commit_seq for run in runs)

    return bill._replace(owned={key: each for key, each in bill.owned.items() if is_open(each.account_key)})


def _reopened(bill: InterimBill, opened: set[int]) -> InterimBill:
    """The bill with the subscriptions of accounts that a void document has opened since a run of the cycle covered them."""
    return bill._replace(owned={key: each for key, each in bill.owned.items() if each.account_key in opened})


def _back(home: Home, connection: sa.Connection, seq: int, bills: list[InterimBill]) -> dict[bytes, frozenset[MovedOn]]:
    """The usage on these bills that is another account's, and that no run with a valid document took off."""
    found = moved_on(home, connection, seq, bills)
    still = on_bills_of_others(home, seq, found)
    return {key: every for key, every in found.items() if key in still}


def _index(known: Facts, account_key: int) -> int:
    return int(known.account_index(np.array([account_key], np.int64))[0])
