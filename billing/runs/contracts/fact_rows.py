"""Customers one by one: rows that are made of the columns on demand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from billing.accounts.kinds import DiscountFact, TaxFact
from billing.charges.periods import BillDays, always
from billing.charges.proration import Span
from billing.runs.contracts.agreements import NORMAL, Agreed
from rating.dates import day_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from billing.charges.lines import Int64s
    from billing.runs.contracts.contract_profiles import Pattern

_AT_ONCE: Final = 10_000  # rows of which the texts are Python's at a time, when all are walked through


class Account(NamedTuple):
    """One customer. `billed_from` is the first local date that this store bills, `bill_day` the last one recorded.

    `language` and `payment_days` are as imported: `Facts.bill_terms` has those of a bill.
    """

    account_key: int
    account_id: str
    currency: str
    timezone: str
    bill_day: int
    language: str
    billed_from: dt.date
    payment_days: int
    commit_seq: int
    legal_entity: str = ""
    category: str = NORMAL  # the last one recorded: normal | staff | test
    unit_key: int = 0  # account key of the root of its rating unit; 0: it is one of its own
    bill_days: BillDays = ()  # empty: `bill_day` always
    closed_on: dt.date | None = None
    holds: tuple[Span, ...] = ()
    exempt: tuple[tuple[Span, TaxFact], ...] = ()
    discounts: tuple[tuple[Span, DiscountFact], ...] = ()

    @property
    def all_bill_days(self) -> BillDays:
        """Its bill days in order of time, at least one."""
        return self.bill_days or always(self.bill_day)


class Subscription(NamedTuple):
    """One subscription: the span in which it is active, and the plans it has from which local dates on."""

    subscription_key: int
    subscription_id: str
    account: int  # index
    active: Span
    plans: tuple[tuple[dt.date, str], ...]


class AccountRows(Sequence[Account]):
    """All accounts of the store. `table` has their texts and numbers as stored, in the order of the index."""

    def __init__(self, table: pa.Table, first_day: Int64s, unit_keys: Int64s, agreed: Agreed) -> None:
        self._table = table
        self._first_day = first_day
        self._unit_keys = unit_keys
        self._agreed = agreed

    def __len__(self) -> int:
        return self._table.num_rows

    def __getitem__(self, index: int) -> Account:  # type: ignore[override]  # slices are not used
        place = range(len(self))[index]
        return self._row(place, self._table.slice(place, 1).to_pylist()[0])

    def __iter__(self) -> Iterator[Account]:
        for start in range(0, len(self), _AT_ONCE):
            for offset, stored in enumerate(self._table.slice(start, _AT_ONCE).to_pylist()):
                yield self._row(start + offset, stored)

    def _row(self, index: int, stored: dict[str, Any]) -> Account:
        agreed = self._agreed
        changes = agreed.bill_days.get(index, ())
        categories = agreed.categories.get(index, ())
        return Account(
            account_key=stored["account_key"],
            account_id=stored["account_id"],
            currency=stored["currency"],
            timezone=stored["timezone"],
            bill_day=changes[-1][1] if changes else stored["bill_day"],
            language=stored["language"],
            billed_from=day_of(int(self._first_day[index])),
            payment_days=stored["payment_days"],
            commit_seq=stored["commit_seq"],
            legal_entity=stored["legal_entity"],
            category=categories[-1][1] if categories else stored["category"] or NORMAL,
            unit_key=int(self._unit_keys[index]),
            bill_days=(*always(stored["bill_day"]), *changes) if changes else (),
            closed_on=agreed.closed_on.get(index),
            holds=agreed.holds.get(index, ()),
            exempt=agreed.exempt.get(index, ()),
            discounts=agreed.discounts.get(index, ()),
        )


class SubscriptionRows(Sequence[Subscription]):
    """All subscriptions of the store."""

    def __init__(self, keys: Int64s, ids: pa.Array[Any], account: Int64s, pattern: Int64s, patterns: Sequence[Pattern]) -> None:
        self._keys = keys
        self._ids = ids
        self._account = account
        self._pattern = pattern
        self._patterns = patterns

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, index: int) -> Subscription:  # type: ignore[override]  # slices are not used
        place = range(len(self))[index]
        return self._row(int(self._keys[place]), self._ids[place].as_py(), int(self._account[place]), int(self._pattern[place]))

    def __iter__(self) -> Iterator[Subscription]:
        for start in range(0, len(self), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            columns = (self._keys[part], self._ids[part], self._account[part], self._pattern[part])
            yield from map(self._row, *(each.to_pylist() if hasattr(each, "to_pylist") else each.tolist() for each in columns))

    def _row(self, key: int, subscription_id: str, account: int, pattern: int) -> Subscription:
        plans, active, *_ = self._patterns[pattern]
        return Subscription(key, subscription_id, account, active, plans)


class ChangedRows(Sequence[Subscription]):
    """Subscriptions with other accounts or patterns than those they are taken from."""

    def __init__(self, rows: Sequence[Subscription], account: Int64s, pattern: Int64s, patterns: Sequence[Pattern]) -> None:
        self._rows = rows
        self._account = account
        self._pattern = pattern
        self._patterns = patterns

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Subscription:  # type: ignore[override]  # slices are not used
        return self._changed(self._rows[index], int(self._account[index]), int(self._pattern[index]))

    def __iter__(self) -> Iterator[Subscription]:
        return map(self._changed, self._rows, self._account.tolist(), self._pattern.tolist())

    def _changed(self, row: Subscription, account: int, pattern: int) -> Subscription:
        plans, active, *_ = self._patterns[pattern]
        return row._replace(account=account, active=active, plans=plans)
