"""Interim bills that have usage of a number: what people read before they take the number, or give it to another subscription.

Only bills of periods that are open are named: what a closed period has stays there, as the commands say of all bills.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.accounts.picture import load
from billing.accounts.still_open import open_from
from billing.intake import view
from billing.runs.selection.event_charges import ChargeFilter
from billing.runs.selection.interim_charges import InterimRun, interim_runs
from billing.runs.selection.standing_charges import HomeAsOf, StandingCharges
from billing.store import tables
from rating.dates import DAY_US, day_number, midnight_us, utc_midnight_us

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from billing.store.home import Home


def on_interim_bills(home: Home, served_id: str, subscription_id: str, since: int | dt.date, *, given: bool) -> dict[str, tuple[str, ...]]:
    """The interim bills with usage of a number that begins at an instant or later, by account id.

    `since`: microseconds UTC, or a day on the clock of the subscription's account. `given`: the number is to be this subscription's. Bills
    of its account are left out then.
    """
    account, subscription, fact = tables.accounts.c, tables.subscriptions.c, tables.guiding_facts.c
    own = sa.select(account.account_key, account.timezone).join_from(tables.subscriptions, tables.accounts)
    had = sa.select(subscription.account_key).join_from(tables.guiding_facts, tables.subscriptions).where(fact.served_id == served_id)
    found: dict[str, tuple[str, ...]] = {}
    with home.connect() as connection:
        seq = home.head_seq(connection)
        row = connection.execute(own.where(subscription.subscription_id == subscription_id)).first()
        keys = {int(key) for key in connection.execute(had.distinct()).scalars()}
        keys -= {int(row.account_key)} if row is not None and given else set()
        runs = interim_runs(connection, seq, account_keys=keys)
        if row is None or not runs:
            return found
        from_us = midnight_us(since, row.timezone) if isinstance(since, dt.date) else since
        events = _events(home, seq, served_id, from_us, utc_midnight_us(max(run.bill_date for run in runs)) + DAY_US)
        if not events:
            return found
        charges = StandingCharges(HomeAsOf(home, connection, seq), ChargeFilter(frozenset(events)))
        on = charges.standing(lambda charge: charge.account_key in keys and isinstance(charges.run_of(charge), InterimRun))
        for key in sorted({charge.account_key for charge in on}):
            picture = load(connection, [key], seq)
            open_day = day_number(open_from(connection, picture, key))
            numbers = {charges.document(charge) for charge in on if charge.account_key == key and charge.day >= open_day}
            found |= {picture.customers[key].account_id: tuple(sorted(numbers))} if numbers else {}
    return found


def in_words(found: dict[str, tuple[str, ...]], served_id: str) -> list[str]:
    """A sentence about the bills of each account."""
    return [
        f"interim {'bill' if len(numbers) == 1 else 'bills'} {', '.join(numbers)} of {account_id} "
        f"{'has' if len(numbers) == 1 else 'have'} usage of {served_id} from then on: "
        f"it stays there until a run of {account_id} takes it off"
        for account_id, numbers in found.items()
    ]


def _events(home: Home, seq: int, served_id: str, from_us: int, until_us: int) -> Collection[bytes]:
    """The events of a number that begin in a span."""
    if from_us >= until_us:
        return ()
    rows = view.usage(home, ("event_key", "served_id"), seq, from_us, until_us)
    mask: Any = pc.equal(rows["served_id"].cast(pa.string()), pa.scalar(served_id))
    found: Sequence[Any] = rows["event_key"].filter(mask).to_pylist()
    return set(found)
