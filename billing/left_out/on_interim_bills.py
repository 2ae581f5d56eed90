"""Explanations of records that no run has priced, and that are billed all the same: an interim bill has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import sqlalchemy as sa

from billing.runs.selection.event_charges import Wanted
from billing.runs.selection.interim_charges import interim_looks
from billing.runs.selection.standing_charges import Known, StandingCharges
from billing.store import tables

if TYPE_CHECKING:
    from billing.left_out.telling import Told
    from billing.store.home import Home

ON_INTERIM: Final = "on_interim"
OF_OTHER: Final = "on_interim_of_other"
DETAILS: Final = (ON_INTERIM, OF_OTHER)


def with_interim_bills(home: Home, seq: int, told: tuple[Told, ...]) -> tuple[Told, ...]:
    """The explanations, those of records on an interim bill with its number and its account, as of `seq`."""
    keys = frozenset(bytes.fromhex(each.event_key) for each in told if each.decision is None)
    if not keys:
        return told
    account = tables.accounts.c
    with home.connect() as connection:
        if not interim_looks(connection, seq):
            return told
        charges = StandingCharges(Known(home, connection, seq), Wanted(keys))
        on = {charge.event_key.hex(): charge for charge in sorted(charges.standing(lambda charge: bool(charges.document(charge))))}
        query = sa.select(account.account_key, account.account_id)
        ids = dict(connection.execute(query.where(account.account_key.in_({charge.account_key for charge in on.values()}))).all())

    def known(each: Told) -> dict[str, Any]:
        charge = on[each.event_key]
        billed_id = ids[charge.account_key]
        detail = ON_INTERIM if billed_id == each.account_id else OF_OTHER
        return {"detail": detail, "document": charges.document(charge), "document_account_id": billed_id}

    return tuple(msgspec.structs.replace(each, **known(each)) if each.event_key in on else each for each in told)
