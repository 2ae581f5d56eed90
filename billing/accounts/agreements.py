"""Agreements with an account or for a subscription, one function a kind of fact: bill day, payer, pool, hold, terms, tax, closing.

Each records dated facts in one transaction and says in words what they mean for the next bill. Dates are local to the account. A repeat
changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from billing import late_decisions
from billing.accounts import forecast, kinds
from billing.accounts.freed_numbers import follow_end
from billing.accounts.handovers.known import take_back
from billing.accounts.lifecycle import end_contract, require_not_handed_over
from billing.accounts.picture import RELATIONS, account_keys, load, subscription_keys
from billing.accounts.reach import related
from billing.accounts.recording import change
from billing.accounts.still_open import open_from
from billing.accounts.wording import in_words
from billing.charges.periods import period_of
from billing.store import tables
from billing.store.voids import voided
from rating.dates import last_day
from rating.errors import NotFoundError, UserError

if TYPE_CHECKING:
    import datetime as dt

    import msgspec

    from billing.accounts.facts import Fact
    from billing.accounts.picture import Contract, Customer
    from billing.accounts.recording import Asked, Done, Recorder
    from billing.store.home import Home

_BILL_DAY_MAX: Final = 31
_OUTSIDE: Final = "outside"  # effect of a credit for good, which reconciliation ignores


def agree(  # noqa: PLR0913, PLR0917 -- one argument a part of what is recorded
    home: Home, asked: Asked, account_id: str, kind: str, from_date: dt.date, to_date: dt.date | None, detail: msgspec.Struct
) -> Done:
    """Record any fact about an account that needs no other: terms, tax, discount, hold, category, payer, sponsor, pool."""

    def work(recorder: Recorder) -> None:
        customer = recorder.customer(account_id)
        _record(recorder, customer, None, (kind, from_date, to_date, detail))

    return change(home, asked, work)


def agree_for(  # noqa: PLR0913, PLR0917 -- one argument a part of what is recorded
    home: Home, asked: Asked, subscription_id: str, kind: str, from_date: dt.date, to_date: dt.date | None, detail: msgspec.Struct
) -> Done:
    """Record terms, a discount or a payer of one subscription."""

    def work(recorder: Recorder) -> None:
        customer, contract = recorder.contract(subscription_id)
        _record(recorder, customer, contract, (kind, from_date, to_date, detail))

    return change(home, asked, work)


def agree_with(home: Home, asked: Asked, name: str, kind: str, from_date: dt.date, to_date: dt.date | None, detail: msgspec.Struct) -> Done:  # noqa: PLR0913, PLR0917 -- one argument a part of what is recorded
    """The same for any holder of the id: a subscription, else an account. Raises UserError for a subscription where only accounts agree."""
    with home.connect() as connection:
        of_subscription = bool(subscription_keys(connection, [name]))
        if of_subscription and kind not in kinds.SUBSCRIPTION_KINDS:
            of_subscription = not account_keys(connection, [name])
            if of_subscription:
                raise _of_an_account(connection, name, kind)
    return (agree_for if of_subscription else agree)(home, asked, name, kind, from_date, to_date, detail)


def _of_an_account(connection: sa.Connection, subscription_id: str, kind: str) -> UserError:
    """The error for a fact about accounts that names a subscription."""
    account, subscription = tables.accounts, tables.subscriptions
    owner = sa.select(account.c.account_id).join_from(account, subscription).where(subscription.c.subscription_id == subscription_id)
    return UserError(
        f"{subscription_id} is a subscription, and {kind.replace('_', ' ')} is agreed with a whole account",
        f"name its account: {connection.execute(owner).scalars().first()}",
        exit_status=2,
    )


def change_bill_day(home: Home, asked: Asked, account_id: str, bill_day: int, from_date: dt.date) -> Done:
    """Another bill day from a date on, for all accounts that are billed together on that day or later."""
    if not 1 <= bill_day <= _BILL_DAY_MAX:
        raise UserError(f"there is no bill day {bill_day}", f"give a day from 1 to {_BILL_DAY_MAX}", exit_status=2)

    def work(recorder: Recorder) -> None:
        customer = recorder.customer(account_id)
        picture = load(recorder.connection, [customer.key])
        fresh = False
        together = [picture.customers[key] for key in related(picture, customer.key, from_date)]
        for member in sorted(together, key=lambda each: each.account_id):
            if recorder.account_fact(member, "bill_day", from_date, None, kinds.BillDayFact(bill_day)):
                fresh = True
                recorder.say(
                    f"{member.account_id} is billed on day {bill_day} of the month: {_how_it_changes(member, bill_day, from_date)}"
                )
        recorder.say(forecast.when_billed(recorder, customer, from_date) if fresh else "recorded already; nothing changed")

    return change(home, asked, work)


def close(home: Home, asked: Asked, account_id: str, on: dt.date, reason: str) -> Done:
    """The first day without the account: its subscriptions end, and the amounts due then are its final bill."""

    def work(recorder: Recorder) -> None:
        customer = recorder.customer(account_id)
        if customer.closed_on == on:
            recorder.say(f"{account_id} is closed on {on} already; nothing changed")
            return
        for contract in customer.contracts:
            if not contract.is_taken_back and (contract.to_date is None or contract.to_date > on):
                _refuse_handed_over(contract, on)
                end_contract(recorder, customer, contract, on, kinds.EndFact(reason, transferred=contract.handover is not None))
        later = _adjustments(recorder, customer, on)
        recorder.account_fact(customer, "closed", on, None, kinds.ClosedFact(reason))
        recorder.say(f"{account_id} is closed: {on} is the first day without it; {_final_bill(customer, on)}")
        period = customer.period_of(on)
        listed = "when that day has begun" if period is None or period.start == on else f"on {period.end}, when its cycle ends"
        recorder.say(f"the first bill run of {on} or later makes it: `ratewright bill due` lists it {listed}")
        if later:
            recorder.say(f"adjustments dated later are of that period: {', '.join(later)}")

    return change(home, asked, work)


def _refuse_handed_over(contract: Contract, on: dt.date) -> None:
    """Raises UserError for a subscription that another owner has from a day after a closing on: the days between would have no owner.

    So it does where the subscription goes on after the day of the handover: it ends then, and not with the account.
    """
    given = contract.handover
    if given is not None and on < given.from_date:
        message = f"{contract.subscription_id} has another owner from {given.from_date} on, as {given.subscription_id}"
        raise UserError(message, f"close the account on {given.from_date} or later; {take_back(given)}")
    require_not_handed_over(contract, on)


def _final_bill(customer: Customer, on: dt.date) -> str:
    """The period of the last bill of an account that closes."""
    period = customer.period_of(on)
    if period is None or period.start == on:
        return f"its final bill is that of the period to {last_day(on)}"
    return f"its final bill is that of the period {period.start} to {last_day(on)}, which divides by {period.cycle_days} days"


def retract(home: Home, asked: Asked, account_id: str, fact_id: int, reason: str, *, of_subscription: bool) -> Done:  # noqa: PLR0913 -- one argument a part of what is recorded
    """Record that a fact never held: about the account, or about one of its subscriptions."""

    def work(recorder: Recorder) -> None:
        customer = recorder.customer(account_id)
        every = [fact for contract in customer.contracts for fact in contract.facts] if of_subscription else list(customer.facts)
        fact = next((each for each in every if each.fact_id == fact_id), None)
        if fact is None:
            what = "its subscriptions" if of_subscription else account_id
            raise NotFoundError(f"no fact {fact_id} about {what} holds", f"`ratewright accounts show {account_id}` lists them")
        _refuse_events(fact)
        of = next((each for each in customer.contracts if fact in each.facts), None)
        recorder.retract(fact, customer.key, reason, of_account=not of_subscription)
        recorder.say(f"{fact.kind} from {fact.from_date} never held")
        if of is not None and fact.kind in {"pause", "outage", "end", "no_end"}:
            if fact.kind in {"end", "no_end"}:
                _move_end(recorder, customer, of)
            recorder.say(forecast.when_billed(recorder, customer, fact.from_date, of.plan_on(fact.from_date)))
        else:
            recorder.say(forecast.when_agreed(recorder, customer, fact.from_date, fact.kind, fact.detail, of))

    return change(home, asked, work)


def _move_end(recorder: Recorder, customer: Customer, before: Contract) -> None:
    """Let the numbers follow the end of a subscription, where a retraction moved that."""
    on = recorder.contract(before.subscription_id)[1].to_date
    if on == before.to_date:
        return
    require_not_handed_over(before, on)
    recorder.say(f"{before.subscription_id} {f'ends: {on} is the first day without it' if on else 'goes on: it has no end'}")
    if spans := follow_end(recorder, customer, before, on):
        recorder.say(f"its numbers are free from then on: {', '.join(sorted({span.served_id for span in spans}))}")


def _adjustments(recorder: Recorder, customer: Customer, on: dt.date) -> list[str]:
    """The references of adjustments dated after a closing. Raises UserError where one that waits would be on no bill any more."""
    row = tables.adjustments.c
    query = sa.select(row.adjustment_id, row.reference, row.approved_by).order_by(row.adjustment_id)
    entered = recorder.connection.execute(query.where(row.account_key == customer.key, row.on_date >= on.isoformat())).all()
    gone = late_decisions.retracted(recorder.connection, recorder.home.head_seq(recorder.connection))
    found = [each for each in entered if each.adjustment_id not in gone]
    billed = _billed(recorder.connection, customer) if found else set()
    waiting = [each.reference for each in found if each.approved_by is not None and each.adjustment_id not in billed]
    first = open_from(recorder.connection, load(recorder.connection, [customer.key]), customer.key)
    if waiting and on <= first:
        message = f"no bill to come corrects {customer.account_id} before {first}, and these adjustments wait for one: {', '.join(waiting)}"
        raise UserError(message, f"close it after {first}, or bill it first")
    return [each.reference for each in found]


def _billed(connection: sa.Connection, customer: Customer) -> set[int]:
    """Adjustments (ids) of an account that valid documents bill, to any payer: their lines do not cancel each other."""
    row, line, invoice = tables.adjustments.c, tables.invoice_lines.c, tables.invoices.c
    query = sa.select(line.price_id).join_from(tables.invoice_lines, tables.invoices, invoice.invoice_key == line.invoice_key)
    query = query.join(tables.adjustments, row.adjustment_id == line.price_id)
    query = query.where(line.kind == "adjustment", row.account_key == customer.key, invoice.invoice_key.not_in(voided()))
    query = query.where(line.effect.is_(None) | (line.effect != _OUTSIDE))
    return set(connection.execute(query.group_by(line.price_id).having(sa.func.sum(line.amount_micros) != 0)).scalars())


def _refuse_events(fact: Fact) -> None:
    if fact.kind in {"bar_outgoing", "unbar"}:
        raise UserError("dunning alone bars and unbars", "`ratewright dunning run` lifts a bar when nothing is past due")
    if fact.kind == "end" and fact.detail.taken_back:
        raise UserError("a handover that was taken back stays so", "hand the subscription over again, with another id")


def _record(
    recorder: Recorder, customer: Customer, contract: Contract | None, fact: tuple[str, dt.date, dt.date | None, msgspec.Struct]
) -> None:
    kind, from_date, to_date, detail = fact
    if contract is None:
        fresh, name = recorder.account_fact(customer, *fact), customer.account_id
    else:
        fresh, name = recorder.subscription_fact(contract, *fact), contract.subscription_id
    if not fresh:
        recorder.say(f"{name} has this {kind} from {from_date} already; nothing changed")
        return
    recorder.say(f"{name}: {in_words(kind, detail, customer.currency)}, from {from_date} {f'to {last_day(to_date)}' if to_date else 'on'}")
    if isinstance(detail, kinds.DiscountFact):
        none = "" if detail.revenue_code else ": none was given (--own-revenue-code)"
        recorder.say(f"its line is posted to revenue code {detail.revenue_code}{none}")
    if kind in {*RELATIONS, "category"}:
        recorder.say("it goes by the first day of a line's period: what began before stays where it was")
    recorder.say(forecast.when_agreed(recorder, customer, from_date, kind, detail, contract))


def _how_it_changes(customer: Customer, bill_day: int, from_date: dt.date) -> str:
    """The end of the running cycle, and the stub after it."""
    running = customer.period_of(from_date)
    if running is None:
        return "no period of it is billed from then on"
    ends = running.end if running.start < from_date else from_date
    days = (*customer.bill_days, (from_date, bill_day))
    stub = period_of(ends, customer.billed_from, days, customer.closed_on)
    if stub is None or stub.start == stub.cycle_start:
        return f"the cycle that ends on {last_day(ends)} is the last one by the old day"
    days_of_stub = (stub.end - stub.start).days
    return f"the running cycle ends on {last_day(ends)}, then {stub.start} to {stub.last_day} is {days_of_stub} of {stub.cycle_days} days"
