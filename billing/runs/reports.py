"""Reports of runs, read from the store: their figures, the terms they wrote, and their history."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.accounts.covering import QUARANTINED
from billing.accounts.undone import PROPOSED, UNDONE
from billing.allocations.items import chunks
from billing.charges.book_terms import Term, rows_of
from billing.runs import frozen_list, states
from billing.runs.selection.left_out import TERM
from billing.store import tables
from billing.store.sums import halves, whole
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.store.home import Home


class NumberRange(msgspec.Struct, frozen=True):
    """Numbers that a run gave in the series of one legal entity (`""`: the one without a name), which have no gap."""

    legal_entity: str
    first: str
    last: str


class RunReport(msgspec.Struct, frozen=True):
    """The figures of a run. Amounts by currency in micro-units; `events` by status; `left_out` by reason; instants UTC, 0 not yet.

    `accounts`: those that a run of the cycle computed; of other runs, those with documents.

    For a run that has computed and numbered nothing, they are those of its frozen list.
    """

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
    ahead: str = ""  # why it was begun before its date had
    undone_by: str = ""  # who agreed that it was taken back; the last one where it was in parts
    undone_us: int = 0
    undone_accounts: int = 0  # of a run that was undone for some
    undo_proposed_by: str = ""  # a proposal that waits for another person
    too_late_open: int | None = None  # by all runs left out for good, and nobody has decided; told as a run ends, where it was counted


def run_report(home: Home, run_id: int, *, resumed: bool = False) -> RunReport:
    """The report of a run, read from the store."""
    with home.connect() as connection:
        return _report(home, connection, run_id, resumed=resumed)


def list_runs(home: Home) -> list[RunReport]:
    """Every run, oldest first."""
    with home.connect() as connection:
        ids = connection.execute(sa.select(tables.bill_runs.c.run_id).order_by(tables.bill_runs.c.run_id)).scalars().all()
        return [_report(home, connection, run_id, resumed=False) for run_id in ids]


def run_terms(connection: sa.Connection, run_id: int) -> dict[str, Term]:
    """The terms that a run wrote, by name."""
    term = tables.run_terms.c
    rows = connection.execute(sa.select(term.term, term.rows, term.amount_micros).where(term.run_id == run_id).order_by(term.term))
    return {row.term: Term(int(row.rows), int(row.amount_micros)) for row in rows}


class _Figures(NamedTuple):
    """The number of numbered invoices, and their sums by currency; `aside`: id, kind and reason of accounts that are not billed."""

    invoices: int
    net_micros: dict[str, int]
    tax_micros: dict[str, int]
    total_micros: dict[str, int]
    terms: dict[str, Term]
    aside: list[tuple[str, str, str]]


def _report(home: Home, connection: sa.Connection, run_id: int, *, resumed: bool) -> RunReport:
    row = connection.execute(sa.select(tables.bill_runs).where(tables.bill_runs.c.run_id == run_id)).one()
    run, steps = states.of_row(connection, row), states.steps(connection, run_id)
    approver, drafts = states.approved_by(connection, run_id), _drafts(connection, run_id)
    listed = run.state in {states.COMPUTED, states.REJECTED}
    undo = _undo(connection, run_id)
    figures = _listed(home, connection, run_id) if listed else _numbered(connection, run_id)
    terms = figures.terms
    reached = {state: step.at_us for state, step in steps.items()}
    return RunReport(
        run_id=run_id,
        bill_date=row.bill_date,
        pinned_seq=row.pinned_seq,
        state=UNDONE if undo.is_whole else row.state,
        resumed=resumed,
        accounts=accounts_of(connection, run_id, terms),
        invoices=figures.invoices,
        numbers=_numbers(connection, run_id),
        net_micros=figures.net_micros,
        tax_micros=figures.tax_micros,
        total_micros=figures.total_micros,
        events=rows_of(terms, "events."),
        left_out=rows_of(terms, TERM),
        quarantined={account: reason for account, kind, reason in figures.aside if kind == QUARANTINED},
        kind=run.kind,
        restricted=run.restricted,
        started_by=run.by.name,
        approved_by=approver.name if approver is not None else "",
        started_us=int(row.started_us),
        computed_us=reached.get(states.COMPUTED, 0),
        numbered_us=reached.get(states.NUMBERED, 0),
        finished_us=next((reached[each] for each in states.FINAL if each in reached), 0),
        put_aside={account: f"{kind}: {reason}" for account, kind, reason in figures.aside if kind != QUARANTINED},
        drafts=drafts,
        ahead=run.ahead,
        undone_by=undo.by_name,
        undone_us=undo.at_us,
        undone_accounts=undo.accounts,
        undo_proposed_by=undo.proposed_by,
    )


class _Undo(NamedTuple):
    """The undo of a run: for all accounts, or for a number of them; `proposed_by`: who waits for another person."""

    is_whole: bool = False
    accounts: int = 0
    by_name: str = ""
    at_us: int = 0
    proposed_by: str = ""


def _undo(connection: sa.Connection, run_id: int) -> _Undo:
    row, of = tables.run_undos, tables.run_undo_accounts.c
    words = connection.execute(sa.select(row).where(row.c.run_id == run_id).order_by(row.c.undo_id)).all()
    done = [each for each in words if each.kind == UNDONE]
    is_whole = any(each.restricted is None for each in done)
    named = sa.select(sa.func.count(of.account_key.distinct())).where(of.undo_id.in_([each.undo_id for each in done]))
    accounts = 0 if is_whole or not done else int(connection.execute(named).scalar_one())
    last = words[-1] if words else None
    proposed_by = last.by_name if last is not None and last.kind == PROPOSED else ""
    return _Undo(is_whole, accounts, done[-1].by_name if done else "", int(done[-1].at_us) if done else 0, proposed_by)


def _numbered(connection: sa.Connection, run_id: int) -> _Figures:
    """The figures of invoices that have numbers."""
    invoice = tables.invoices.c
    sums = [part for name in ("net_micros", "tax_micros", "total_micros") for part in halves(invoice[name])]
    of_run = sa.select(invoice.currency, sa.func.count(), *sums).where(invoice.run_id == run_id).group_by(invoice.currency)
    by_currency = connection.execute(of_run.order_by(invoice.currency)).all()
    net, tax, both = ({each[0]: whole(*each[place : place + 2]) for each in by_currency} for place in (2, 4, 6))
    return _Figures(sum(each[1] for each in by_currency), net, tax, both, run_terms(connection, run_id), _put_aside(connection, run_id))


def _listed(home: Home, connection: sa.Connection, run_id: int) -> _Figures:
    """The figures of a frozen list. One that can no longer be read has none: numbering it reports why."""
    try:
        index = frozen_list.read_index(home.path, frozen_list.named(home, run_id))
    except UserError:
        return _Figures(0, {}, {}, {}, {}, [])
    net, tax = dict(sorted(index.net_micros.items())), dict(sorted(index.tax_micros.items()))
    account = tables.accounts.c
    query = sa.select(account.account_key, account.account_id)
    put_aside = index.aside()
    keys = [each.account_key for each in put_aside]
    rows = [row for some in chunks(keys) for row in connection.execute(query.where(account.account_key.in_(some or ())))]
    ids = {row.account_key: row.account_id for row in rows}
    aside = sorted(((ids[each.account_key], each.kind, each.reason) for each in put_aside), key=operator.itemgetter(0))
    return _Figures(0, net, tax, {name: net[name] + tax[name] for name in net}, index.terms, aside)


def _numbers(connection: sa.Connection, run_id: int) -> tuple[NumberRange, ...]:
    """The first and the last number of each series. A run makes documents of one type."""
    invoice = tables.invoices.c
    columns = (invoice.legal_entity, sa.func.min(invoice.number), sa.func.max(invoice.number))
    by_entity = connection.execute(sa.select(*columns).where(invoice.run_id == run_id).group_by(invoice.legal_entity)).all()
    return tuple(sorted((NumberRange(entity or "", first, last) for entity, first, last in by_entity), key=lambda each: each.legal_entity))


def accounts_of(connection: sa.Connection, run_id: int, terms: Mapping[str, Term]) -> int:
    """The number of accounts that a run computed, by its `terms`; of an old run those with documents."""
    if "accounts" in terms:
        return terms["accounts"].rows
    invoice = tables.invoices.c
    query = sa.select(sa.func.count(invoice.account_key.distinct())).where(invoice.run_id == run_id)
    return int(connection.execute(query).scalar_one())


def _put_aside(connection: sa.Connection, run_id: int) -> list[tuple[str, str, str]]:
    """(account_id, kind, reason) of accounts that a run did not bill."""
    account, parked = tables.accounts.c, tables.quarantine
    query = sa.select(account.account_id, parked.c.kind, parked.c.reason)
    query = query.join_from(parked, tables.accounts, parked.c.account_key == account.account_key)
    return [tuple(row) for row in connection.execute(query.where(parked.c.run_id == run_id).order_by(account.account_id))]


def _drafts(connection: sa.Connection, run_id: int) -> int:
    """The number of invoices on a run's frozen list."""
    drafts = tables.run_drafts.c
    return int(connection.execute(sa.select(drafts.invoices).where(drafts.run_id == run_id)).scalar_one_or_none() or 0)
