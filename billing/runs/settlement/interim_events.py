"""Charges of the usage that interim bills compute, by event: they say later which usage is on which bill."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from billing.runs.settlement.unbilled import price_again
from billing.store import tables
from rating.dates import day_number, day_of
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    import sqlalchemy as sa

    from billing.runs.settlement.thresholds import Reached
    from billing.runs.settlement.unbilled import Unbilled
    from billing.runs.usage.pricing import Priced
    from billing.store.home import Home

_ROWS_AT_ONCE: Final = 10_000
_Row = dict[str, Any]


class Charges:
    """Priced events of some subscriptions and periods: groups come from several threads."""

    def __init__(self, known: Unbilled, acting: Sequence[Reached]) -> None:
        """`acting`: the subscriptions and periods that are billed."""
        self._facts = known.contracts.facts
        self._pairs = {(each.subscription_key, day_number(each.period_from)) for each in acting}
        self._keys = np.array(sorted({key for key, _ in self._pairs}), np.int64)
        self._rows: list[_Row] = []
        self._lock = threading.Lock()

    def add(self, _number: int, priced: Priced) -> None:
        """Take the events of a group."""
        keys = np.append(self._facts.subscription_keys, 0)[priced.subscription]
        some = np.flatnonzero((priced.rated.status < int(REFUSALS_FROM)) & (priced.account >= 0) & np.isin(keys, self._keys))
        events: list[Any] = priced.event_key.take(pa.array(some, pa.int64())).to_pylist()
        columns = (keys[some], priced.period_from[some], self._facts.account_keys[priced.account[some]], priced.rated.price_id[some])
        rows = [
            {
                "event_key": event,
                "account_key": account,
                "subscription_key": key,
                "price_id": price_id,
                "period_from": day_of(day).isoformat(),
            }
            for event, key, day, account, price_id in zip(events, *(column.tolist() for column in columns), strict=True)
            if (key, day) in self._pairs
        ]
        with self._lock:
            self._rows += rows

    def store(self, connection: sa.Connection, run_id: int) -> None:
        """Store them as those of a run, in the order of their keys."""
        rows = sorted(self._rows, key=lambda row: row["event_key"])
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            lot = [{"run_id": run_id, **row} for row in rows[first : first + _ROWS_AT_ONCE]]
            connection.execute(tables.interim_charges.insert(), lot)


def charges_of(home: Home, known: Unbilled, through: dt.date, acting: Sequence[Reached]) -> Charges:
    """The charges of the subscriptions that reached a threshold, in its period: all of it, billed before or not."""
    found, facts = Charges(known, acting), known.contracts.facts
    index = facts.account_index(np.array(sorted({each.account_key for each in acting}), np.int64))
    price_again(home, known, through, {facts.accounts[place].account_id for place in index.tolist()}, found.add)
    return found
