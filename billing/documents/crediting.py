"""Credit notes: a line of an invoice, a part of it, or all that is left of the invoice, with the tax that goes with it.

`advance`: the credited amount counts as not billed on its charge keys. It anticipates a correction that is known to come, and the run that
finds the correction does not give it twice; where none comes, the next run bills it again. `outside`: reconciliation ignores it for good. A
credit never exceeds the billed amount. Three limits hold: the amount of its line less earlier credits, the amount that all documents
together left of it (`billing.documents.creditable`), and the net of its tax class. Amounts are net micro-units, above zero when credited.
Tax is computed on everything credited so far, so that the last note takes the last of the tax (`billing.charges.credit`). An amount that
was written off is no longer owed, and was not paid. A note of more than the open amount of such an invoice would be money to pay out. It is
refused until the write-off is taken back.
"""

from __future__ import annotations

import datetime as dt
import itertools
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa

from billing import catalogue, give_back_limit
from billing.allocations import open_micros
from billing.allocations.spread import WRITE_OFF
from billing.charges.charge_keys import Kind
from billing.charges.credit import Billed, tax_with
from billing.charges.lines import LINE, Int64s
from billing.charges.reasons import reason_of
from billing.charges.taxes.rates import rate_on
from billing.documents.creditable import Credited, Standing, billed_of, class_of, is_corrected, left_of_line, whole
from billing.documents.finding import Document, date_of, find, lines_of, require_no_run, standing_lines, voided_of
from billing.documents.issuing import issue
from billing.documents.trying import Work, transaction
from billing.invoicing.billed import ADVANCE, OUTSIDE
from billing.invoicing.corrections import key_of
from billing.invoicing.drafts import Drafts
from billing.invoicing.forms import CREDIT_NOTE, INVOICE, OPENING
from billing.persons import Who
from billing.store import approvals, tables
from rating import identifiers
from rating.dates import day_number, last_day
from rating.errors import UserError
from rating.model import PPM, TaxClass
from rating.money import RoundingMode, format_micros, minor_step_micros, round_exact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.store.approvals import Agreement, Approval
    from billing.store.home import Home

EFFECTS: Final = (ADVANCE, OUTSIDE)
RUN_KIND: Final = "credit_note"
_TAKES_OFF: Final = "the line takes something off; name one that charges something, or leave --line out for the invoice as a whole"
_TEXTS: Final = {"en": "Credit: {}", "zh": "减免: {}"}


class CreditRequest(msgspec.Struct, frozen=True):
    """The credit that is asked for. `reference` is the caller's id: the same one counts once. `line_no` None: the whole invoice."""

    reference: str
    number: str
    line_no: int | None
    amount_micros: int | None  # net; None: all that is left
    effect: str
    reason_code: str
    text: str = ""


class CreditNote(msgspec.Struct, frozen=True):
    """The credited amounts as on the note, below zero. `number` is empty for a dry run that met no obstacle.

    `voided_on`: of a note that existed and was made void since, else empty. `needs_second`: another person has to agree, to `proposal`
    where it is stored; then there is no number yet.
    """

    number: str
    about: str
    account_id: str
    currency: str
    issued_on: str
    net_micros: int
    tax_micros: int
    total_micros: int
    existed: bool = False
    voided_on: str = ""
    needs_second: bool = False
    proposal: int = 0


def credit(  # noqa: PLR0913 -- what, when and by whom
    home: Home, wanted: CreditRequest, who: Who, *, on: dt.date | None = None, dry_run: bool = False, agreement: Agreement | None = None
) -> CreditNote:
    """Issue a credit note, dated `on` (None: today on the account's clock), and set it off against open amounts.

    Above the limit of one person (`billing.give_back_limit`) it is stored as a proposal, and issued with the `agreement` of another one.
    Raises UserError for an invoice that is void, a document that is no invoice, an unknown line, and more than may be credited. So it does
    for a reference that was used for something else.
    """
    _require_sense(wanted)
    done: list[CreditNote] = []
    with transaction(home, dry_run=dry_run) as connection:
        before = _existing(connection, wanted)
        if before is not None:
            return before
        identifiers.require_new(wanted.reference, "credit note")
        document = find(connection, wanted.number)
        day = date_of(document, on, who, "a credit")
        _require_creditable(connection, document, wanted)
        coins = _Coins.of(home, document.currency)
        credits_ = _credits(connection, document, wanted, coins)
        _require_owed(connection, document, sum(each.micros for each in credits_))
        work = Work(home, connection, who, agreement)
        waits = _ask(work, document, credits_, wanted, on)
        if waits is not None and not dry_run:
            done.append(_waiting(document, credits_, day, waits))
        else:
            note = _issue(work, document, credits_, wanted, day)
            done.append(msgspec.structs.replace(note, needs_second=waits is not None))
    return done[0]


def credit_agreed(home: Home, agreement: Agreement) -> CreditNote:
    """Issue the note that another person asked for, after a new check. Raises UserError as `credit` does."""
    told = msgspec.json.decode(agreement.approval.payload, type=_Asked)
    return credit(home, told.wanted, agreement.asked_by, on=told.on, agreement=agreement)


def proposed(home: Home, asked: Approval) -> CreditNote:
    """The note that a proposal is about, as it would be now. Raises UserError where it cannot be any more."""
    told = msgspec.json.decode(asked.payload, type=_Asked)
    with home.connect() as connection:
        document = find(connection, told.wanted.number)
        credits_ = _credits(connection, document, told.wanted, _Coins.of(home, document.currency))
        return _waiting(document, credits_, date_of(document, told.on, Who(asked.by_name, asked.by_uid, asked.at_us), "a credit"), asked)


def issued_by(home: Home, commit_seq: int) -> CreditNote:
    """The note that a commit issued."""
    note, about = tables.invoices.alias("note"), tables.invoices.alias("about")
    query = sa.select(about.c.number).join_from(note, about, about.c.invoice_key == note.c.corrects_invoice_key)
    with home.connect() as connection:
        number = connection.execute(query.where(note.c.commit_seq == commit_seq)).scalar_one()
        return _note(connection, tables.invoices.c.commit_seq == commit_seq, number)


def left_of(connection: sa.Connection, number: str, line_no: int) -> int:
    """The net amount that may be credited of a line of a document alone."""
    document = find(connection, number)
    net = [row for row in lines_of(connection, document.invoice_key) if row.kind != "tax"]
    row = next(row for row in net if row.line_no == line_no)
    standing = Standing(standing_lines(connection, document.account_key), document.invoice_key)
    return left_of_line(row, [each for each in net if class_of(each) == class_of(row)], standing)


class _Asked(msgspec.Struct, frozen=True):
    """The payload of a proposal."""

    wanted: CreditRequest
    on: dt.date | None


def _ask(work: Work, document: Document, credits_: Sequence[Credited], wanted: CreditRequest, on: dt.date | None) -> Approval | None:
    """The proposal that waits for another person; None where no agreement is needed, or that person agrees now."""
    amount = sum(each.micros for each in credits_)
    reason = f"{wanted.number}: {wanted.reason_code} {wanted.text}".strip()
    asked = approvals.ProposalContent(
        give_back_limit.CREDIT_NOTE, wanted.reference, _Asked(wanted, on), reason, amount, document.currency, document.account_key
    )
    return work.ask(asked)


def _waiting(document: Document, credits_: Sequence[Credited], day: dt.date, waits: Approval) -> CreditNote:
    tax = sum(each.micros for each in credits_ if each.row.kind == "tax")
    net = sum(each.micros for each in credits_) - tax
    about = (document.number, document.account_id, document.currency, day.isoformat())
    return CreditNote("", *about, -net, -tax, -net - tax, needs_second=True, proposal=waits.approval_id)


def _issue(work: Work, document: Document, credits_: Sequence[Credited], wanted: CreditRequest, day: dt.date) -> CreditNote:
    drafts = _drafts(document, credits_, day)
    corrects = np.array([document.invoice_key], np.int64)
    issued = issue(work, drafts, RUN_KIND, wanted, effect=wanted.effect, corrects=corrects)
    work.agree(issued.commit_seq)
    return _note(work.connection, tables.invoices.c.run_id == issued.run_id, document.number)


def _note(connection: sa.Connection, condition: sa.ColumnElement[bool], about: str, *, existed: bool = False) -> CreditNote:
    invoice, account = tables.invoices.c, tables.accounts.c
    columns = (invoice.number, account.account_id, invoice.currency, invoice.issued_on, invoice.net_micros, invoice.tax_micros)
    query = sa.select(*columns, invoice.total_micros, invoice.invoice_key).join_from(tables.invoices, tables.accounts)
    row = connection.execute(query.where(condition)).one()
    void = voided_of(connection, row.invoice_key)
    return CreditNote(row[0], about, *row[1:7], existed=existed, voided_on=void.on_date if void is not None else "")


def _require_sense(wanted: CreditRequest) -> None:
    reason = reason_of(wanted.reason_code)
    if reason.needs_text and not wanted.text.strip():
        raise UserError(f"the reason `{reason.code}` needs a text", "say more with --text", exit_status=2)
    if wanted.effect not in EFFECTS:
        raise UserError(f"{wanted.effect!r} is not an effect of a credit", f"give one of {', '.join(EFFECTS)}", exit_status=2)
    if wanted.line_no is None and wanted.amount_micros is not None:
        raise UserError("an amount is of one line", "name it with --line; without it all of the invoice is credited", exit_status=2)
    if wanted.amount_micros is not None and wanted.amount_micros <= 0:
        raise UserError(f"{format_micros(wanted.amount_micros)} is not an amount to credit", "give one above zero", exit_status=2)


def free_reference(connection: sa.Connection, wanted: str) -> str:
    """A reference that no credit note has: the wanted one, or with a number behind it."""
    run = tables.bill_runs.c
    stored = connection.execute(sa.select(run.detail).where(run.kind == RUN_KIND)).scalars()
    taken = {msgspec.json.decode(detail, type=CreditRequest).reference for detail in stored}
    more = (f"{wanted}-{number}" for number in itertools.count(2))
    return next(each for each in itertools.chain([wanted], more) if each not in taken)


def _existing(connection: sa.Connection, wanted: CreditRequest) -> CreditNote | None:
    """The note that has this reference. Raises UserError where it is about something else."""
    run = tables.bill_runs.c
    begins = msgspec.json.encode({"reference": wanted.reference}).decode().removesuffix("}") + ","
    query = sa.select(run.run_id, run.detail).where(run.kind == RUN_KIND, run.detail.startswith(begins, autoescape=True))
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    told = msgspec.json.decode(row.detail, type=CreditRequest)
    for name in CreditRequest.__struct_fields__:
        if getattr(told, name) != getattr(wanted, name):
            raise UserError(
                f"credit note {wanted.reference} exists with {name} {getattr(told, name)!r}, not {getattr(wanted, name)!r}",
                "give a new one another reference",
            )
    return _note(connection, tables.invoices.c.run_id == row.run_id, told.number, existed=True)


def _require_creditable(connection: sa.Connection, document: Document, wanted: CreditRequest) -> None:
    if document.document_type == OPENING:
        remedy = "its charges are in another system: what cannot be claimed is written off with `ratewright ledger write-off`"
        raise UserError(f"{document.number} is what the account owed before: it cannot be credited", remedy)
    if document.document_type != INVOICE:
        raise UserError(f"{document.number} is not an invoice: it cannot be credited", "name the invoice with the charge to credit")
    if voided_of(connection, document.invoice_key) is not None:
        raise UserError(f"{document.number} is void: nothing of it can be credited", "credit the invoice that was issued in its place")
    if document.total_micros < 0 and wanted.line_no is None:
        shown = f"{format_micros(-document.total_micros)} {document.currency}"
        remedy = "credit a line that charged with --line; what it gave too much is charged with `ratewright adjustment add`"
        raise UserError(f"{document.number} gives {shown} back: it cannot be credited as a whole", remedy)
    if wanted.effect == ADVANCE:
        require_no_run(connection, "a credit that counts as billed")


def _require_owed(connection: sa.Connection, document: Document, micros: int) -> None:
    """Raises UserError if more is credited of a written-off invoice than is open: the rest would give back an amount never paid."""
    row, invoice = tables.settlements.c, tables.invoices.c
    query = sa.select(sa.func.coalesce(sa.func.sum(row.amount_micros), 0))
    query = query.where(row.invoice_key == document.invoice_key, row.credit_kind == WRITE_OFF)
    written_off = int(connection.execute(query).scalar_one())
    owed = int(connection.execute(sa.select(open_micros()).where(invoice.invoice_key == document.invoice_key)).scalar_one())
    if written_off and micros > owed:
        gone, still, asked = (format_micros(each) for each in (written_off, owed, micros))
        place = f"{document.number}: {gone} {document.currency} is written off and {still} open"
        undo = f"ratewright ledger write-off {document.number} --undo ..."
        remedy = f"take the write-off back first ({undo}), and write off again what is left after the credit"
        raise UserError(f"{place}; {asked} cannot be credited", remedy)


class _Coins(NamedTuple):
    """A currency as catalogues state it: its minor unit in micro-units, and their tax classes."""

    step_micros: int
    tax_classes: list[TaxClass]

    @classmethod
    def of(cls, home: Home, currency: str) -> _Coins:
        stated = [each for each in catalogue.in_force(home) if each.currency == currency]
        digits = next((each.minor_digits for each in stated), 2)
        return cls(minor_step_micros(digits), [tax for each in stated for tax in each.tax_classes])

    def rates_ppm(self, code: int, day: dt.date) -> set[int]:
        """The rates of tax that a code means on a day: one, but where catalogues were published that use it differently."""
        return {rate_on(each.rates, day) for each in self.tax_classes if each.code == code}


def _credits(connection: sa.Connection, document: Document, wanted: CreditRequest, coins: _Coins) -> list[Credited]:
    """Lines of the note with the credited amount of each."""
    rows, standing = (
        lines_of(connection, document.invoice_key),
        Standing(standing_lines(connection, document.account_key), document.invoice_key),
    )
    if wanted.line_no is None:
        found = whole(rows, standing, coins.step_micros)
    else:
        own = _of_line(document, [row for row in rows if row.kind != "tax"], wanted, standing, coins.step_micros)
        found = [own, *_tax(document, [row for row in rows if class_of(row) == class_of(own.row)], own, standing, coins)]
    if sum(each.micros for each in found) <= 0:
        raise _nothing_left(document, rows, wanted, standing)
    return sorted(found, key=lambda each: int(each.row.line_no))


def _nothing_left(document: Document, rows: Sequence[Any], wanted: CreditRequest, standing: Standing) -> UserError:
    """The error for an invoice or a line without anything left to credit, with what bounds it."""
    row = next((each for each in rows if each.line_no == wanted.line_no), None)
    if row is None:
        remedy = f"`ratewright invoice show {document.number}` shows its credit notes"
        return UserError(f"nothing of {document.number} is left to credit", remedy)
    place = f"nothing of line {row.line_no} of {document.number} is left to credit"
    if row.amount_micros < 0:
        return UserError(f"{place}: it takes something off", _TAKES_OFF)
    if standing.left(row) <= 0:
        return UserError(place, f"`ratewright invoice show {document.number}` shows its credit notes and what corrects it")
    net = [each for each in rows if class_of(each) == class_of(row) and each.kind != "tax"]
    bound = standing.net_of(row) if is_corrected(net) else sum(standing.own(each) for each in net)
    last = last_day(row.period_to)
    where = "on all documents" if is_corrected(net) else "on it"
    what = f"its tax class comes to {format_micros(bound)} {document.currency} net {where} for {row.period_from} to {last}"
    remedy = "credit the invoice as a whole (without --line), or give the amount back with `ratewright adjustment add`"
    return UserError(f"{place}: {what}", remedy)


def _of_line(document: Document, net: Sequence[Any], wanted: CreditRequest, standing: Standing, step: int) -> Credited:
    row = next((row for row in net if row.line_no == wanted.line_no), None)
    if row is None:
        raise UserError(
            f"{document.number} has no line {wanted.line_no} that can be credited", "name a line that is not tax; its tax goes with it"
        )
    left = left_of_line(row, [each for each in net if class_of(each) == class_of(row)], standing)
    amount = left if wanted.amount_micros is None else wanted.amount_micros
    place = f"of line {row.line_no} of {document.number}"
    if amount > left == 0 < standing.left(row):
        raise _nothing_left(document, net, wanted, standing)
    if amount > left or amount % step:
        shown = f"{format_micros(left)} {document.currency}"
        what = "is finer than the smallest coin" if amount % step else "is more than that"
        remedy = "give a part of it" if left else f"`ratewright invoice show {document.number}` shows what corrects it"
        if row.amount_micros < 0:
            remedy = _TAKES_OFF
        raise UserError(f"{place} {shown} may still be credited; {format_micros(amount)} {what}", remedy)
    return Credited(row, amount)


def _tax(document: Document, group: Sequence[Any], own: Credited, standing: Standing, coins: _Coins) -> list[Credited]:
    """The tax that goes with the credited amount of one line; `group` is of its period and tax class."""
    tax = next((row for row in group if row.kind == "tax"), None)
    if is_corrected([row for row in group if row.kind != "tax"]):
        return _tax_of_corrected(document, tax, own, standing, coins)
    if tax is None:
        return []
    billed = billed_of([row for row in group if row.kind != "tax"], tax, standing)
    if own.micros != billed.left_micros:
        _require_one_rate(document, tax, billed, coins)
    micros = min(tax_with(billed, own.micros, coins.step_micros), max(standing.left(tax), 0))
    return [Credited(tax, micros)] if micros else []


def _tax_of_corrected(document: Document, tax: Any, own: Credited, standing: Standing, coins: _Coins) -> list[Credited]:  # noqa: ANN401 -- a row of the database
    """The tax that goes with a line of a class in which the invoice gave more than it charged.

    The credit takes the tax that all documents have of the class to the tax on what is left of it. The rate is that of the code: the tax of
    a small amount does not tell it.
    """
    tax = tax if tax is not None else standing.tax_of(own.row)
    if tax is None:
        return []
    rates = coins.rates_ppm(int(own.row.tax_class), last_day(own.row.period_to))
    if len(rates) != 1 or tax.invoice_key != document.invoice_key:
        place = f"line {own.row.line_no} of {document.number}: {document.number} gave more in its tax class than it charged"
        remedy = "credit the invoice as a whole, or give the amount back with `ratewright adjustment add`, which names the catalogue"
        raise UserError(f"{place}, and the tax of that line alone is not known", remedy)
    due = round_exact(Fraction((standing.net_of(own.row) - own.micros) * rates.pop(), PPM), coins.step_micros, RoundingMode.HALF_UP)
    micros = max(standing.billed[key_of(tax)] - due, 0)
    return [Credited(tax, micros)] if micros else []


def _require_one_rate(document: Document, row: Any, billed: Billed, coins: _Coins) -> None:  # noqa: ANN401 -- a row of the database
    """Raises UserError for a part of a class whose line of tax has two rates: the tax of one charge is unknown.

    Each may be rounded twice.
    """
    rates = coins.rates_ppm(int(row.tax_class), last_day(row.period_to))
    off = [abs(billed.tax_micros * PPM - billed.net_micros * rate) for rate in rates]
    if len(rates) > 1 and min(off) > 2 * coins.step_micros * PPM:
        place = f"line {row.line_no} of {document.number} is tax at several rates"
        remedy = "credit the invoice as a whole, or give the amount back with `ratewright adjustment add`, which names the catalogue"
        raise UserError(f"{place}: the tax on a part of its charges is not known", remedy)


def _drafts(document: Document, credits_: Sequence[Credited], day: dt.date) -> Drafts:
    """One credit note."""
    lines = np.zeros(len(credits_), LINE)
    for place, (row, micros) in enumerate(credits_):
        for name in ("account_key", "subscription_key", "charge_code", "price_id", "tax_class", "revenue_code", "quantity_unit"):
            lines[name][place] = getattr(row, name)
        for name in ("period_from", "period_to"):
            lines[name][place] = day_number(dt.date.fromisoformat(getattr(row, name)))
        lines["kind"][place] = Kind[row.kind.upper()]
        lines["amount_micros"][place] = lines["exact_micros"][place] = -micros
    lines["corrects"] = document.invoice_key
    pattern = _TEXTS.get(document.language.partition("-")[0], _TEXTS["en"])
    texts = [pattern.format(row.text) for row, _ in credits_]
    first, end = (day_number(dt.date.fromisoformat(each)) for each in (document.period_from, document.period_to))
    heads = (_one(document.account_key), _one(0), _one(0), _one(first), _one(end), _one(day_number(day)))
    first_line, text = np.array([0, len(credits_)], np.int64), np.arange(len(credits_), dtype=np.int32)
    return Drafts(*heads, first_line, lines, text, texts, (document.currency,), (document.legal_entity,), day, CREDIT_NOTE)


def _one(value: int) -> Int64s:
    return np.array([value], np.int64)
