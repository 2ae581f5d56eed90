"""The life of a subscription, one function an event: activation, plan changes, add-ons, pauses, outages, end, revival, new owner.

Each records dated facts in one transaction and says in words what they mean for the next bill. Dates are local to the account; one in the
past is allowed and reported: the next run corrects what was billed. A repeat changes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from billing.accounts import forecast, kinds
from billing.accounts.freed_numbers import follow_end
from billing.accounts.handovers.known import take_back
from billing.accounts.lookup import unknown_subscription
from billing.accounts.numbers import begin_span, spans_of
from billing.accounts.picture import subscription_keys
from billing.accounts.recording import change
from billing.store import tables
from rating.dates import last_day, local_date
from rating.errors import UserError
from rating.model import FeeOccasion

if TYPE_CHECKING:
    from billing.accounts.numbers import NumberSpan
    from billing.accounts.picture import Contract, Customer
    from billing.accounts.recording import Asked, Done, Recorder
    from billing.store.home import Home


class Activation(NamedTuple):
    """A new subscription of an account."""

    subscription_id: str
    account_id: str
    plan: str
    from_date: dt.date
    numbers: Sequence[str] = ()
    quarantine_days: int = 0  # how long a number must have had no owner


def today(home: Home, subscription_id: str, now_us: int) -> dt.date:
    """The date in the zone of a subscription's account. Raises UserError where there is no such subscription."""
    with home.connect() as connection:
        key = subscription_keys(connection, [subscription_id]).get(subscription_id)
        if key is None:
            raise unknown_subscription(connection, subscription_id)
        subscription, account = tables.subscriptions, tables.accounts
        query = sa.select(account.c.timezone).join_from(account, subscription).where(subscription.c.subscription_key == key)
        return local_date(now_us, connection.execute(query).scalar_one())


def activate(home: Home, asked: Asked, wanted: Activation) -> Done:
    """Begin a subscription, with its numbers from the first instant of its first day on."""

    def work(recorder: Recorder) -> None:
        customer = recorder.customer(wanted.account_id)
        known = subscription_keys(recorder.connection, [wanted.subscription_id])
        if known:
            _same_activation(recorder, wanted)
            return
        _require_open(customer, wanted.from_date)
        forecast.sellable(recorder, customer, wanted.plan, wanted.from_date)
        contract = recorder.subscription(wanted.subscription_id, customer, wanted.plan, wanted.from_date)
        recorder.say(f"{wanted.subscription_id} of {customer.account_id} begins on {wanted.from_date} with {wanted.plan}")
        for served_id in wanted.numbers:
            begin_span(recorder, customer, contract, served_id, customer.midnight_us(wanted.from_date), wanted.quarantine_days)
        if wanted.from_date < customer.billed_from:
            recorder.say(f"days before {customer.billed_from} are left to the bills of the system before")
        recorder.say(forecast.days_charged(customer, wanted.plan, wanted.from_date, None))
        _say_fees(recorder, customer, wanted.plan, wanted.from_date, FeeOccasion.ACTIVATION)
        recorder.say(forecast.when_billed(recorder, customer, wanted.from_date, wanted.plan))

    return change(home, asked, work)


def change_plan(home: Home, asked: Asked, subscription_id: str, plan: str, on: dt.date | None) -> Done:
    """From a day on another plan; `on` None: from the next bill date on."""

    def work(recorder: Recorder) -> None:
        customer, contract = recorder.contract(subscription_id)
        day = on or _cycle_end(customer, asked.now_us)
        _change_plan(recorder, customer, contract, plan, day, FeeOccasion.PLAN_CHANGE)

    return change(home, asked, work)


def change_add_on(home: Home, asked: Asked, subscription_id: str, add_on: str, on: dt.date | None, *, adds: bool) -> Done:  # noqa: PLR0913 -- one argument a part of what is recorded
    """From a day on with an add-on, or without it: a plan change between `base+others` and `base+others+add-on`."""

    def work(recorder: Recorder) -> None:
        customer, contract = recorder.contract(subscription_id)
        day = on or _cycle_end(customer, asked.now_us)
        base, *others = contract.plan_on(day).split("+")
        if adds == (add_on in others):
            recorder.say(f"{subscription_id} {'has' if adds else 'does not have'} {add_on} on {day}; nothing changed")
            return
        wanted = sorted([*others, add_on]) if adds else [each for each in others if each != add_on]
        if adds:
            _require_active(contract, day)
            forecast.require_add_on(recorder, "+".join((base, *others)), add_on)
        occasion = FeeOccasion.ADDED if adds else FeeOccasion.REMOVED
        _change_plan(recorder, customer, contract, "+".join((base, *wanted)), day, occasion)

    return change(home, asked, work)


def pause(home: Home, asked: Asked, subscription_id: str, from_date: dt.date, to_date: dt.date | None, reason: str) -> Done:  # noqa: PLR0913, PLR0917 -- one argument a part of what is recorded
    """No service from a day on, until the day of resuming (None: not known yet)."""

    def work(recorder: Recorder) -> None:
        customer, contract = recorder.contract(subscription_id)
        if recorder.subscription_fact(contract, "pause", from_date, to_date, kinds.PauseFact(reason)):
            _require_active(contract, from_date)
            recorder.say(f"{subscription_id} is paused from {from_date} {f'to {last_day(to_date)}' if to_date else 'until it is resumed'}")
            recorder.say("fees are charged on those days as each fee says: free, charged, or for those days alone")
            recorder.say(forecast.when_billed(recorder, customer, from_date, contract.plan_on(from_date)))
        else:
            recorder.say(f"{subscription_id} is paused from {from_date} already; nothing changed")

    return change(home, asked, work)


def resume(home: Home, asked: Asked, subscription_id: str, on: dt.date) -> Done:
    """The first day with service again, of the pause that holds then or that has no end."""

    def work(recorder: Recorder) -> None:
        customer, contract = recorder.contract(subscription_id)
        pauses = contract.of_kind("pause")
        if any(fact.to_date == on for fact in pauses):
            recorder.say(f"{subscription_id} resumes on {on} already; nothing changed")
            return
        begun = [fact for fact in pauses if fact.from_date < on and (fact.to_date is None or on < fact.to_date)]
        if not begun:
            raise UserError(
                f"{subscription_id} is not paused on {on}", f"`ratewright accounts show {customer.account_id}` lists its pauses"
            )
        recorder.subscription_fact(contract, "pause", begun[-1].from_date, on, begun[-1].detail, replaces=True)
        recorder.say(f"{subscription_id} is paused from {begun[-1].from_date} and resumes on {on}")
        recorder.say(forecast.when_billed(recorder, customer, min(on, begun[-1].to_date or on), contract.plan_on(on)))

    return change(home, asked, work)


def outage(home: Home, asked: Asked, subscription_id: str, from_date: dt.date, to_date: dt.date, reason: str, ticket: str) -> Done:  # noqa: PLR0913, PLR0917 -- one argument a part of what is recorded
    """Record days on which the operator could not serve."""

    def work(recorder: Recorder) -> None:
        customer, contract = recorder.contract(subscription_id)
        if recorder.subscription_fact(contract, "outage", from_date, to_date, kinds.OutageFact(reason, ticket)):
            _require_active(contract, from_date)
            days = (to_date - from_date).days
            span = f"from {from_date} to {last_day(to_date)}"
            recorder.say(f"{subscription_id} was out of order {span}: {days} days are not charged, of fees that say so")
            credited = [
                fee for fee in forecast.in_advance(recorder, customer, from_date, [contract.plan_on(from_date)]) if fee.outage_credit
            ]
            recorder.say(forecast.when_billed(recorder, customer, from_date, fees=credited))
        else:
            recorder.say("the outage is recorded already; nothing changed")

    return change(home, asked, work)


def end(home: Home, asked: Asked, subscription_id: str, on: dt.date, reason: str) -> Done:
    """The first day without service. Its numbers are free from then on; of an end that moves to a later day they stay until then.

    A subscription that was handed over ends on the first day of the new owner alone. Raises UserError for another one.
    """

    def work(recorder: Recorder) -> None:
        customer, contract = recorder.contract(subscription_id)
        if contract.to_date == on:
            recorder.say(f"{subscription_id} ends on {on} already; nothing changed")
            return
        require_not_handed_over(contract, on)
        before = f", not on {contract.to_date}" if contract.to_date else ""
        end_contract(recorder, customer, contract, on, kinds.EndFact(reason, transferred=contract.handover is not None))
        recorder.said[0] += before
        first = min(on, contract.to_date or on)
        recorder.say(forecast.when_billed(recorder, customer, first, contract.plan_on(first)))

    return change(home, asked, work)


def revive(home: Home, asked: Asked, subscription_id: str, reason: str) -> Done:
    """Undo the end: it is as if it had never been. Numbers that went with it stay free until `number give` gives them again."""

    def work(recorder: Recorder) -> None:
        customer, contract = recorder.contract(subscription_id)
        if contract.to_date is None:
            recorder.say(f"{subscription_id} has no end; nothing changed")
            return
        require_not_handed_over(contract, None)
        recorder.subscription_fact(contract, "no_end", contract.to_date, None, kinds.EndFact(reason), replaces=True)
        recorder.say(f"{subscription_id} goes on as if it had not ended on {contract.to_date}")
        follow_end(recorder, customer, contract, None)
        recorder.say(forecast.when_billed(recorder, customer, contract.to_date, contract.plan_on(contract.to_date)))

    return change(home, asked, work)


def transfer(home: Home, asked: Asked, subscription_id: str, account_id: str, on: dt.date, new_id: str) -> Done:  # noqa: PLR0913, PLR0917 -- one argument a part of what is recorded
    """Another owner from a day on: the old subscription ends, a new one with its plan and numbers begins. No fee for either."""

    def work(recorder: Recorder) -> None:
        old_customer, old = recorder.contract(subscription_id)
        customer = recorder.customer(account_id)
        if subscription_keys(recorder.connection, [new_id]):
            _same_transfer(recorder, old, customer, on, new_id)
            return
        _require_transferable(old_customer, old, customer, on)
        plan = old.plan_on(on)
        forecast.plan_on(recorder, customer, plan, on)
        spans = end_contract(recorder, old_customer, old, on, kinds.EndFact(f"transferred to {account_id}", transferred=True))
        contract = recorder.subscription(new_id, customer, plan, on, transferred_from=old.key)
        recorder.say(f"{new_id} of {account_id} begins on {on} with {plan}; no fee is due for the end or the beginning")
        for span in spans:
            recorder.number(span.served_id, contract.key, span.from_us, span.to_us)
        if spans:
            recorder.say(f"its numbers go with it, each for as long as {subscription_id} had it: {_names(spans)}")
        for day, later in old.plans:
            if day > on:
                recorder.plan(contract, day, later)
                recorder.say(f"its change to {later} on {day} goes with it")
        if old.to_date is not None:
            recorder.subscription_fact(contract, "end", old.to_date, None, _as_it_ends(old), replaces=True)
            recorder.say(f"its end on {old.to_date} goes with it")
        recorder.say(f"{old_customer.account_id}: {forecast.when_billed(recorder, old_customer, on, plan)}")
        recorder.say(f"{account_id}: {forecast.when_billed(recorder, customer, on, plan)}")

    return change(home, asked, work)


def end_contract(recorder: Recorder, customer: Customer, contract: Contract, on: dt.date, detail: kinds.EndFact) -> list[NumberSpan]:
    """Record an end, and free the numbers as that day begins, not before. Returns the spans of numbers that it had from then on."""
    recorder.subscription_fact(contract, "end", on, None, detail, replaces=True)
    recorder.say(f"{contract.subscription_id} ends: {on} is the first day without it")
    spans = follow_end(recorder, customer, contract, on)
    if not detail.transferred:
        if spans:
            recorder.say(f"its numbers are free from then on: {_names(spans)}")
        _say_fees(recorder, customer, contract.plan_on(last_day(on)), last_day(on), FeeOccasion.END)
        recorder.said.extend(forecast.early_end_fees(recorder, customer, contract, on))
    return spans


def _change_plan(recorder: Recorder, customer: Customer, contract: Contract, plan: str, day: dt.date, occasion: FeeOccasion) -> None:  # noqa: PLR0913, PLR0917 -- one argument a part of what is recorded
    _require_active(contract, day)
    if contract.plan_on(day) == plan:
        recorder.say(f"{contract.subscription_id} has {plan} on {day} already; nothing changed")
        return
    forecast.sellable(recorder, customer, plan, day)
    recorder.plan(contract, day, plan)
    recorder.say(f"{contract.subscription_id} has {plan} from {day} on, and {contract.plan_on(day)} until then")
    recorder.said.extend(f"later: {name} from {later} on, as recorded before" for later, name in contract.plans if later > day)
    period = customer.period_of(day)
    if period is not None and period.start < day:
        begin = max(period.start, contract.from_date)
        recorder.say(forecast.days_charged(customer, contract.plan_on(day), begin, day))
        recorder.say(forecast.days_charged(customer, plan, day, contract.to_date))
    _say_fees(recorder, customer, plan, day, occasion)
    recorder.say(forecast.when_billed(recorder, customer, day, plan, contract.plan_on(day)))


def _say_fees(recorder: Recorder, customer: Customer, plan: str, day: dt.date, *occasions: FeeOccasion) -> None:
    if FeeOccasion.END not in occasions:
        for text in forecast.fees(recorder, customer, plan, day):
            recorder.say(text)
    for text in forecast.fees(recorder, customer, plan, day, *occasions):
        recorder.say(text)


def _cycle_end(customer: Customer, now_us: int) -> dt.date:
    """The next bill date after today."""
    period = customer.period_of(max(customer.local_date(now_us), customer.billed_from))
    if period is None:
        raise UserError(f"account {customer.account_id} is closed on {customer.closed_on}", "retract its closing first")
    return period.end


def _require_active(contract: Contract, day: dt.date) -> None:
    if not contract.active_on(day):
        until = f"to {last_day(contract.to_date)}" if contract.to_date else "on"
        raise UserError(
            f"{contract.subscription_id} is not active on {day}", f"give a day of its life: it is active from {contract.from_date} {until}"
        )


def _names(spans: Sequence[NumberSpan]) -> str:
    return ", ".join(sorted({span.served_id for span in spans}))


def _as_it_ends(contract: Contract) -> kinds.EndFact:
    """The reason and the flag of an end that is known; without both where an import brought it with the subscription."""
    told = contract.deciding_end
    return kinds.EndFact() if told is None else kinds.EndFact(told.detail.reason, transferred=told.detail.transferred)


def _require_open(customer: Customer, day: dt.date) -> None:
    if day < customer.opened_on:
        raise UserError(
            f"account {customer.account_id} is opened on {customer.opened_on}: the days before would be billed to no account",
            "give that day or a later one",
        )
    if customer.closed_on is not None and day >= customer.closed_on:
        raise UserError(f"account {customer.account_id} is closed on {customer.closed_on}", "retract its closing, or name another account")


def _same_activation(recorder: Recorder, wanted: Activation) -> None:
    """Raises UserError that names the fields that differ from the subscription that is there."""
    customer, contract = recorder.contract(wanted.subscription_id)
    given = (wanted.account_id, wanted.plan, wanted.from_date)
    had = (customer.account_id, contract.plan_on(contract.from_date), contract.from_date)
    _compare(wanted.subscription_id, ("account", "plan", "from"), had, given)
    numbers = {served_id for served_id, _, _ in spans_of(recorder.connection, contract.key)}
    missing = [served_id for served_id in wanted.numbers if served_id not in numbers]
    if missing:
        message = f"subscription {wanted.subscription_id} exists without number {missing[0]}"
        raise UserError(message, f"`ratewright accounts number give {missing[0]} {wanted.subscription_id} --from {wanted.from_date}`")
    recorder.say(f"{wanted.subscription_id} exists; nothing changed")


def _same_transfer(recorder: Recorder, old: Contract, customer: Customer, on: dt.date, new_id: str) -> None:
    owner, contract = recorder.contract(new_id)
    had = (owner.account_id, contract.transferred_from, contract.from_date)
    _compare(new_id, ("account", "origin", "from"), had, (customer.account_id, old.key, on))
    recorder.say(f"{new_id} exists; nothing changed")


def _compare(name: str, fields: Sequence[str], had: Sequence[object], given: Sequence[object]) -> None:
    for field, old, new in zip(fields, had, given, strict=True):
        if old != new:
            raise UserError(f"subscription {name} exists with {field} {old}, not {new}", "give another id, or the data that was recorded")


def require_not_handed_over(contract: Contract, on: dt.date | None) -> None:
    """Raises UserError where a subscription would end on another day than that of its handover, or go on (None)."""
    given = contract.handover
    if given is None or on == given.from_date:
        return
    ways = [f"end {given.subscription_id} or transfer it back"]
    if contract.to_date != given.from_date:
        ways.append(f"end {contract.subscription_id} on {given.from_date}")
    remedy = f"{'; '.join(ways)}; {take_back(given)}"
    raise UserError(f"{contract.subscription_id} has another owner from {given.from_date} on, as {given.subscription_id}", remedy)


def _require_transferable(old_customer: Customer, old: Contract, customer: Customer, on: dt.date) -> None:
    _require_open(customer, on)
    if on < customer.billed_from:
        raise UserError(
            f"account {customer.account_id} is billed here from {customer.billed_from} on: the days before would be billed to no account",
            "give that day or a later one",
        )
    require_not_handed_over(old, None)
    if old_customer.key == customer.key:
        raise UserError(f"{old.subscription_id} belongs to {customer.account_id} already", "name another account")
    if old_customer.currency != customer.currency or old_customer.timezone != customer.timezone:
        message = f"{old_customer.account_id} is in {old_customer.currency} and {old_customer.timezone}, "
        message += f"{customer.account_id} in {customer.currency} and {customer.timezone}"
        raise UserError(message, "end the subscription, and activate one in the other account")
    if not old.active_on(on) or on == old.from_date:
        raise UserError(f"{old.subscription_id} is not active before and on {on}", "give a day after its first one, and before its end")
    if any(fact.holds_on(on) for fact in old.of_kind("pause")):
        raise UserError(f"{old.subscription_id} is paused on {on}", "resume it first")
