"""An invoice or a credit note as a semantic document, from what is stored: the document as it is shown, parties as of its date.

Data that is missing is a finding in the document, never an error. Sums are asserted here, against each other and against what was posted.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from billing.accounts.parties import kinds
from billing.charges.reasons import reasons
from billing.documents.aftermath import aftermath
from billing.documents.finding import find
from billing.documents.run_inputs import detail_of
from billing.documents.semantic import findings
from billing.documents.semantic.changes import last_bill
from billing.documents.semantic.lines import corrections_of, lines_of
from billing.documents.semantic.model import (
    VERSION,
    CreditNote,
    Finding,
    Invoice,
    Line,
    Preceding,
    Tax,
    ThirdParty,
    UsageTotal,
)
from billing.documents.semantic.reading import Customer, Parties, parties_on, payment_of, users_of, with_user
from billing.documents.semantic.settled import posted_micros, settled_at_posting
from billing.documents.semantic.subjects import notes_of
from billing.documents.semantic.sums import totals_of
from billing.documents.semantic.taxes import Context, Group, days_of, groups_of, table_of
from billing.documents.semantic.third_parties import collected
from billing.documents.showing.days import own_days
from billing.documents.showing.lines import shown
from billing.documents.showing.names import names_of
from billing.invoicing import corrections, invoice_of
from billing.invoicing.forms import CREDIT_NOTE, OPENING
from billing.invoicing.reading import in_page_order
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import sqlalchemy as sa

    from billing.documents.aftermath import Aftermath
    from billing.documents.finding import Document
    from billing.documents.semantic.model import Sense
    from billing.documents.showing.names import Names
    from billing.invoicing.corrections import Issued
    from billing.store.home import Home


def charged(home: Home, number: str) -> Invoice | CreditNote:
    """An invoice or a credit note whole.

    Raises NotFoundError when there is none, and UserError for an opening item, which another system billed, and for a document that is not
    posted yet.
    """
    with home.connect() as connection:
        document = find(connection, number)
        if document.document_type == OPENING:
            raise UserError(f"{number} is an opening item, not an invoice", "its own document was issued by the system before")
        documents = corrections.documents_of(connection, document.account_key)
        issued = next(each for each in documents if each.invoice_key == document.invoice_key)
        names = names_of(home, connection, document, issued.lines, document.language)
        customer = Customer(document.account_key, document.account_id, document.legal_entity, document.currency)
        parties = parties_on(connection, customer, dt.date.fromisoformat(document.issued_on))
        charges = _Charges.of(home, connection, document, documents, names, parties)
        settled = settled_at_posting(connection, document)
        posted = posted_micros(connection, document, issued.lines)
        if posted is None:
            raise UserError(f"{number} is not posted yet", f"finish its run: ratewright bill run --date {document.bill_date}")
        after = aftermath(connection, document, documents)
        reason = _reason(connection, document) if document.document_type == CREDIT_NOTE else ""
    totals = totals_of(charges.lines, charges.taxes, charges.third_parties, settled)
    assert posted == document.total_micros == totals.total_micros + totals.third_parties_micros, number
    place = f"document {number}"
    problems: list[Finding] = [
        *findings.of_seller(parties.seller, document.currency),
        *findings.of_buyer(parties.buyer),
        *findings.of_taxes(place, charges.taxes, charges.groups, parties.seller, parties.buyer),
        *charges.problems,
    ]
    values: dict[str, Any] = {
        "number": number,
        "issued_on": dt.date.fromisoformat(document.issued_on),
        "currency": document.currency,
        "minor_digits": names.price_list.minor_digits(document.currency),
        "language": document.language,
        "seller": parties.seller,
        "buyer": parties.buyer,
        "notes": notes_of(parties.issuer, document.document_type, document.language),
        "findings": tuple(problems),
        "version": VERSION,
        "period": days_of(document.period_from, document.period_to),
        "due_on": dt.date.fromisoformat(document.due_on),
        "lines": charges.lines,
        "taxes": charges.taxes,
        "totals": totals,
        "payment": payment_of(number, document.currency, totals.to_pay_micros, parties.seller),
        "settled": settled,
        "third_parties": charges.third_parties,
        "preceding": _preceding(charges, after, documents),
        "usage": _usage(charges.lines),
        "last_bill": last_bill(issued, documents, _days_charged(names)),
    }
    if document.document_type == CREDIT_NOTE:
        effect = min((row.effect for row in issued.lines if row.effect), default="")
        return CreditNote(**values, effect=effect, reason=reason)
    return Invoice(**values)


class _Charges(NamedTuple):
    """Lines and taxes of a document."""

    lines: tuple[Line, ...]
    taxes: tuple[Tax, ...]
    groups: tuple[Group, ...]
    third_parties: tuple[ThirdParty, ...]
    problems: tuple[Finding, ...]

    @classmethod
    def of(  # noqa: PLR0913, PLR0917 -- a document, and what explains it
        cls,
        home: Home,
        connection: sa.Connection,
        document: Document,
        documents: Sequence[Issued],
        names: Names,
        parties: Parties,
    ) -> _Charges:
        invoice = invoice_of(connection, document.number, documents)
        rows = next(each.lines for each in documents if each.invoice_key == document.invoice_key)
        more = shown(home, connection, document, rows, document.language)
        corrected = corrections_of(invoice.lines, rows, documents)
        groups = groups_of(Context(connection, document, names, parties.issuer.named(kinds.Exemption), corrected), rows)
        place = f"document {document.number}"
        others = collected(place, rows, groups, parties.issuer.named(kinds.ThirdParty))
        lines = lines_of(
            in_page_order(invoice.lines),
            {each.line_no: each for each in more.lines},
            groups,
            corrected,
            others.of_line,
        )
        users = users_of(connection, document.account_key, {row.subscription_key for row in rows})
        if users:
            lines = tuple(with_user(line, users) for line in lines)
        taxes = table_of(groups.values(), others.of_group)
        return cls(lines, taxes, tuple(groups.values()), others.amounts, others.problems)


def _preceding(charges: _Charges, after: Aftermath, documents: Iterable[Issued]) -> tuple[Preceding, ...]:
    """Documents that one credits, replaces or corrects, each once. `documents`: of its account."""
    senses: dict[str, Sense] = {after.about: "credited"} if after.about else {}
    for note in after.replaces:
        senses.setdefault(note.number, "replaced")
    corrected = [line.correction for line in charges.lines] + [part.correction for tax in charges.taxes for part in tax.parts]
    for number in sorted({each.number for each in corrected if each is not None}):
        senses.setdefault(number, "corrected")
    dates = {each.number: dt.date.fromisoformat(each.issued_on) for each in documents}
    return tuple(Preceding(number, dates[number], sense) for number, sense in senses.items() if number)


def _usage(lines: Iterable[Line]) -> tuple[UsageTotal, ...]:
    """Usage that is billed for the first time, by subscription and unit."""
    found: dict[tuple[str, str], UsageTotal] = {}
    for line in lines:
        if line.usage is None or line.correction is not None:
            continue
        used, key = line.usage, (line.subscription_id, line.usage.unit)
        before = found.get(key, UsageTotal(line.subscription_id, used.unit, 0, 0, 0, 0))
        found[key] = msgspec.structs.replace(
            before,
            records=before.records + used.records,
            quantity=before.quantity + used.quantity,
            free_quantity=before.free_quantity + used.free_quantity,
            amount_micros=before.amount_micros + line.amount_micros,
        )
    return tuple(found[key] for key in sorted(found))


def _days_charged(names: Names) -> Any:  # noqa: ANN401 -- a function of a row
    def days(row: Any) -> int:  # noqa: ANN401 -- a row of invoice_lines
        own = own_days(row, names)
        spans = [(each.start, each.end) for each in own if each.end is not None]
        whole = (dt.date.fromisoformat(row.period_from), dt.date.fromisoformat(row.period_to))
        return sum((end - start).days for start, end in spans or [whole])

    return days


def _reason(connection: sa.Connection, document: Document) -> str:
    told = detail_of(connection, document)
    known = reasons().get(told.get("reason_code", ""))
    return "; ".join(each for each in (known.name(document.language) if known else "", told.get("text", "")) if each)
