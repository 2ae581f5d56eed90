"""Usage that a run took off a bill, and that is on the bill of another account: without the run's document it would be on two bills.

Interim bills are among both: those that the run settled, and those that were made since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing import late_decisions
from billing.accounts.covering import RERATE
from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths, read_charges
from billing.runs.contracts.counted_runs import looked
from billing.runs.selection.computed_again import computed_again
from billing.runs.selection.standing_charges import Known, StandingCharges
from billing.runs.settlement import interim_usage
from billing.store import tables
from billing.store.voids import voided
from rating.schema import KEY
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from billing.store.home import Home

_COLUMNS: Final = ["event_key", OWNER, "status", "period_from"]


class Moved(NamedTuple):
    """Usage that a run took off a bill of one account (key). It is on a bill of another account, by a run.

    `interim`: the number of the bill where it is an interim one; empty: it is one of the cycle.
    """

    account_key: int
    billed_key: int
    billed_run: int
    interim: str = ""


class Taken(NamedTuple):
    """Usage that a run took off a bill of an account (key), and on which a person decided since."""

    account_key: int
    decision_id: int


def decided(home: Home, connection: sa.Connection, run_id: int, account_keys: Collection[int], seq: int) -> list[Taken]:
    """Such usage of a run whose documents are to count no more for accounts (keys), as of `seq`: each decision once, in order."""
    known = late_decisions.decided(connection, seq)
    decisions: dict[Any, int] = dict(zip(known.keys.to_pylist(), known.decision_id.tolist(), strict=True))
    if not decisions:
        return []
    taken = _taken(home, connection, run_id, account_keys, seq)
    return sorted({Taken(owner, decisions[key]) for key, owner in taken.items() if key in decisions})


def moved(home: Home, connection: sa.Connection, run_id: int, account_keys: Collection[int], seq: int) -> list[Moved]:
    """Such usage of a run whose documents are to count no more for accounts (keys), as of `seq`: each pair of accounts once, in order."""
    owner_of = _off_interim_bills(home, connection, run_id, account_keys, seq) | _taken(home, connection, run_id, account_keys, seq)
    if not owner_of:
        return []
    keys = pc.field("event_key").isin(pa.array(sorted(owner_of), KEY))
    billed = StandingCharges(Known(home, connection, seq), looked(connection, seq), keys)
    standing = billed.standing(lambda charge: charge.account_key not in account_keys)
    found = {Moved(owner_of[each.event_key], each.account_key, billed.newest_run(each)) for each in standing}
    others = interim_usage.unsettled(connection, interim_usage.interim_bills(connection, seq))
    for key, holders in interim_usage.held(home, connection, others, (), owner_of).items():
        of_others = (each for each in holders if each.account_key not in account_keys)
        found |= {Moved(owner_of[key], each.account_key, each.run_id, each.number) for each in of_others}
    return sorted(found)


def _off_interim_bills(home: Home, connection: sa.Connection, run_id: int, account_keys: Collection[int], seq: int) -> dict[bytes, int]:
    """The usage that a run took off interim bills of accounts (keys), each event with its account: another one has it by now."""
    run = next((run for run in looked(connection, seq) if run.run_id == run_id), None)
    if run is None:
        return {}
    bills = [bill for bill in interim_usage.interim_bills(connection, seq, set(account_keys)) if bill.commit_seq <= run.pinned_seq]
    settled_by_it = interim_usage.unsettled(connection, bills, without=dict.fromkeys(account_keys, run_id))
    moved_on = interim_usage.moved_on(home, connection, seq, settled_by_it)
    return {key: min(every).account_key for key, every in moved_on.items()}


def _taken(home: Home, connection: sa.Connection, run_id: int, account_keys: Collection[int], seq: int) -> dict[bytes, int]:
    """The usage that a run took off bills of accounts (keys), each event with its account."""
    runs, counting = looked(connection, seq), Counting(connection, seq)
    place = next((place for place, run in enumerate(runs) if run.run_id == run_id), None)
    if place is None:
        return {}
    again = computed_again(home, connection, runs[place], counting).again
    again = {key: days for key, days in again.items() if key in set(account_keys)}
    if not again:
        return {}

    def charges(number: int, only: Any) -> pa.Table:  # noqa: ANN401 -- an expression of Arrow
        run = runs[number].run_id
        found = counting.billed(run, read_charges(home.path, charge_paths(connection, run), _COLUMNS, only))
        return found.filter(pa.array(found["status"].to_numpy() < int(REFUSALS_FROM)))

    owners = pc.field(OWNER).isin(pa.array(sorted(again), pa.int64()))
    kept = one_chunk(charges(place, owners)["event_key"])
    owner_of: dict[bytes, int] = {}
    for number in range(place + 1, len(runs)):
        before = charges(number, owners)
        off: Any = pc.invert(pc.is_in(before["event_key"], value_set=kept))
        owner_of |= _in_periods(before.filter(off), again)
    if not owner_of:
        return {}
    keys = pc.field("event_key").isin(pa.array(sorted(owner_of), KEY))
    older = StandingCharges(Known(home, connection, seq), runs[place + 1 :], keys)  # what an earlier run took off was off already
    standing = {each.event_key for each in older.standing(lambda charge: charge.account_key in again)}
    rerated = _with_rerated_usage(connection, seq)  # a re-rating keeps no charges by event: what it may have counts
    return {key: owner for key, owner in owner_of.items() if key in standing or owner in rerated}


def _in_periods(charges: pa.Table, again: Mapping[int, range]) -> dict[bytes, int]:
    """The events of charges in periods that were computed again, each with its owner."""
    owners, days = int64(charges[OWNER]).tolist(), int64(charges["period_from"].cast(pa.int32())).tolist()
    rows = np.array([day in again[owner] for owner, day in zip(owners, days, strict=True)], np.bool_)
    some = charges.filter(pa.array(rows))
    events: list[Any] = some["event_key"].to_pylist()
    return dict(zip(events, int64(some[OWNER]).tolist(), strict=True))


def _with_rerated_usage(connection: sa.Connection, seq: int) -> set[int]:
    """Accounts (keys) with usage on documents of re-ratings that are valid as of `seq`."""
    invoice, run, line, owner = tables.invoices.c, tables.bill_runs.c, tables.invoice_lines.c, tables.subscriptions.c
    query = sa.select(owner.account_key).select_from(tables.invoices).join(tables.bill_runs, run.run_id == invoice.run_id)
    query = query.join(tables.invoice_lines, line.invoice_key == invoice.invoice_key)
    query = query.join(tables.subscriptions, owner.subscription_key == line.subscription_key)
    query = query.where(run.kind == RERATE, line.kind.in_(interim_usage.USAGE_KINDS), invoice.commit_seq <= seq)
    return set(connection.execute(query.where(invoice.invoice_key.not_in(voided(as_of=seq))).distinct()).scalars())
