"""An invoice is void: it keeps its number and its text, its postings are turned back, and its lines no longer count as billed.

Only an invoice that is not paid, in a month with open books, and that no later document corrects can be void. To void an older one, void
the newer ones first. A later run bills the charges again, however old they are; `reissue` does so at once.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing import give_back_limit, ledger
from billing.allocations import allocate_credit, undo_invoice
from billing.allocations.spread import DEPOSIT, DOCUMENT, PAYMENT
from billing.charges.charge_keys import KEY_FIELDS
from billing.documents.finding import Document, date_of, find, is_undone, require_no_run, voided_of
from billing.documents.trying import Work, transaction
from billing.documents.undo import moved_usage
from billing.invoicing.forms import OPENING
from billing.ledger import closed_months
from billing.persons import Who
from billing.runs import cycle, posting, states
from billing.runs.contracts import facts
from billing.runs.lock import only_run
from billing.runs.selection import later_bills, scope
from billing.runs.selection.changed_payers import both_sides
from billing.store import approvals, tables
from billing.store.voids import voided
from rating import identifiers
from rating.dates import NEVER, local_date
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.runs.reports import RunReport
    from billing.store.approvals import Agreement, Approval
    from billing.store.home import Home

LEG: Final = "void"
_NEXT_RUN: Final = "the next run of its account bills what is due: ratewright bill run --date ..."


class Void(msgspec.Struct, frozen=True):
    """The amounts that were turned back. `freed`: credit that settled it and is free again, by the number of its document.

    `run_kind`: of the run that made it. Charges that the cycle billed it bills again, also those of invoices between its runs
    (`threshold`). `needs_second`: another person has to agree, to `proposal` where it is stored; nothing is turned back yet.
    """

    number: str
    document_type: str
    account_id: str
    currency: str
    on_date: str
    net_micros: int
    tax_micros: int
    total_micros: int
    postings: int
    freed: dict[str, int]
    run_kind: str = states.CYCLE
    dry_run: bool = False
    needs_second: bool = False
    proposal: int = 0


def void(  # noqa: PLR0913 -- what, about what, when and by whom
    home: Home,
    number: str,
    reason: str,
    who: Who,
    *,
    on: dt.date | None = None,
    dry_run: bool = False,
    agreement: Agreement | None = None,
) -> Void:
    """Void a document as of a date (None: today on its account's clock). Raises UserError for any obstacle, naming it.

    Above the limit of one person (`billing.give_back_limit`) it is stored as a proposal, and done with the `agreement` of another one. A
    date after today is refused; a document that is dated ahead of the clock is void as of its own date.
    """
    reason = identifiers.reason(reason, "voiding a document")
    done: list[Void] = []
    with only_run(home, f"voiding {number}", who.now_us), transaction(home, dry_run=dry_run) as connection:
        document = find(connection, number)
        day = date_of(document, on, who, "a void")
        _require_voidable(connection, document)
        _require_not_moved(home, connection, document)
        asked = _Asked(number, reason, on)
        work = Work(home, connection, who, agreement)
        waits = _ask(work, document, asked)
        if waits is not None and not dry_run:
            done.append(_answer(document, day.isoformat(), needs_second=True, proposal=waits.approval_id))
        else:
            made = _void(work, document, day.isoformat(), reason)
            done.append(msgspec.structs.replace(made, dry_run=dry_run, needs_second=waits is not None))
    return done[0]


def _require_not_moved(home: Home, connection: sa.Connection, document: Document) -> None:
    """Raise UserError where the document took usage off a bill that is on the bill of another account: it would be on two."""
    line, subscription = tables.invoice_lines.c, tables.subscriptions.c
    owners = sa.select(subscription.account_key).join_from(
        tables.invoice_lines, tables.subscriptions, subscription.subscription_key == line.subscription_key
    )
    keys = {document.account_key, *connection.execute(owners.where(line.invoice_key == document.invoice_key).distinct()).scalars()}
    _require_payer_keeps(connection, document, home.head_seq(connection))
    for each in moved_usage.moved(home, connection, document.run_id, keys, home.head_seq(connection))[:1]:
        account = tables.accounts.c
        billed = connection.execute(sa.select(account.account_id).where(account.account_key == each.billed_key)).scalar_one()
        if each.document:
            raise UserError(
                f"{document.number} took usage off an earlier bill that is on the {each.bill} of {billed}",
                f"void that one first: ratewright invoice void {each.document} --reason ...",
            )
        raise UserError(
            f"{document.number} took usage off an earlier bill that is on the bill of {billed} in run {each.billed_run}",
            f"void the invoice of {billed} in run {each.billed_run} first: `ratewright invoice list --account {billed}` shows it",
        )


def _require_payer_keeps(connection: sa.Connection, document: Document, seq: int) -> None:
    """Raise UserError where the run put on another payer's bill what the document takes off this one's: it would be on both."""
    line, invoice, account = tables.invoice_lines.c, tables.invoices.c, tables.accounts.c
    of_line = (line.subscription_key, line.price_id, line.period_from)
    own = sa.select(*of_line).where(line.invoice_key == document.invoice_key, line.kind == "usage", line.amount_micros < 0)
    given_back = {tuple(row) for row in connection.execute(own.distinct())}
    if not given_back:
        return
    sides = both_sides(connection, document.run_id, sorted({subscription for subscription, *_ in given_back}), seq)
    moved = [key for key, _, on_seq in sides if key in given_back and on_seq == NEVER]
    for subscription, price_id, period_from in moved[:1]:
        query = sa.select(invoice.number, account.account_id).select_from(tables.invoice_lines)
        query = query.join(tables.invoices, invoice.invoice_key == line.invoice_key)
        query = query.join(tables.accounts, account.account_key == invoice.account_key)
        query = query.where(invoice.run_id == document.run_id, invoice.invoice_key.not_in(voided()), line.amount_micros > 0)
        number, payer = connection.execute(
            query.where(line.subscription_key == subscription, line.price_id == price_id, line.period_from == period_from)
        ).first() or ("", "")
        raise UserError(
            f"{document.number} took usage off an earlier bill that {payer} pays on {number} since",
            f"void that one first: ratewright invoice void {number} --reason ...",
        )


def void_agreed(home: Home, agreement: Agreement) -> Void:
    """Void the document that another person asked for, after a new check. Raises UserError as `void` does."""
    told = msgspec.json.decode(agreement.approval.payload, type=_Asked)
    return void(home, told.number, told.reason, agreement.asked_by, on=told.on, agreement=agreement)


def proposed(home: Home, asked: Approval) -> Void:
    """The void that a proposal is about."""
    told = msgspec.json.decode(asked.payload, type=_Asked)
    with home.connect() as connection:
        document = find(connection, told.number)
        day = date_of(document, told.on, Who(asked.by_name, asked.by_uid, asked.at_us), "a void")
        return _answer(document, day.isoformat(), needs_second=True, proposal=asked.approval_id)


def voided_by(home: Home, commit_seq: int) -> Void:
    """The void that a commit stored."""
    event, part, posting_, invoice = tables.invoice_events.c, tables.settlements.c, tables.postings.c, tables.invoices.c
    with home.connect() as connection:
        query = sa.select(invoice.number, event.invoice_key, event.on_date).join_from(tables.invoice_events, tables.invoices)
        row = connection.execute(query.where(event.commit_seq == commit_seq, event.kind == "voided")).one()
        document = find(connection, row.number)
        amount = sa.cast(sa.func.sum(-part.amount_micros), tables.INT64)
        undone = sa.select(part.credit_id, amount).where(part.commit_seq == commit_seq, part.invoice_key == row.invoice_key)
        undone = undone.where(part.amount_micros < 0, part.credit_id != row.number).group_by(part.credit_id).order_by(part.credit_id)
        freed = {credit_id: int(micros) for credit_id, micros in connection.execute(undone)}
        turned_back = sa.select(sa.func.count()).where(posting_.document == f"{LEG}:{row.number}", posting_.commit_seq == commit_seq)
        return _answer(document, row.on_date, int(connection.execute(turned_back).scalar_one()), freed)


class _Asked(msgspec.Struct, frozen=True):
    """The payload of a proposal."""

    number: str
    reason: str
    on: dt.date | None


def _ask(work: Work, document: Document, asked: _Asked) -> Approval | None:
    """The proposal that waits for another person; None where no agreement is needed, or that person agrees now."""
    money = (abs(document.total_micros), document.currency, document.account_key)
    return work.ask(approvals.ProposalContent(give_back_limit.VOID, document.number, asked, asked.reason, *money))


def reissue(home: Home, number: str, who: Who, *, threads: int = 1) -> RunReport:
    """Bill anew the account whose invoice was voided: for its bill date or that of the last run that billed it or others with it since.

    Its documents are dated today on the account's clock, not before the void. Raises UserError where there is nothing to reissue, or a run
    cannot begin.
    """
    home.require_open_to_shells()
    bill_date, order = _again(home, number, who)
    return cycle.run(home, bill_date, who.now_us, order=order, threads=threads)


def preview_reissue(home: Home, number: str, who: Who, *, threads: int = 1) -> cycle.Preview:
    """The bills that `reissue` would make, and the refusal of its run; nothing is stored.

    Raises UserError where there is nothing to reissue.
    """
    bill_date, order = _again(home, number, who)
    return cycle.preview(home, bill_date, who.now_us, order=order, threads=threads)


def _again(home: Home, number: str, who: Who) -> tuple[dt.date, cycle.Order]:
    """The run that bills anew the charges of a void invoice: its bill date, accounts, and document date."""
    with home.connect() as connection:
        document = find(connection, number)
        void = voided_of(connection, document.invoice_key)
        if void is None:
            waits = approvals.waiting(connection, give_back_limit.VOID, number)
            if waits is not None:
                raise UserError(
                    f"{number} is not void: voiding it waits for another person",
                    f"another person: ratewright approvals agree {waits.approval_id}",
                )
            raise UserError(f"{number} is not void", f"void it first: ratewright invoice void {number} --reason ...")
        if is_undone(connection, document.invoice_key):
            raise UserError(f"{number} is of bill run {document.run_id}, which is undone for {document.account_id}", _NEXT_RUN)
        if document.run_kind != states.CYCLE:
            raise UserError(f"{number} did not come out of a bill run", "make a new credit note, or let the next run bill it")
        seq = home.head_seq(connection)
        known = facts.load(connection, seq)
        index = known.account_keys.tolist().index(document.account_key)
        coverage = scope.covered_through(connection, known)[index]
        bill_date = dt.date.fromisoformat(document.bill_date)
        bill_date = bill_date if coverage is None else max(bill_date, coverage.through)
        last = later_bills.last_with(connection, known, index, _first_day(connection, document), bill_date, seq)
    issued_on = max(local_date(who.now_us, document.timezone), dt.date.fromisoformat(void.on_date))
    order = cycle.Order(by=states.By(who.by_name, who.by_uid), accounts=frozenset({document.account_id}), issued_on=issued_on)
    return last, order


def _first_day(connection: sa.Connection, document: Document) -> dt.date:
    """The first day of a document's lines: from then on its void opens the account."""
    line = tables.invoice_lines.c
    query = sa.select(sa.func.min(line.period_from)).where(line.invoice_key == document.invoice_key)
    return dt.date.fromisoformat(connection.execute(query).scalar_one())


def _void(work: Work, document: Document, day: str, reason: str) -> Void:
    connection, who, seq = work.connection, work.who, work.next_seq("void")
    values = {"invoice_key": document.invoice_key, "kind": "voided", "on_date": day, "reason": reason}
    by = {"by_name": who.by_name, "by_uid": who.by_uid, "at_us": who.now_us, "commit_seq": seq}
    connection.execute(tables.invoice_events.insert().values(**values, **by))
    freed = undo_invoice(connection, document.invoice_key, seq)
    mirrored = turned(posting.postings_of(connection, tables.invoices.c.invoice_key == document.invoice_key), document.number, day)
    posted = ledger.post_columns(connection, ledger.with_ids(mirrored), seq)
    allocate_credit(connection, [document.account_key], seq)
    work.agree(seq)
    back = {credit_id: amount for (_, credit_id), amount in freed.items() if credit_id != document.number}
    return _answer(document, day, posted, back)


def _answer(  # noqa: PLR0913 -- the document, and what was done to it
    document: Document, day: str, posted: int = 0, freed: dict[str, int] | None = None, *, needs_second: bool = False, proposal: int = 0
) -> Void:
    about = (document.number, document.document_type, document.account_id, document.currency, day)
    sums = (document.net_micros, document.tax_micros, document.total_micros)
    return Void(*about, *sums, posted, dict(sorted((freed or {}).items())), document.run_kind, needs_second=needs_second, proposal=proposal)


def turned(postings: pa.Table, number: str, day: str) -> pa.Table:
    """The same postings of a document the other way round, as a document of their own."""
    rows = postings.num_rows
    columns: dict[str, Any] = {name: postings[name] for name in postings.column_names}
    columns |= {"document": pa.repeat(number, rows), "posted_on": pa.repeat(day, rows)}
    return turned_each(pa.table(columns))


def turned_each(postings: pa.Table) -> pa.Table:
    """The same postings of documents the other way round, of each as a document of its own, on the dates that they have."""
    columns: dict[str, Any] = {name: postings[name] for name in postings.column_names}
    columns["debit_account"], columns["credit_account"] = postings["credit_account"], postings["debit_account"]
    number: Any = postings["document"].cast(pa.string())
    prefix: Any = pa.scalar(f"{LEG}:")
    columns |= {"document": pc.binary_join_element_wise(prefix, number, ""), "leg": pa.repeat(LEG, postings.num_rows)}
    return pa.table(columns)


def _require_voidable(connection: sa.Connection, document: Document) -> None:
    before = voided_of(connection, document.invoice_key)
    if before is not None:
        anew = f"a document is void once; `ratewright invoice reissue {document.number}` bills its charges again"
        raise UserError(
            f"{document.number} was voided on {before.on_date} by {before.by_name}: {before.reason}",
            _NEXT_RUN if is_undone(connection, document.invoice_key) else anew,
        )
    if document.document_type == OPENING:
        raise UserError(
            f"{document.number} is what the account owed before: it cannot be void",
            "what cannot be claimed is written off with `ratewright ledger write-off`",
        )
    require_no_run(connection, "a void invoice")
    closed_months.require_open(connection, {(document.legal_entity, document.issued_on[:7])})
    _require_last(connection, document)
    _require_unpaid(connection, document)


def _require_last(connection: sa.Connection, document: Document) -> None:
    """No later valid document has a line on one of its charge keys. Tax follows from the other lines, and does not count."""
    own, other = tables.invoice_lines.alias("own"), tables.invoice_lines.alias("other")
    invoice = tables.invoices.c
    query = sa.select(invoice.number).join_from(other, tables.invoices, invoice.invoice_key == other.c.invoice_key)
    query = query.join(own, sa.and_(*(own.c[name] == other.c[name] for name in KEY_FIELDS)))
    conditions = [
        invoice.account_key == document.account_key,
        own.c.invoice_key == document.invoice_key,
        own.c.kind != "tax",
        other.c.invoice_key > document.invoice_key,
        other.c.invoice_key.not_in(voided()),
    ]
    number = connection.execute(query.where(*conditions).order_by(other.c.invoice_key.desc()).limit(1)).scalar_one_or_none()
    if number is not None:
        remedy = f"void the newer one first: ratewright invoice void {number} --reason ..."
        raise UserError(f"{number} corrects lines of {document.number}", remedy)


def _require_unpaid(connection: sa.Connection, document: Document) -> None:
    """No money settles it. Amounts of it that other documents settled go back to them."""
    row = tables.settlements.c
    amount = sa.cast(sa.func.sum(row.amount_micros), tables.INT64)
    query = sa.select(row.credit_kind, row.credit_id, amount).where(row.invoice_key == document.invoice_key, row.credit_kind != DOCUMENT)
    for kind, credit_id, micros in connection.execute(query.group_by(row.credit_kind, row.credit_id).order_by(row.credit_id)):
        if micros:
            instead = f"credit the invoice instead: ratewright invoice credit {document.number} ..."
            remedies = {PAYMENT: f"reverse the payment first, or {instead}", DEPOSIT: instead}  # a release is for good
            raise UserError(f"{document.number} is paid by {kind} {credit_id}: it cannot be void", remedies.get(kind, "take it back first"))
