"""The lines of a document as a table: by subscription, then corrections by their months, discounts, and amounts of other providers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.documents.rendering.frame import joined
from billing.documents.rendering.layout import Column, Notes, Row, Section, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.documents.rendering.frame import Frame
    from billing.documents.semantic.model import LastBill, Line


def lines_section(frame: Frame) -> Section:
    """All lines, each in one group; a group of several lines has its sum."""
    words, document = frame.words.charges, frame.document
    columns = (
        Column(words.number, 10, right=True),
        Column(words.charge, 106),
        Column(words.rate, 22, right=True),
        Column(words.amount.format(currency=frame.currency), 30, right=True),
    )
    rows: list[Row] = []
    for title, lines in groups_of(frame):
        rows.append(Row(((title,),), "group"))
        rows += [_row(line, frame) for line in lines]
        if len(lines) > 1:
            total = frame.amount(sum(line.amount_micros for line in lines))
            rows.append(Row(((), (words.sum,), (), (total,)), "sum"))
    others = tuple(
        words.others_text.format(provider=frame.clean.one(each.provider), contact=frame.clean.one(each.contact))
        for each in document.third_parties
        if each.contact
    )
    return Section(words.title, (Table(columns, tuple(rows)), *([Notes(others)] if others else [])))


def groups_of(frame: Frame) -> list[tuple[str, tuple[Line, ...]]]:
    """Groups of lines with their headings, in the order of the page."""
    words, document = frame.words.charges, frame.document
    groups: dict[str, list[Line]] = {}
    for line in document.of_role("line"):
        if line.correction is None:
            groups.setdefault(line.subscription_id, []).append(line)
    named = [
        (_subscription(lines[0], frame) if name else words.account, tuple(lines))
        for name, lines in sorted(groups.items(), key=lambda each: (not each[0], each[0]))
    ]
    corrected = tuple(sorted((line for line in document.of_role("line") if line.correction is not None), key=lambda line: line.days.first))
    rest = (
        (words.corrections, corrected),
        (words.allowances, document.of_role("allowance")),
        (words.surcharges, document.of_role("charge")),
        (words.others, document.of_role("third_party")),
    )
    return [*named, *((title, lines) for title, lines in rest if lines)]


def changes_section(last: LastBill, frame: Frame) -> Section:
    """The differences to the last bill, each with its reason; and the net amounts of both."""
    words, clean = frame.words.charges, frame.clean
    title = words.changed.format(number=clean.one(last.number), date=frame.locale.date(last.issued_on))
    if not last.changes:
        return Section(title, (Notes((words.unchanged,)),))
    currency = frame.currency
    columns = (
        Column(words.charge, 64),
        Column(words.before.format(currency=currency), 24, right=True),
        Column(words.now.format(currency=currency), 24, right=True),
        Column(words.difference.format(currency=currency), 26, right=True),
        Column(words.why, 34),
    )
    rows = [
        Row(
            (
                (joined((clean.one(change.text), clean.one(change.subscription_id)), " · "),),
                (frame.amount(change.before_micros),),
                (frame.amount(change.now_micros),),
                (_signed(change.now_micros - change.before_micros, frame),),
                (words.reasons[change.reason],),
            )
        )
        for change in last.changes
    ]
    net_micros = sum(line.amount_micros for line in frame.document.lines)
    difference = _signed(net_micros - last.net_micros, frame)
    rows.append(Row(((frame.words.sums.net,), (frame.amount(last.net_micros),), (frame.amount(net_micros),), (difference,), ()), "sum"))
    return Section(title, (Table(columns, tuple(rows)),))


def _subscription(line: Line, frame: Frame) -> str:
    """The subscription of a line, with its user where another account pays."""
    name = frame.words.charges.subscription.format(id=frame.clean.one(line.subscription_id))
    return joined((name, frame.clean.one(line.user_name or line.user)), " · ")


def _signed(micros: int, frame: Frame) -> str:
    return f"{'+' * (micros > 0)}{frame.amount(micros)}"


def _row(line: Line, frame: Frame) -> Row:
    rate = frame.percent(line.rate_ppm) if line.category == "S" else ""
    return Row(
        (
            (str(line.line_no),),
            (frame.clean.one(line.text), *_details(line, frame)),
            (rate,) if rate else (),
            (frame.amount(line.amount_micros),),
        )
    )


def _details(line: Line, frame: Frame) -> Iterator[str]:
    """Texts below the name of a line."""
    words, clean = frame.words.charges, frame.clean
    yield from _periods(line, frame)
    if line.subscription_id and (line.role != "line" or line.correction is not None):
        yield _subscription(line, frame)
    yield from _usage(line, frame)
    if line.with_tax_micros is not None:
        yield words.with_tax.format(amount=frame.amount(line.with_tax_micros))
    if line.tax_text:
        yield words.tax_class.format(text=clean.one(line.tax_text))
    if line.reference:
        yield words.reference.format(text=clean.one(line.reference))


def _periods(line: Line, frame: Frame) -> Iterator[str]:
    """The days that it is for, where these are not all of the billing period; of a correction its month, and the document before."""
    words, correction = frame.words.charges, line.correction
    if correction is None:
        if line.charged_days or line.days != frame.document.period:
            yield frame.spans(line.charged_days or (line.days,))
        return
    if correction.number and correction.issued_on is not None:
        date = frame.locale.date(correction.issued_on)
        yield words.corrects.format(month=frame.span(line.days), number=frame.clean.one(correction.number), date=date)
    else:
        yield words.corrects_late.format(month=frame.span(line.days))
    if line.charged_days:
        yield frame.spans(line.charged_days)


def _usage(line: Line, frame: Frame) -> Iterator[str]:
    words, used = frame.words.charges, line.usage
    if used is None:
        return
    quantity = frame.quantity(used.quantity, used.unit, used.shown_unit)
    told = [words.used.format(quantity=quantity, records=frame.records(used.records))]
    if used.free_quantity:
        told.append(words.free.format(quantity=frame.quantity(used.free_quantity, used.unit, used.shown_unit)))
    if used.exact_micros != line.amount_micros and line.with_tax_micros is None:
        told.append(words.exact.format(amount=frame.amount(used.exact_micros)))
    yield frame.words.units.comma.join(told)
    for each in used.passes:
        yield words.passes.format(times=each.times, name=frame.clean.one(each.name), fees=frame.amount(each.fees_micros))
