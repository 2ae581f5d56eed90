"""Take a usage line of an invoice back to its events, or a record of a switch to its charge, explained by the plain twin.

For a record that no run has priced, or that is priced and on no bill, the reason is given (`billing.left_out`). So it is for one that a run
refused, once no run bills it any more. A record whose versions are in conflict waits in suspense (`billing.left_out.in_conflict`).

Charges are priced again by the twin, from facts that it reads itself. Reasons, and the choice of the runs that count, are those of the
run's own code: they explain and check nothing. So the import contract of this folder leaves this module out.

A line that corrects an earlier one stands for a difference; what is shown then is every event of its charge key as the invoice's run
knew them. A charge is that of a run of the cycle; amounts that re-ratings have billed since on top of it are listed separately.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.intake import view
from billing.invoicing.rerated import Rerated, key_of_charge, key_of_line, rerated_since
from billing.left_out import telling
from billing.left_out.in_conflict import InConflict, in_conflict
from billing.left_out.off_bills import off_bills
from billing.left_out.taken_off import taken_off
from billing.left_out.telling import UnbilledRecord
from billing.runs import states
from billing.runs.contracts.columns import int64
from billing.runs.contracts.counted_charges import Counting, charge_paths, read_charges
from billing.runs.contracts.unbilled_charges import UnbilledCharges
from billing.runs.selection.left_out import LeftOut, Outlook
from billing.runs.selection.standing_charges import on_bills
from billing.runs.states import find_run
from billing.store import tables
from billing.verification.plain_lookup import PlainLookup, usage_of
from rating.errors import UserError
from rating.outcome import Outcome
from rating.schema import KEY
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.store.home import Home

_CHARGE: Final = [
    "event_key", "start_us", "payer_account_id", "subscription_id", "period_from", "price_id", "charge_code", "tax_class", "revenue_code",
    "status",
]  # fmt: skip


class LineExplained(msgspec.Struct, frozen=True):
    """A line and its events in order of time. `exact_micros`: the sum of their charges, before the line was rounded.

    `rerated`: what re-ratings have billed since on the usage of its subscription and period.
    """

    number: str
    line_no: int
    text: str
    currency: str
    amount_micros: int
    exact_micros: int
    outcomes: tuple[Outcome, ...]
    run_id: int
    rerated: tuple[Rerated, ...]


class ChargeRerated(msgspec.Struct, frozen=True):
    """The charge of an event in the run that is reported, and what re-ratings have billed since on top of it."""

    event_key: str
    run_id: int
    charge_micros: int
    lines: tuple[Rerated, ...]


class RecordExplained(msgspec.Struct, frozen=True):
    """Outcomes of the records of one name in runs, in order of time; and those that are on no bill.

    `rerated`: of the charges after which a re-rating has billed anything on the usage of their subscription and period.
    `in_conflict`: those without an outcome whose versions wait in suspense; an interim bill may have one.
    """

    record_id: str
    outcomes: tuple[Outcome, ...]
    left_out: tuple[UnbilledRecord, ...]
    rerated: tuple[ChargeRerated, ...] = ()
    in_conflict: tuple[InConflict, ...] = ()

    def rerated_of(self, outcome: Outcome) -> ChargeRerated | None:
        """Lines of re-ratings on top of one of the outcomes."""
        return next((each for each in self.rerated if each.event_key == outcome.event.event_key.hex()), None)


def explain_line(home: Home, number: str, line_no: int) -> LineExplained:
    """All events of one usage line. Raises UserError when there is no such line, or it is a fee or a tax."""
    with home.connect() as connection:
        line = _line(connection, number, line_no)
        run = find_run(connection, line.run_id)
        paths = charge_paths(connection, run.run_id)
        plain = PlainLookup(home, connection, run)
        key = key_of_line(line)
        rerated = rerated_since(connection, run.run_id, [key])[key]
    owner = plain.account_key(line.subscription_key)
    drawn, of_line = _charges(home, paths, line, plain.with_others([owner]) if owner in plain.together else [])
    outcomes = [outcome for _, outcome in plain.outcomes(usage_of(home, plain, drawn))]
    wanted = set(of_line["event_key"].to_pylist())
    chosen = sorted(
        (each for each in outcomes if each.event.event_key in wanted), key=lambda each: (each.event.start_us, each.event.event_key)
    )
    exact_micros = sum(each.charge_micros for each in chosen)
    told = (number, line_no, line.text, line.currency, line.amount_micros, exact_micros)
    return LineExplained(*told, tuple(chosen), run.run_id, rerated)


def explain_record(home: Home, record_id: str, run_id: int | None = None) -> RecordExplained:
    """Outcomes of the records that a source calls `record_id`, each in the newest run that priced it, or why none did; or in one run.

    Raises UserError when there is no such record, or no run.
    """
    with home.connect() as connection:
        seq, latest = home.head_seq(connection), find_run(connection, run_id)
        counted = tables.bill_runs.c
        newest = sa.select(tables.bill_runs).where(counted.state.in_(states.COUNTED), counted.commit_seq <= seq)
        runs = [latest] if run_id is not None else connection.execute(newest.order_by(counted.run_id.desc())).all()
    pins = (seq, *(run.pinned_seq for run in runs))
    named = next((found for pin in pins if (found := _records(home, record_id, pin))), {})
    if not named:
        conflicts = in_conflict(home, seq, record_id)
        if conflicts:
            return RecordExplained(record_id, (), (), in_conflict=conflicts)
        raise UserError(
            f"run {latest.run_id} priced no record `{record_id}`, and no usage that counts has that name",
            "`ratewright bill refused` and `usage suspense` show record names",
        )
    rest, outcomes, left_out, rerated = dict(named), list[Outcome](), list[UnbilledRecord](), list[ChargeRerated]()
    off = {} if run_id is not None else {key: rest.pop(key) for key in taken_off(home, seq, rest).to_pylist()}
    for run in runs:
        if rest:
            priced, aside, on_top = _priced(home, run, rest, chosen=run_id is not None)
            outcomes += priced
            left_out += aside
            rerated += on_top
    rest |= off
    left_out += _told(home, seq, rest, run_id)
    if run_id is None:
        gone: list[Any] = off_bills(home, seq, named).to_pylist()
        parked = {bytes.fromhex(each.event_key) for each in left_out if each.reason is LeftOut.QUARANTINED}
        unbilled = parked | {each.event.event_key for each in outcomes if each.status >= REFUSALS_FROM} | set(gone)
        closed = [each for each in _told(home, seq, {key: named[key] for key in unbilled}) if each.outlook is Outlook.FOR_GOOD]
        known = {told.event_key for told in closed}
        tested = [bytes.fromhex(each.event_key) for each in left_out if each.reason is LeftOut.TESTED and each.event_key not in known]
        again = telling.as_customers(telling.of_next_run(home, seq, {key: named[key] for key in tested if key in gone}))
        known |= {told.event_key for told in again}
        left_out = [each for each in left_out if each.event_key not in known] + closed + list(again)
    ordered = sorted(outcomes, key=lambda each: (each.event.start_us, each.event.event_key))
    conflicts = in_conflict(home, seq, record_id, without={each.event.event_key for each in outcomes})
    return RecordExplained(record_id, tuple(ordered), tuple(left_out), tuple(rerated), conflicts)


def _told(home: Home, seq: int, starts: Mapping[Any, int], run_id: int | None = None) -> tuple[UnbilledRecord, ...]:
    """Reasons why events (keys, with their starts) are on no bill."""
    keys = sorted(starts)
    return telling.tell(home, seq, pa.array(keys, KEY), np.array([starts[key] for key in keys], np.int64), run_id)


def _records(home: Home, record_id: str, seq: int) -> dict[Any, int]:
    """Keys of the events that a source calls so, and when each began."""
    usage = view.usage(home, ("event_key", "record_id", "start_us"), seq, every=True)
    usage = usage.filter(pc.equal(usage["record_id"], pa.scalar(record_id)))
    return dict(zip(usage["event_key"].to_pylist(), int64(usage["start_us"]).tolist(), strict=True))


def _priced(
    home: Home,
    run: Any,  # noqa: ANN401 -- a row of bill_runs
    wanted: dict[Any, int],
    *,
    chosen: bool,
) -> tuple[list[Outcome], list[UnbilledRecord], list[ChargeRerated]]:
    """Outcomes in a run of those of `wanted` that it priced, which are taken out of it.

    The second list holds those that are on no bill all the same. The third holds the charges with later lines of re-ratings on top of them.
    Unless the run was `chosen` by its number, it says nothing for accounts for which it was undone.
    """
    with home.connect() as connection:
        paths = charge_paths(connection, run.run_id)
        counting = Counting(connection, home.head_seq(connection))
    named = read_charges(home.path, paths, _CHARGE, pc.field("event_key").isin(pa.array(sorted(wanted), KEY)))
    named = named if chosen else counting.of(run.run_id, named)
    if not chosen and counting.is_any_undone:
        named = _without_refusals_of_billed(home, named)
    if not named.num_rows:
        return [], [], []
    owners: list[Any] = named["payer_account_id"].to_pylist()
    periods: list[Any] = named["period_from"].to_pylist()
    with home.connect() as connection:
        plain = PlainLookup(home, connection, run)
        unbilled = UnbilledCharges(connection, run.run_id, run.pinned_seq, owners)
    # What a holder's other events drew before is part of the answer: whole buckets are priced, and the records picked out of them.
    if set(owners) != {0}:
        together = pa.array(plain.with_others(owners), named.schema.field("payer_account_id").type)
        drawn = read_charges(home.path, paths, _CHARGE, pc.field("payer_account_id").isin(together))
    else:
        drawn = named
    found = set(named["event_key"].to_pylist())
    outcomes = [outcome for _, outcome in plain.outcomes(usage_of(home, plain, drawn)) if outcome.event.event_key in found]
    starts = {key: wanted.pop(key) for key in found}
    of_key = zip(named["event_key"].to_pylist(), map(unbilled.why, owners, periods), strict=True)
    aside = {key: (LeftOut(kind), reason) for key, (kind, reason) in of_key if kind}
    return outcomes, list(telling.tell_aside(home, run, starts, aside)), _rerated(home, run.run_id, named, outcomes)


def _without_refusals_of_billed(home: Home, named: pa.Table) -> pa.Table:
    """Charges without refusals of events that a bill of before has again, since the run was undone for its account."""
    is_refused: Any = pc.greater_equal(named["status"], pa.scalar(int(REFUSALS_FROM), pa.int16()))
    refused: list[Any] = named.filter(is_refused)["event_key"].to_pylist()
    with home.connect() as connection:
        again = on_bills(home, connection, home.head_seq(connection), refused)
    billed: Any = pc.is_in(named["event_key"], value_set=pa.array(sorted(again), KEY))
    return named.filter(pc.invert(pc.and_(is_refused, billed)))


def _rerated(home: Home, run_id: int, named: pa.Table, outcomes: list[Outcome]) -> list[ChargeRerated]:
    """Charges of a run that have later lines of re-ratings on top of them."""
    keys = {row["event_key"]: key_of_charge(row) for row in named.drop_columns(["start_us"]).to_pylist()}
    with home.connect() as connection:
        lines = rerated_since(connection, run_id, keys.values())
    of_outcome = ((outcome, lines[keys[outcome.event.event_key]]) for outcome in outcomes)
    return [ChargeRerated(each.event.event_key.hex(), run_id, each.charge_micros, told) for each, told in of_outcome if told]


def _line(connection: sa.Connection, number: str, line_no: int) -> Any:  # noqa: ANN401 -- a row of invoice_lines
    invoice, line = tables.invoices, tables.invoice_lines
    query = sa.select(line, invoice.c.run_id, invoice.c.currency, invoice.c.account_key).join_from(line, invoice)
    row = connection.execute(query.where(invoice.c.number == number, line.c.line_no == line_no)).first()
    if row is None:
        raise UserError(f"invoice {number} has no line {line_no}", f"`ratewright invoice show {number}` shows its lines")
    if row.kind != "usage":
        what = {"recurring": "a recurring fee", "one_off": "a one-off fee"}.get(row.kind, "tax")
        raise UserError(f"line {line_no} of {number} is {what}, not usage", "name a line with events")
    return row


def _charges(
    home: Home,
    paths: list[str],
    line: Any,  # noqa: ANN401 -- a row of invoice_lines
    accounts: list[int],
) -> tuple[pa.Table, pa.Table]:
    """All charges that draw together with the line's (of its subscription and period, or of `accounts`), and those of the line itself."""
    charges = read_charges(home.path, paths, _CHARGE)
    period_from = pc.cast(pa.scalar(line.period_from), pa.date32())
    of_period = (pc.field("subscription_id") == line.subscription_key) & (pc.field("period_from") == period_from)
    drawn = charges.filter(pc.field("payer_account_id").isin(accounts) if accounts else of_period)
    of_line = of_period & (pc.field("status") <= 1)
    for name in ("price_id", "charge_code", "tax_class", "revenue_code"):
        of_line &= pc.field(name) == getattr(line, name)
    return drawn, drawn.filter(of_line)
