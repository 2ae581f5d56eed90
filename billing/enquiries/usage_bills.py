"""Invoice and line of events: their charges in runs that count, and the lines of these runs with the same charge key.

An event has a charge in each run that computed its period. The first valid line is the one that bills it; later lines of the same key
correct it, or others of that line. An interim bill that has the event comes before them. Told are lines of re-ratings on the usage of the
same subscription and period.
"""

from __future__ import annotations

import collections
import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.invoicing.rerated import Rerated, key_of_charge, rerated_since
from billing.runs import charge_files
from billing.runs.contracts.columns import int64
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths, read_charges
from billing.runs.contracts.counted_runs import looked
from billing.runs.contracts.unbilled_charges import UnbilledCharges
from billing.runs.selection.event_charges import ChargeFilter
from billing.runs.selection.interim_charges import InterimRun, interim_looks
from billing.runs.selection.standing_charges import HomeAsOf, StandingCharges, on_bills
from billing.store import tables
from billing.store.voids import voided
from rating.dates import day_of
from rating.schema import KEY
from rating.status import REFUSALS_FROM, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from billing.store.home import Home

    Progress = Callable[[int, int], None]

_KEY: Final = ("subscription_id", "period_from", "price_id", "charge_code", "revenue_code", "tax_class")
_COLUMNS: Final = ["event_key", "status", "charge_micros", OWNER, *_KEY]


class Line(NamedTuple):
    """A line of an issued invoice; `is_void`: the invoice is. Credit notes by hand gave `credited_micros` of it back, without tax."""

    number: str
    line_no: int
    is_void: bool
    amount_micros: int = 0
    credit_notes: tuple[str, ...] = ()
    credited_micros: int = 0


class Charged(NamedTuple):
    """The charge of an event in one run, and the line that holds it, if there is one. `aside`: why the bill of the run does not have it.

    `rerated`: what re-ratings have billed since the run on the usage of its subscription and period.
    """

    run_id: int
    status: int
    charge_micros: int
    account_key: int  # 0: nobody's
    line: Line | None
    aside: str  # a kind of `quarantine`; empty: it was billed, or nothing was due for it
    aside_reason: str
    rerated: tuple[Rerated, ...]
    pinned_seq: int = 0  # the commit as of which the run read usage


def charged(home: Home, seq: int, keys: Sequence[bytes], progress: Progress | None = None) -> dict[bytes, list[Charged]]:
    """By event what runs that count made of it, the oldest run first. `progress` counts charge files."""
    found: dict[bytes, list[Charged]] = collections.defaultdict(list)
    if not keys:
        return found
    with home.connect() as connection:
        runs = looked(connection, seq)[::-1]
        files = [(run.run_id, run.pinned_seq, path) for run in runs for path in charge_paths(connection, run.run_id)]
        counting = Counting(connection, seq)
    wanted = pc.field("event_key").isin(pa.array(sorted(keys), KEY))
    for place, (run_id, pinned_seq, path) in enumerate(files):
        table = counting.of(run_id, read_charges(home.path, [path], _COLUMNS, wanted))
        for key, charge in _of_run(home, run_id, pinned_seq, table) if table.num_rows else ():
            found[key].append(charge)
        if progress is not None:
            progress(place + 1, len(files))
    if counting.is_any_undone:  # a bill of before may have again what a run refused that was undone for its account
        with home.connect() as connection:
            again = on_bills(home, connection, seq, (key for key, each in found.items() if each[-1].status >= REFUSALS_FROM))
        for key in again:
            found[key] = [each for each in found[key] if each.status < REFUSALS_FROM]
    for key, on in _on_interim_bills(home, seq, found).items():
        found[key] = sorted([on, *found[key]], key=lambda each: each.run_id)
    return found


def _on_interim_bills(home: Home, seq: int, found: Mapping[bytes, list[Charged]]) -> dict[bytes, Charged]:
    """The charge that an interim bill has of events which a run of the cycle has charged since: they stay on that bill."""
    if not found:
        return {}
    with home.connect() as connection:
        if not interim_looks(connection, seq):
            return {}
        charges = StandingCharges(HomeAsOf(home, connection, seq), ChargeFilter(frozenset(found)))
        on: dict[bytes, Charged] = {}
        lines_of: dict[tuple[int, int], dict[tuple[Any, ...], Line]] = {}
        for charge in sorted(charges.standing(lambda charge: isinstance(charges.run_of(charge), InterimRun))):
            run, (subscription, price_id) = charges.run_of(charge), charges.line_on_bill(charge)
            assert run is not None, "a charge on a bill has a run"
            asked, wanted = (run.run_id, subscription), (subscription, day_of(charge.day).isoformat(), price_id)
            if asked not in lines_of:
                lines_of[asked] = _lines(connection, run.run_id, [subscription])
            line = next((line for key, line in lines_of[asked].items() if key[:3] == wanted), None)
            micros = found[charge.event_key][-1].charge_micros
            made = (run.run_id, int(Status.RATED), micros, charge.account_key, line, "", "", ())
            on[charge.event_key] = Charged(*made, run.pinned_seq)
    return on


def _of_run(home: Home, run_id: int, pinned_seq: int, table: pa.Table) -> Iterable[tuple[bytes, Charged]]:
    micros = int64(charge_files.micros_of(table["charge_micros"])).tolist()
    with home.connect() as connection:
        lines = _lines(connection, run_id, np.unique(int64(table["subscription_id"])).tolist())
        unbilled = UnbilledCharges(connection, run_id, pinned_seq, np.unique(int64(table[OWNER])).tolist())
    plain = table.set_column(table.column_names.index("period_from"), "period_from", table["period_from"].cast(pa.string())).to_pylist()
    with home.connect() as connection:
        rerated = rerated_since(connection, run_id, map(key_of_charge, plain))
    for row, charge_micros in zip(plain, micros, strict=True):
        key = tuple(row[name] for name in _KEY)
        line = lines.get(key) or lines.get((*key[:-1], None))
        kind, reason = unbilled.why(row[OWNER], dt.date.fromisoformat(row["period_from"]))
        made = (run_id, row["status"], charge_micros, row[OWNER], line, kind, reason, rerated[key_of_charge(row)])
        yield row["event_key"], Charged(*made, pinned_seq)


def _lines(connection: sa.Connection, run_id: int, subscriptions: Sequence[int]) -> dict[tuple[Any, ...], Line]:
    """The usage lines of a run by their charge key, and by the key without its tax class: an exempt account may have another one."""
    line, invoice, event = tables.invoice_lines.c, tables.invoices.c, tables.invoice_events.c
    is_void = sa.exists().where(event.invoice_key == invoice.invoice_key, event.kind == "voided")
    names = (line.subscription_key, line.period_from, line.price_id, line.charge_code, line.revenue_code, line.tax_class)
    columns = (*names, invoice.number, line.line_no, is_void.label("is_void"), line.amount_micros, line.invoice_key)
    query = sa.select(*columns).join_from(tables.invoice_lines, tables.invoices)
    query = query.where(invoice.run_id == run_id, line.kind == "usage", line.subscription_key.in_(subscriptions))
    found: dict[tuple[Any, ...], Line] = {}
    rows = connection.execute(query.order_by(line.line_no)).all()
    notes = _credits(connection, {int(row.invoice_key) for row in rows}, names)
    for row in rows:
        key = tuple(row[: len(names)])
        told = Line(row.number, row.line_no, bool(row.is_void), int(row.amount_micros), *notes.get((int(row.invoice_key), *key), ((), 0)))
        found[key] = told
        found.setdefault((*key[:-1], None), told)
    return found


def _credits(
    connection: sa.Connection, invoice_keys: Collection[int], names: Sequence[sa.ColumnElement[Any]]
) -> dict[tuple[Any, ...], tuple[tuple[str, ...], int]]:
    """Credit notes by hand on usage lines of invoices, oldest first, and the sum that they gave back, by invoice and charge key."""
    line, note = tables.invoice_lines.c, tables.invoices.c
    about = note.corrects_invoice_key
    query = sa.select(about, *names, note.number, line.amount_micros).join_from(tables.invoice_lines, tables.invoices)
    query = query.where(about.in_(sorted(invoice_keys)), line.effect.is_not(None), line.kind == "usage", note.invoice_key.not_in(voided()))
    found: dict[tuple[Any, ...], tuple[tuple[str, ...], int]] = {}
    for row in connection.execute(query.order_by(note.invoice_key, line.line_no)):
        key = tuple(row[: len(names) + 1])
        numbers, micros = found.get(key, ((), 0))
        found[key] = (*numbers, row.number), micros - int(row.amount_micros)
    return found
