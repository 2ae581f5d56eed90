"""The owners of a few events, as of a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa
import sqlalchemy as sa

from billing.accounts.facts import in_chunks
from billing.guiding import Guide
from billing.intake import marks, view
from billing.runs.contracts.columns import int64, one_chunk
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Collection

    from billing.store.home import Home

_USAGE: Final = ("event_key", "served_id", "start_us", marks.COMMIT_SEQ)


class EventOwner(NamedTuple):
    """The account and the subscription (keys; 0: none) that own an event, and its number."""

    account_key: int
    subscription_key: int
    number: str


def owners_of(home: Home, connection: sa.Connection, seq: int, keys: Collection[bytes]) -> dict[bytes, EventOwner]:
    """The owner of each of these events as of `seq`, by the version that counts. Those that count no more are left out."""
    if not keys:
        return {}
    rows = view.of_keys(home, _USAGE, seq, marks.keys_array(sorted(keys)))
    return owners_of_rows(home, connection, seq, rows.filter(pa.array(~marks.is_hidden(rows, marks.hidden(connection, seq)))))


def owners_of_rows(home: Home, connection: sa.Connection, seq: int, rows: pa.Table) -> dict[bytes, EventOwner]:
    """The same of rows of usage, with event_key, served_id and start_us."""
    if not rows.num_rows:
        return {}
    names: list[Any] = rows["event_key"].to_pylist()
    numbers: list[Any] = rows["served_id"].to_pylist()
    subscriptions = Guide(home, seq).resolve(one_chunk(rows["served_id"]), int64(rows["start_us"])).tolist()
    owner, account_of = tables.subscriptions.c, dict[int, int]()
    for lot in in_chunks(sorted(set(subscriptions))):
        query = sa.select(owner.subscription_key, owner.account_key).where(owner.subscription_key.in_(lot))
        account_of |= {int(key): int(account) for key, account in connection.execute(query)}
    owners = zip(names, subscriptions, numbers, strict=True)
    return {name: EventOwner(account_of.get(key, 0), max(key, 0), number) for name, key, number in owners}
