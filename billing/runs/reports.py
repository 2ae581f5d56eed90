"""What runs have done, read from the store: their figures and the terms they wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from billing.runs.settlement import Term
from billing.store import tables

if TYPE_CHECKING:
    from billing.store.home import Home


class RunReport(msgspec.Struct, frozen=True):
    """What a run has done. Amounts by currency in micro-units; `events` by status; `left_out` by reason."""

    run_id: int
    bill_date: str
    pinned_seq: int
    state: str
    resumed: bool
    accounts: int
    invoices: int
    first_number: str
    last_number: str
    net_micros: dict[str, int]
    tax_micros: dict[str, int]
    total_micros: dict[str, int]
    events: dict[str, int]
    left_out: dict[str, int]
    quarantined: dict[str, str]  # account_id -> reason


def run_report(home: Home, run_id: int, *, resumed: bool = False) -> RunReport:
    """The report of a numbered run, read from the store."""
    run_row, invoice, account = tables.bill_runs.c, tables.invoices.c, tables.accounts.c
    with home.connect() as connection:
        row = connection.execute(sa.select(tables.bill_runs).where(run_row.run_id == run_id)).one()
        sums = [sa.cast(sa.func.sum(invoice[name]), tables.INT64) for name in ("net_micros", "tax_micros", "total_micros")]
        columns = (invoice.currency, *sums, sa.func.count(), sa.func.min(invoice.number), sa.func.max(invoice.number))
        by_currency = connection.execute(sa.select(*columns).where(invoice.run_id == run_id).group_by(invoice.currency)).all()
        terms = run_terms(connection, run_id)
        parked = sa.select(account.account_id, tables.quarantine.c.reason).join_from(
            tables.quarantine, tables.accounts, tables.quarantine.c.account_key == account.account_key
        )
        quarantined = {each.account_id: each.reason for each in connection.execute(parked.where(tables.quarantine.c.run_id == run_id))}
    return RunReport(
        run_id=run_id,
        bill_date=row.bill_date,
        pinned_seq=row.pinned_seq,
        state=row.state,
        resumed=resumed,
        accounts=terms.get("accounts", Term(0, 0)).rows,
        invoices=sum(each[4] for each in by_currency),
        first_number=min((each[5] for each in by_currency), default=""),
        last_number=max((each[6] for each in by_currency), default=""),
        net_micros={each[0]: int(each[1]) for each in by_currency},
        tax_micros={each[0]: int(each[2]) for each in by_currency},
        total_micros={each[0]: int(each[3]) for each in by_currency},
        events={name.removeprefix("events."): term.rows for name, term in terms.items() if name.startswith("events.")},
        left_out={name.removeprefix("left_out."): term.rows for name, term in terms.items() if name.startswith("left_out.")},
        quarantined=quarantined,
    )


def list_runs(home: Home) -> list[RunReport]:
    """Every run, oldest first."""
    with home.connect() as connection:
        ids = connection.execute(sa.select(tables.bill_runs.c.run_id).order_by(tables.bill_runs.c.run_id)).scalars().all()
    return [run_report(home, run_id) for run_id in ids]


def run_terms(connection: sa.Connection, run_id: int) -> dict[str, Term]:
    """The terms that a run wrote, by name."""
    term = tables.run_terms.c
    rows = connection.execute(sa.select(term.term, term.rows, term.amount_micros).where(term.run_id == run_id).order_by(term.term))
    return {row.term: Term(int(row.rows), int(row.amount_micros)) for row in rows}
