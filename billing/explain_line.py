"""Take a usage line of an invoice back to its events, or a record of a switch to its charge, explained by the plain twin.

A line that corrects an earlier one stands for a difference; what is shown then is every event of its charge key as the invoice's run
knew them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.intake import view
from billing.plain_lookup import PlainLookup, usage_of
from billing.runs import charge_files
from billing.runs.refusals import charge_paths, find_run
from billing.store import tables
from rating.errors import UserError
from rating.outcome import Outcome

if TYPE_CHECKING:
    from billing.store.home import Home

_CHARGE: Final = [
    "event_key", "start_us", "payer_account_id", "subscription_id", "period_from", "price_id", "charge_code", "tax_class", "revenue_code",
    "status",
]  # fmt: skip


class LineExplained(msgspec.Struct, frozen=True):
    """A line and its events in order of time. `exact_micros`: the sum of their charges, before the line was rounded."""

    number: str
    line_no: int
    text: str
    currency: str
    amount_micros: int
    exact_micros: int
    outcomes: tuple[Outcome, ...]


def explain_line(home: Home, number: str, line_no: int) -> LineExplained:
    """All events of one usage line. Raises UserError when there is no such line, or it is a fee or a tax."""
    with home.connect() as connection:
        line = _line(connection, number, line_no)
        run = find_run(connection, line.run_id)
        paths = charge_paths(connection, run.run_id)
        plain = PlainLookup(home, connection, run)
    owner = plain.account_key(line.subscription_key)
    drawn, of_line = _charges(home, paths, line, plain.with_others([owner]) if owner in plain.together else [])
    outcomes = [outcome for _, outcome in plain.outcomes(usage_of(home, run.pinned_seq, drawn))]
    wanted = set(of_line["event_key"].to_pylist())
    chosen = sorted(
        (each for each in outcomes if each.event.event_key in wanted), key=lambda each: (each.event.start_us, each.event.event_key)
    )
    exact_micros = sum(each.charge_micros for each in chosen)
    return LineExplained(number, line_no, line.text, line.currency, line.amount_micros, exact_micros, tuple(chosen))


def explain_record(home: Home, record_id: str, run_id: int | None = None) -> tuple[Outcome, ...]:
    """What a run (the latest by default) made of the records that a source calls `record_id`, refused ones too, in order of time.

    Raises UserError when the run priced no such record.
    """
    with home.connect() as connection:
        run = find_run(connection, run_id)
        paths = charge_paths(connection, run.run_id)
        plain = PlainLookup(home, connection, run)
    usage = view.usage(home, ("event_key", "record_id"), run.pinned_seq)
    wanted: set[Any] = set(usage.filter(pc.equal(usage["record_id"], pa.scalar(record_id)))["event_key"].to_pylist())
    charges = charge_files.read(home.path, paths, _CHARGE)
    named = charges.filter(pc.is_in(charges["event_key"], value_set=pa.array(sorted(wanted), charges.schema.field("event_key").type)))
    if not named.num_rows:
        raise UserError(
            f"run {run.run_id} priced no record `{record_id}`",
            "`ratewright bill refused` and `usage suspense` show record names; name an earlier run with --run",
        )
    # What a holder's other events drew before is part of the answer: whole buckets are priced, and the records picked out of them.
    owners: list[Any] = named["payer_account_id"].to_pylist()
    together = plain.with_others(owners)
    drawn = charges.filter(
        pc.is_in(charges["payer_account_id"], value_set=pa.array(together, charges.schema.field("payer_account_id").type))
    )
    alone = named.filter(pc.equal(named["payer_account_id"], pa.scalar(0)))
    outcomes = plain.outcomes(usage_of(home, run.pinned_seq, alone if alone.num_rows == named.num_rows else drawn))
    found = (outcome for _, outcome in outcomes if outcome.event.event_key in wanted)
    return tuple(sorted(found, key=lambda each: (each.event.start_us, each.event.event_key)))


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
    charges = charge_files.read(home.path, paths, _CHARGE)
    period_from = pc.cast(pa.scalar(line.period_from), pa.date32())
    of_period = (pc.field("subscription_id") == line.subscription_key) & (pc.field("period_from") == period_from)
    drawn = charges.filter(pc.field("payer_account_id").isin(accounts) if accounts else of_period)
    of_line = of_period & (pc.field("status") <= 1)
    for name in ("price_id", "charge_code", "tax_class", "revenue_code"):
        of_line &= pc.field(name) == getattr(line, name)
    return drawn, drawn.filter(of_line)
