"""The bill that has a version of an event, before people choose which version counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from billing.enquiries.usage import State, of_charges
from billing.enquiries.usage_bills import charged
from billing.left_out.on_interim_bills import on_interim_bills
from billing.left_out.taken_off import taken_off
from billing.store import tables
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from billing.store.home import Home
    from billing.suspense.versions import Versions


class OnBill(msgspec.Struct, frozen=True):
    """The line of an invoice that has a version; `later_lines` correct it or others of that line. Charges are without tax.

    An interim bill keeps no line by event: then `line_no` is 0, and `currency` is empty, since the charge is not known.
    """

    version: str
    account_id: str
    invoice: str
    line_no: int
    charge_micros: int
    currency: str
    later_lines: tuple[str, ...] = ()


def on_bill(home: Home, found: Versions) -> OnBill | None:
    """The line or interim bill that has a version of the event, as of `found.seq`; None where no valid invoice has one."""
    return _on_line(home, found) or _on_interim_bill(home, found)


def _on_line(home: Home, found: Versions) -> OnBill | None:
    charges = charged(home, found.seq, [found.event_key]).get(found.event_key)
    if not charges or len(taken_off(home, found.seq, [found.event_key])) or charges[-1].status >= REFUSALS_FROM:
        return None
    last, where = charges[-1], of_charges(charges)
    if where["state"] != State.BILLED:
        return None
    name = _name(found, last.pinned_seq)
    row = tables.accounts.c
    with home.connect() as connection:
        account_id, currency = connection.execute(sa.select(row.account_id, row.currency).where(row.account_key == last.account_key)).one()
    return OnBill(name, account_id, where["invoice"], where["line_no"], last.charge_micros, currency, where["later_lines"])


def _on_interim_bill(home: Home, found: Versions) -> OnBill | None:
    bill = on_interim_bills(home, found.seq, {found.event_key}).get(found.event_key)
    if bill is None:
        return None
    return OnBill(_name(found, bill.known_seq), bill.account_id, bill.number, line_no=0, charge_micros=0, currency="")


def _name(found: Versions, seq: int) -> str:
    """The last version that was stored by a commit."""
    stored = [(commit, name) for name, commits in zip(found.names, found.stored, strict=True) for commit in commits]
    return max((each for each in stored if each[0] <= seq), default=(0, ""))[1]
