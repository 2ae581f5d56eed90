"""Numbers that change hands: given, taken, and given again after a time without an owner.

A number is a dated fact of guiding: usage goes to the owner at its beginning. Spans are half open, in microseconds UTC; those of one number
do not overlap. A back-dated span may begin before a billed period: the next run bills its usage.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from billing.accounts import forecast, layouts
from billing.accounts.recording import change, require_cell
from billing.store import tables
from rating.dates import instant_of, local_time
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.accounts.picture import Contract, Customer
    from billing.accounts.recording import Asked, Done, Recorder
    from billing.store.home import Home

_QUARANTINE_DAYS_MAX: Final = 36_500
_STAYS: Final = forecast.LeftTo(
    "usage on its bills stays there",
    "the days before are no longer open: usage of them stays on the bill that has it",
)
_LEFT_TO_LIST: Final = forecast.LeftTo(
    "usage that is on no bill is too late for one, and a run lists it (`ratewright usage too-late`)",
    "the days before are no longer open: usage of them stays on the bill that has it, or is too late for one, and a run lists it "
    "(`ratewright usage too-late`)",
)


class NumberSpan(NamedTuple):
    """A number, and the instants from and to which a subscription has it (None: for good)."""

    served_id: str
    from_us: int
    to_us: int | None


def give(home: Home, asked: Asked, served_id: str, subscription_id: str, from_us: int | dt.date, quarantine_days: int) -> Done:  # noqa: PLR0913, PLR0917 -- one argument a part of what is recorded
    """From an instant, or the first one of a local day, a subscription has a number."""

    def work(recorder: Recorder) -> None:
        customer, contract = recorder.contract(subscription_id)
        begin_us = from_us if isinstance(from_us, int) else customer.midnight_us(from_us)
        if begin_span(recorder, customer, contract, served_id, begin_us, quarantine_days):
            day = customer.local_date(begin_us)
            stays = ", but for what is on bills of closed periods" if begin_us < asked.now_us else ""
            recorder.say(f"usage of {served_id} from then on is {subscription_id}'s{stays}")
            recorder.say(forecast.when_billed(recorder, customer, day, left_to=_LEFT_TO_LIST))
            _say_when_given_up(recorder, customer, served_id, begin_us)

    return change(home, asked, work)


def take(home: Home, asked: Asked, served_id: str, subscription_id: str, to_us: int | dt.date) -> Done:
    """From an instant, or the first one of a local day, a number has no owner."""

    def work(recorder: Recorder) -> None:
        customer, contract = recorder.contract(subscription_id)
        end_us = to_us if isinstance(to_us, int) else customer.midnight_us(to_us)
        spans = [(begin, end) for number, begin, end in spans_of(recorder.connection, contract.key) if number == served_id]
        if any(end == end_us for _, end in spans):
            recorder.say(f"{served_id} is taken from {subscription_id} then already; nothing changed")
            return
        held = [(begin, end) for begin, end in spans if begin < end_us and (end is None or end_us < end)]
        if not held:
            raise UserError(
                f"{subscription_id} does not have {served_id} then", f"`ratewright accounts show {customer.account_id}` shows when"
            )
        recorder.number(served_id, contract.key, held[-1][0], end_us)
        recorder.say(
            f"{served_id} belongs to no subscription from {told(customer, end_us)} on; "
            "usage that no bill has is in suspense until it has an owner"
        )
        recorder.say(forecast.when_billed(recorder, customer, customer.local_date(end_us), left_to=_STAYS))

    return change(home, asked, work)


def spans_of(connection: sa.Connection, subscription_key: int) -> list[NumberSpan]:
    """The spans of a subscription that hold, by number and time."""
    fact = tables.guiding_facts.c
    numbers = list(connection.execute(sa.select(fact.served_id).where(fact.subscription_key == subscription_key).distinct()).scalars())
    return [
        NumberSpan(served_id, begin, end)
        for served_id in sorted(numbers)
        for begin, end, owner in owners_of(connection, served_id)
        if owner == subscription_key
    ]


def owners_of(connection: sa.Connection, served_id: str) -> list[tuple[int, int | None, int]]:
    """(from_us, to_us, subscription_key) of a number, in order of time; spans taken back are left out."""
    fact = tables.guiding_facts.c
    query = sa.select(fact.from_us, fact.to_us, fact.subscription_key).where(fact.served_id == served_id)
    last: dict[int, tuple[int | None, int]] = {}
    for begin, end, owner in connection.execute(query.order_by(fact.commit_seq, fact.fact_id)):
        last[begin] = (end, owner)
    return [(begin, end, owner) for begin, (end, owner) in sorted(last.items()) if end is None or end > begin]


def begin_span(recorder: Recorder, customer: Customer, contract: Contract, served_id: str, begin_us: int, quarantine_days: int) -> bool:  # noqa: PLR0913, PLR0917 -- one argument a part of what is recorded
    """Give a number for as long as the subscription goes on; False where that has it then already.

    One that had the number until then has it again until another subscription does. Raises UserError: the number is another's, or was until
    lately, or the subscription has ended by then.
    """
    require_cell("number", layouts.a_served_id, served_id)
    end_us = None if contract.to_date is None else customer.midnight_us(contract.to_date)
    if end_us is not None and begin_us >= end_us:
        message = f"{contract.subscription_id} ends: {contract.to_date} is the first day without it, and it has no number from then on"
        raise UserError(message, "give it from an earlier instant, or move the end first: `ratewright accounts end` or `revive`")
    spans = owners_of(recorder.connection, served_id)
    later = next((span for span in spans if span[0] > begin_us), None)
    if later is not None and any(end == begin_us and owner == contract.key for _, end, owner in spans):
        end_us = later[0] if end_us is None else min(end_us, later[0])
    if (begin_us, end_us, contract.key) in spans:
        recorder.say(f"{contract.subscription_id} has {served_id} from then on already; nothing changed")
        return False
    for begin, end, owner in (span for span in spans if end_us is None or span[0] < end_us):
        if end is None or end > begin_us:
            until = f"to {told(customer, end)}" if end is not None else "for good"
            message = f"{served_id} belongs to {name_of(recorder, owner)} from {told(customer, begin)} {until}"
            raise UserError(message, "take it from there first, or give it from a later instant")
        free_us = _days_later(customer, end, quarantine_days)
        if owner != contract.key and begin_us < free_us:
            message = (
                f"{served_id} was {name_of(recorder, owner)}'s to {told(customer, end)}, and is not to be given for {quarantine_days} days"
            )
            raise UserError(message, f"give it from {told(customer, free_us)} on, or with fewer --quarantine-days")
    recorder.number(served_id, contract.key, begin_us, end_us)
    before = [span for span in spans if span[0] < begin_us]
    again = f", after {name_of(recorder, before[-1][2])}" if before and before[-1][2] != contract.key else ""
    until = "on" if end_us is None else f"until {told(customer, end_us)}"
    recorder.say(f"{contract.subscription_id} has {served_id} from {told(customer, begin_us)} {until}{again}")
    return True


def end_spans(recorder: Recorder, contract: Contract, end_us: int) -> list[NumberSpan]:
    """End all spans of a subscription at an instant; the spans that it had from then on. Spans that begin later are taken back."""
    left = []
    for served_id, begin, end in spans_of(recorder.connection, contract.key):
        if end is None or end > end_us:
            recorder.number(served_id, contract.key, begin, max(begin, end_us))
            left.append(NumberSpan(served_id, max(begin, end_us), end))
    return left


def _say_when_given_up(recorder: Recorder, customer: Customer, served_id: str, begin_us: int) -> None:
    """Say when a run takes usage off the bills of the account that had a number before, where these may have any of it."""
    before = [span for span in owners_of(recorder.connection, served_id) if span[1] is not None and span[1] <= begin_us]
    former = recorder.contract(name_of(recorder, before[-1][2]))[0] if before else customer
    if former.key == customer.key:
        return
    day, period = former.local_date(begin_us), forecast.next_bill(recorder.connection, former)
    if period is None or day < period.start:
        told = forecast.when_billed(recorder, former, day, left_to=_STAYS).removeprefix("back-dated: ")
        recorder.say(f"usage on bills of {former.account_id} stays there until a run of that account takes it off: {told}")


def told(customer: Customer, instant_us: int) -> str:
    """An instant as the account's clock shows it."""
    local = local_time(instant_us, customer.timezone)
    return local.isoformat(sep=" ", timespec="seconds")


def _days_later(customer: Customer, instant_us: int, days: int) -> int:
    """The instant so many days later, at the same time of the account's clock: a day on which that is changed has not 24 hours."""
    zone = ZoneInfo(customer.timezone)
    local = local_time(instant_us, customer.timezone).replace(tzinfo=None)
    later = (local + dt.timedelta(days=min(days, _QUARANTINE_DAYS_MAX))).replace(tzinfo=zone)
    return instant_of(later)


def name_of(recorder: Recorder, key: int) -> str:
    """The id of a subscription."""
    subscription = tables.subscriptions.c
    return str(
        recorder.connection.execute(sa.select(subscription.subscription_id).where(subscription.subscription_key == key)).scalar_one()
    )
