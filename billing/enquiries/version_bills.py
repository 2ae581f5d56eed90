"""The bill that has a version of an event, before people choose which version counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from billing.enquiries.usage import State, of_charges
from billing.enquiries.usage_bills import charged
from billing.left_out.taken_off import taken_off
from billing.store import tables
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from billing.store.home import Home
    from billing.suspense.versions import Versions


class OnBill(msgspec.Struct, frozen=True):
    """The line of an invoice that has a version; `later_lines` correct it or others of that line. Charges are without tax."""

    version: str
    account_id: str
    invoice: str
    line_no: int
    charge_micros: int
    currency: str
    later_lines: tuple[str, ...] = ()


def on_bill(home: Home, found: Versions) -> OnBill | None:
    """The line that has a version of the event, as of `found.seq`; None where no valid invoice has one."""
    charges = charged(home, found.seq, [found.event_key]).get(found.event_key)
    if not charges or len(taken_off(home, found.seq, [found.event_key])) or charges[-1].status >= REFUSALS_FROM:
        return None
    last, where = charges[-1], of_charges(charges)
    if where["state"] != State.BILLED:
        return None
    stored = [(commit, name) for name, commits in zip(found.names, found.stored, strict=True) for commit in commits]
    name = max((each for each in stored if each[0] <= last.pinned_seq), default=(0, ""))[1]
    row = tables.accounts.c
    with home.connect() as connection:
        account_id, currency = connection.execute(sa.select(row.account_id, row.currency).where(row.account_key == last.account_key)).one()
    return OnBill(name, account_id, where["invoice"], where["line_no"], last.charge_micros, currency, where["later_lines"])
