"""Charges and credits by hand that count as of a commit: those that one person could enter alone, and those that another approved.

The commit that stored them decided between the two: a limit that is raised later approves nothing. An adjustment for usage that came too
late counts until that decision is taken back (`billing.late_decisions`).
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from billing import late_decisions
from billing.accounts.picture import load
from billing.accounts.still_open import latest_run, open_from
from billing.allocations.items import voided
from billing.charges.periods import ONE_DAY
from billing.store import bulk, tables

if TYPE_CHECKING:
    import pyarrow as pa

LIMIT: Final = "adjustment_limit_micros"
_OUTSIDE: Final = "outside"


def counting(connection: sa.Connection, seq: int, retracted_seq: int | None = None) -> pa.Table:
    """Rows of `adjustments` that count as of `seq`, in the order in which they were entered, without those retracted by `retracted_seq`.

    A re-rating knows them as the last run did, and leaves out what was retracted since. None: by `seq`.
    """
    row = tables.adjustments
    counts = sa.and_(row.c.commit_seq <= seq, row.c.approved_by.is_not(None))
    gone = late_decisions.retracted(connection, seq if retracted_seq is None else retracted_seq)
    if gone:
        counts = sa.and_(counts, row.c.adjustment_id.not_in(sorted(gone)))
    return bulk.read(connection, sa.select(row).where(counts).order_by(row.c.adjustment_id))


def retracted(connection: sa.Connection, seq: int) -> pa.Table:
    """Rows of `adjustments` that were retracted by `seq`: no line is due for them, and one that takes such a line back has its name."""
    row = tables.adjustments
    gone = sorted(late_decisions.retracted(connection, seq))
    return bulk.read(connection, sa.select(row).where(row.c.adjustment_id.in_(gone)).order_by(row.c.adjustment_id))


class Billed(NamedTuple):
    """The newest valid document that bills an adjustment, its line, and the part given back by credit notes for good (`outside`).

    `line_micros` and `credited_micros` are amounts of lines: both without tax. `credit_note` is the newest of `credit_notes`.
    """

    number: str
    line_no: int
    credit_note: str = ""
    credited_micros: int = 0
    line_micros: int = 0
    credit_notes: tuple[str, ...] = ()


def billed(connection: sa.Connection) -> dict[int, Billed]:
    """The lines that bill adjustments (ids): those of the adjustment's own sign. A line of the other sign takes such a line back."""
    line, invoice, entered = tables.invoice_lines.c, tables.invoices.c, tables.adjustments.c
    columns = (line.price_id, line.line_no, line.amount_micros, line.effect, invoice.number, entered.amount_micros.label("entered_micros"))
    query = sa.select(*columns).join_from(tables.invoice_lines, tables.invoices, invoice.invoice_key == line.invoice_key)
    query = query.join(tables.adjustments, entered.adjustment_id == line.price_id)
    query = query.where(line.kind == "adjustment", invoice.invoice_key.not_in(voided())).order_by(invoice.invoice_key, line.line_no)
    found: dict[int, Billed] = {}
    for row in connection.execute(query):
        before = found.get(int(row.price_id))
        if (row.amount_micros > 0) == (row.entered_micros > 0):
            found[int(row.price_id)] = Billed(row.number, int(row.line_no), line_micros=abs(int(row.amount_micros)))
        elif before is not None and row.effect == _OUTSIDE:
            credited = before.credited_micros + abs(int(row.amount_micros))
            found[int(row.price_id)] = before._replace(
                credit_note=row.number, credited_micros=credited, credit_notes=(*before.credit_notes, row.number)
            )
    return found


def waiting(connection: sa.Connection, seq: int) -> set[int]:
    """Accounts (keys) with adjustments that count, are on no bill yet, and will be on a later one."""
    done = billed(connection).keys() | never_billed(connection, seq).keys()
    rows = counting(connection, seq).select(["adjustment_id", "account_key"]).to_pylist()
    return {int(row["account_key"]) for row in rows if row["adjustment_id"] not in done}


def never_billed(connection: sa.Connection, seq: int) -> dict[int, dt.date]:
    """Adjustments (ids) that count, are on no bill and will be on none, each with the first open day of its account.

    The period of their day was closed before a run billed them, as after a long hold, or where `reopen_periods_max` was set lower.
    """
    latest, on_a_bill, waiting = latest_run(connection), billed(connection), dict[int, list[tuple[int, dt.date]]]()
    for row in counting(connection, seq).select(["adjustment_id", "account_key", "on_date"]).to_pylist():
        is_behind = latest is not None and row["on_date"] < latest.isoformat()  # no period from there on is closed
        if is_behind and row["adjustment_id"] not in on_a_bill:
            waiting.setdefault(int(row["account_key"]), []).append((int(row["adjustment_id"]), dt.date.fromisoformat(row["on_date"])))
    found: dict[int, dt.date] = {}
    for key, entered in waiting.items():
        picture = load(connection, [key])
        first, closed_on = open_from(connection, picture, key), picture.customers[key].closed_on
        for adjustment_id, day in entered:
            last = day if closed_on is None else min(day, closed_on - ONE_DAY)  # of the last period, once its account is closed
            if last < first:
                found[adjustment_id] = first
    return found
