"""The settlement of open items by credit, and its undoing when money goes back. Pure; amounts are micro-units of one account.

An item is an invoice, or a dated part of one that is paid by instalments. Credit is a payment, a deposit that was released, or a document
with a negative total. Each credit in its turn settles items in the order of `Order`; the part that it cannot settle stays with it.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple

from billing.allocations.order import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from billing.allocations.order import Order

PAYMENT: Final = "payment"
DEPOSIT: Final = "deposit"
DOCUMENT: Final = "invoice"  # a document with a negative total
WRITE_OFF: Final = "write_off"
NO_DATE: Final = dt.date.max


class OpenItem(NamedTuple):
    """An invoice, or a part of one, that is not settled. `open_micros` is what is left of it; negative for a credit document."""

    account_key: int
    invoice_key: int
    number: str
    due_on: dt.date
    open_micros: int
    part_no: int = 0  # of an instalment plan; 0: what is in no plan


class Credit(NamedTuple):
    """Money of an account, and the part of it that settles nothing yet.

    `first` are the invoices that it is meant for, in that order. `corrects` are those that a document takes something off, each with the
    amount: before anything else the document settles so much of each.
    """

    account_key: int
    kind: str  # PAYMENT, DEPOSIT or DOCUMENT
    credit_id: str  # payment id, deposit id, number of the document
    left_micros: int
    first: tuple[int, ...] = ()
    corrects: tuple[tuple[int, int], ...] = ()


class Settlement(NamedTuple):
    """Part of a credit that settles (part of) an invoice; a negative amount undoes it."""

    kind: str
    credit_id: str
    invoice_key: int
    amount_micros: int


class Claims(NamedTuple):
    """The costs and interest in an invoice, and its total."""

    costs_micros: int
    interest_micros: int
    total_micros: int


def allocate(
    credits_: Iterable[Credit], items: Iterable[OpenItem], order: Order = DEFAULT, claims: Mapping[int, Claims] | None = None
) -> list[Settlement]:
    """Spread the credits of one account, in their turn, over its open items. `claims` by invoice is used only `by_claim`."""
    open_items = sorted((item for item in items if item.open_micros > 0), key=lambda item: (item.due_on, item.number, item.part_no))
    pieces = _pieces(open_items, claims or {}) if order.by_claim else [(item.invoice_key, item.open_micros) for item in open_items]
    left = [amount for _, amount in pieces]
    made: dict[tuple[str, str, int], int] = {}
    for credit in credits_:
        rest = credit.left_micros
        turns = [(place, left[place]) for place in _turns(pieces, credit.first if order.by_instruction else ())]
        if order.by_instruction:
            turns = [*_corrected(pieces, credit.corrects), *turns]
        for place, most in turns:
            part = min(rest, left[place], most)
            if part > 0:
                key = (credit.kind, credit.credit_id, pieces[place][0])
                made[key] = made.get(key, 0) + part
                left[place] -= part
                rest -= part
        assert rest >= 0, f"{credit.credit_id} settles more than it has"
    assert min(left, default=0) >= 0, "an invoice is settled beyond its total"
    assert sum(made.values()) + sum(left) == sum(amount for _, amount in pieces), "what is settled and what is open are not the whole"
    return [Settlement(*key, amount) for key, amount in made.items()]


def take_back(settled: Iterable[OpenItem], left_micros: int, amount_micros: int) -> tuple[dict[int, int], int]:
    """The amounts to undo when `amount_micros` of a credit goes away, by invoice, and the amount left of the credit then.

    The part that settles nothing goes first, then the part that settled the newest invoice. `settled`: the items that the credit has
    settled, with that amount.
    """
    from_left = min(left_micros, amount_micros)
    rest = amount_micros - from_left
    undone = {}
    for item in sorted(settled, key=lambda item: (item.due_on, item.number), reverse=True):
        part = min(rest, item.open_micros)
        if part > 0:
            undone[item.invoice_key] = part
            rest -= part
    assert rest == 0, "more is taken back than the credit had"
    return undone, left_micros - from_left


def in_parts(item: OpenItem, parts: Sequence[tuple[int, dt.date, int]]) -> list[OpenItem]:
    """An open item as the parts of its instalment plan, each (number, due date, amount), in the order of their dates.

    Amounts paid since count for the earliest parts. An open amount beyond all parts (a payment came back) is due when the invoice was.
    """
    if item.open_micros <= 0 or not parts:
        return [item]
    rest, made = item.open_micros, []
    for part_no, due_on, amount_micros in sorted(parts, key=lambda part: (part[1], part[0]), reverse=True):
        amount = min(rest, amount_micros)
        if amount > 0:
            made.append(item._replace(due_on=due_on, open_micros=amount, part_no=part_no))
            rest -= amount
    if rest > 0:
        made.append(item._replace(open_micros=rest))
    return sorted(made, key=lambda part: (part.due_on, part.part_no))


def _corrected(pieces: Sequence[tuple[int, int]], corrects: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Places of the pieces of corrected invoices, each with the most that is settled there."""
    found = []
    for invoice_key, rest in corrects:
        for place, (key, open_micros) in enumerate(pieces):
            part = min(rest, open_micros)
            if key == invoice_key and part > 0:
                found.append((place, part))
                rest -= part  # noqa: PLW2901 -- what is left of the correction
    return found


def _turns(pieces: Sequence[tuple[int, int]], first: Sequence[int]) -> list[int]:
    """Places of the pieces in the order in which a credit settles them."""
    if not first:
        return list(range(len(pieces)))
    rank = {invoice_key: place for place, invoice_key in reversed(list(enumerate(first)))}
    return sorted(range(len(pieces)), key=lambda place: rank.get(pieces[place][0], len(first)))


def _pieces(items: Sequence[OpenItem], claims: Mapping[int, Claims]) -> list[tuple[int, int]]:
    """Costs of all items, then interest, then principal, each oldest first, as (invoice, open amount)."""
    open_of: dict[int, int] = {}
    for item in items:
        open_of[item.invoice_key] = open_of.get(item.invoice_key, 0) + item.open_micros
    due = {invoice_key: _claims_left(claims.get(invoice_key), amount) for invoice_key, amount in open_of.items()}
    ranked: list[list[tuple[int, int]]] = [[], [], []]
    for item in items:
        rest = item.open_micros
        for rank, bound in enumerate(due[item.invoice_key]):
            part = min(rest, bound)
            if part > 0:
                ranked[rank].append((item.invoice_key, part))
                due[item.invoice_key][rank] -= part
                rest -= part
    return [piece for pieces in ranked for piece in pieces]


def _claims_left(claims: Claims | None, open_micros: int) -> list[int]:
    """The open amounts of costs, interest and principal: within an invoice money has settled them in this order."""
    if claims is None:
        return [0, 0, open_micros]
    paid = claims.total_micros - open_micros
    costs = min(max(claims.costs_micros - paid, 0), open_micros)
    interest = min(max(claims.interest_micros - max(paid - claims.costs_micros, 0), 0), open_micros - costs)
    return [costs, interest, open_micros - costs - interest]
