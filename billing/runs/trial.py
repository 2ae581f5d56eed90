"""A computed run beside the last period: accounts that get nothing or five times as much, accounts that are gone, and revenue by code.

Each account is compared with its own last bill (`billing.runs.last_bills`): one that is on the list, and one that the run bills for the
first time since a period of it has ended. Amounts are micro-units by currency; totals hold tax, revenue does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa

from billing.charges.book_terms import total
from billing.charges.charge_keys import Kind
from billing.charges.lines import Int64s
from billing.runs import frozen_list, states
from billing.runs.last_bills import last_bills
from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.invoicing.drafts import Drafts
    from billing.store.home import Home

JUMP: Final = 5  # so many times the last bill is a jump
SHOWN: Final = 20
_FAR: Final = 2**62 // JUMP


class BillChange(msgspec.Struct, frozen=True):
    """An account on one of the lists of changes. Totals in micro-units."""

    account_id: str
    currency: str
    then_micros: int
    now_micros: int


class Changes(msgspec.Struct, frozen=True):
    """The number of accounts, and the first of them by id."""

    count: int
    shown: tuple[BillChange, ...]


class Revenue(msgspec.Struct, frozen=True):
    """Net by revenue code."""

    currency: str
    revenue_code: int
    then_micros: int
    now_micros: int


class Trial(msgspec.Struct, frozen=True):
    """A computed run and what it is compared with: the bill date of each run (by id) that one of the last bills is of."""

    run_id: int
    bill_date: str
    state: str
    compared_runs: dict[int, str]
    invoices_then: int
    invoices_now: int
    total_micros_then: dict[str, int]
    total_micros_now: dict[str, int]
    zero_bills: Changes  # had an amount to pay, and now nothing
    jumps: Changes  # at least five times the last bill
    lost: Changes  # had a bill, and is on no list now
    new: Changes  # has a bill, and had none
    put_aside: int  # in quarantine, held, for testing
    revenue: tuple[Revenue, ...]
    ahead: str = ""  # why the run was begun before its date had


class _Bills(NamedTuple):
    """Totals by account, sorted by account key."""

    account_key: Int64s
    total_micros: Int64s
    currency: list[str]


def compare(home: Home, run_id: int) -> Trial:
    """Compare the frozen list of a run, numbered or not, with the last period. Raises UserError for a run without one."""
    with home.connect() as connection:
        run = states.find(connection, run_id)
        if states.frozen_sha256(connection, run_id) is None:
            raise UserError(
                f"bill run {run_id} of {run.bill_date} has no frozen list",
                f"compute it: ratewright bill run --date {run.bill_date} --trial",
            )
        outcome = frozen_list.read(home.path, frozen_list.named(home, run_id))
        now = _bills(outcome.drafts)
        last = last_bills(connection, run, now.account_key)
        then = _Bills(last.account_key, last.total_micros, last.currency)
        aside = np.array([each.account_key for each in outcome.put_aside], np.int64)
        found = _changes(connection, then, now, aside)
    return Trial(
        run_id=run_id,
        bill_date=run.bill_date,
        state=run.state,
        compared_runs=last.runs,
        invoices_then=last.invoices,
        invoices_now=len(now.account_key),
        total_micros_then=_by_currency(then),
        total_micros_now=_by_currency(now),
        put_aside=len(aside),
        revenue=_revenue(last.revenue, _revenue_of(outcome.drafts)),
        ahead=run.ahead,
        **found,
    )


def _bills(drafts: Drafts) -> _Bills:
    order = np.argsort(drafts.account_key, kind="stable")
    totals = drafts.net_micros() + drafts.tax_micros()
    return _Bills(drafts.account_key[order], totals[order], [drafts.currencies[place] for place in drafts.currency[order].tolist()])


def _changes(connection: sa.Connection, then: _Bills, now: _Bills, aside: Int64s) -> dict[str, Changes]:
    """The four lists, each of account keys with both totals."""
    keys = np.union1d(then.account_key, now.account_key)
    had, has = np.isin(keys, then.account_key), np.isin(keys, now.account_key)
    before, after = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    before[had], after[has] = then.total_micros, now.total_micros
    is_aside = np.isin(keys, aside)
    wanted = {
        "zero_bills": had & (before > 0) & (after == 0) & has,
        "jumps": had & has & (before > 0) & (after >= JUMP * np.minimum(before, _FAR)),
        "lost": had & ~has & ~is_aside,
        "new": has & ~had,
    }
    currency = dict(zip(then.account_key.tolist(), then.currency, strict=True)) | dict(
        zip(now.account_key.tolist(), now.currency, strict=True)
    )
    return {name: _shown(connection, keys[rows], before[rows], after[rows], currency) for name, rows in wanted.items()}


def _shown(connection: sa.Connection, keys: Int64s, before: Int64s, after: Int64s, currency: dict[int, str]) -> Changes:
    """The accounts that moved most, by how much."""
    order = np.argsort(-np.abs(after - before), kind="stable")[:SHOWN].tolist()
    account = tables.accounts.c
    wanted = [int(keys[place]) for place in order]
    names = sa.select(account.account_key, account.account_id).where(account.account_key.in_(wanted))
    ids = {row.account_key: row.account_id for row in connection.execute(names)}
    return Changes(
        len(keys), tuple(BillChange(ids[int(keys[at])], currency[int(keys[at])], int(before[at]), int(after[at])) for at in order)
    )


def _by_currency(bills: _Bills) -> dict[str, int]:
    words = np.array(bills.currency, object)
    return {word: total(bills.total_micros[words == word]) for word in sorted(set(bills.currency))}


def _revenue_of(drafts: Drafts) -> dict[tuple[str, int], int]:
    lines = drafts.lines[drafts.lines["kind"] != Kind.TAX]
    found: dict[tuple[str, int], int] = {}
    for code in np.unique(lines["revenue_code"]).tolist():
        own = lines[lines["revenue_code"] == code]
        for place in np.unique(own["currency"]).tolist():
            found[drafts.currencies[place], code] = total(own["amount_micros"][own["currency"] == place])
    return found


def _revenue(then: dict[tuple[str, int], int], now: dict[tuple[str, int], int]) -> tuple[Revenue, ...]:
    return tuple(Revenue(*key, then.get(key, 0), now.get(key, 0)) for key in sorted(then.keys() | now.keys()))
