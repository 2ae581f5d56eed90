"""Bills of an account that are kept back: by a hold on their date, of its own or of an account it is billed with, or by quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from billing.accounts import covering
from billing.accounts.facts import Fact
from billing.accounts.picture import Picture
from billing.charges.periods import Period, period_after
from billing.store import tables
from rating.dates import last_day

if TYPE_CHECKING:
    import datetime as dt

    from billing.accounts.picture import Customer


class NextMade(NamedTuple):
    """The first period whose bill no hold keeps back; None where the account is closed by then, or the hold has no end. `why`: in words.

    `hold`: the one that keeps back the bill before it, None where none does.
    """

    period: Period | None
    hold: Fact | None = None
    why: str = ""


def next_made(picture: Picture, customer: Customer, period: Period | None, open_day: dt.date) -> NextMade:
    """The bill that is made of `period` or a later one. `open_day`: accounts that parted before it are billed each for itself."""
    holds = _holds(picture, customer, open_day)
    last: tuple[Customer, Fact] | None = None
    while period is not None:
        found = next(((member, fact) for member, fact in holds if fact.holds_on(period.end)), None)
        if found is None:
            break
        last = found
        period = None if found[1].to_date is None else period_after(period, customer.bill_days, customer.closed_on)
    return NextMade(period) if last is None else NextMade(period, last[1], _held(*last))


def first_not_held(picture: Picture, customer: Customer, day: dt.date, open_day: dt.date) -> dt.date | None:
    """The first bill date from a day on that no hold keeps back; None where a hold has no end. `open_day`: as of `next_made`."""
    holds = [fact for _, fact in _holds(picture, customer, open_day)]
    first: dt.date | None = day
    while first is not None and (found := next((fact for fact in holds if fact.holds_on(first)), None)) is not None:
        first = found.to_date
    return first


def quarantined_by(connection: sa.Connection, customer: Customer) -> int:
    """The run that put an account into quarantine, where none has billed it since; 0: none did."""
    parked, run = tables.quarantine.c, tables.bill_runs.c
    query = sa.select(sa.func.max(parked.run_id)).join_from(tables.quarantine, tables.bill_runs, run.run_id == parked.run_id)
    query = query.where(parked.account_key == customer.key, parked.kind == covering.QUARANTINED, run.state.in_(("numbered", "posted")))
    number = int(connection.execute(query).scalar() or 0)
    if not number:
        return 0
    account = tables.accounts.c
    seq = int(connection.execute(sa.select(account.commit_seq).where(account.account_key == customer.key)).scalar_one())
    history = covering.load(connection, account_keys=[customer.key])
    is_billed = any(each.run_id > number for each in history.of(customer.key, seq)[0])
    return 0 if is_billed else number


def _holds(picture: Picture, customer: Customer, open_day: dt.date) -> list[tuple[Customer, Fact]]:
    """The holds of an account, and of those that it is billed with, each with its account."""
    joined = [each for each in picture.relations if each.fact.to_date is None or each.fact.to_date > open_day]
    members = [picture.customers[key] for key in sorted(Picture(picture.customers, joined).unit_of(customer.key))]
    return [(member, fact) for member in members for fact in member.of_kind("hold")]


def _held(member: Customer, hold: Fact) -> str:
    """Such as `bills of anna are held from 2026-02-15 to 2026-03-15 (dispute)`."""
    until = "on, without an end" if hold.to_date is None else f"to {last_day(hold.to_date)}"
    return f"bills of {member.account_id} are held from {hold.from_date} {until} ({hold.detail.reason})"
