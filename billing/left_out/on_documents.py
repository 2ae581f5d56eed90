"""Explanations of records without a charge of a run that are billed all the same: an interim bill or a re-rating has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from billing.runs.selection.event_charges import Wanted
from billing.runs.selection.interim_charges import InterimRun
from billing.runs.selection.standing_charges import Known, StandingCharges
from billing.store import tables

if TYPE_CHECKING:
    from billing.left_out.telling import Told
    from billing.store.home import Home

ON_INTERIM = "on_interim"
ON_RERATED = "on_rerated"
_OF_OTHER = "_of_other"


def with_documents(home: Home, seq: int, told: tuple[Told, ...]) -> tuple[Told, ...]:
    """The explanations, those of records on such a document, as of `seq`, with its number and its account."""
    keys = frozenset(bytes.fromhex(each.event_key) for each in told)
    if not keys:
        return told
    account = tables.accounts.c
    with home.connect() as connection:
        charges = StandingCharges(Known(home, connection, seq), Wanted(keys))
        on = {charge.event_key.hex(): charge for charge in sorted(charges.standing(lambda charge: bool(charges.document(charge))))}
        query = sa.select(account.account_key, account.account_id)
        ids = dict(connection.execute(query.where(account.account_key.in_({charge.account_key for charge in on.values()}))).all())

    def known(each: Told) -> dict[str, Any]:
        charge = on[each.event_key]
        detail = ON_INTERIM if isinstance(charges.run_of(charge), InterimRun) else ON_RERATED
        billed_id = ids[charge.account_key]
        of_other = "" if billed_id == each.account_id else _OF_OTHER
        return {"detail": f"{detail}{of_other}", "document": charges.document(charge), "document_account_id": billed_id}

    return tuple(msgspec.structs.replace(each, **known(each)) if each.event_key in on and each.decision is None else each for each in told)


def is_on_document(detail: str) -> bool:
    """Return whether a detail is one of these."""
    return detail.startswith((ON_INTERIM, ON_RERATED))
