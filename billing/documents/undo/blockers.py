"""The obstacles to undoing a run: everything that was built on its bills, by rating unit, each with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa

from billing.accounts import covering
from billing.allocations.spread import DOCUMENT, WRITE_OFF
from billing.charges.charge_keys import KEY_FIELDS
from billing.documents.undo import moved_usage
from billing.invoicing.forms import CREDIT_NOTE
from billing.ledger import closed_months
from billing.payments.instalments import ENDED
from billing.store import tables
from billing.store.voids import voided

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from billing.runs.contracts.facts import Facts
    from billing.store.home import Home

_BILLS: Final = (covering.CYCLE, covering.THRESHOLD, covering.RERATE)
_LEAVE_OUT: Final = "or undo the run for others alone, with --accounts"


class Blocker(msgspec.Struct, frozen=True):
    """An obstacle in a rating unit, and its remedy. `document`: the one that is about it."""

    account_ids: tuple[str, ...]
    document: str
    reason: str
    remedy: str


class _Found(NamedTuple):
    account_key: int
    document: str
    reason: str
    remedy: str


def blockers(home: Home, connection: sa.Connection, run_id: int, known: Facts, account_keys: set[int]) -> list[Blocker]:
    """All obstacles to undoing a run for accounts (keys), which are whole rating units, in the order of their ids."""
    found = [
        each
        for look in (_later_bills, _credits, _money, _plans, _paid_out, _closed)
        for each in look(connection, run_id)
        if each.account_key in account_keys
    ]
    found += _moved(home, connection, run_id, known, account_keys)
    unit = dict(zip(known.account_keys.tolist(), known.account_unit.tolist(), strict=True))
    concerned = {unit[each.account_key] for each in found}
    places = np.flatnonzero(np.isin(known.account_unit, list(concerned))).tolist()
    names: dict[int, list[str]] = {}
    for place in places:
        if int(known.account_keys[place]) in account_keys:
            names.setdefault(int(known.account_unit[place]), []).append(known.account_ids[place].as_py())
    told = {
        Blocker(tuple(sorted(names[unit[each.account_key]])), each.document, each.reason, f"{each.remedy}, {_LEAVE_OUT}") for each in found
    }
    return sorted(told, key=lambda each: (each.account_ids, each.document, each.reason))


def _standing(run_id: int, as_of: int | None = None) -> list[sa.ColumnElement[bool]]:
    """Documents of the run that are not void, by a commit if one is given."""
    invoice = tables.invoices.c
    return [invoice.run_id == run_id, invoice.invoice_key.not_in(voided(as_of=as_of))]


def _later_bills(connection: sa.Connection, run_id: int) -> Iterator[_Found]:
    """Bills that were made on top of it: of the cycle, between its runs, and by re-ratings. The newest of each account."""
    invoice, run = tables.invoices.c, tables.bill_runs.c
    query = sa.select(invoice.account_key, sa.func.max(invoice.invoice_key)).join_from(tables.invoices, tables.bill_runs)
    query = query.where(run.run_id == invoice.run_id, run.run_id > run_id, run.kind.in_(_BILLS))
    newest = query.where(invoice.invoice_key.not_in(voided())).group_by(invoice.account_key).subquery()
    names = sa.select(invoice.account_key, invoice.number, run.run_id, run.bill_date, run.kind)
    names = names.join_from(tables.invoices, tables.bill_runs, run.run_id == invoice.run_id)
    for row in connection.execute(names.where(invoice.invoice_key.in_(sa.select(newest.c[1])))):
        undo = f"undo that run first: ratewright bill undo --run {row.run_id} --reason ..."
        void = f"void it first: ratewright invoice void {row.number} --reason ..."
        remedy = undo if row.kind == covering.CYCLE else void
        yield _Found(int(row.account_key), row.number, f"{row.number} of run {row.run_id} ({row.bill_date}) is a later bill", remedy)


def _credits(connection: sa.Connection, run_id: int) -> Iterator[_Found]:
    """Credit notes about its documents, or on charges that they have."""
    invoice, note = tables.invoices.c, tables.invoices.alias("note")
    own, other = tables.invoice_lines.alias("own"), tables.invoice_lines.alias("other")
    names = (invoice.account_key, invoice.number.label("about"), note.c.number)
    on_charges = sa.select(*names).select_from(note).join(other, other.c.invoice_key == note.c.invoice_key)
    on_charges = on_charges.join(tables.invoices, sa.and_(invoice.account_key == note.c.account_key, *_standing(run_id)))
    same = [own.c[name] == other.c[name] for name in KEY_FIELDS]
    on_charges = on_charges.join(own, sa.and_(own.c.invoice_key == invoice.invoice_key, own.c.kind != "tax", *same))
    of_it = sa.select(*names).select_from(note).join(tables.invoices, note.c.corrects_invoice_key == invoice.invoice_key)
    for query in (on_charges, of_it.where(*_standing(run_id))):
        stands = (note.c.document_type == CREDIT_NOTE, note.c.run_id > run_id, note.c.invoice_key.not_in(voided()))
        for row in connection.execute(query.where(*stands).distinct()):
            remedy = f"void it first: ratewright invoice void {row.number} --reason ..."
            yield _Found(int(row.account_key), row.about, f"{row.number} credits charges of {row.about}", remedy)


def _money(connection: sa.Connection, run_id: int) -> Iterator[_Found]:
    """Money that settles its documents, and write-offs.

    Amounts that its own posting set against them are free again, and so are documents.
    """
    row, invoice, chunk = tables.settlements.c, tables.invoices.c, tables.run_chunks.c
    own = sa.select(chunk.commit_seq).where(chunk.run_id == run_id)
    since = sa.case((row.commit_seq.in_(own), 0), else_=row.amount_micros)
    sums = [sa.cast(sa.func.sum(amount), tables.INT64) for amount in (row.amount_micros, since)]
    names = (invoice.account_key, invoice.number, row.credit_kind, row.credit_id)
    query = sa.select(*names, *sums).join_from(tables.settlements, tables.invoices).where(*_standing(run_id), row.credit_kind != DOCUMENT)
    for account_key, number, kind, credit_id, settled, later in connection.execute(query.group_by(*names)):
        if kind == WRITE_OFF and settled:
            remedy = f"take the write-off back first: ratewright ledger write-off {number} --undo ..."
            yield _Found(int(account_key), number, f"{number} is written off", remedy)
        elif settled > 0 and later > 0:
            yield _Found(int(account_key), number, f"{number} is paid by {kind} {credit_id}", f"take back what paid {number} first")


def _plans(connection: sa.Connection, run_id: int) -> Iterator[_Found]:
    """Plans of instalments that were not ended. Of two plans the later one holds."""
    invoice, part, plan = tables.invoices.c, tables.instalments.c, tables.instalment_plans.c
    query = sa.select(invoice.account_key, invoice.number, part.plan_id).join_from(tables.instalments, tables.invoices)
    query = query.join(tables.instalment_plans).where(*_standing(run_id)).order_by(plan.commit_seq)
    holding = {number: (int(account_key), plan_id) for account_key, number, plan_id in connection.execute(query)}
    for number, (account_key, plan_id) in holding.items():
        if not plan_id.endswith(ENDED):
            remedy = f"end the plan first: ratewright payment instalments end {plan_id} ..."
            yield _Found(account_key, number, f"{number} is in the plan of instalments {plan_id}", remedy)


def _paid_out(connection: sa.Connection, run_id: int) -> Iterator[_Found]:
    """Credit of its documents that was paid out."""
    invoice, event = tables.invoices.c, tables.payment_events.c
    query = sa.select(invoice.account_key, invoice.number).join_from(
        tables.invoices, tables.payment_events, event.credit_number == invoice.number
    )
    for account_key, number in connection.execute(query.where(*_standing(run_id)).distinct()):
        yield _Found(int(account_key), number, f"money of {number} was paid out", "bill what is wrong with it on the next invoice")


def _closed(connection: sa.Connection, run_id: int) -> Iterable[_Found]:
    """Documents in months that are closed: they are turned back on their own dates."""
    invoice = tables.invoices.c
    entity, month = sa.func.coalesce(invoice.legal_entity, ""), sa.func.substr(invoice.issued_on, 1, 7)
    months = connection.execute(sa.select(entity, month).where(*_standing(run_id)).distinct()).all()
    last = {name: closed_months.newest_closed(connection, name) for name, _ in months}
    for name, text in months:
        if text <= last[name]:
            whose = f" of {name}" if name else ""
            reason, remedy = f"the books{whose} for {text} are closed", f"have two people reopen {last[name]}"
            query = sa.select(invoice.account_key, invoice.number).where(*_standing(run_id), entity == name, month == text)
            yield from (_Found(int(key), number, reason, remedy) for key, number in connection.execute(query))


def _moved(home: Home, connection: sa.Connection, run_id: int, known: Facts, account_keys: set[int]) -> Iterator[_Found]:
    """Usage that the run took off a bill, and that is on a bill which stays: it would be on two."""
    for each in moved_usage.moved(home, connection, run_id, account_keys, home.head_seq(connection)):
        billed = known.account_ids[int(known.account_index(np.array([each.billed_key], np.int64))[0])].as_py()
        where = "" if each.document else f" in run {each.billed_run}"
        reason = f"usage that run {run_id} took off its bill is on the {each.bill} of {billed}{where}"
        if each.document:
            remedy = f"void it first: ratewright invoice void {each.document} --reason ..."
        elif each.billed_run == run_id:
            remedy = f"undo the run for {billed} as well"
        else:
            remedy = f"undo that run first: ratewright bill undo --run {each.billed_run} --accounts {billed} --reason ..."
        yield _Found(each.account_key, "", reason, remedy)
    for taken in moved_usage.decided(home, connection, run_id, account_keys, home.head_seq(connection)):
        reason = f"usage that run {run_id} took off its bill is in decision {taken.decision_id} on late usage"
        remedy = f"take the decision back first: ratewright usage too-late take-back {taken.decision_id} --reason ..."
        yield _Found(taken.account_key, "", reason, remedy)


def document_rows(connection: sa.Connection, run_id: int, as_of: int | None = None) -> list[Any]:
    """The documents of a run that are not void, by a commit if one is given. They are in the order of their keys, with ids of accounts."""
    invoice, account = tables.invoices, tables.accounts.c
    query = sa.select(invoice, account.account_id).join_from(invoice, tables.accounts, account.account_key == invoice.c.account_key)
    return list(connection.execute(query.where(*_standing(run_id, as_of)).order_by(invoice.c.invoice_key)))
