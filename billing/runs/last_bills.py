"""The last bills of accounts before a run that is not numbered yet; its list is compared with them.

Every account has its own last period, by its bill day: that of bill day 31 ended on 31 January, 28 February and 31 March. Its last bill is
the sum of all that runs of the cycle have billed on or after the latest such date that is covered. Restricted runs count too (a retry, an
invoice that was issued anew); void invoices do not. Amounts are micro-units.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from billing.accounts import covering
from billing.charges.book_terms import total
from billing.charges.lines import Int64s
from billing.charges.periods import ended_by
from billing.runs.contracts import facts
from billing.runs.contracts.columns import index_of
from billing.runs.contracts.fact_columns import groups
from billing.runs.selection.coverage import covered_through
from billing.store import bulk, tables
from billing.store.voids import voided
from rating.dates import NEVER_DAY, day_number, day_of

if TYPE_CHECKING:
    from billing.runs.contracts.facts import Facts
    from billing.runs.selection.coverage import Covered
    from billing.runs.states import Run

Bools = npt.NDArray[np.bool_]


class LastBills(NamedTuple):
    """The last bill of each account that has one, by account key, ascending.

    `is_due`: a period of it has ended since, so the run bills it for the first time. `runs`: bill date by run that is compared with.
    """

    account_key: Int64s
    is_due: Bools
    total_micros: Int64s
    currency: list[str]
    invoices: int
    runs: dict[int, str]
    revenue: dict[tuple[str, int], int]  # net by currency and revenue code


class _Lasts(NamedTuple):
    """By account, in the order of keys. `since`: the day number from which on bills are its last one; NEVER_DAY: it had none."""

    account_key: Int64s
    since: Int64s
    is_due: Bools


def last_bills(connection: sa.Connection, run: Run, listed: Int64s) -> LastBills:
    """The last bills of accounts that are on the list of a run (`listed`, keys), or that it bills for the first time."""
    lasts = _lasts(connection, run)
    wanted = (lasts.since != NEVER_DAY) & (lasts.is_due | np.isin(lasts.account_key, listed))
    if not wanted.any():
        nothing = np.zeros(0, np.int64)
        return LastBills(nothing, nothing.astype(np.bool_), nothing, [], 0, {}, {})
    lasts = _Lasts(*(column[wanted] for column in lasts))
    runs = _runs(connection, run, day_of(int(lasts.since.min())))
    invoice = tables.invoices.c
    columns = (invoice.invoice_key, invoice.run_id, invoice.account_key, invoice.total_micros, invoice.currency)
    query = sa.select(*columns).where(invoice.run_id.in_(list(runs)), invoice.invoice_key.not_in(voided(as_of=run.pinned_seq)))
    rows = bulk.read(connection, query.order_by(invoice.invoice_key))
    place = index_of(lasts.account_key, rows["account_key"].to_numpy())
    dates = {run_id: day_number(date) for run_id, date in runs.items()}
    run_ids: list[int] = rows["run_id"].to_numpy().tolist()
    billed_on = np.array([dates[run_id] for run_id in run_ids], np.int64)
    own = np.flatnonzero((place >= 0) & (billed_on >= lasts.since[place]))
    return _summed(connection, lasts, rows.take(own), place[own], runs)


def _summed(connection: sa.Connection, lasts: _Lasts, rows: Any, place: Int64s, runs: dict[int, dt.date]) -> LastBills:  # noqa: ANN401 -- rows of invoices
    sums, words = np.zeros(len(lasts.since), np.int64), np.full(len(lasts.since), "", object)
    np.add.at(sums, place, rows["total_micros"].to_numpy())
    words[place] = rows["currency"].to_pylist()
    had = np.unique(place)
    compared = sorted(set(rows["run_id"].to_pylist()))
    return LastBills(
        lasts.account_key[had],
        lasts.is_due[had],
        sums[had],
        [str(word) for word in words[had]],
        len(place),
        {run_id: runs[run_id].isoformat() for run_id in compared},
        _revenue(connection, rows, compared),
    )


def _lasts(connection: sa.Connection, run: Run) -> _Lasts:
    """Since when bills of each account are its last one, and whether a period of it has ended since."""
    known = facts.load(connection, run.pinned_seq)
    covered = covered_through(connection, known, run.run_id)
    code, models = groups([known.account_bill_days, known.account_first_day, known.account_closed_day, covered.of])
    since, is_due = np.full(len(models), NEVER_DAY, np.int64), np.zeros(len(models), np.bool_)
    for place, model in enumerate(models.tolist()):
        since[place], is_due[place] = _last(known, covered, model, run)
    order = np.argsort(known.account_keys, kind="stable")
    due = is_due[code]
    if run.restricted:
        named = tables.run_accounts.c
        query = sa.select(named.account_key).where(named.run_id == run.run_id)
        due &= np.isin(known.account_keys, list(connection.execute(query).scalars()))
    return _Lasts(known.account_keys[order], since[code][order], due[order])


def _last(known: Facts, covered: Covered, account: int, run: Run) -> tuple[int, bool]:
    """(since, is due) of accounts with the profile of this one."""
    covering = covered.coverages[int(covered.of[account])]

    def ended(day: dt.date) -> dt.date | None:
        closed = int(known.account_closed_day[account])
        first, closed_on = day_of(int(known.account_first_day[account])), None if closed == NEVER_DAY else day_of(closed)
        found = next(ended_by(first, known.bill_days[int(known.account_bill_days[account])], day, closed_on), None)
        return None if found is None else found.end

    now = ended(dt.date.fromisoformat(run.bill_date))
    if covering is None:
        return NEVER_DAY, now is not None
    then = ended(covering.through)
    return NEVER_DAY if then is None else day_number(then), now is not None and now > covering.through


def _runs(connection: sa.Connection, run: Run, first: dt.date) -> dict[int, dt.date]:
    """Runs of the cycle that count, begun before this one, of bill dates from `first` on."""
    return {each.run_id: each.bill_date for each in covering.cycle_runs(connection, run.run_id) if each.bill_date >= first}


def _revenue(connection: sa.Connection, rows: Any, runs: list[int]) -> dict[tuple[str, int], int]:  # noqa: ANN401 -- rows of invoices
    """Net by currency and revenue code of some invoices (rows in the order of keys)."""
    invoice, line = tables.invoices.c, tables.invoice_lines.c
    keys, words = rows["invoice_key"].to_numpy(), np.array(rows["currency"].to_pylist(), object)
    query = sa.select(line.invoice_key, line.revenue_code, line.amount_micros).join_from(tables.invoice_lines, tables.invoices)
    lines = bulk.read(connection, query.where(invoice.run_id.in_(runs), line.kind != "tax"))
    place = index_of(keys, lines["invoice_key"].to_numpy())
    codes, amounts = (lines[name].to_numpy()[place >= 0] for name in ("revenue_code", "amount_micros"))
    currency = words[place[place >= 0]]
    return {
        (word, code): total(amounts[(codes == code) & (currency == word)])
        for word in sorted(set(words.tolist()))
        for code in np.unique(codes[currency == word]).tolist()
    }
