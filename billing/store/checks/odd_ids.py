"""Stored ids that the rule of `rating.identifiers` would refuse today: they go on working, and are reported for a person to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from billing.store import tables
from rating import identifiers
from rating.counted import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOWN: Final = 5
_ROWS_AT_ONCE: Final = 10_000
_GIVEN_BY_HAND: Final = tables.payments.c.payment_id.not_in(sa.select(tables.bank_lines.c.line_id))  # a bank's ids stay as it gives them
_IDS: Final = (
    (tables.accounts.c.account_id, identifiers.CHARS_MAX, sa.true()),
    (tables.subscriptions.c.subscription_id, identifiers.CHARS_MAX, sa.true()),
    (tables.payments.c.payment_id, identifiers.REFERENCE_CHARS_MAX, _GIVEN_BY_HAND),
    (tables.payment_events.c.reference, identifiers.REFERENCE_CHARS_MAX, sa.true()),
    (tables.deposits.c.deposit_id, identifiers.REFERENCE_CHARS_MAX, sa.true()),
    (tables.deposit_events.c.reference, identifiers.REFERENCE_CHARS_MAX, sa.true()),
    (tables.promises.c.promise_id, identifiers.REFERENCE_CHARS_MAX, sa.true()),
    (tables.instalment_plans.c.plan_id, identifiers.REFERENCE_CHARS_MAX, sa.true()),
    (tables.adjustments.c.reference, identifiers.REFERENCE_CHARS_MAX, sa.true()),
)


def notes(connection: sa.Connection) -> Iterator[tuple[str, str]]:
    """A place and what is to be said of it, for each table that holds such ids."""
    for column, chars_max, given_here in _IDS:
        count = 0
        first: list[str] = []
        query = sa.select(column).where(given_here).order_by(column).execution_options(yield_per=_ROWS_AT_ONCE)
        for identifier in connection.execute(query).scalars():
            found = identifiers.wrong(identifier, chars_max)
            if found is not None:
                count += 1
                first += [f"{identifier!r} {found[0]}"] if len(first) < SHOWN else []
        if count:
            more = f", and {count - len(first):,} more" if count > len(first) else ""
            yield str(column.table.name), f"{counted(count, 'id')} would be refused today: {', '.join(first)}{more}"
