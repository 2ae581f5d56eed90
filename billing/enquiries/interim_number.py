"""Interim bills that have usage of a number: what people read before they take the number, or give it to another subscription.

Interim bills keep no charges by event. So what they have of one number is worked out anew (`billing.runs.settlement.interim_usage`). Those
whose account a run of the cycle has billed since are left out: that bill, and not the interim one, is corrected.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.intake import marks, view
from billing.runs.contracts.columns import int64
from billing.runs.settlement.interim_usage import held, interim_bills, unsettled
from billing.store import tables
from rating.dates import midnight_us

if TYPE_CHECKING:
    from billing.store.home import Home


def on_interim_bills(home: Home, served_id: str, subscription_id: str, since: int | dt.date, *, given: bool) -> dict[str, tuple[str, ...]]:
    """The interim bills with usage of a number that begins at an instant or later, by account id.

    `since`: microseconds UTC, or a day on the clock of the subscription's account. `given`: the number is to be this subscription's. Bills
    of its account are left out then.
    """
    account, subscription, fact = tables.accounts.c, tables.subscriptions.c, tables.guiding_facts.c
    own = sa.select(account.account_key, account.timezone).join_from(tables.subscriptions, tables.accounts)
    had = sa.select(subscription.account_key).join_from(tables.guiding_facts, tables.subscriptions).where(fact.served_id == served_id)
    with home.connect() as connection:
        seq = home.head_seq(connection)
        row = connection.execute(own.where(subscription.subscription_id == subscription_id)).first()
        if row is None:
            return {}
        keys = {int(key) for key in connection.execute(had.distinct()).scalars()} - ({int(row.account_key)} if given else set())
        bills = unsettled(connection, interim_bills(connection, seq, keys))
        from_us = midnight_us(since, row.timezone) if isinstance(since, dt.date) else since
        events = held(home, connection, bills, {served_id}, ()) if bills else {}
        begun = _begun(home, seq, sorted(events), from_us)
        found = {(each.account_key, each.number) for key in begun for each in events[key]}
        names: dict[int, str] = dict(connection.execute(sa.select(account.account_key, account.account_id)).all()) if found else {}
    by_account: dict[str, tuple[str, ...]] = {}
    for key, number in sorted(found):
        by_account[names[key]] = (*by_account.get(names[key], ()), number)
    return by_account


def in_words(found: dict[str, tuple[str, ...]], served_id: str) -> list[str]:
    """A sentence about the bills of each account."""
    return [
        f"interim {'bill' if len(numbers) == 1 else 'bills'} {', '.join(numbers)} of {account_id} "
        f"{'has' if len(numbers) == 1 else 'have'} usage of {served_id} from then on: "
        f"it stays there until a run of {account_id} takes it off"
        for account_id, numbers in found.items()
    ]


def _begun(home: Home, seq: int, keys: list[bytes], from_us: int) -> list[bytes]:
    """Those of some events that begin at an instant or later, in any version."""
    if not keys:
        return []
    rows = view.of_keys(home, ("event_key", "start_us"), seq, marks.keys_array(keys))
    later: pa.Table = rows.filter(pa.array(np.asarray(int64(rows["start_us"]) >= from_us)))
    found: list[Any] = sorted(set(later["event_key"].to_pylist()))
    return found
