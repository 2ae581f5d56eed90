"""Charges of usage that are on a bill: what documents that are not void have billed of them, less what such documents took off again.

Charge files of a run stay as they were written, and a document of a run has the difference to what was billed by then. So the first run
that has a charge puts it on a bill. After its document is void, the next run with the charge does. A run that computes the period again
without it takes it off. When the document of that run is void, the charge is back on the bill.

Interim bills and re-ratings put charges on bills in the same way, though they have no charge files (`interim_charges`, `rerated_charges`).
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa
import sqlalchemy as sa

from billing.accounts import undone
from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths, read_charges
from billing.runs.contracts.counted_runs import Looked, looked
from billing.runs.contracts.uninvoiced_accounts import DaysForTests
from billing.runs.selection.changed_payers import changed_payers
from billing.runs.selection.computed_again import computed_again
from billing.runs.selection.event_charges import Charge, ChargeFilter, Line
from billing.runs.selection.interim_charges import InterimRun, days_of, interim_charges, interim_looks, interim_runs
from billing.runs.selection.rerated_charges import RerateRun, rerate_runs
from billing.store import tables
from billing.store.home import Home
from billing.store.voids import VOIDED
from rating.dates import NEVER, day_number, day_of
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

_COLUMNS: Final = ["event_key", OWNER, "status", "period_from", "subscription_id", "price_id"]
_DAY: Final = pa.int32()
_NO_LINE: Final = (0, 0)

Run = Looked | InterimRun | RerateRun


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
class HomeAsOf:
    """The data of a home that charges are judged by, as of `seq`. `before_run`: without documents of this run, and of later ones."""

    home: Home
    connection: sa.Connection
    seq: int
    before_run: int | None = None


class _Part(NamedTuple):
    """A document's part in a charge: 1 puts it on a bill, -1 takes it off, 0 neither. `void_seq`: the commit that made it void."""

    run_id: int
    effect: int
    void_seq: int


class StandingCharges:
    """Priced charges of some events, and which of them are on a bill."""

    def __init__(self, known: HomeAsOf, wanted: ChargeFilter) -> None:
        """Read the `wanted` charges."""
        self._known, self._wanted = known, wanted
        self._counting = Counting(known.connection, known.seq)
        self._runs = sorted(self._documents(), key=lambda run: run.run_id)
        interims = [run for run in self._runs if isinstance(run, InterimRun)]
        self._charges = interim_charges(known.home, known.connection, interims, wanted)  # of each run the line of each charge
        self._charges |= {run.run_id: self._priced(run) for run in self._runs if isinstance(run, Looked)}
        keys = sorted({charge.account_key for charges in self._charges.values() for charge in charges})
        self._on_interim_bills = {each.account_key for run in interims for each in run.owned.values()}.intersection(keys)
        self._computed: dict[int, Mapping[int, range]] = {}
        self._tests = {run.run_id: DaysForTests(known.connection, keys, run.pinned_seq) for run in self._runs if isinstance(run, Looked)}
        self._voids = _voids(known, keys)
        self._changed_payers = changed_payers(known.connection, known.seq, set(keys)) if self._voids else {}
        self._parts: dict[Charge, list[_Part]] = {}
        self._lines: dict[Charge, Line] = {}
        self._of_event = collections.defaultdict[bytes, list[Charge]](list)
        for charge in sorted(self.all()):
            self._of_event[charge.event_key].append(charge)

    def all(self) -> set[Charge]:
        """Charges of any run, on a bill or not."""
        return set[Charge]().union(*self._charges.values())

    def standing(self, asked: Callable[[Charge], bool]) -> set[Charge]:
        """The charges that are on a bill, of those that are `asked` for."""
        return {charge for charge in self.all() if asked(charge) and self.run_of(charge) is not None}

    def run_of(self, charge: Charge) -> Run | None:
        """The run whose document put a charge on the bill that it is on; None: it is on none."""
        if charge not in self._parts:
            self._judge(charge.event_key)
        valid = [each for each in self._parts[charge] if each.void_seq > self._known.seq and each.effect]
        if sum(each.effect for each in valid) <= 0:
            return None
        newest = max(each.run_id for each in valid if each.effect > 0)
        return next(run for run in self._runs if run.run_id == newest)

    def line_on_bill(self, charge: Charge) -> Line:
        """The line that an interim bill or a run has of a charge which is on it: its subscription (key) and price."""
        run = self.run_of(charge)
        assert run is not None, "a charge on no bill has no line"
        return self._charges.get(run.run_id, {}).get(charge, self.line(charge))

    def document(self, charge: Charge) -> str:
        """The number of the interim bill, or of the document of a re-rating, that a charge is on; empty: it is none of them."""
        run = self.run_of(charge)
        if run is None or isinstance(run, Looked):
            return ""
        if isinstance(run, InterimRun):
            owned = run.owned.get(self._charges[run.run_id][charge][0])
            return "" if owned is None else owned.number  # nothing of the subscription was to be billed there
        found = run.document(charge, self.line(charge)[0])
        assert found is not None, "a re-rating has a charge, and no document of it"
        return found.number

    def known_seq(self, charge: Charge) -> int:
        """The last commit that the newest document with a charge knew: it has the version that counted then. The charge is on a bill."""
        found = self.run_of(charge)
        assert found is not None, "asked of a charge that is on a bill"
        valid = {each.run_id for each in self._parts[charge] if each.void_seq > self._known.seq}
        priced = (run for run in self._runs if run.run_id in valid and charge in self._charges.get(run.run_id, {}))
        return max((run.pinned_seq for run in priced), default=found.pinned_seq)

    def _documents(self) -> Iterator[Run]:
        known, wanted = self._known, self._wanted
        before = known.before_run or NEVER
        runs: list[Run] = [run for run in looked(known.connection, known.seq) if run.bill_date > wanted.first_day]
        if interim_looks(known.connection, known.seq):
            runs += self._interim_runs()
        runs += rerate_runs(known.connection, known.seq, since=wanted.first_day)
        yield from (run for run in runs if run.run_id < before)

    def _interim_runs(self) -> list[InterimRun]:
        known, wanted = self._known, self._wanted
        if wanted.account_keys and wanted.event_keys:
            return interim_runs(known.connection, known.seq, first_day=wanted.first_day)
        if wanted.account_keys:
            return interim_runs(known.connection, known.seq, first_day=wanted.first_day, account_keys=wanted.account_keys)
        first_day, last_day = days_of(known.home, known.seq, wanted.event_keys)
        return interim_runs(known.connection, known.seq, first_day=max(first_day, wanted.first_day), last_day=last_day)

    def _priced(self, run: Looked) -> dict[Charge, Line]:
        paths = charge_paths(self._known.connection, run.run_id)
        charges = self._counting.billed(run.run_id, read_charges(self._known.home.path, paths, _COLUMNS, self._wanted.expression))
        days = int64(charges["period_from"].cast(_DAY)).tolist()
        priced = (charges["status"].to_numpy() < int(REFUSALS_FROM)).tolist()
        keys: list[Any] = one_chunk(charges["event_key"]).to_pylist()
        lines = zip(*(int64(charges[name]).tolist() for name in ("subscription_id", "price_id")), strict=True)
        rows = zip(keys, int64(charges[OWNER]).tolist(), days, lines, priced, strict=True)
        return {Charge(key, owner, day): line for key, owner, day, line, is_priced in rows if is_priced and owner}

    def _judge(self, event_key: bytes) -> None:
        """Work out the part of each document in all charges of an event, from the oldest document on."""
        charges = self._of_event[event_key]
        lines = dict.fromkeys(charges, _NO_LINE)
        parts: dict[Charge, list[_Part]] = {charge: [] for charge in charges}
        for run in self._runs:
            billed = {charge: sum(each.effect for each in parts[charge] if each.void_seq > run.pinned_seq) for charge in charges}
            for charge in charges:
                lines[charge] = self._charges.get(run.run_id, {}).get(charge, lines[charge])  # what comes off is off the line that had it
                others = any(count > 0 for other, count in billed.items() if other.account_key != charge.account_key)
                has = self._has(run, charge, lines[charge], on_others=others)
                change = self._changed_payers.get((run.run_id, charge.day, lines[charge])) if has and billed[charge] > 0 else None
                if change is not None:
                    parts[charge] += [_Part(run.run_id, -1, change.off_seq), _Part(run.run_id, 1, change.on_seq)]
                elif has or (billed[charge] > 0 and self._computes(run, charge, lines[charge])):
                    parts[charge].append(_Part(run.run_id, int(has) - billed[charge], self._void_seq(run, charge, lines[charge])))
        self._parts |= parts
        self._lines |= lines

    def line(self, charge: Charge) -> Line:
        """The newest line of a charge: its subscription (key) and price."""
        if charge not in self._lines:
            self._judge(charge.event_key)
        return self._lines[charge]

    def _has(self, run: Run, charge: Charge, line: Line, *, on_others: bool) -> bool:
        """True where a run had a charge to bill. What it computes of an account for tests is on no bill, also where that is retracted."""
        if isinstance(run, RerateRun):
            return run.document(charge, line[0]) is not None and self._was_due(run, charge, line)
        if charge not in self._charges[run.run_id]:
            return False
        if isinstance(run, InterimRun):
            return run.has_charges or not (run.leaves_others and on_others)
        return not self._tests[run.run_id].holds(charge.account_key, day_of(charge.day))

    def _was_due(self, rerate: RerateRun, charge: Charge, line: Line) -> bool:
        """True where the last run before a re-rating that computed the period of a charge had it."""
        for run in reversed(self._runs[: self._runs.index(rerate)]):
            if isinstance(run, Looked) and (charge in self._charges[run.run_id] or self._computes(run, charge, line)):
                return charge in self._charges[run.run_id]
        return False

    def _computes(self, run: Run, charge: Charge, line: Line) -> bool:
        """True where a run computed the period of a charge that was on a bill by then."""
        if isinstance(run, RerateRun):
            return run.document(charge, line[0]) is not None  # it has what the last run had, and takes all else off
        if isinstance(run, InterimRun):
            return run.computes(charge, line[0])
        if run.run_id not in self._computed:
            known, first_time = self._known, self._on_interim_bills
            self._computed[run.run_id] = computed_again(known.home, known.connection, run, self._counting, first_time=first_time).again
        return charge.day in self._computed[run.run_id].get(charge.account_key, ())

    def _void_seq(self, run: Run, charge: Charge, line: Line) -> int:
        if isinstance(run, InterimRun) and not run.has_charges:
            owned = run.owned.get(line[0])
            return NEVER if owned is None else owned.void_seq
        if isinstance(run, RerateRun):
            document = run.document(charge, line[0])
            return NEVER if document is None else document.void_seq
        return self._voids.get((run.run_id, charge.day, line), NEVER)


def on_bills(home: Home, connection: sa.Connection, seq: int, keys: Iterable[bytes]) -> set[bytes]:
    """Those of some events that are on a bill, as of `seq`."""
    wanted = frozenset(keys)
    if not wanted:
        return set()
    charges = StandingCharges(HomeAsOf(home, connection, seq), ChargeFilter(wanted))
    return {charge.event_key for charge in charges.standing(lambda _: True)}


def on_interim_bills(home: Home, connection: sa.Connection, seq: int, keys: Iterable[bytes]) -> set[bytes]:
    """Those of some events without a charge of a run that are on an interim bill, as of `seq`. Most homes have none."""
    return on_bills(home, connection, seq, keys) if interim_looks(connection, seq) else set()


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


def _voids(known: HomeAsOf, account_keys: Sequence[int]) -> dict[tuple[int, int, Line], int]:
    """By run, first day of a period, and line, the commit that made void the document of the run that has the line."""
    wanted = set(account_keys)
    every = void_documents(known.connection, known.seq) if wanted else ()
    return {(each.run_id, each.first_day, (each.subscription_key, each.price_id)): each.seq for each in every if each.account_key in wanted}


def _day(date: str) -> int:
    return day_number(dt.date.fromisoformat(date))
