"""Lines with their tax, where prices hold it: the amount that the tariff states to the customer.

Documents store net amounts. The amount due as prices state it is recomputed from what the run knew. For a line that corrects, the amount
due so by the document before it on its charge is subtracted. If the result does not agree with the stored net amount, nothing is given (a
period that is no longer open cannot be recomputed).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from billing.documents.due import due_of
from billing.documents.finding import find
from billing.documents.run_inputs import WORKED_OUT
from billing.invoicing.corrections import key_of
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.documents.due import Due
    from billing.documents.finding import Document
    from billing.invoicing.corrections import Issued
    from billing.store.home import Home


class _Stated(NamedTuple):
    """The amount due on a charge key: as prices state it, and without tax; and whether any of the prices hold theirs."""

    gross_micros: int
    net_micros: int
    holds_tax: bool


def with_tax(home: Home, document: Document, rows: Sequence[Any], earlier: Sequence[Issued]) -> dict[int, int]:
    """By line number the amount with tax of each of some `rows`, where its prices hold it.

    `earlier`: documents that were valid when this one was made, oldest first.
    """
    if document.run_kind not in WORKED_OUT:
        return {}
    own = _due(home, document)
    before: dict[int, Due | None] = {}
    found = {}
    for row in rows if own is not None else ():
        assert own is not None
        key = key_of(row)
        with_key = [(each, line) for each in earlier for line in each.lines if key_of(line) == key and line.effect != "outside"]
        billed = sum(int(line.amount_micros) for _, line in with_key)
        last = with_key[-1][0] if with_key else None
        if last is not None and last.invoice_key not in before:
            before[last.invoice_key] = _due_by(home, last)
        then = _Stated(0, 0, holds_tax=False) if last is None else _stated(before[last.invoice_key], key)
        now = _stated(own, key)
        if then is None or now is None or not (then.holds_tax or now.holds_tax):
            continue
        if then.net_micros == billed and now.net_micros - billed == int(row.amount_micros):
            found[row.line_no] = now.gross_micros - then.gross_micros
    return found


def _due_by(home: Home, issued: Issued) -> Due | None:
    with home.connect() as connection:
        document = find(connection, issued.number)
    return _due(home, document) if document.run_kind in WORKED_OUT else None


def _due(home: Home, document: Document) -> Due | None:
    try:
        return due_of(home, document)
    except UserError:
        return None


def _stated(due: Due | None, key: tuple[Any, ...]) -> _Stated | None:
    """The amount due on a charge key; None where it is not known, or partly at prices that hold no tax."""
    if due is None:
        return None
    places = due.places(key)
    inclusive = due.lines["inclusive"][places]
    if inclusive.any() and not inclusive.all():
        return None  # a discount off prices of both kinds has no such amount
    return _Stated(int(due.lines["amount_micros"][places].sum()), int(due.net_micros[places].sum()), holds_tax=bool(inclusive.any()))
