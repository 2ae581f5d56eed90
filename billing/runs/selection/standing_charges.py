"""Charges of usage that are on a bill: what documents that are not void have billed of them, less what such documents took off again.

Charge files of a run stay as they were written, and a document of a run has the difference to what was billed by then. So the first run
that has a charge puts it on a bill. After its document is void, the next run with the charge does. A run that computes the period again
without it takes it off. When the document of that run is void, the charge is back on the bill.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.accounts import undone
from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths, read_charges
from billing.runs.contracts.counted_runs import Looked, looked
from billing.runs.contracts.uninvoiced_accounts import DaysForTests
from billing.runs.selection.computed_again import computed_again
from billing.store import tables
from billing.store.home import Home
from billing.store.voids import VOIDED
from rating.dates import NEVER, day_number, day_of
from rating.schema import KEY
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_COLUMNS: Final = ["event_key", OWNER, "status", "period_from", "subscription_id", "price_id"]
_DAY: Final = pa.int32()

_Line = tuple[int, int]  # subscription (key) and price


class Charge(NamedTuple):
    """A charge of an event in a period of an account. `day`: the number of the period's first day."""

    event_key: bytes
    account_key: int
    day: int


class VoidDocument(NamedTuple):
    """A line of usage of a run on a document that is void as of the commit `seq`. Days are numbers.

    The line is of a subscription and a price, and one period (`first_day` to `to_day`): documents of several payers divide a run by lines.
    """

    run_id: int
    account_key: int
    seq: int
    first_day: int
    to_day: int
    subscription_key: int
    price_id: int

    def may_have_had(self, run_id: int, day: int) -> bool:
        """True where the document may have billed a charge of a run, in the period that begins on a day."""
        return self.run_id <= run_id and self.first_day <= day < self.to_day


@dataclasses.dataclass(frozen=True, eq=False)
class Known:
    """The data of a home that charges are judged by, as of `seq`."""

    home: Home
    connection: sa.Connection
    seq: int


class StandingCharges:
    """Priced charges of runs, the newest run first, and which of them are on a bill."""

    def __init__(self, known: Known, runs: Sequence[Looked], wanted: Any) -> None:  # noqa: ANN401 -- an expression of Arrow
        """Read the `wanted` charges."""
        self._known, self._runs = known, runs
        self._counting = Counting(known.connection, known.seq)
        self._again: dict[int, Mapping[int, range]] = {}
        self._charges = [self._priced(run, wanted) for run in runs]  # of each run the line of each charge
        keys = sorted({charge.account_key for charges in self._charges for charge in charges})
        self._tests = [DaysForTests(known.connection, keys, run.pinned_seq) for run in runs]
        self._voids = _voids(known, keys)

    def all(self) -> set[Charge]:
        """Charges of any run, on a bill or not."""
        return set[Charge]().union(*self._charges)

    def standing(self, asked: Callable[[Charge], bool]) -> set[Charge]:
        """The charges that are on a bill, of those that are `asked` for."""
        return {charge for charge in self.all() if asked(charge) and self._is_on_a_bill(charge)}

    def newest_run(self, charge: Charge) -> int:
        """The id of the newest run that has a charge."""
        return next(run.run_id for run, charges in zip(self._runs, self._charges, strict=True) if charge in charges)

    def _priced(self, run: Looked, wanted: Any) -> dict[Charge, _Line]:  # noqa: ANN401 -- an expression of Arrow
        paths = charge_paths(self._known.connection, run.run_id)
        charges = self._counting.billed(run.run_id, read_charges(self._known.home.path, paths, _COLUMNS, wanted))
        days = int64(charges["period_from"].cast(_DAY)).tolist()
        priced = (charges["status"].to_numpy() < int(REFUSALS_FROM)).tolist()
        keys: list[Any] = one_chunk(charges["event_key"]).to_pylist()
        lines = zip(*(int64(charges[name]).tolist() for name in ("subscription_id", "price_id")), strict=True)
        rows = zip(keys, int64(charges[OWNER]).tolist(), days, lines, priced, strict=True)
        return {Charge(key, owner, day): line for key, owner, day, line, is_priced in rows if is_priced and owner}

    def _is_in(self, charge: Charge, number: int) -> bool:
        """True where a run had a charge to bill. What it computes of an account for tests is on no bill, also where that is retracted."""
        return charge in self._charges[number] and not self._tests[number].holds(charge.account_key, day_of(charge.day))

    def _is_on_a_bill(self, charge: Charge) -> bool:
        """True where the documents that are not void come to the charge."""
        documents: list[tuple[int, int]] = []  # of each run: 1 puts it on, -1 takes it off; and the commit that made the document void
        line: _Line = (0, 0)
        for number in reversed(range(len(self._runs))):
            run, has = self._runs[number], self._is_in(charge, number)
            billed = sum(each for each, void_seq in documents if void_seq > run.pinned_seq)
            line = self._charges[number].get(charge, line)  # what is taken off is taken off the line that had it
            if has or (billed and charge.day in self._computed_again(number).get(charge.account_key, ())):
                documents.append((int(has) - billed, self._voids.get((run.run_id, charge.day, line), NEVER)))
        return sum(each for each, void_seq in documents if void_seq > self._known.seq) > 0

    def _computed_again(self, number: int) -> Mapping[int, range]:
        if number not in self._again:
            run = self._runs[number]
            self._again[number] = computed_again(self._known.home, self._known.connection, run, self._counting).again
        return self._again[number]


def on_bills(home: Home, connection: sa.Connection, seq: int, keys: Iterable[bytes]) -> set[bytes]:
    """Those of some events that are on a bill, as of `seq`."""
    wanted = sorted(keys)
    if not wanted:
        return set()
    charges = StandingCharges(Known(home, connection, seq), looked(connection, seq), pc.field("event_key").isin(pa.array(wanted, KEY)))
    return {charge.event_key for charge in charges.standing(lambda _: True)}


def void_documents(connection: sa.Connection, seq: int) -> list[VoidDocument]:
    """The lines of usage of void documents, as of `seq`, without those of runs that were undone; of a run, line and period they are one."""
    invoice, line, event, subscription = tables.invoices.c, tables.invoice_lines, tables.invoice_events, tables.subscriptions.c
    of_line = (invoice.run_id, subscription.account_key, line.c.subscription_key, line.c.price_id, line.c.period_from)
    columns = (*of_line, sa.func.min(event.c.commit_seq).label("void_seq"), sa.func.max(line.c.period_to).label("period_to"))
    query = sa.select(*columns).select_from(tables.invoices)
    query = query.join(event, event.c.invoice_key == invoice.invoice_key).join(line, line.c.invoice_key == invoice.invoice_key)
    query = query.join(tables.subscriptions, subscription.subscription_key == line.c.subscription_key)
    query = query.where(event.c.kind == VOIDED, event.c.commit_seq <= seq, event.c.commit_seq.not_in(undone.commits()))
    return [
        VoidDocument(
            int(row.run_id),
            int(row.account_key),
            int(row.void_seq),
            _day(row.period_from),
            _day(row.period_to),
            row.subscription_key,
            row.price_id,
        )
        for row in connection.execute(query.where(line.c.kind == "usage").group_by(*of_line))
    ]


def _voids(known: Known, account_keys: Sequence[int]) -> dict[tuple[int, int, _Line], int]:
    """By run, first day of a period, and line, the commit that made void the document of the run that has the line."""
    wanted = set(account_keys)
    every = void_documents(known.connection, known.seq) if wanted else ()
    return {(each.run_id, each.first_day, (each.subscription_key, each.price_id)): each.seq for each in every if each.account_key in wanted}


def _day(date: str) -> int:
    return day_number(dt.date.fromisoformat(date))
