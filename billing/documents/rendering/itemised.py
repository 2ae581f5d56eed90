"""Itemised usage as an appendix: the records behind the lines of a document, as they were read before."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from billing.documents.rendering.layout import Column, Notes, Row, Section, Table
from billing.documents.semantic.model import Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.documents.rendering.frame import Frame
    from billing.documents.rendering.layout import Block

HIDDEN_DIGITS: Final = 3
_HIDDEN: Final = "x"


class UsageRecord(msgspec.Struct, frozen=True):
    """A record behind a line. `at`: local to the account. `charge_micros`: before the line is rounded."""

    line_no: int
    subscription_id: str
    text: str
    at: dt.datetime
    other: str
    quantity: int
    free_quantity: int
    unit: Unit
    shown_unit: str
    charge_micros: int


class LateUsage(msgspec.Struct, frozen=True):
    """A line of usage that came late: its records are counted, not listed."""

    line_no: int
    text: str
    records: int


class Itemised(msgspec.Struct, frozen=True):
    """Records by line, in their order. `numbers`: whole, or without their last digits."""

    records: tuple[UsageRecord, ...]
    numbers: Literal["full", "masked"] = "full"
    late: tuple[LateUsage, ...] = ()


def section_of(itemised: Itemised, frame: Frame) -> Section:
    """The appendix: a table a line, with the sum of its records."""
    return Section(frame.words.used.itemised_title, tuple(_blocks(itemised, frame)), apart=True)


def masked(number: str) -> str:
    """A number without its last digits; all of a short one is hidden."""
    return number[:-HIDDEN_DIGITS] + _HIDDEN * min(HIDDEN_DIGITS, len(number))


def _blocks(itemised: Itemised, frame: Frame) -> Iterator[Block]:
    words = frame.words.used
    is_masked = itemised.numbers == "masked"
    notes = [words.before_rounding if itemised.records else "", words.masked if is_masked and itemised.records else ""]
    late = [
        words.late.format(number=each.line_no, text=frame.clean.one(each.text), records=frame.records(each.records))
        for each in itemised.late
    ]
    told = tuple(each for each in (*notes, *late) if each) or (words.itemised_none,)
    yield Notes(told)
    columns = (
        Column(words.time, 34), Column(words.with_, 40), Column(words.quantity, 34, right=True), Column(words.free, 34, right=True),
        Column(words.charge.format(currency=frame.currency), 26, right=True),
    )  # fmt: skip
    rows: list[Row] = []
    for line_no, own in itertools.groupby(itemised.records, key=lambda each: each.line_no):
        records = list(own)
        head = words.line.format(number=line_no, text=frame.clean.one(records[0].text))
        subscription = frame.words.charges.subscription.format(id=frame.clean.one(records[0].subscription_id))
        rows.append(Row(((head, subscription),), "group"))
        rows += [_row(each, frame, is_masked=is_masked) for each in records]
        charge = frame.amount(sum(each.charge_micros for each in records))
        rows.append(Row(((words.sum,), (), (), (), (charge,)), "sum"))
    if rows:
        yield Table(columns, tuple(rows))


def _row(record: UsageRecord, frame: Frame, *, is_masked: bool) -> Row:
    other = frame.clean.one(record.other)
    free = frame.quantity(record.free_quantity, record.unit, record.shown_unit) if record.free_quantity else ""
    return Row(
        (
            (f"{frame.locale.short_date(record.at.date())} {record.at:%H:%M:%S}",),
            (masked(other) if is_masked else other,),
            (frame.quantity(record.quantity, record.unit, record.shown_unit),),
            (free,) if free else (),
            (frame.amount(record.charge_micros),),
        )
    )
