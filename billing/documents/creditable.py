"""The amount of each line of an invoice that may still be credited, and the total of an invoice as a whole.

A charge key may have lines of several documents. A line above zero is credited down to the key's sum before the invoice, but not below
zero: `prior` 0, line 10.00, a later document -3.00: 7.00 is left. On a key with a sum below zero, such as a discount's, that is the limit:
`prior` -10.00, a correction of 2.00: all 2.00 is left. A line below zero is the mirror image: the amount that it gave is taken back up to
the key's sum before, but not above zero.

The whole of an invoice is the sum left on its lines, class of tax by class. Where later documents took back amounts that it gave, its lines
have more left than it charged. Then it is the amount that it charged, and lines below zero are taken back in full. Amounts are micro-units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from billing.charges.credit import Billed, tax_with
from billing.invoicing.corrections import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Credited(NamedTuple):
    """A line of the invoice, and the amount taken off it (above zero for an amount that was charged)."""

    row: Any
    micros: int


class Standing:
    """Valid amounts on the charge keys of an account: before an invoice, by all documents, and credited of the invoice since."""

    def __init__(self, lines: Iterable[Any], invoice_key: int) -> None:
        """`lines`: those of all documents of the account that are not void, as `finding.standing_lines` gives them."""
        self.credited: dict[tuple[Any, ...], int] = {}
        self.billed: dict[tuple[Any, ...], int] = {}
        self._prior: dict[tuple[Any, ...], int] = {}
        self._net: dict[tuple[str, str, int], int] = {}
        self._taxes: dict[tuple[str, str, int], Any] = {}
        for row in lines:
            key, about = key_of(row), row.about or row.invoice_key  # a credit note belongs to the invoice that it is about
            self.billed[key] = self.billed.get(key, 0) + row.amount_micros
            if row.kind == "tax":
                self._taxes[class_of(row)] = row
            else:
                self._net[class_of(row)] = self._net.get(class_of(row), 0) + row.amount_micros
            if about < invoice_key:
                self._prior[key] = self._prior.get(key, 0) + row.amount_micros
            if row.about == invoice_key:
                self.credited[key] = self.credited.get(key, 0) - row.amount_micros

    def own(self, row: Any) -> int:  # noqa: ANN401 -- a row of the database
        """The amount of a line less earlier credits of it."""
        return int(row.amount_micros) - self.credited.get(key_of(row), 0)

    def net_of(self, row: Any) -> int:  # noqa: ANN401 -- a row of the database
        """The net of all documents in the class of a line."""
        return self._net.get(class_of(row), 0)

    def tax_of(self, row: Any) -> Any:  # noqa: ANN401 -- rows of the database
        """The newest line of tax on the class of a line; None where no document has any."""
        return self._taxes.get(class_of(row))

    def left(self, row: Any) -> int:  # noqa: ANN401 -- a row of the database
        """The amount of a line that may still be credited; of a line below zero the amount that is to be taken back with the others."""
        own, billed, prior = self.own(row), self.billed[key_of(row)], self._prior.get(key_of(row), 0)
        if own > 0:
            return max(min(own, billed - min(prior, 0)), 0)
        return min(max(own, billed - max(prior, 0)), 0)


def class_of(row: Any) -> tuple[str, str, int]:  # noqa: ANN401 -- a row of the database
    """Period and tax class of a line: the basis of one amount of tax."""
    return row.period_from, row.period_to, int(row.tax_class)


def whole(rows: Sequence[Any], standing: Standing, step_micros: int) -> list[Credited]:
    """All that is left of an invoice with these lines, tax after the lines of each class."""
    found = []
    for group in sorted({class_of(row) for row in rows}):
        net = [row for row in rows if class_of(row) == group and row.kind != "tax"]
        credits_ = _within_charge(net, standing)
        found += credits_
        found += [
            Credited(row, _tax(net, row, sum(each.micros for each in credits_), standing, step_micros))
            for row in rows
            if class_of(row) == group and row.kind == "tax"
        ]
    return [each for each in found if each.micros]


def left_of_line(row: Any, net: Sequence[Any], standing: Standing) -> int:  # noqa: ANN401 -- a row of the database
    """The amount that may be credited of a line alone: what is left of it, bounded by its class. `net`: all of the class but tax.

    Of a class below zero the bound is the net of all documents: there the invoice corrects what others billed.
    """
    bound = standing.net_of(row) if is_corrected(net) else sum(standing.own(each) for each in net)
    return max(min(standing.left(row), bound), 0)


def is_corrected(net: Sequence[Any]) -> bool:
    """Return whether an invoice gave more in a class than it charged."""
    return sum(int(row.amount_micros) for row in net) < 0


def billed_of(net: Sequence[Any], tax: Any, standing: Standing, sign: int = 1) -> Billed:  # noqa: ANN401 -- a row of the database
    """The amounts that an invoice billed of a class, and those credited of it.

    `sign` -1: of a class in which it gave more than it charged.
    """
    amount = sum(int(row.amount_micros) for row in net)
    own = sum(standing.own(row) for row in net)
    return Billed(sign * amount, sign * int(tax.amount_micros), sign * (amount - own), sign * (int(tax.amount_micros) - standing.own(tax)))


def _within_charge(net: Sequence[Any], standing: Standing) -> list[Credited]:
    """The lines of a class with the credited amount of each: no more in sum than the invoice charged there, nor more given than it gave."""
    own, left = [standing.own(row) for row in net], [standing.left(row) for row in net]
    charged, amount = sum(own), sum(left)
    bounded = max(min(amount, max(charged, 0)), min(charged, 0))
    if not bounded:
        return []
    rest = amount - bounded
    for place, full in enumerate(own):
        room = left[place] - full  # above zero for lines below zero that later documents took back in part
        part = max(min(rest, room), 0) if rest > 0 else min(max(rest, room), 0)
        left[place] -= part
        rest -= part
    assert not rest, "lines that are credited in full come to what the invoice charged"
    assert sum(left) == bounded, (left, bounded)
    return [Credited(row, micros) for row, micros in zip(net, left, strict=True)]


def _tax(net: Sequence[Any], tax: Any, amount: int, standing: Standing, step_micros: int) -> int:  # noqa: ANN401 -- a row of the database
    """The tax that goes with `amount` of a class: all that is left of it where nothing of the class is left, else the part of it."""
    left = standing.left(tax)
    if amount == standing.net_of(tax) or not sum(standing.own(row) for row in net):
        return left
    sign = 1 if amount >= 0 else -1
    return sign * min(tax_with(billed_of(net, tax, standing, sign), sign * amount, step_micros), max(sign * left, 0))
