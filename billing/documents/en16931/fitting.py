"""A semantic document in the terms of EN 16931, and findings where the norm cannot say it. Pure.

Amounts are never changed: lines, tax and what is due are those of the ledger to the minor unit, turned on a credit note. A tax that is not
the rounded product of amount and rate (BR-CO-17) is written as it was posted, since that is what is declared. A finding has both figures.
The amount for rounding (BT-114) is that of the document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from billing.documents.en16931 import profiles
from billing.documents.en16931.norm import Attachment, Norm, NormLine, NormPart, NormTax, Sums, TaxCurrency, decimal
from billing.documents.en16931.pricing import price_of
from billing.documents.en16931.words import say
from billing.documents.semantic.model import CreditNote, Days, Finding
from rating.errors import UserError
from rating.model import PPM

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing.documents.en16931.profiles import Profile
    from billing.documents.semantic.model import Charged, Line, TaxCategory

CORRECTED_CODE: Final = "384"  # BT-3: an invoice in the place of a void one
UNDEFINED_MEANS: Final = "1"  # BT-81: instrument not defined
DIGITS_MAX: Final = 2  # decimal places of an amount, BR-DEC-1 to BR-DEC-28
MIMES: Final = frozenset(
    {
        "application/pdf",
        "image/png",
        "image/jpeg",
        "text/csv",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.oasis.opendocument.spreadsheet",
    }
)
_NEEDS_ACCOUNT: Final = frozenset({"30", "58"})
_VATEX: Final[dict[TaxCategory, str]] = {"AE": "VATEX-EU-AE", "O": "VATEX-EU-O", "G": "VATEX-EU-G", "K": "VATEX-EU-IC"}


def fit(document: Charged, profile: Profile, tax_currency: TaxCurrency | None = None, attachments: Sequence[Attachment] = ()) -> Norm:
    """A document in the terms of the norm. Raises UserError for an attachment that the norm does not know."""
    for each in attachments:
        if each.mime not in MIMES:
            raise UserError(
                f"{each.name} is {each.mime or 'of no known kind'}, which EN 16931 does not take", "attach PDF, PNG, JPEG, CSV, XLSX or ODS"
            )
    if len({each.name for each in attachments}) < len(attachments):
        raise UserError("two attachments have one name", "give each file a name of its own")
    sign = -1 if isinstance(document, CreditNote) else 1
    lines = tuple(_line(line, sign, document) for line in document.of_role("line"))
    parts = tuple(_part(line, sign) for line in document.of_role("allowance", "charge"))
    taxes = _taxes(document, sign, lines, parts)
    sums = _sums(document, sign, lines, parts)
    if tax_currency is not None:
        tax_currency = msgspec.structs.replace(tax_currency, tax_micros=tax_currency.tax_micros * sign)
    credited = sums.due_micros > 0 and sign < 0
    return Norm(
        source=document,
        profile=profile,
        type_code=_type_code(document),
        notes=tuple(_notes(document)),
        period=_period(document, lines) if profile.name == "peppol" else document.period,
        due_on=document.due_on if sign > 0 else None,
        terms=say(document.language, "credited") if credited else "",
        means=_means(document, profile),
        lines=lines,
        parts=parts,
        taxes=taxes,
        sums=sums,
        tax_currency=tax_currency,
        attachments=tuple(attachments),
        findings=(*profiles.missing(profile, document), *_unsayable(document, lines, taxes), *_without_line(document, lines, parts)),
    )


def _type_code(document: Charged) -> str:
    """BT-3. 384 for an invoice that bills nothing but what a void one had billed: its period had ended when that was issued."""
    replaced = len(document.preceding) == 1 and document.preceding[0].sense == "replaced"
    if isinstance(document, CreditNote):
        return "381"
    return CORRECTED_CODE if replaced and document.period.last < document.preceding[0].issued_on else "380"


def _line(line: Line, sign: int, document: Charged) -> NormLine:
    note = ""
    if line.correction is not None:
        note = (
            say(document.language, "corrects", number=line.correction.number) if line.correction.number else say(document.language, "late")
        )
    user = line.user_name or line.user
    return NormLine(
        line_id=str(line.line_no),
        name=line.text or line.kind,
        note=note,
        net_micros=line.amount_micros * sign,
        price=price_of(line, sign, document.minor_digits),
        category=line.category,
        rate_ppm=line.rate_ppm,
        days=line.days,
        item_id=str(line.charge_code) if line.charge_code else "",
        object_id=line.subscription_id,
        attributes=((say(document.language, "user"), user),) if user else (),
    )


def _part(line: Line, sign: int) -> NormPart:
    micros = line.amount_micros * sign
    return NormPart(micros > 0, abs(micros), line.text or line.kind, line.category, line.rate_ppm)


def _taxes(document: Charged, sign: int, lines: Sequence[NormLine], parts: Sequence[NormPart]) -> tuple[NormTax, ...]:
    """The tax table, and rows of nothing for categories of lines that come to nothing (BR-CO-18)."""
    found = [
        NormTax(
            each.category,
            each.rate_ppm,
            each.taxable_micros * sign,
            each.tax_micros * sign,
            each.reason,
            each.reason_code or ("" if each.reason else _VATEX.get(each.category, "")),
        )
        for each in document.taxes
    ]
    known = {(each.category, each.rate_ppm) for each in found}
    used = [(line.category, line.rate_ppm) for line in lines] + [(part.category, part.rate_ppm) for part in parts]
    found += [NormTax(*key, 0, 0, "", _VATEX.get(key[0], "")) for key in dict.fromkeys(used) if key not in known]
    return tuple(found)


def _sums(document: Charged, sign: int, lines: Sequence[NormLine], parts: Sequence[NormPart]) -> Sums:
    totals = document.totals
    found = Sums(
        lines_micros=sum(each.net_micros for each in lines),
        allowances_micros=sum(each.micros for each in parts if not each.is_charge),
        charges_micros=sum(each.micros for each in parts if each.is_charge),
        net_micros=totals.net_micros * sign,
        tax_micros=totals.tax_micros * sign,
        total_micros=totals.total_micros * sign,
        prepaid_micros=totals.prepaid_micros * sign,
        rounding_micros=totals.rounding_micros * sign,
        due_micros=totals.due_micros * sign,
    )
    assert found.lines_micros - found.allowances_micros + found.charges_micros == found.net_micros, found  # BR-CO-13
    assert found.net_micros + found.tax_micros == found.total_micros, found  # BR-CO-15
    assert found.total_micros - found.prepaid_micros + found.rounding_micros == found.due_micros, found  # BR-CO-16
    return found


def _notes(document: Charged) -> Iterator[str]:
    yield from (note.text for note in document.notes)
    if isinstance(document, CreditNote) and document.reason:
        yield document.reason
    for each in document.third_parties:
        amount = decimal(each.amount_micros, document.minor_digits)
        yield say(document.language, "third_party", provider=each.provider, amount=amount, currency=document.currency, contact=each.contact)
    if document.third_parties:
        to_pay = decimal(document.totals.to_pay_micros, document.minor_digits)
        yield say(document.language, "to_pay", amount=to_pay, currency=document.currency)


def _period(document: Charged, lines: Sequence[NormLine]) -> Days:
    """The span of the document and all its lines: Peppol wants lines within it (PEPPOL-EN16931-R110, -R111)."""
    spans = [document.period, *(each.days for each in lines)]
    return Days(min(each.first for each in spans), max(each.last for each in spans))


def _means(document: Charged, profile: Profile) -> str:
    """BT-81. A transfer without an account to pay into has no code (BR-61); XRechnung wants one on any document (BR-DE-1)."""
    means, accounts = document.payment.means, document.payment.accounts
    if means in _NEEDS_ACCOUNT and not any(each.iban or each.number for each in accounts):
        return UNDEFINED_MEANS
    return means or (UNDEFINED_MEANS if profile.name == "xrechnung" else "")


def _unsayable(document: Charged, lines: Sequence[NormLine], taxes: Sequence[NormTax]) -> Iterator[Finding]:
    """Findings of what the norm cannot say of a document."""
    place = f"document {document.number}"
    if not lines:
        yield Finding(
            "no_lines", place, "has no line of the issuer, and EN 16931 wants one (BR-16)", "send another form of it, such as a PDF"
        )
    if document.minor_digits > DIGITS_MAX:
        message = f"is in {document.currency} with {document.minor_digits} decimal places, and EN 16931 has two (BR-DEC-1 and more)"
        yield Finding("currency_digits", place, message, "send another form of it, such as a PDF")
    categories = {each.category for each in taxes}
    if "O" in categories and len(categories) > 1:
        message = "has amounts outside of tax beside others, which EN 16931 keeps apart (BR-O-11 to BR-O-14)"
        yield Finding("outside_with_others", place, message, "bill what is outside of tax to an account of its own")
    half = 10 ** (6 - document.minor_digits)
    for tax in taxes:
        off = tax.tax_micros * PPM - tax.taxable_micros * tax.rate_ppm
        if abs(off) * 2 > half * PPM:
            rate = decimal(tax.rate_ppm * 100)
            product = decimal(_rounded(tax.taxable_micros * tax.rate_ppm, half * PPM) * half, document.minor_digits)
            message = (
                f"has a tax of {decimal(tax.tax_micros, document.minor_digits)} at {rate} % ({tax.category}),"
                f" and EN 16931 works out {product} (BR-CO-17)"
            )
            remedy = "it is written as posted; where the receiver refuses it, credit the document and bill the correction by itself"
            yield Finding("tax_arithmetic", place, message, remedy)


def _without_line(document: Charged, lines: Sequence[NormLine], parts: Sequence[NormPart]) -> Iterator[Finding]:
    """Taxes of no line, as a correction of a tax alone has them: the norm wants a line of each category (BR-S-1 and more)."""
    used = {(line.category, line.rate_ppm) for line in lines} | {(part.category, part.rate_ppm) for part in parts}
    for tax in document.taxes:
        if (tax.category, tax.rate_ppm) not in used:
            rate = f"{decimal(tax.rate_ppm * 100)} % ({tax.category})"
            message = f"has a tax at {rate} and no line of it, which EN 16931 refuses (BR-{tax.category}-1)"
            yield Finding("tax_without_line", f"document {document.number}", message, "send another form of it, such as a PDF")


def _rounded(value: int, step: int) -> int:
    """The number of steps nearest to a value, half away from zero."""
    steps = (2 * abs(value) + step) // (2 * step)
    return -steps if value < 0 else steps
