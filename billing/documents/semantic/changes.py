"""The bill before, and what differs on this one: each charge that is on both or on one of them, with the reason of its difference. Pure.

Lines are compared by what they charge, over all their periods: a fee in advance and its first month together. Lines that correct are
differences by themselves, and those by hand are as well. All differences together are that of the net amounts, and are asserted to be.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

from billing.documents.semantic.model import BillDifference, LastBill, Reason
from billing.invoicing import corrections
from billing.invoicing.forms import INVOICE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from billing.invoicing.corrections import Issued

_Key = tuple[str, str, int, int, int, bool]  # kind, subscription, charge_code, price_id, tax_class, whether it corrects


class _Sum(NamedTuple):
    """The lines of one charge on a bill. `days`: the days for which it is charged."""

    text: str
    micros: int
    quantity: int
    days: int


def last_bill(document: Issued, documents: Sequence[Issued], days_of: Callable[[Any], int]) -> LastBill | None:
    """The bill of the cycle that was the last before a bill of the cycle; None for another document, and where there is none.

    `documents`: of the account. `days_of`: the number of days for which a stored line is charged.
    """
    if document.run_kind != corrections.CYCLE or document.document_type != INVOICE:
        return None
    bills = [each for each in documents if each.run_kind == corrections.CYCLE and each.document_type == INVOICE]
    before = [each for each in bills if each.invoice_key < document.invoice_key and each.stood_at(document.commit_seq)]
    if not before:
        return None
    last = before[-1]
    then, now = _sums(last, documents, days_of), _sums(document, documents, days_of)
    changes = tuple(_change(key, then.get(key), now.get(key)) for key in dict.fromkeys((*now, *then)))
    net_before = _net_micros(last.lines)
    found = LastBill(
        last.number,
        dt.date.fromisoformat(last.issued_on),
        net_before,
        last.total_micros,
        tuple(each for each in changes if each.before_micros != each.now_micros),
    )
    assert sum(each.now_micros - each.before_micros for each in found.changes) == _net_micros(document.lines) - net_before
    return found


def _net_micros(rows: Iterable[Any]) -> int:
    return sum(int(row.amount_micros) for row in rows if row.kind != "tax")


def _sums(document: Issued, documents: Sequence[Issued], days_of: Callable[[Any], int]) -> dict[_Key, _Sum]:
    known, found = corrections.before(document, documents), dict[_Key, _Sum]()
    for row in document.lines:
        if row.kind == "tax":
            continue
        corrects = corrections.is_correction(row, known)
        key = (row.kind, row.subscription_id or "", row.charge_code, row.price_id, row.tax_class, corrects)
        before = found.get(key, _Sum(row.text, 0, 0, 0))
        found[key] = _Sum(before.text, before.micros + int(row.amount_micros), before.quantity + row.quantity, before.days + days_of(row))
    return found


def _change(key: _Key, then: _Sum | None, now: _Sum | None) -> BillDifference:
    kind, subscription_id, *_, corrects = key
    told = now or then
    assert told is not None
    before_micros, now_micros = (0 if each is None else each.micros for each in (then, now))
    reason: Reason
    if corrects:
        reason = "correction"
    elif kind == "adjustment":
        reason = "by_hand"
    elif then is None or now is None:
        reason = "new" if then is None else "gone"
    elif kind == "usage" and then.quantity != now.quantity:
        reason = "more_use" if now.quantity > then.quantity else "less_use"
    elif kind in {"recurring", "commitment"} and then.days != now.days:
        reason = "other_days"
    else:
        reason = "other_price"
    return BillDifference(told.text, subscription_id, kind, before_micros, now_micros, reason)
