"""Sections below the lines: taxes, credit that was set off, usage, allowances, and the issuer's texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.documents.rendering.frame import last_day_before
from billing.documents.rendering.layout import Column, Fact, Facts, Notes, Row, Section, Table
from rating.explain.volumes import unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.documents.rendering.frame import Frame
    from billing.documents.semantic.model import Allowance, Tax, TaxPart


def tax_section(frame: Frame) -> Section | None:
    """A row a category and rate; where it is of several classes, periods or corrections, these below it."""
    document, words = frame.document, frame.words.sums
    if not document.taxes:
        return None
    columns = (
        Column(words.tax, 108),
        Column(f"{words.taxed} {frame.currency}", 32, right=True),
        Column(f"{words.tax} {frame.currency}", 28, right=True),
    )
    rows: list[Row] = []
    for tax in document.taxes:
        parts = tax.parts if len(tax.parts) > 1 else ()
        below = () if parts else tuple(_part_texts(tax.parts[0], frame)) if tax.parts else ()
        name = words.at_rate.format(rate=frame.percent(tax.rate_ppm)) if tax.category == "S" else words.categories[tax.category]
        cell = (name, *_reason(tax, frame), *below)
        form = "sum" if parts else "line"
        rows += [_part_row(part, frame) for part in parts]
        rows.append(Row((cell, (frame.amount(tax.taxable_micros),), (frame.amount(tax.tax_micros),)), form))
    if len(document.taxes) > 1:
        totals = document.totals
        rows.append(Row(((frame.words.charges.sum,), (frame.amount(totals.net_micros),), (frame.amount(totals.tax_micros),)), "sum"))
    return Section(words.tax_title, (Table(columns, tuple(rows)),))


def settled_section(frame: Frame) -> Section | None:
    """Credit that was set off, item by item."""
    words = frame.words.sums
    if not frame.document.settled:
        return None
    facts = tuple(
        Fact(words.settled.get(each.kind, "{id}").format(id=frame.clean.one(each.credit_id)), frame.money(each.amount_micros))
        for each in frame.document.settled
    )
    return Section(words.settled_title, (Facts(facts, amounts=True),))


def usage_section(frame: Frame) -> Section | None:
    """Usage by subscription and unit."""
    words = frame.words.used
    if not frame.document.usage:
        return None
    columns = (
        Column(words.subscription, 46), Column(words.records, 24, right=True), Column(words.quantity, 36, right=True),
        Column(words.free, 36, right=True), Column(words.amount.format(currency=frame.currency), 26, right=True),
    )  # fmt: skip
    rows = tuple(
        Row(
            (
                (frame.clean.one(each.subscription_id),),
                (frame.locale.number(str(each.records)),),
                (frame.quantity(each.quantity, each.unit),),
                (frame.quantity(each.free_quantity, each.unit),) if each.free_quantity else (),
                (frame.amount(each.amount_micros),),
            )
        )
        for each in frame.document.usage
    )
    return Section(words.usage_title, (Table(columns, rows),))


def allowances_section(frame: Frame) -> Section | None:
    """Allowances with what is left."""
    words = frame.words.used
    if not frame.document.allowances:
        return None
    columns = (
        Column(words.allowance, 50), Column(words.granted, 30, right=True), Column(words.used, 30, right=True),
        Column(words.left, 30, right=True), Column(words.until, 28),
    )  # fmt: skip
    rows = tuple(_allowance_row(each, frame) for each in frame.document.allowances)
    return Section(words.allowances_title, (Table(columns, rows),))


def notes_section(frame: Frame) -> Section | None:
    """The issuer's texts."""
    lines = tuple(line for note in frame.document.notes for line in frame.clean.lines(note.text))
    return Section(frame.words.notes, (Notes(lines),)) if lines else None


def _reason(tax: Tax, frame: Frame) -> Iterator[str]:
    for text in (tax.reason, tax.reason_code):
        if text:
            yield frame.clean.one(text)


def _part_row(part: TaxPart, frame: Frame) -> Row:
    texts = tuple(_part_texts(part, frame))
    return Row((texts, (frame.amount(part.taxable_micros),), (frame.amount(part.tax_micros),)))


def _part_texts(part: TaxPart, frame: Frame) -> Iterator[str]:
    words, clean = frame.words, frame.clean
    yield clean.one(part.text) or words.sums.no_tax
    correction = part.correction
    if correction is not None and correction.number and correction.issued_on is not None:
        date = frame.locale.date(correction.issued_on)
        yield words.charges.corrects.format(month=frame.span(part.days), number=clean.one(correction.number), date=date)
    else:
        yield frame.span(part.days)
    if part.certificate:
        yield words.sums.certificate.format(proof=clean.one(part.certificate))


def _allowance_row(each: Allowance, frame: Frame) -> Row:
    own = unit_of(each.granted) if each.unit == "byte" and each.granted else ""
    whose = frame.clean.one(each.subscription_id) or frame.words.used.shared
    return Row(
        (
            (frame.clean.one(each.name), whose),
            *((frame.quantity(quantity, each.unit, own),) for quantity in (each.granted, each.used, each.left)),
            (frame.locale.short_date(last_day_before(each.expires_on)),),
        )
    )
