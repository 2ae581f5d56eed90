"""Invoices without their numbers, as columns: a million of them with five million lines are a few arrays.

Dates are days since 1970-01-01, money is int64 micro-units of the invoice's currency. Drafts are in the order in which they are numbered;
the lines of draft i are `lines[first_line[i]:first_line[i + 1]]`, in their order on the invoice, at least one each.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from billing.charges.charge_keys import Kind
from billing.charges.lines import LINE, Int64s, Lines
from billing.invoicing.forms import INVOICE, KIND_NAMES, DraftLine, InvoiceDraft
from rating.dates import day_of

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADS: Final = ("account_key", "currency", "entity", "period_from", "period_to", "due_on")  # columns of whole numbers, one a draft


@dataclasses.dataclass(frozen=True, eq=False)
class Drafts:
    """n drafts and their lines. All of one document type, issued on one date."""

    account_key: Int64s
    currency: Int64s  # index into currencies
    entity: Int64s  # index into entities
    period_from: Int64s  # of the cycles that this invoice bills for the first time
    period_to: Int64s
    due_on: Int64s
    first_line: Int64s  # n + 1
    lines: Lines
    text: npt.NDArray[np.int32]  # of each line: index into texts
    texts: list[str]
    currencies: tuple[str, ...]
    entities: tuple[str, ...]  # legal entities; empty: the one without a name
    issued_on: dt.date
    document_type: str = INVOICE

    def __len__(self) -> int:
        """The number of drafts."""
        return len(self.account_key)

    def __bool__(self) -> bool:
        """Return whether there is any."""
        return len(self.account_key) > 0

    def net_micros(self) -> Int64s:
        """By draft: the sum of all lines but tax."""
        return self._sums(np.where(self.lines["kind"] == Kind.TAX, 0, self.lines["amount_micros"]))

    def tax_micros(self) -> Int64s:
        """By draft: the sum of the tax lines."""
        return self._sums(np.where(self.lines["kind"] == Kind.TAX, self.lines["amount_micros"], 0))

    def dated(self, on: dt.date) -> Drafts:
        """The same, issued on another date, and due as many days after it."""
        return dataclasses.replace(self, issued_on=on, due_on=self.due_on + (on - self.issued_on).days)

    def structs(self) -> tuple[InvoiceDraft, ...]:
        """Every draft as a value, for showing a few of them."""
        return tuple(self._struct(place) for place in range(len(self)))

    def _sums(self, values: Int64s) -> Int64s:
        return np.add.reduceat(values, self.first_line[:-1]) if len(self) else np.zeros(0, np.int64)

    def _struct(self, place: int) -> InvoiceDraft:
        rows = slice(int(self.first_line[place]), int(self.first_line[place + 1]))
        return InvoiceDraft(
            int(self.account_key[place]),
            self.currencies[int(self.currency[place])],
            iso(int(self.period_from[place])),
            iso(int(self.period_to[place])),
            self.issued_on.isoformat(),
            iso(int(self.due_on[place])),
            tuple(_line(row, self.texts[text]) for row, text in zip(self.lines[rows], self.text[rows].tolist(), strict=True)),
        )


def none(issued_on: dt.date, currencies: tuple[str, ...] = (), document_type: str = INVOICE) -> Drafts:
    """No drafts."""
    heads: dict[str, Any] = {name: np.zeros(0, np.int64) for name in HEADS}
    lines: dict[str, Any] = {"first_line": np.zeros(1, np.int64), "lines": np.zeros(0, LINE), "text": np.zeros(0, np.int32)}
    return Drafts(**heads, **lines, texts=[], currencies=currencies, entities=("",), issued_on=issued_on, document_type=document_type)


def joined(parts: Sequence[Drafts]) -> Drafts:
    """Parts one after the other, issued on the date of the first. Each may number texts, currencies and entities in its own way."""
    parts = [part.dated(parts[0].issued_on) for part in parts if part] or parts[:1]
    heads: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in HEADS}
    heads["currency"], currencies = _united([(part.currency, part.currencies) for part in parts])
    heads["entity"], entities = _united([(part.entity, part.entities) for part in parts])
    lines = np.concatenate([part.lines for part in parts])
    lines["currency"], _ = _united([(part.lines["currency"], part.currencies) for part in parts])
    text, texts = _united([(part.text, part.texts) for part in parts])
    lengths = np.concatenate([np.diff(part.first_line) for part in parts])
    return dataclasses.replace(
        parts[0],
        **heads,
        first_line=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        lines=lines,
        text=text.astype(np.int32),
        texts=texts,
        currencies=tuple(currencies),
        entities=tuple(entities),
    )


class TextIndex:
    """Texts, each once."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._places: dict[str, int] = {}

    def place(self, text: str) -> int:
        """The place of a text, a new one if it was not there."""
        found = self._places.setdefault(text, len(self.texts))
        if found == len(self.texts):
            self.texts.append(text)
        return found


def iso(day: int) -> str:
    """A day number as ISO text."""
    return day_of(day).isoformat()


def _united(columns: Sequence[tuple[npt.NDArray[Any], Sequence[str]]]) -> tuple[Int64s, list[str]]:
    """Columns one after the other, each of places in its own names: as places in the names of all."""
    names = TextIndex()
    places = [np.array([names.place(each) for each in own], np.int64) for _, own in columns]
    return np.concatenate([place[column] for place, (column, _) in zip(places, columns, strict=True)]), names.texts


def _line(row: np.void, text: str) -> DraftLine:
    names = (
        "subscription_key", "charge_code", "price_id", "revenue_code", "tax_class", "events", "quantity", "free_quantity", "quantity_unit",
        "exact_micros", "amount_micros",
    )  # fmt: skip
    values: dict[str, Any] = {name: int(row[name]) for name in names}
    kind, dates = KIND_NAMES[Kind(int(row["kind"]))], [iso(int(row[name])) for name in ("period_from", "period_to")]
    return DraftLine(kind=kind, text=text, period_from=dates[0], period_to=dates[1], **values)
