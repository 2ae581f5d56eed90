"""A charge of an event, and the charges that a question is about."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from billing.runs.contracts.counted_charges import OWNER
from rating.dates import day_number
from rating.schema import KEY

Line = tuple[int, int]  # subscription (key) and price


class Charge(NamedTuple):
    """A charge of an event in a period of an account. `day`: the number of the period's first day."""

    event_key: bytes
    account_key: int
    day: int


class ChargeFilter(NamedTuple):
    """Charges of these events, or of these accounts (keys), in periods that begin on days [first_day, after_day)."""

    event_keys: frozenset[bytes] = frozenset()
    account_keys: frozenset[int] = frozenset()
    first_day: dt.date = dt.date.min
    after_day: dt.date = dt.date.max

    @property
    def is_any(self) -> bool:
        """True where it names an event or an account."""
        return bool(self.event_keys or self.account_keys)

    @property
    def expression(self) -> Any:  # noqa: ANN401 -- an expression of Arrow
        """The same of a charge file."""
        events = pc.field("event_key").isin(pa.array(sorted(self.event_keys), KEY))
        owners = pc.field(OWNER).isin(pa.array(sorted(self.account_keys), pa.int64()))
        found: Any = events | owners
        if self.first_day != dt.date.min:
            found &= pc.field("period_from") >= self.first_day
        return found if self.after_day == dt.date.max else found & (pc.field("period_from") < self.after_day)

    def holds(self, charge: Charge) -> bool:
        """Return whether it is one of them."""
        is_named = charge.event_key in self.event_keys or charge.account_key in self.account_keys
        return is_named and day_number(self.first_day) <= charge.day < day_number(self.after_day)
