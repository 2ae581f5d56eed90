"""Charges of events on interim bills: what their subscriptions had used when they were made, in the periods that they bill.

Interim bills of before schema 0016 keep no charges by event. Theirs are worked out anew, for the few events that are asked for. Such a bill
leaves out what a bill of another account has. `standing_charges` knows that, and these are without it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing import catalogue
from billing.accounts import covering
from billing.accounts.facts import KEYS_A_QUERY, in_chunks
from billing.guiding import Guide
from billing.intake import marks, view
from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.contracts.counted_runs import Looked
from billing.runs.selection.event_charges import Charge, Line
from billing.store import tables
from billing.store.voids import void_commits
from rating.dates import BEFORE_ALL, DAY_US, NEVER, day_number, day_of, local_date, utc_midnight_us

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from billing.runs.selection.event_charges import ChargeFilter
    from billing.store.home import Home

LEAVES_OTHERS: Final = "leaves_others"  # in the detail of interim bills: usage on bills of other accounts is not in them
HAS_CHARGES: Final = "has_charges"  # in it as well: their charges are stored
USAGE_KINDS: Final = ("usage", "volume")
_USAGE: Final = ("event_key", "served_id", "start_us")


class Owned(NamedTuple):
    """A subscription with usage on an interim bill: its account (key), the clock of that, and the billed periods.

    `number`: of a document that bills it. `void_seq`: the commit that made its documents void, NEVER for none. Days are numbers.
    """

    account_key: int
    timezone: str
    number: str
    void_seq: int
    periods: tuple[tuple[int, int], ...]

    def day(self, day: int) -> int:
        """The first day of the billed period with a day. What came late counts in the first one."""
        return next((first for first, after in self.periods if first <= day < after), self.periods[0][0])


class InterimRun(NamedTuple):
    """Interim bills made at once: of usage on days before `bill_date`, as of the commit `pinned_seq`.

    `leaves_others`: usage that bills of other accounts had by then is not on them. `has_charges`: their charges are stored. `owned`: their
    subscriptions, by key.
    """

    run_id: int
    bill_date: dt.date
    pinned_seq: int
    leaves_others: bool
    has_charges: bool
    owned: Mapping[int, Owned]

    def computes(self, charge: Charge, subscription_key: int) -> bool:
        """Return whether it computed the period of a charge of a subscription."""
        each = self.owned.get(subscription_key)
        return each is not None and each.account_key == charge.account_key and charge.day in {first for first, _ in each.periods}


def interim_looks(connection: sa.Connection, seq: int) -> list[Looked]:
    """The runs of interim bills as of `seq`, oldest first: what they had read of usage, without their bills."""
    run = tables.bill_runs.c
    query = sa.select(run.run_id, run.bill_date, run.detail, run.commit_seq).where(run.kind == covering.THRESHOLD, run.commit_seq <= seq)
    rows = connection.execute(query.order_by(run.run_id)).all()
    return [Looked(row.run_id, dt.date.fromisoformat(row.bill_date), _pinned_seq(row.detail, row.commit_seq)) for row in rows]


def _pinned_seq(detail: str | None, commit_seq: int) -> int:
    told: dict[str, Any] = msgspec.json.decode(detail or "{}")
    return int(told.get("seq", commit_seq - 1))


def interim_runs(
    connection: sa.Connection,
    seq: int,
    *,
    first_day: dt.date = dt.date.min,
    last_day: dt.date = dt.date.max,
    account_keys: Collection[int] | None = None,
) -> list[InterimRun]:
    """The interim bills as of `seq` with periods that have a day of [first_day, last_day], void ones as well; oldest first.

    `account_keys`: with usage of these accounts alone.
    """
    invoice, run, line = tables.invoices.c, tables.bill_runs.c, tables.invoice_lines.c
    owner, account = tables.subscriptions.c, tables.accounts.c
    void = void_commits(seq)
    of_run = (run.run_id, run.bill_date, run.detail, invoice.commit_seq, invoice.number, void.c.void_seq)
    columns = (*of_run, line.subscription_key, owner.account_key, account.timezone, line.period_from, line.period_to)
    query = sa.select(*columns).select_from(tables.invoices).join(tables.bill_runs, run.run_id == invoice.run_id)
    query = query.join(tables.invoice_lines, line.invoice_key == invoice.invoice_key)
    query = query.join(tables.subscriptions, owner.subscription_key == line.subscription_key)
    query = query.join(tables.accounts, account.account_key == owner.account_key)
    query = query.outerjoin(void, void.c.invoice_key == invoice.invoice_key)
    query = query.where(run.kind == covering.THRESHOLD, line.kind.in_(USAGE_KINDS), invoice.commit_seq <= seq)
    query = query.where(line.period_to > first_day.isoformat(), line.period_from <= last_day.isoformat()).distinct()
    if account_keys is not None and len(account_keys) <= KEYS_A_QUERY:
        query = query.where(owner.account_key.in_(account_keys))
    found: dict[int, InterimRun] = {}
    owned: dict[int, dict[int, Owned]] = {}
    for row in connection.execute(query.order_by(run.run_id, invoice.number, line.period_from)):
        if account_keys is not None and row.account_key not in account_keys:
            continue
        if row.run_id not in found:
            detail: dict[str, Any] = msgspec.json.decode(row.detail or "{}")
            rules = (bool(detail.get(LEAVES_OTHERS, False)), bool(detail.get(HAS_CHARGES, False)))
            known = (_pinned_seq(row.detail, row.commit_seq), *rules, owned.setdefault(row.run_id, {}))
            found[row.run_id] = InterimRun(int(row.run_id), dt.date.fromisoformat(row.bill_date), *known)
        void_seq = NEVER if row.void_seq is None else int(row.void_seq)
        period = (day_number(dt.date.fromisoformat(row.period_from)), day_number(dt.date.fromisoformat(row.period_to)))
        subscription = int(row.subscription_key)
        before = owned[row.run_id].get(subscription, Owned(int(row.account_key), row.timezone, row.number, 0, ()))
        number = row.number if void_seq > before.void_seq else before.number  # each payer has a document, and one that is valid holds
        periods = tuple(sorted({*before.periods, period}))
        owned[row.run_id][subscription] = before._replace(number=number, void_seq=max(void_seq, before.void_seq), periods=periods)
    return list(found.values())


def interim_charges(
    home: Home, connection: sa.Connection, runs: Sequence[InterimRun], wanted: ChargeFilter
) -> dict[int, dict[Charge, Line]]:
    """The `wanted` charges of each run, by its id, with the line of each. Of bills of before no price is known: it is 0."""
    found: dict[int, dict[Charge, Line]] = {run.run_id: {} for run in runs}
    row = tables.interim_charges.c
    stored = {run.run_id for run in runs if run.has_charges}
    lots = [row.event_key.in_(lot) for lot in in_chunks(sorted(wanted.event_keys))]
    lots += [row.account_key.in_(lot) for lot in in_chunks(sorted(wanted.account_keys))]
    for lot in lots if stored else ():
        for each in connection.execute(sa.select(tables.interim_charges).where(lot)):
            charge = Charge(bytes(each.event_key), int(each.account_key), day_number(dt.date.fromisoformat(each.period_from)))
            if each.run_id in stored and wanted.holds(charge):
                found[each.run_id][charge] = (int(each.subscription_key), int(each.price_id))
    before = [run for run in runs if not run.has_charges]
    for seq in sorted({run.pinned_seq for run in before}):
        of_commit = [run for run in before if run.pinned_seq == seq]
        for run, charge, subscription in _charges(home, connection, seq, of_commit, wanted):
            found[run.run_id][charge] = (subscription, 0)
    return found


def _charges(
    home: Home, connection: sa.Connection, seq: int, runs: Sequence[InterimRun], wanted: ChargeFilter
) -> Iterator[tuple[InterimRun, Charge, int]]:
    """Yield the charges of runs of one commit, each with its subscription."""
    by_subscription: dict[int, list[tuple[InterimRun, Owned]]] = {}
    for run in runs:
        for subscription, each in run.owned.items():
            by_subscription.setdefault(subscription, []).append((run, each))
    by_arrival = catalogue.ever_billed_by_arrival(home)  # what came late may have begun before the period that bills it
    first = min(each.periods[0][0] for run in runs for each in run.owned.values())
    until_us = utc_midnight_us(max(run.bill_date for run in runs)) + DAY_US
    asked = _asked(connection, by_subscription, wanted)
    if asked is None:
        return
    rows = asked(view.usage(home, _USAGE, seq, BEFORE_ALL if by_arrival else (first - 1) * DAY_US, until_us))
    names: list[Any] = rows["event_key"].to_pylist()
    starts = int64(rows["start_us"])
    owners = Guide(home, seq).resolve(one_chunk(rows["served_id"]), starts).tolist() if rows.num_rows else []
    for name, start_us, subscription in zip(names, starts.tolist(), owners, strict=True):
        for run, each in by_subscription.get(subscription, ()):
            date = local_date(start_us, each.timezone)
            charge = Charge(name, each.account_key, each.day(day_number(date)))
            is_in = by_arrival or each.periods[0][0] <= day_number(date)
            if is_in and date < run.bill_date and wanted.holds(charge):
                yield run, charge, subscription


def _asked(
    connection: sa.Connection, by_subscription: Mapping[int, list[tuple[InterimRun, Owned]]], wanted: ChargeFilter
) -> Callable[[pa.Table], pa.Table] | None:
    """The rows that may be wanted: by their keys, or by numbers that the wanted accounts ever had. None: there are none."""
    of_accounts = [key for key, every in by_subscription.items() if any(each.account_key in wanted.account_keys for _, each in every)]
    numbers = _numbers(connection, of_accounts)
    if not numbers and not wanted.event_keys:
        return None
    names, events = pa.array(sorted(numbers), pa.string()), marks.keys_array(sorted(wanted.event_keys))

    def asked(rows: pa.Table) -> pa.Table:
        number: Any = pc.is_in(rows["served_id"].cast(pa.string()), value_set=names)
        mask: Any = pc.or_(number, pc.is_in(rows["event_key"], value_set=events))
        return rows.filter(mask)

    return asked


def _numbers(connection: sa.Connection, subscription_keys: Collection[int]) -> set[str]:
    fact, found = tables.guiding_facts.c, set[str]()
    for lot in in_chunks(sorted(subscription_keys)):
        found |= set(connection.execute(sa.select(fact.served_id).where(fact.subscription_key.in_(lot)).distinct()).scalars())
    return found


def days_of(home: Home, seq: int, keys: Collection[bytes]) -> tuple[dt.date, dt.date]:
    """The first and the last day, on any clock, of periods whose interim bills may have some of these events."""
    starts = int64(view.of_keys(home, ("event_key", "start_us"), seq, marks.keys_array(sorted(keys)))["start_us"])
    if not len(starts) or catalogue.ever_billed_by_arrival(home):  # then what began before a period is on its bill as well
        return dt.date.min, dt.date.max
    return day_of(int(starts.min()) // DAY_US - 1), day_of(int(starts.max()) // DAY_US + 1)
