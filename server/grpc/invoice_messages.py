"""Documents as messages: what `invoice show --json` has, field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratewright.v1 import invoice_service_pb2 as pb
from server.grpc import convert, entrance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing.documents.aftermath import Note
    from billing.documents.showing.document import ShownDocument
    from billing.documents.showing.lines import ShownLine, ShownTax
    from billing.invoicing import InvoiceLine, InvoiceSummary


def of_list(summary: InvoiceSummary, *, practice: bool) -> pb.Invoice:
    """A document as lists have it."""
    account = f"accounts/{summary.account_id}"
    return pb.Invoice(
        name=f"{account}/invoices/{summary.number}",
        number=summary.number,
        account=account,
        period_from=convert.date(summary.period_from),
        period_to=convert.date(summary.period_to),
        issue_date=convert.date(summary.issued_on),
        due_date=convert.date(summary.due_on),
        net=convert.money(summary.currency, summary.net_micros),
        tax=convert.money(summary.currency, summary.tax_micros),
        total=convert.money(summary.currency, summary.total_micros),
        open=convert.money(summary.currency, summary.open_micros),
        practice=practice,
        document_type=summary.document_type,
        account_display_name=entrance.mask().name(summary.account_name),
        run_id=summary.run_id,
        numbered_by=summary.by_name,
        agreed_by=summary.agreed_by,
        void_date=convert.date(summary.voided_on) if summary.voided_on else None,
        voided_by=summary.voided_by,
        void_agreed_by=summary.void_agreed_by,
    )


def whole(document: ShownDocument, *, practice: bool) -> pb.Invoice:
    """A document with its lines, and what became of it."""
    summary, after = document.stored.summary, document.after
    invoice = of_list(summary, practice=practice)
    invoice.language_code = document.stored.language
    more = {line.line_no: line for line in document.more.lines}
    invoice.lines.extend(_line(line, more.get(line.line_no)) for line in document.stored.lines)
    invoice.taxes.extend(_tax(tax) for tax in document.more.taxes)
    invoice.void_reason, invoice.about = after.void_reason, after.about
    for place, notes in (
        (invoice.credit_notes, after.credit_notes),
        (invoice.corrected_by, after.corrected_by),
        (invoice.replaces, after.replaces),
        (invoice.replaced_by, after.replaced_by),
    ):
        place.extend(_related(notes, summary.currency))
    return invoice


def _related(notes: Iterable[Note], currency: str) -> Iterable[pb.RelatedDocument]:
    for note in notes:
        yield pb.RelatedDocument(
            number=note.number,
            issue_date=convert.date(note.issued_on),
            total=convert.money(currency, note.total_micros),
            effect=note.effect,
            reason_code=note.reason_code,
            void_date=convert.date(note.voided_on) if note.is_void else None,
        )


def _tax(tax: ShownTax) -> pb.InvoiceTax:
    return pb.InvoiceTax(
        tax_class=tax.tax_class,
        period_from=convert.date(tax.period_from),
        period_to=convert.date(tax.period_to),
        text=tax.text,
        taxed_micros=tax.taxed_micros,
        tax_micros=tax.tax_micros,
        exempt=tax.exempt,
        certificate=tax.certificate,
    )


def _line(line: InvoiceLine, more: ShownLine | None) -> pb.InvoiceLine:
    """`more`: none for a line of tax."""
    made = pb.InvoiceLine(
        line_no=line.line_no,
        kind=line.kind,
        subscription_id=line.subscription_id,
        text=line.text,
        charge_code=line.charge_code,
        price_id=convert.int32_or_0(line.price_id),
        full_price_id=line.price_id,
        revenue_code=line.revenue_code,
        tax_class=line.tax_class,
        period_from=convert.date(line.period_from),
        period_to=convert.date(line.period_to),
        events=line.events,
        quantity=line.quantity,
        free_quantity=line.free_quantity,
        quantity_unit=pb.QuantityUnit.ValueType(line.quantity_unit),
        exact_micros=line.exact_micros,
        amount_micros=line.amount_micros,
        corrects=line.corrects,
        subscription_key=line.subscription_key,
    )
    if more is not None:
        made.days.extend(pb.DaySpan(from_date=convert.date(each.from_date), to_date=convert.date(each.to_date)) for each in more.days)
        made.passes.extend(pb.DayPasses(name=each.name, times=each.times, fees_micros=each.fees_micros) for each in more.passes)
        made.unit, made.tax_name, made.reference = more.unit, more.tax_name, more.reference
        if more.with_tax_micros is not None:
            made.with_tax_micros = more.with_tax_micros
    return made
