"""The first things of a page: what is owed and by when, the sums that lead to it, and the way to pay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.documents.rendering import qr
from billing.documents.rendering.frame import grouped_iban
from billing.documents.rendering.layout import Code, Fact, Facts, Headline, Pay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.documents.rendering.frame import Frame


def headline(frame: Frame) -> Headline:
    """The amount, and what is to be done about it."""
    words, totals = frame.words.heads, frame.document.totals
    to_pay = totals.to_pay_micros
    if to_pay > 0:
        return Headline(words.to_pay, frame.money(to_pay), words.by.format(date=frame.locale.date(frame.document.due_on)))
    if to_pay < 0:
        return Headline(words.credit, frame.money(-to_pay), words.credit_text)
    paid = totals.prepaid_micros or totals.third_parties_prepaid_micros
    return Headline(words.nothing, frame.money(0), words.paid_text if paid else words.nothing_text)


def sums(frame: Frame) -> Facts:
    """From net to what is to pay."""
    return Facts(tuple(_sums(frame)), amounts=True)


def pay(frame: Frame, *, is_practice: bool) -> Pay:
    """The way to pay. A document of a practice home has no code, which a reader could scan and pay."""
    words, document, clean = frame.words.ways, frame.document, frame.clean
    amount_micros, payment = document.totals.to_pay_micros, document.payment
    if amount_micros <= 0:
        return Pay(words.title, (words.nothing,), ())
    amount, date = frame.money(amount_micros), frame.locale.date(document.due_on)
    if payment.mandate is not None:
        iban = grouped_iban(clean.one(payment.mandate.iban))
        mandate, creditor = clean.one(payment.mandate.reference), clean.one(payment.mandate.creditor_id)
        return Pay(words.title, (words.debit.format(amount=amount, iban=iban, mandate=mandate, creditor=creditor),), ())
    reference = Fact(words.reference, clean.one(payment.reference), strong=True)
    if not payment.accounts:
        return Pay(words.title, (words.no_account,), (reference,))
    code = None if is_practice else _code(frame)
    return Pay(words.title, (words.transfer.format(amount=amount, date=date),), (*_accounts(frame), reference), code)


def _sums(frame: Frame) -> Iterator[Fact]:
    words, document = frame.words.sums, frame.document
    totals = document.totals
    yield Fact(words.net, frame.money(totals.net_micros))
    for tax in document.taxes:
        if tax.tax_micros or tax.rate_ppm:
            yield Fact(words.tax_at.format(rate=frame.percent(tax.rate_ppm)), frame.money(tax.tax_micros))
    yield Fact(words.total, frame.money(totals.total_micros), strong=True)
    if totals.prepaid_micros:
        yield Fact(words.prepaid, frame.money(-totals.prepaid_micros))
    if totals.rounding_micros:
        yield Fact(words.rounding, frame.money(totals.rounding_micros))
    if document.third_parties:
        yield Fact(words.others, frame.money(totals.third_parties_micros))
    if totals.third_parties_prepaid_micros:
        yield Fact(words.others_prepaid, frame.money(-totals.third_parties_prepaid_micros))
    is_credit = totals.to_pay_micros < 0
    yield Fact(words.to_credit if is_credit else words.to_pay, frame.money(abs(totals.to_pay_micros)), strong=True)


def _accounts(frame: Frame) -> Iterator[Fact]:
    words, clean = frame.words.ways, frame.clean
    for account in frame.document.payment.accounts:
        parts = (
            (words.holder, clean.one(account.holder)),
            (words.iban, grouped_iban(clean.one(account.iban))),
            (words.account, clean.one(account.number)),
            (words.bic, clean.one(account.bic)),
            (words.bank, clean.one(account.bank)),
        )
        yield from (Fact(name, text, strong=name == words.iban) for name, text in parts if text)


def _code(frame: Frame) -> Code | None:
    payload = qr.payload(frame.document, frame.clean)
    if not payload:
        return None
    words, document = frame.words.ways, frame.document
    _, _, _, _, _, holder, iban, *_, reference = payload.split("\n")
    spoken = words.spoken.format(
        amount=frame.money(document.totals.to_pay_micros), holder=holder, iban=grouped_iban(iban), reference=reference
    )
    return Code(qr.matrix(payload), spoken, words.code)
