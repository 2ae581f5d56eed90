"""Records that no run has priced, and that are billed all the same: an interim bill has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from billing.runs.selection.event_charges import ChargeFilter
from billing.runs.selection.interim_charges import interim_looks
from billing.runs.selection.standing_charges import HomeAsOf, StandingCharges
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Collection

    from billing.store.home import Home

ON_INTERIM: Final = "on_interim"
OF_OTHER: Final = "on_interim_of_other"
DETAILS: Final = (ON_INTERIM, OF_OTHER)


class OnInterimBill(NamedTuple):
    """The number of an interim bill with a record, and the account that it bills.

    `known_seq`: the version that it has is the last of before that commit, or of it. So is that of a later interim bill which corrects it.
    """

    number: str
    account_id: str
    known_seq: int

    def detail(self, account_id: str) -> str:
        """ON_INTERIM where the record is of that account (id), else OF_OTHER."""
        return ON_INTERIM if account_id == self.account_id else OF_OTHER


def on_interim_bills(home: Home, seq: int, keys: Collection[bytes]) -> dict[bytes, OnInterimBill]:
    """The interim bill of each of these events that one has, as of `seq`."""
    account = tables.accounts.c
    with home.connect() as connection:
        if not keys or not interim_looks(connection, seq):
            return {}
        charges = StandingCharges(HomeAsOf(home, connection, seq), ChargeFilter(frozenset(keys)))
        on = sorted(charges.standing(lambda charge: bool(charges.document(charge))))
        query = sa.select(account.account_key, account.account_id)
        ids = dict(connection.execute(query.where(account.account_key.in_({charge.account_key for charge in on}))).all())
        return {
            charge.event_key: OnInterimBill(charges.document(charge), ids[charge.account_key], charges.known_seq(charge)) for charge in on
        }
