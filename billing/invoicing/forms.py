"""Forms of documents: their types, and an invoice without its number as values, for showing. Nothing here needs columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from billing.charges.charge_keys import Kind
from billing.charges.own_days import Days

if TYPE_CHECKING:
    from collections.abc import Iterable

KIND_NAMES: Final = {kind: kind.name.lower() for kind in Kind}
INVOICE: Final = "invoice"
CREDIT_NOTE: Final = "credit_note"
OPENING: Final = "opening"


class LineDraft(msgspec.Struct, frozen=True):
    """One line of an invoice; the fields of `tables.invoice_lines`."""

    kind: str
    subscription_key: int
    charge_code: int
    price_id: int
    revenue_code: int
    tax_class: int
    period_from: str
    period_to: str
    text: str
    events: int
    quantity: int
    free_quantity: int
    quantity_unit: int
    exact_micros: int
    amount_micros: int


class DraftLine(LineDraft, frozen=True):
    """A line of a draft with the fields that distinguish it. `days`: the days of its period that a fee is for; none: all of them."""

    subscription_id: str = ""  # empty: of the account itself
    days: tuple[Days, ...] = ()
    tax_name: str = ""  # its tax class, where nothing else tells it from another line


class InvoiceDraft(msgspec.Struct, frozen=True):
    """An invoice without its number, as one value: for showing."""

    account_key: int
    currency: str
    period_from: str
    period_to: str
    issued_on: str
    due_on: str
    lines: tuple[DraftLine, ...]

    @property
    def net_micros(self) -> int:
        """Sum of all lines but tax."""
        return sum(line.amount_micros for line in self.lines if line.kind != "tax")

    @property
    def tax_micros(self) -> int:
        """Sum of the tax lines."""
        return sum(line.amount_micros for line in self.lines if line.kind == "tax")


def sight(line: Any) -> tuple[Any, ...]:  # noqa: ANN401 -- a draft, or a row of the database
    """A line as a reader sees it, without its figures."""
    return line.kind, line.text, line.subscription_key, line.period_from, line.period_to


def classes_by_sight(lines: Iterable[Any]) -> dict[tuple[Any, ...], set[object]]:
    """The tax classes of lines that look alike: several classes distinguish these lines."""
    found: dict[tuple[Any, ...], set[object]] = {}
    for line in lines:
        found.setdefault(sight(line), set()).add(line.tax_class)
    return found
