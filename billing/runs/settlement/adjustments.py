"""Charges and credits by hand that count as of a commit: those that one person could enter alone, and those that another approved.

The commit that stored them decided between the two: a limit that is raised later approves nothing. An adjustment for usage that came too
late counts until that decision is taken back (`billing.late_decisions`).
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing import late_decisions
from billing.accounts.picture import load
from billing.accounts.still_open import latest_run, open_from
from billing.runs.contracts.uninvoiced_accounts import DaysForTests
from billing.store import bulk, tables
from billing.store.voids import voided
from rating.dates import last_day

if TYPE_CHECKING:
    import pyarrow as pa

LIMIT: Final = "adjustment_limit_micros"
PERIOD_CLOSED: Final = "closed"
FOR_TESTS: Final = "test"
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
    """The valid document that bills an adjustment, its line, and the part given back by credit notes for good (`outside`).

    `line_micros` and `credited_micros` are amounts of lines: both without tax. `credit_note` is the newest of `credit_notes`.
    """

    number: str
    line_no: int
    credit_note: str = ""
    credited_micros: int = 0
    line_micros: int = 0
    credit_notes: tuple[str, ...] = ()


class _Standing(NamedTuple):
    """The lines of an adjustment on valid documents of one payer: their sum without credits for good, and the newest that bills it."""

    net_micros: int = 0
    invoice_key: int = 0
    newest: Billed | None = None

    def with_line(self, row: Any) -> _Standing:  # noqa: ANN401 -- a row of the database
        """The same with a later line."""
        if row.effect == _OUTSIDE:
            return self if self.newest is None else self._replace(newest=_credited(self.newest, row))
        is_own = (row.amount_micros > 0) == (row.entered_micros > 0)
        net_micros = self.net_micros + int(row.amount_micros)
        if not is_own:
            return self._replace(net_micros=net_micros)
        return _Standing(net_micros, int(row.invoice_key), Billed(row.number, int(row.line_no), line_micros=abs(int(row.amount_micros))))


def billed(connection: sa.Connection) -> dict[int, Billed]:
    """The lines that bill adjustments (ids): the newest of the payer from whom the documents together ask it.

    A document may take a line of another one back, as when another account is to pay it. If the document of that account is void then,
    none bills the adjustment.
    """
    line, invoice, entered = tables.invoice_lines.c, tables.invoices.c, tables.adjustments.c
    columns = (line.price_id, line.line_no, line.amount_micros, line.effect, invoice.number, invoice.invoice_key, invoice.account_key)
    query = sa.select(*columns, entered.amount_micros.label("entered_micros")).join_from(
        tables.invoice_lines, tables.invoices, invoice.invoice_key == line.invoice_key
    )
    query = query.join(tables.adjustments, entered.adjustment_id == line.price_id)
    query = query.where(line.kind == "adjustment", invoice.invoice_key.not_in(voided())).order_by(invoice.invoice_key, line.line_no)
    of_payer: dict[tuple[int, int], _Standing] = {}
    for row in connection.execute(query):
        key = (int(row.price_id), int(row.account_key))
        of_payer[key] = of_payer.get(key, _Standing()).with_line(row)
    found: dict[int, _Standing] = {}
    for (adjustment_id, _), each in of_payer.items():
        if each.net_micros and each.newest is not None and each.invoice_key >= found.get(adjustment_id, each).invoice_key:
            found[adjustment_id] = each
    return {adjustment_id: each.newest for adjustment_id, each in found.items() if each.newest is not None}


def waiting(connection: sa.Connection, seq: int) -> set[int]:
    """Accounts (keys) with adjustments that count, are on no bill yet, and will be on a later one."""
    done = billed(connection).keys() | never_billed(connection, seq).keys()
    rows = counting(connection, seq).select(["adjustment_id", "account_key"]).to_pylist()
    return {int(row["account_key"]) for row in rows if row["adjustment_id"] not in done}


def never_billed(connection: sa.Connection, seq: int) -> dict[int, str]:
    """Adjustments (ids) that count, are on no bill and will be on none, each with the reason: PERIOD_CLOSED or FOR_TESTS.

    The period of their day was closed before a run billed them, as after a long hold, or where `reopen_periods_max` was set lower. Or
    their account is for tests in that period.
    """
    latest, on_a_bill, waiting = latest_run(connection), billed(connection), dict[int, list[tuple[int, dt.date]]]()
    for row in counting(connection, seq).select(["adjustment_id", "account_key", "on_date"]).to_pylist():
        if row["adjustment_id"] not in on_a_bill:
            waiting.setdefault(int(row["account_key"]), []).append((int(row["adjustment_id"]), dt.date.fromisoformat(row["on_date"])))
    tests = DaysForTests(connection, waiting, seq)
    found: dict[int, str] = {}
    for key, entered in waiting.items():
        is_behind = latest is not None and any(day < latest for _, day in entered)  # no period from the latest run on is closed
        if not is_behind and not tests.ever(key):
            continue
        picture = load(connection, [key])
        customer, first = picture.customers[key], open_from(connection, picture, key)
        for adjustment_id, day in entered:
            last = day if customer.closed_on is None else min(day, last_day(customer.closed_on))  # of the last period, once it is closed
            if last < first:
                found[adjustment_id] = PERIOD_CLOSED
            elif customer.is_for_tests(last):
                found[adjustment_id] = FOR_TESTS
    return found


def _credited(billed_: Billed, row: Any) -> Billed:  # noqa: ANN401 -- a row of the database
    """A line after one more credit note gave back a part of it for good."""
    micros = billed_.credited_micros + abs(int(row.amount_micros))
    return billed_._replace(credit_note=row.number, credited_micros=micros, credit_notes=(*billed_.credit_notes, row.number))
