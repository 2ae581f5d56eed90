"""What runs have done, read from the store: their figures, the terms they wrote, and their history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from billing.runs import states
from billing.runs.terms import Term
from billing.store import tables
from billing.store.sums import halves, whole

if TYPE_CHECKING:
    from billing.store.home import Home


class NumberRange(msgspec.Struct, frozen=True):
    """Numbers that a run gave in the series of one legal entity (`""`: the one without a name), which have no gap."""

    legal_entity: str
    first: str
    last: str


class RunReport(msgspec.Struct, frozen=True):
    """What a run has done. Amounts by currency in micro-units; `events` by status; `left_out` by reason; instants UTC, 0 not yet."""

    run_id: int
    bill_date: str
    pinned_seq: int
    state: str
    resumed: bool
    accounts: int
    invoices: int
    numbers: tuple[NumberRange, ...]  # by legal entity
    net_micros: dict[str, int]
    tax_micros: dict[str, int]
    total_micros: dict[str, int]
    events: dict[str, int]
    left_out: dict[str, int]
    quarantined: dict[str, str]  # account_id -> reason
    kind: str = states.CYCLE
    restricted: bool = False  # to named accounts
    started_by: str = ""
    approved_by: str = ""
    started_us: int = 0
    computed_us: int = 0
    numbered_us: int = 0
    finished_us: int = 0
    put_aside: dict[str, str] = {}  # account_id -> why it is not billed: held, or for testing
    drafts: int = 0  # invoices on the frozen list


def run_report(home: Home, run_id: int, *, resumed: bool = False) -> RunReport:
    """The report of a run, read from the store. What is not numbered yet has no figures."""
    with home.connect() as connection:
        return _report(connection, run_id, resumed=resumed)


def list_runs(home: Home) -> list[RunReport]:
    """Every run, oldest first."""
    with home.connect() as connection:
        ids = connection.execute(sa.select(tables.bill_runs.c.run_id).order_by(tables.bill_runs.c.run_id)).scalars().all()
        return [_report(connection, run_id, resumed=False) for run_id in ids]


def run_terms(connection: sa.Connection, run_id: int) -> dict[str, Term]:
    """The terms that a run wrote, by name."""
    term = tables.run_terms.c
    rows = connection.execute(sa.select(term.term, term.rows, term.amount_micros).where(term.run_id == run_id).order_by(term.term))
    return {row.term: Term(int(row.rows), int(row.amount_micros)) for row in rows}


def _report(connection: sa.Connection, run_id: int, *, resumed: bool) -> RunReport:
    run_row, invoice = tables.bill_runs.c, tables.invoices.c
    row = connection.execute(sa.select(tables.bill_runs).where(run_row.run_id == run_id)).one()
    sums = [part for name in ("net_micros", "tax_micros", "total_micros") for part in halves(invoice[name])]
    of_run = sa.select(invoice.currency, sa.func.count(), *sums).where(invoice.run_id == run_id).group_by(invoice.currency)
    by_currency = connection.execute(of_run.order_by(invoice.currency)).all()
    terms, run, steps = run_terms(connection, run_id), states.of_row(connection, row), states.steps(connection, run_id)
    aside, approver = _put_aside(connection, run_id), states.approved_by(connection, run_id)
    reached = {state: step.at_us for state, step in steps.items()}
    return RunReport(
        run_id=run_id,
        bill_date=row.bill_date,
        pinned_seq=row.pinned_seq,
        state=row.state,
        resumed=resumed,
        accounts=terms.get("accounts", Term(0, 0)).rows,
        invoices=sum(each[1] for each in by_currency),
        numbers=_numbers(connection, run_id),
        net_micros={each[0]: whole(*each[2:4]) for each in by_currency},
        tax_micros={each[0]: whole(*each[4:6]) for each in by_currency},
        total_micros={each[0]: whole(*each[6:]) for each in by_currency},
        events={name.removeprefix("events."): term.rows for name, term in terms.items() if name.startswith("events.")},
        left_out={name.removeprefix("left_out."): term.rows for name, term in terms.items() if name.startswith("left_out.")},
        quarantined={account: reason for account, kind, reason in aside if kind is None},
        kind=run.kind,
        restricted=run.restricted,
        started_by=run.by.name,
        approved_by=approver.name if approver is not None else "",
        started_us=int(row.started_us),
        computed_us=reached.get(states.COMPUTED, 0),
        numbered_us=reached.get(states.NUMBERED, 0),
        finished_us=reached.get(states.POSTED, reached.get(states.REJECTED, 0)),
        put_aside={account: f"{kind}: {reason}" for account, kind, reason in aside if kind is not None},
        drafts=_drafts(connection, run_id),
    )


def _numbers(connection: sa.Connection, run_id: int) -> tuple[NumberRange, ...]:
    """The first and the last number of each series. A run makes documents of one type."""
    invoice = tables.invoices.c
    columns = (invoice.legal_entity, sa.func.min(invoice.number), sa.func.max(invoice.number))
    by_entity = connection.execute(sa.select(*columns).where(invoice.run_id == run_id).group_by(invoice.legal_entity)).all()
    return tuple(sorted((NumberRange(entity or "", first, last) for entity, first, last in by_entity), key=lambda each: each.legal_entity))


def _put_aside(connection: sa.Connection, run_id: int) -> list[tuple[str, str | None, str]]:
    """(account_id, kind, reason) of accounts that a run did not bill."""
    account, parked = tables.accounts.c, tables.quarantine
    query = sa.select(account.account_id, parked.c.kind, parked.c.reason)
    query = query.join_from(parked, tables.accounts, parked.c.account_key == account.account_key)
    return [tuple(row) for row in connection.execute(query.where(parked.c.run_id == run_id).order_by(account.account_id))]


def _drafts(connection: sa.Connection, run_id: int) -> int:
    """How many invoices a run's frozen list has."""
    drafts = tables.run_drafts.c
    return int(connection.execute(sa.select(drafts.invoices).where(drafts.run_id == run_id)).scalar_one_or_none() or 0)
