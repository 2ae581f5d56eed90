"""The effect of a change on later bills, in words: the bill that shows it, the days charged by each plan, the fees due.

Amounts are those of the catalogue in force at the date, before tax and discounts; the bill run decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from billing import catalogue
from billing.accounts.kept_back import first_not_held, next_made, quarantined_by
from billing.accounts.kinds import TermsFact
from billing.accounts.picture import load
from billing.accounts.plans import unknown_plan
from billing.accounts.still_open import latest_run, open_from
from billing.accounts.wording import amount
from billing.charges import early_end
from billing.charges.periods import period_after
from rating.dates import day_after, last_day
from rating.errors import UserError
from rating.model import FeeOccasion, FeeTiming

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Sequence

    import sqlalchemy as sa

    from billing.accounts.facts import Fact
    from billing.accounts.picture import Contract, Customer, Picture
    from billing.accounts.recording import Recorder
    from billing.charges.periods import Period
    from rating.model import Plan, RecurringFee


class LeftTo(NamedTuple):
    """The words about what no bill corrects any more: of an account that is closed, and of days that are not open."""

    of_closed: str
    of_days_before: str


LEFT_TO_HAND: Final = LeftTo(
    "what this comes to is left to `ratewright invoice credit`",
    "the days before are no longer open: what they come to is left to `ratewright adjustment add`",
)


def next_bill(connection: sa.Connection, customer: Customer) -> Period | None:
    """The first period of an account that no run has numbered yet; None where it is closed and billed."""
    last = latest_run(connection) or customer.billed_from
    return customer.period_of(max(last, customer.billed_from))


def when_agreed(  # noqa: PLR0913, PLR0917 -- one argument a part of what is agreed
    recorder: Recorder, before: Customer, day: dt.date, kind: str, detail: msgspec.Struct, contract: Contract | None = None
) -> str:
    """The bill that shows an agreement with an account, or for one `contract` of it, from a day on.

    It is in force in fees in advance that it is about. A test account begins with the first period that begins on the day or later. Of a
    hold it is the bill that is kept back, and the first run after it. A bill has the terms that hold on its date.
    """
    if kind == "hold":
        return _when_held(recorder, before, day)
    if isinstance(detail, TermsFact):
        of_account = _when_dated if detail.dunning_policy is None else _when_dunned
        return of_account(recorder, before, day, detail) if contract is None else _when_ended(recorder, before, day, detail, contract)
    picture = load(recorder.connection, [before.key])
    paid_for = {each.member for each in picture.relations if kind == "tax" and each.root == before.key and each.fact.holds_on(day)}
    contracts = [each for key in (before.key, *sorted(paid_for)) for each in picture.customers[key].contracts]
    some = [each for each in contracts if each.active_on(day) and (contract is None or each.key == contract.key)]
    fees = [fee for each in some for fee in in_advance(recorder, before, day, [each.plan_on(day)]) if _is_about(kind, detail, fee)]
    if kind != "category":
        return when_billed(recorder, before, day, fees=fees)
    customer = picture.customers[before.key]
    told, period = customer.period_of(day), next_bill(recorder.connection, customer)
    first = day if told is None or told.start == day else told.end
    if customer.category_on(day) == "test" and period is not None and period.start < first:
        recorder.check()
        what = f"periods of {customer.account_id} that begin on {first} or later are for tests"
        return f"{what}: nothing of them is invoiced; what began before is"
    return when_billed(recorder, before, first, fees=fees)


def _when_dunned(recorder: Recorder, before: Customer, day: dt.date, detail: TermsFact) -> str:
    """The dunning runs that use a policy agreed from a day on, and the bill that shows what else is agreed with it."""
    recorder.check()
    customer = load(recorder.connection, [before.key]).customers[before.key]
    fact = _told(customer.of_kind("terms"), day, detail)
    until = "or later" if fact is None or fact.to_date is None else f"to {last_day(fact.to_date)}"
    by = "by" if fact is not None else "no longer by"  # of a retraction
    told = f"dunning runs of {day} {until} judge {customer.account_id} {by} policy {detail.dunning_policy}"
    if msgspec.structs.replace(detail, dunning_policy=None) == TermsFact():
        return f"{told}; no bill shows it"
    return f"{told}; of the other terms: {_when_dated(recorder, before, day, detail)}"


def _when_dated(recorder: Recorder, before: Customer, day: dt.date, detail: TermsFact) -> str:
    """The first bill that is dated in the span of terms from a day on."""
    recorder.check()
    picture = load(recorder.connection, [before.key])
    customer = picture.customers[before.key]
    if customer.category_on(day) == "test":
        return when_billed(recorder, before, day)
    fact = _told(customer.of_kind("terms"), day, detail)
    period = to_come = next_bill(recorder.connection, customer)
    while period is not None and period.end < day:
        period = period_after(period, customer.bill_days, customer.closed_on)
    if period is None:
        return _behind_the_end(recorder.connection, picture, customer, day, is_billed=to_come is None)
    dated = first_not_held(picture, customer, period.end, open_from(recorder.connection, picture, customer.key))
    if fact is not None and not fact.holds_on(period.end if dated is None else dated):
        return f"no bill of {customer.account_id} is due in it: only one whose run is dated in it shows it"
    return _first_to_show(recorder, picture, customer, period)


def _behind_the_end(connection: sa.Connection, picture: Picture, customer: Customer, day: dt.date, *, is_billed: bool) -> str:
    """The text on terms from a day after the closing of an account: a bill has the date of its run, and may be made late."""
    if not is_billed:
        return f"{customer.account_id} is closed by then: its final bill shows it only if its run is dated {day} or later"
    if customer.closed_on is not None and customer.closed_on <= open_from(connection, picture, customer.key):
        return f"no bill shows it: {customer.account_id} is closed, and no bill corrects it any more"
    return f"the final bill of {customer.account_id} is made: only a correction by a run dated {day} or later shows it"


def _when_ended(recorder: Recorder, before: Customer, day: dt.date, detail: TermsFact, contract: Contract) -> str:
    """The bill with the fee for an early end, or without it, of a subscription with terms from a day on."""
    recorder.check()
    now = load(recorder.connection, [before.key]).contract(contract.key)
    if now.ends_without_fees:
        return f"no bill shows it: {now.subscription_id} has another owner, and no fee is due for that"
    if now.to_date is None:
        return f"no bill shows it before {now.subscription_id} ends: the terms of its last day decide on a fee for an early end"
    last, fact = last_day(now.to_date), _told(now.of_kind("terms"), day, detail)
    if last < day or (fact is not None and not fact.holds_on(last)):
        return f"no bill shows it: the last day of {now.subscription_id} is {last}"
    return when_billed(recorder, before, last, fees=())


def _told(facts: Iterable[Fact], day: dt.date, detail: TermsFact) -> Fact | None:
    """The fact that tells terms from a day on; None where it was retracted."""
    return next((fact for fact in facts if fact.from_date == day and fact.detail == detail), None)


def when_billed(
    recorder: Recorder,
    before: Customer,
    day: dt.date,
    *plans: str,
    fees: Sequence[RecurringFee] | None = None,
    left_to: LeftTo = LEFT_TO_HAND,
) -> str:
    """The bill that shows a change on a day, for a subscription with these plans: a fee in advance is on the bill before.

    The new plan comes first; of the one before it a bill may have fees in advance for less than the whole period. `fees`: the fees in
    advance that the change is about, in place of plans. `left_to`: the words about days that no bill corrects. The text is about the
    account with the change, not as it was `before`; raises UserError or ProblemsError for a change that does not fit.
    """
    recorder.check()
    picture = load(recorder.connection, [before.key])
    customer = picture.customers[before.key]
    period, told = next_bill(recorder.connection, customer), customer.period_of(day)
    if customer.is_for_tests(day) if told is not None else customer.category_on(day) == "test":
        return f"{customer.account_id} is a test account: nothing of it is invoiced, and the next bill turns back what was billed of it"
    if period is None or day < period.start:
        return _back_dated(recorder, picture, customer, max(day, customer.billed_from), period, left_to)
    begins, ends = (in_advance(recorder, customer, day, some) for some in (plans[:1], plans[1:]))
    begins = begins if fees is None else list(fees)
    shorter = ""
    while period is not None and period.end <= day:
        following = period_after(period, customer.bill_days, customer.closed_on)
        if following is not None and day < following.end and begins:
            return _first_to_show(recorder, picture, customer, period, ", with the fees in advance")
        if following is not None and day < following.end and ends:
            shorter = _shorter(ends, plans[1], period.end, day)
        period = following
    if period is None:
        return "no bill shows it: the account is closed by then"
    if shorter:
        made = next_made(picture, customer, period, open_from(recorder.connection, picture, customer.key))
        return f"{shorter}; that of {period.end} is the first to show {plans[0]}" + (f"; {made.why}" if made.why else "")
    return _first_to_show(recorder, picture, customer, period)


def _when_held(recorder: Recorder, before: Customer, day: dt.date) -> str:
    """The first bill that a hold from a day on keeps back, and the first run that makes it. `day` has no hold where that is retracted."""
    recorder.check()
    picture = load(recorder.connection, [before.key])
    customer = picture.customers[before.key]
    if customer.category_on(day) == "test":
        return when_billed(recorder, before, day)
    hold = next((fact for fact in customer.of_kind("hold") if fact.from_date == day), None)
    if hold is None:
        return "the next run that no hold keeps back bills what this one kept back"
    period = next_bill(recorder.connection, customer)
    while period is not None and period.end < hold.from_date:
        period = period_after(period, customer.bill_days, customer.closed_on)
    if period is None or not hold.holds_on(period.end):
        return f"no bill of {customer.account_id} is due in it: it keeps back only one whose run is dated in it"
    first = first_not_held(picture, customer, period.end, open_from(recorder.connection, picture, customer.key))
    then = f"the first run of {first} or later makes it" if first is not None else "no run makes it until the hold has an end"
    number = quarantined_by(recorder.connection, customer)
    told = f"the bill of {period.end} is the first that it keeps back; {then}"
    return f"{told}; {_in_quarantine(customer, number)}" if number else told


def _first_to_show(recorder: Recorder, picture: Picture, customer: Customer, period: Period, more: str = "") -> str:
    """The text on a bill that is still to come: that of `period`, or the first one after a hold."""
    made = next_made(picture, customer, period, open_from(recorder.connection, picture, customer.key))
    number = quarantined_by(recorder.connection, customer)
    if made.hold is None:
        told = f"the bill of {period.end} is the first to show it{more}"
    elif made.period is None:
        told = f"the first bill after the hold shows it{more}; {made.why}"
    else:
        first = first_not_held(picture, customer, period.end, open_from(recorder.connection, picture, customer.key))
        told = f"the first run of {first} or later makes the first bill after the hold, and shows it{more}; {made.why}"
    return f"{told}; {_in_quarantine(customer, number)}" if number else told


def _in_quarantine(customer: Customer, number: int) -> str:
    why = "has no bill until the cause is corrected (`ratewright bill quarantine`)"
    return f"{customer.account_id} is in quarantine since run {number}, and {why}"


def _shorter(fees_before: list[RecurringFee], plan: str, bill_date: dt.date, day: dt.date) -> str:
    """The fees in advance of a plan that ends which a bill no longer has; empty where it has them whole all the same."""
    if day == bill_date:
        return f"the bill of {bill_date} has no fees in advance of {plan} any more"
    if all(fee.prorate for fee in fees_before):
        return f"the bill of {bill_date} has the fees in advance of {plan} only for the days before {day}"
    return ""


def _back_dated(  # noqa: PLR0913, PLR0917 -- who, from when on, and the words
    recorder: Recorder, picture: Picture, customer: Customer, day: dt.date, period: Period | None, left_to: LeftTo
) -> str:
    """The text on billed periods: those that the next bill corrects, and those that no bill corrects any more."""
    open_day = open_from(recorder.connection, picture, customer.key)
    if customer.closed_on is not None and customer.closed_on <= open_day:
        return f"{customer.account_id} is closed, and no bill corrects it any more: {left_to.of_closed}"
    made = next_made(picture, customer, period, open_day)
    if made.hold is not None and made.period is not None:
        open_day = open_from(recorder.connection, picture, customer.key, made.period.end)
    first, number = max(day, open_day), quarantined_by(recorder.connection, customer)
    if made.hold is not None and made.period is None:
        told = f"back-dated: the first bill after the hold corrects what is open by then of the days from {first} on; {made.why}"
    elif made.period is None:
        told = f"{customer.account_id} is closed; the next run corrects its last bill, from {first} on"
    else:
        told = f"back-dated: the next bill, of {made.period.end}, corrects earlier periods from {first} on by lines that name them"
        told += f"; {made.why}" if made.why else ""
    told += f"; {_in_quarantine(customer, number)}" if number else ""
    return told if day >= open_day else f"{told}; {left_to.of_days_before}"


def days_charged(customer: Customer, plan: str, from_date: dt.date, to_date: dt.date | None) -> str:
    """The days of the period of `from_date` for which a plan is charged."""
    period = customer.period_of(from_date)
    if period is None:
        return f"{plan} from {from_date}"
    end = period.end if to_date is None else min(to_date, period.end)
    days = (end - from_date).days
    return f"{plan}: {days} of {period.cycle_days} days of the period to {period.last_day}"


def fees(recorder: Recorder, customer: Customer, plan_name: str, day: dt.date, *occasions: FeeOccasion) -> Iterator[str]:
    """The fees of a plan: recurring ones and least amounts without an occasion, else those charged once for one of these."""
    plan = plan_on(recorder, customer, plan_name, day)
    if plan is None:
        return
    for fee in plan.recurring if not occasions else ():
        how = "in advance" if fee.timing is FeeTiming.ADVANCE else "in arrears"
        yield f"{fee.name}: {amount(fee.amount_micros, customer.currency)} a period, {how}" + ("" if fee.prorate else ", never prorated")
    for least in plan.commitments if not occasions else ():
        counts = least.counts.value.replace("_", " ")
        how = "" if least.prorate else ", never prorated"
        yield f"{least.name}: at least {amount(least.amount_micros, customer.currency)} of {counts} a period{how}"
    for each in plan.one_offs:
        if each.on in occasions:
            months = " for each month of the least time that is left" if each.per_remaining_month else ""
            yield f"{each.name}: {amount(each.amount_micros, customer.currency)} once{months}"


def early_end_fees(recorder: Recorder, customer: Customer, contract: Contract, on: dt.date) -> Iterator[str]:
    """The fees for an early end due where `on` is the first day without a subscription, by the terms of its last day."""
    last = last_day(on)
    plan = plan_on(recorder, customer, contract.plan_on(last), last)
    if plan is None or all(each.on is not FeeOccasion.EARLY_END for each in plan.one_offs):
        return
    told = [(fact.from_date, fact.detail, fact.to_date) for fact in contract.of_kind("terms") if fact.holds_on(last)]
    agreed = tuple(early_end.Agreed(day, each.minimum_months, each.early_end_waived, until) for day, each, until in told)
    terms = early_end.Contract(agreed, taken_over=contract.transferred_from is not None)
    if early_end.months_left_of(terms, plan, contract.from_date, on):
        yield from fees(recorder, customer, contract.plan_on(last), last, FeeOccasion.EARLY_END)
    elif agreed and agreed[-1].waived:
        yield "no fee is due for an early end: it is waived"


def in_advance(recorder: Recorder, customer: Customer, day: dt.date, plans: Iterable[str]) -> list[RecurringFee]:
    """The fees in advance of some plans, as they are in force on a day."""
    found = [plan_on(recorder, customer, plan, day) for plan in plans]
    return [fee for plan in found if plan is not None for fee in plan.recurring if fee.timing is FeeTiming.ADVANCE]


def plan_on(recorder: Recorder, customer: Customer, plan_name: str, day: dt.date) -> Plan | None:
    """A plan as the version in force on a day has it; None where it is not available then."""
    identity, _, name = plan_name.partition("/")
    end_us = customer.midnight_us(day_after(day))
    live = [each for each in catalogue.in_force(recorder.home) if each.identity == identity and each.effective_from_us < end_us]
    if not live:
        return None
    newest = max(live, key=lambda each: (each.effective_from_us, each.version))
    return next((plan for plan in newest.plans if plan.name == name), None)


def _is_about(kind: str, detail: Any, fee: RecurringFee) -> bool:  # noqa: ANN401 -- a struct of `kinds`
    """Return whether an agreement changes what is billed of a fee."""
    if kind == "category":
        return True
    if kind == "tax":
        classes = {fee.tax_class, *(each.tax_class for each in fee.shares)}
        return "*" in detail.exempt or bool(classes & {*detail.exempt, *detail.classes})
    if kind in {"discount", "payer", "sponsor"}:
        return (not detail.kinds or "recurring" in detail.kinds) and (not detail.charge_codes or fee.charge_code in detail.charge_codes)
    return False


def require_add_on(recorder: Recorder, plan_name: str, add_on: str) -> None:
    """Raises UserError, with the add-ons that there are, where a plan cannot be bought with this one as well."""
    base, *others = plan_name.split("+")
    published = catalogue.published(recorder.home)
    names = {f"{each.identity}/{plan.name}" for each in published if each.identity == base.partition("/")[0] for plan in each.plans}
    parts = [tuple(name.split("+")) for name in names]
    known = sorted({one for own, *more in parts if own == base for one in more if "+".join((base, *sorted({*others, one}))) in names})
    if add_on not in known:
        beside = "further " if others else ""
        remedy = f"add-ons that it can have: {', '.join(known)}" if known else f"no {beside}add-on is published for it"
        raise UserError(f"plan {plan_name} has no {beside}add-on {add_on}", remedy)


def sellable(recorder: Recorder, customer: Customer, plan_name: str, day: dt.date) -> Plan:
    """A plan that may be given to an account on a day. Raises UserError: unknown, of another currency, not in force, not sold then."""
    versions = [each for each in catalogue.published(recorder.home) if each.identity == plan_name.partition("/")[0]]
    currencies = {f"{each.identity}/{plan.name}": each.currency for each in versions for plan in each.plans}
    if plan_name not in currencies:
        raise UserError(*unknown_plan(plan_name, currencies))
    if currencies[plan_name] != customer.currency:
        message = f"plan {plan_name} is in {currencies[plan_name]}, account {customer.account_id} in {customer.currency}"
        raise UserError(message, "choose a plan in the account's currency")
    plan = plan_on(recorder, customer, plan_name, day)
    if plan is None:
        raise UserError(f"plan {plan_name} is not in force on {day}", "choose a plan, or a date, of a version in force")
    if (plan.sold_from is not None and day < plan.sold_from) or (plan.sold_to is not None and day > plan.sold_to):
        span = f"from {plan.sold_from or 'ever'} to {plan.sold_to or 'ever'}"
        raise UserError(f"plan {plan_name} is not sold on {day}", f"it is sold {span}; choose another plan or date")
    return plan
