"""Day passes in the lines of a bill: the fee of a pass is in the charge of the event that opens it, so a line of usage holds it.

They are known of lines that a run of the cycle billed for the first time. They are sought only where a plan of the line's subscription has
a day pass. Usage is priced twice more by the kernel (`opening`): the fees identify the passes. Where two passes of a line have one fee, or
the period cannot be priced again, the plain twin prices the events of the line.
"""

from __future__ import annotations

import collections
import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec

from billing.runs import states
from rating.errors import UserError
from rating.model import BucketKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing.documents.finding import Document
    from billing.documents.showing.names import Names
    from billing.documents.showing.opening import Key, Opened
    from billing.store.home import Home
    from rating.model import DayPass


class Passes(msgspec.Struct, frozen=True):
    """The number of times that events of a line opened a day pass, and the sum of the fees, before money and caps."""

    name: str
    times: int
    fees_micros: int


def passes_by_line(home: Home, document: Document, rows: Sequence[Any], names: Names) -> dict[int, tuple[Passes, ...]]:
    """The day passes in some stored lines of a document, by line number; lines without any are left out."""
    sold = {row.line_no: list(_sold(row, names)) for row in rows if _is_known(document, row)}
    having = [row for row in rows if sold.get(row.line_no)]
    opened = _opened(home, document) if having else None
    found = {}
    for row in having:
        ids = collections.defaultdict(set)
        for each in sold[row.line_no]:
            ids[each.fee_micros].add(each.pass_id)
        told = opened is not None and all(len(of_fee) == 1 for of_fee in ids.values())
        sums = _by_fee(row, ids, opened) if told and opened is not None else _by_twin(home, document, row)
        titles = {each.pass_id: each.title.get(names.language) or each.title.get("en") or each.name for each in sold[row.line_no]}
        found[row.line_no] = tuple(Passes(titles[pass_id], *of_pass) for pass_id, of_pass in sorted(sums.items()))
    return found


def _is_known(document: Document, row: Any) -> bool:  # noqa: ANN401 -- a row of the database
    billed_first = document.run_kind == states.CYCLE and row.corrects_invoice_key is None
    return row.kind == "usage" and billed_first and bool(row.exact_micros)


def _sold(row: Any, names: Names) -> Iterator[DayPass]:  # noqa: ANN401 -- a row of the database
    """The day passes of a line's subscription until the end of its period, in every version of its plans."""
    life = names.lives.get(row.subscription_key)
    end = dt.date.fromisoformat(row.period_to)
    for plan in dict.fromkeys(each.plan for each in life.spans if each.span.start < end) if life is not None else ():
        for version in names.price_list.plan_versions(plan):
            yield from version.plan.day_passes


def _opened(home: Home, document: Document) -> dict[Key, Opened] | None:
    from billing.documents.showing import opening  # noqa: PLC0415 -- with the kernels of a run; few lines hold a day pass

    try:
        return opening.opened(home, document)
    except UserError:  # the period is not open any more
        return None


def _by_fee(row: Any, ids: dict[int, set[int]], opened: dict[Key, Opened]) -> dict[int, tuple[int, int]]:  # noqa: ANN401 -- a row of the database
    """By pass: how often it was opened, and its fees."""
    found: dict[int, tuple[int, int]] = {}
    key = (row.subscription_key, row.period_from, row.charge_code, row.price_id)
    for fee_micros, times in opened.get(key, {}).items():
        (pass_id,) = ids[fee_micros]
        before = found.get(pass_id, (0, 0))
        found[pass_id] = before[0] + times, before[1] + times * fee_micros
    return found


def _by_twin(home: Home, document: Document, row: Any) -> dict[int, tuple[int, int]]:  # noqa: ANN401 -- a row of the database
    """The same, event by event."""
    from billing.verification.explain_line import explain_line  # noqa: PLC0415 -- with the kernels of a run

    found: dict[int, tuple[int, int]] = {}
    for outcome in explain_line(home, document.number, row.line_no).outcomes:
        for taken in outcome.taken:
            if taken.kind is BucketKind.DAY_PASS and taken.fee_micros:
                times, fees = found.get(taken.definition_id, (0, 0))
                found[taken.definition_id] = times + 1, fees + taken.fee_micros
    return found
