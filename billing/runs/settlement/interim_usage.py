"""Usage that interim bills hold: what their subscriptions had used when they were made, of the periods that they bill.

Interim bills keep no charges by event. So it is worked out anew, for the few events that may be another account's by now: of numbers that
were given to another account since, and of records that changed since. A run of the cycle computes the period of the billed account, and
takes off what it does not own. Until then such usage is on the interim bill.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing import catalogue, late_decisions
from billing.accounts import covering
from billing.accounts.facts import KEYS_A_QUERY, in_chunks
from billing.guiding import Guide
from billing.intake import marks, view
from billing.runs.contracts.columns import int64, one_chunk
from billing.store import tables
from billing.store.voids import voided
from rating.dates import BEFORE_ALL, DAY_US, local_date, utc_midnight_us

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from billing.store.home import Home

LEAVES_OTHERS: Final = "leaves_others"  # in the detail of interim bills: usage on interim bills of other accounts is not in them
_USAGE: Final = ("event_key", "served_id", "start_us")
USAGE_KINDS: Final = ("usage", "volume")


class Owned(NamedTuple):
    """A subscription with usage on a bill: its account (key), the clock of that, and the first day of the billed periods."""

    account_key: int
    timezone: str
    first_day: dt.date


class InterimBill(NamedTuple):
    """A valid interim bill: of usage on days before `through`, as of the commit `seq`. `owned`: its subscriptions, by key.

    `leaves_others`: usage that interim bills of other accounts had by then is not on it.
    """

    number: str
    run_id: int
    seq: int
    commit_seq: int
    through: dt.date
    leaves_others: bool
    owned: Mapping[int, Owned]

    @property
    def account_keys(self) -> set[int]:
        """The accounts whose usage it bills."""
        return {each.account_key for each in self.owned.values()}


class Held(NamedTuple):
    """An interim bill with an event: the account (key) whose usage it is there, the run and the number of the bill.

    `day`: one of the period in which the bill has it.
    """

    account_key: int
    run_id: int
    number: str
    commit_seq: int
    through: dt.date
    day: dt.date


class MovedOn(NamedTuple):
    """An event on an interim bill of one account (key) that is another's by now (key; 0: none), and its number."""

    account_key: int
    now_key: int
    number: str


def interim_bills(connection: sa.Connection, seq: int, account_keys: Collection[int] | None = None) -> list[InterimBill]:
    """The interim bills that are valid as of `seq`, oldest first: all, or those with usage of these accounts."""
    invoice, run, line = tables.invoices.c, tables.bill_runs.c, tables.invoice_lines.c
    owner, account = tables.subscriptions.c, tables.accounts.c
    bill = (invoice.invoice_key, invoice.number, run.run_id, run.detail, invoice.commit_seq, run.bill_date)
    columns = (*bill, line.subscription_key, owner.account_key, account.timezone, line.period_from)
    query = sa.select(*columns).select_from(tables.invoices).join(tables.bill_runs, run.run_id == invoice.run_id)
    query = query.join(tables.invoice_lines, line.invoice_key == invoice.invoice_key)
    query = query.join(tables.subscriptions, owner.subscription_key == line.subscription_key)
    query = query.join(tables.accounts, account.account_key == owner.account_key)
    query = query.where(run.kind == covering.THRESHOLD, line.kind.in_(USAGE_KINDS), invoice.commit_seq <= seq)
    query = query.where(invoice.invoice_key.not_in(voided(as_of=seq))).distinct().order_by(invoice.invoice_key)
    found: dict[int, InterimBill] = {}
    for key, number, run_id, detail, commit_seq, bill_date, subscription, owner_key, timezone, period_from in connection.execute(query):
        if account_keys is not None and owner_key not in account_keys:
            continue
        told: dict[str, Any] = msgspec.json.decode(detail or "{}")
        known = found.get(key) or InterimBill(
            number,
            int(run_id),
            int(told.get("seq", commit_seq - 1)),
            int(commit_seq),
            dt.date.fromisoformat(bill_date),
            bool(told.get(LEAVES_OTHERS, False)),
            {},
        )
        first_day = dt.date.fromisoformat(period_from)
        before = known.owned.get(subscription, Owned(int(owner_key), timezone, first_day))
        owned = before._replace(first_day=min(before.first_day, first_day))
        found[key] = known._replace(owned={**known.owned, int(subscription): owned})
    return list(found.values())


def unsettled(
    connection: sa.Connection, bills: Iterable[InterimBill], *, without: Mapping[int, int] | None = None, before_run: int | None = None
) -> list[InterimBill]:
    """The bills with subscriptions of accounts that no run of the cycle has covered since; the others are left out of them.

    `without`: by account (key) a run that is to count no more, nor what was computed on top of it. `before_run`: the state that it knew.
    """
    some, gone = list(bills), without or {}
    keys = sorted({key for bill in some for key in bill.account_keys})
    history = covering.load(connection, before_run=before_run, account_keys=keys if len(keys) <= KEYS_A_QUERY else None)
    account, seqs = tables.accounts.c, dict[int, int]()
    for lot in in_chunks(keys):
        rows = connection.execute(sa.select(account.account_key, account.commit_seq).where(account.account_key.in_(lot)))
        seqs |= {int(key): int(seq) for key, seq in rows}
    pins = {key: [run.pinned_seq for run in history.of(key, seqs[key])[0] if run.run_id < gone.get(key, run.run_id + 1)] for key in keys}

    def is_open(bill: InterimBill, account_key: int) -> bool:
        return all(pinned_seq < bill.commit_seq for pinned_seq in pins[account_key])

    left = (bill._replace(owned={key: each for key, each in bill.owned.items() if is_open(bill, each.account_key)}) for bill in some)
    return [bill for bill in left if bill.owned]


def held(
    home: Home, connection: sa.Connection, bills: Sequence[InterimBill], numbers: Collection[str], keys: Collection[bytes]
) -> dict[bytes, frozenset[Held]]:
    """The events of these numbers, or of these keys, that bills hold, each with all that hold it.

    An event that a bill left to bills of other accounts is not on it, also where these are void by now.
    """
    return _Bills(home, connection).held(bills, numbers, keys)


class _Bills:
    """Reads what interim bills hold. The bills of one commit are read together, and what they left out is worked out once."""

    def __init__(self, home: Home, connection: sa.Connection) -> None:
        self._home, self._connection = home, connection
        self._left: dict[int, frozenset[bytes]] = {}  # by run

    def held(self, bills: Sequence[InterimBill], numbers: Collection[str], keys: Collection[bytes]) -> dict[bytes, frozenset[Held]]:
        found: dict[bytes, frozenset[Held]] = {}
        for seq in sorted({bill.seq for bill in bills}) if numbers or keys else ():
            of_commit = _held(self._home, seq, [bill for bill in bills if bill.seq == seq], _asked(numbers, keys))
            for key, holders in of_commit.items():
                having = {each for bill, each in holders if key not in self._left_out_by(bill)}
                found[key] = found.get(key, frozenset()) | having
        return {key: holders for key, holders in found.items() if holders}

    def moved_on(self, seq: int, bills: Sequence[InterimBill]) -> dict[bytes, frozenset[MovedOn]]:
        """The same as the function of this name."""
        if not bills:
            return {}
        account_keys = set[int]().union(*(bill.account_keys for bill in bills))
        numbers, keys = _changed_since(self._connection, min(bill.seq for bill in bills), seq, account_keys)
        found = self.held(bills, numbers, keys)
        now = owners_now(self._home, self._connection, seq, found) if found else {}
        moved = {key: frozenset(MovedOn(each.account_key, *now[key]) for each in found[key]) for key in found if key in now}
        moved = {key: frozenset(each for each in every if each.account_key != each.now_key) for key, every in moved.items()}
        return {key: every for key, every in moved.items() if every}

    def left_to_others(self, seq: int, before_run: int | None) -> dict[bytes, frozenset[MovedOn]]:
        """Usage on interim bills of other accounts than its owner as of `seq`. `before_run`: the state that this run knew."""
        bills = interim_bills(self._connection, seq)
        return self.moved_on(seq, unsettled(self._connection, bills, before_run=before_run)) if bills else {}

    def _left_out_by(self, bill: InterimBill) -> frozenset[bytes]:
        if bill.run_id not in self._left:
            left = self.left_to_others(bill.seq, bill.run_id) if bill.leaves_others else {}
            self._left[bill.run_id] = frozenset(left)
        return self._left[bill.run_id]


def _asked(numbers: Collection[str], keys: Collection[bytes]) -> Callable[[pa.Table], pa.Table]:
    """The rows with one of these numbers or keys."""
    names, events = pa.array(sorted(numbers), pa.string()), marks.keys_array(sorted(keys))

    def asked(rows: pa.Table) -> pa.Table:
        number: Any = pc.is_in(rows["served_id"].cast(pa.string()), value_set=names)
        mask: Any = pc.or_(number, pc.is_in(rows["event_key"], value_set=events))
        return rows.filter(mask)

    return asked


def _held(
    home: Home, seq: int, bills: Sequence[InterimBill], asked: Callable[[pa.Table], pa.Table]
) -> dict[bytes, list[tuple[InterimBill, Held]]]:
    """The events of subscriptions of bills of one commit, in the periods that these bill."""
    by_subscription: dict[int, list[tuple[InterimBill, Owned]]] = {}
    for bill in bills:
        for subscription, each in bill.owned.items():
            by_subscription.setdefault(subscription, []).append((bill, each))
    by_arrival = catalogue.ever_billed_by_arrival(home)  # what came late may have begun before the period that bills it
    first = min(each.first_day for bill in bills for each in bill.owned.values())
    through = max(bill.through for bill in bills)
    from_us = BEFORE_ALL if by_arrival else utc_midnight_us(first) - DAY_US
    rows = asked(view.usage(home, _USAGE, seq, from_us, utc_midnight_us(through) + DAY_US))
    names: list[Any] = rows["event_key"].to_pylist()
    starts = int64(rows["start_us"])
    owners = Guide(home, seq).resolve(one_chunk(rows["served_id"]), starts).tolist() if rows.num_rows else []
    found: dict[bytes, list[tuple[InterimBill, Held]]] = {}
    for name, start_us, subscription in zip(names, starts.tolist(), owners, strict=True):
        for bill, each in by_subscription.get(subscription, ()):
            day = local_date(start_us, each.timezone)
            if (by_arrival or each.first_day <= day) and day < bill.through:
                of_bill = Held(each.account_key, bill.run_id, bill.number, bill.commit_seq, bill.through, max(day, each.first_day))
                found.setdefault(name, []).append((bill, of_bill))
    return found


def _changed_since(connection: sa.Connection, since: int, seq: int, account_keys: Collection[int]) -> tuple[set[str], set[bytes]]:
    """Numbers of the accounts with new facts in (since, seq], and records that changed then, with versions of several numbers."""
    fact, owner, row = tables.guiding_facts.c, tables.subscriptions.c, tables.suspense.c
    new = sa.select(fact.served_id).where(fact.commit_seq > since, fact.commit_seq <= seq)
    told = sa.select(fact.served_id, owner.account_key).join_from(
        tables.guiding_facts, tables.subscriptions, owner.subscription_key == fact.subscription_key
    )
    numbers = {served_id for served_id, key in connection.execute(told.where(fact.served_id.in_(new))) if key in account_keys}
    marked = sa.select(row.event_key).where(row.event_key.is_not(None), row.reason != marks.SUPERSEDED, row.commit_seq <= seq)
    of_several = sa.func.count(row.served_id.distinct()) + sa.func.max(sa.case((row.served_id.is_(None), 1), else_=0)) > 1
    marked = marked.group_by(row.event_key).having(of_several, sa.func.max(row.commit_seq) > since)
    return numbers, {bytes(key) for key in connection.execute(marked).scalars()}


def owners_now(home: Home, connection: sa.Connection, seq: int, keys: Collection[bytes]) -> dict[bytes, tuple[int, str]]:
    """The account (key; 0 for none) that owns each event as of `seq`, and its number, by the version that counts.

    Those that count no more are left out.
    """
    rows = view.of_keys(home, (*_USAGE, marks.COMMIT_SEQ), seq, marks.keys_array(sorted(keys)))
    rows = rows.filter(pa.array(~marks.is_hidden(rows, marks.hidden(connection, seq))))
    if not rows.num_rows:
        return {}
    names: list[Any] = rows["event_key"].to_pylist()
    subscriptions = Guide(home, seq).resolve(one_chunk(rows["served_id"]), int64(rows["start_us"])).tolist()
    owner, account_of = tables.subscriptions.c, dict[int, int]()
    for lot in in_chunks(sorted(set(subscriptions))):
        query = sa.select(owner.subscription_key, owner.account_key).where(owner.subscription_key.in_(lot))
        account_of |= {int(key): int(account) for key, account in connection.execute(query)}
    numbers: list[Any] = rows["served_id"].to_pylist()
    return {name: (account_of.get(key, 0), number) for name, key, number in zip(names, subscriptions, numbers, strict=True)}


def left_to_other_bills(home: Home, seq: int, *, before_run: int | None = None) -> late_decisions.Decided | None:
    """Usage on interim bills of other accounts than its owner as of `seq`, and what people have decided on; None where no bill has any.

    `before_run`: the state that this run knew.
    """
    with home.connect() as connection:
        moved = _Bills(home, connection).left_to_others(seq, before_run)
        decided = late_decisions.decided(connection, seq)
    if not moved:
        return None
    keys, none = pa.concat_arrays([decided.keys, marks.keys_array(sorted(moved))]), np.zeros(len(decided.keys) + len(moved), np.int64)
    return late_decisions.Decided(keys, none, none, none)


def moved_on(home: Home, connection: sa.Connection, seq: int, bills: Sequence[InterimBill]) -> dict[bytes, frozenset[MovedOn]]:
    """The events that such bills hold, and that are another account's as of `seq`, or no account's: by each account that was billed."""
    return _Bills(home, connection).moved_on(seq, bills)
