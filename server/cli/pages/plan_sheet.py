"""A plan or add-on of a catalogue as plain text: fees, grants, terms, plans it falls back to, rules that ask for more than a zone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rating.counted import counted
from rating.dates import local_time
from rating.explain.figures import grouped
from rating.model import ANY_ZONE, AtPlanChange, Draw, FeeOccasion, LateUsage, QuantityUnit, Service, WallClock, WhilePaused
from rating.money import format_micros
from tariffs.changes import words
from tariffs.changes.rules import asks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.model import (
        AddOn,
        Allowance,
        Catalogue,
        ChargeCap,
        Commitment,
        DayPass,
        Discount,
        OneOffFee,
        Plan,
        RecurringFee,
        SpendLimit,
        UsageRule,
    )

RULES_SHOWN: Final = 20
_OCCASIONS: Final = {
    FeeOccasion.ACTIVATION: "at activation",
    FeeOccasion.END: "at the end",
    FeeOccasion.PLAN_CHANGE: "at a change to this plan",
    FeeOccasion.ADDED: "with its first day",
    FeeOccasion.REMOVED: "with its last day",
    FeeOccasion.EARLY_END: "at an end before the least time is over",
}


def lines(catalogue: Catalogue, plan: Plan) -> list[str]:
    """The sheet of `plan`."""
    titles = " / ".join(plan.title.values())
    return [
        f"plan {catalogue.identity}/{plan.name}, {titles}: {counted(len(plan.rules), 'rule')}",
        *(f"  falls back to {name}" for name in plan.fallbacks),
        *_fees(catalogue, plan),
        *(f"  commitment {each.name}: {_commitment(each, catalogue)}" for each in plan.commitments),
        *(f"  {text}" for text in _of_bills(plan, catalogue)),
        *_grants(catalogue, plan),
        *(f"  spend limit {each.name}: {_spend_limit(each, catalogue)}" for each in plan.spend_limits),
        *(f"  {text}" for text in _promises(plan)),
        *_conditional(plan),
    ]


def add_on_lines(catalogue: Catalogue, add_on: AddOn) -> list[str]:
    """The sheet of an add-on, with the plans that there are with it."""
    titles = " / ".join(add_on.title.values())
    plans = ", ".join(plan.name for plan in catalogue.plans if add_on.name in plan.add_ons)
    return [f"add-on {add_on.name}, {titles}: {plans}", *_fees(catalogue, add_on), *_grants(catalogue, add_on)]


def _fees(catalogue: Catalogue, holder: Plan | AddOn) -> list[str]:
    currency = catalogue.currency
    return [
        *(f"  fee {fee.name}: {', '.join(_recurring(fee, currency))}" for fee in holder.recurring),
        *(f"  fee {fee.name}: {format_micros(fee.amount_micros)} {currency} {_when(fee)}" for fee in holder.one_offs),
    ]


def _recurring(fee: RecurringFee, currency: str) -> Iterator[str]:
    """Amount and time, and what is not as usual."""
    yield f"{format_micros(fee.amount_micros)} {currency} in {fee.timing.value}"
    if fee.while_paused is not WhilePaused.FREE:
        yield "while paused too" if fee.while_paused is WhilePaused.CHARGED else "while paused only"
    if not fee.outage_credit:
        yield "during outages too"
    yield from (f"{format_micros(share.share_ppm * 100, 0)} % of it {share.tax_class}" for share in fee.shares)


def _when(fee: OneOffFee) -> str:
    return f"{'for each month left' if fee.per_remaining_month else 'once'}, {_OCCASIONS[fee.on]}"


def _of_bills(plan: Plan, catalogue: Catalogue) -> Iterator[str]:
    """Terms of a plan for its bills as a whole."""
    currency = catalogue.currency
    units = {price.name: price.unit for price in catalogue.prices}
    for tier in plan.volume_tiers:
        steps = words.volume_steps(tier.steps, units[tier.prices[0]], currency)
        yield f"volume tier {tier.name}: all {', '.join(tier.prices)} of the {tier.scope.value}: {steps}"
    for discount in plan.invoice_discounts:
        off = words.percent(discount.percent_ppm) if discount.percent_ppm else words.money(discount.amount_micros, currency)
        codes = f" with charge code {', '.join(map(str, discount.charge_codes))}" if discount.charge_codes else ""
        months = f", for {counted(discount.months, 'month')}" if discount.months is not None else ""
        yield f"invoice discount {discount.name}: {off} off {words.line_kinds(discount.kinds)}{codes}{months}"
    yield from (
        f"bill threshold {each.name}: billed at once from {words.money(each.amount_micros, currency)}" for each in plan.bill_thresholds
    )
    if plan.late_usage is not LateUsage.ORIGIN_PERIOD:
        after = f", from {counted(plan.late_after_days, 'day')} after its period on" if plan.late_after_days else ""
        yield f"late usage: {plan.late_usage.value.replace('_', ' ')}{after}"
    if plan.late_usage_days_max is not None:
        yield f"usage is not billed when it comes more than {counted(plan.late_usage_days_max, 'day')} after it began"


def _grants(catalogue: Catalogue, holder: Plan | AddOn) -> list[str]:
    return [
        *(f"  allowance {each.name}: {_allowance(each, catalogue)}" for each in holder.allowances),
        *(f"  day pass {each.name}: {_day_pass(each, catalogue)}" for each in holder.day_passes),
        *(f"  cap {each.name}: {_cap(each, catalogue)}" for each in holder.caps),
        *(f"  discount {each.name}: {_discount(each, catalogue)}" for each in holder.discounts),
    ]


def _promises(plan: Plan) -> Iterator[str]:
    """Terms and the days on which it is sold."""
    if plan.terms is not None and plan.terms.activation_hours is not None:
        late = format_micros(plan.terms.late_credit_ppm * 100, 0)
        credit = f", {late} % of the recurring fees for each day later" if plan.terms.late_credit_ppm else ""
        yield f"activated within {plan.terms.activation_hours} hours{credit}"
    if plan.terms is not None and plan.terms.minimum_months:
        yield f"for {counted(plan.terms.minimum_months, 'month')} at least"
    if plan.terms is not None and plan.terms.notice_days:
        yield f"ended {counted(plan.terms.notice_days, 'day')} ahead"
    if plan.sold_from is not None or plan.sold_to is not None:
        days = (f"from {plan.sold_from}" if plan.sold_from else "", f"to {plan.sold_to}" if plan.sold_to else "")
        yield f"sold {' '.join(filter(None, days))}"


def quantity(amount: int, unit: QuantityUnit) -> str:
    """A quantity, such as 3,600 s, 1,000,000 B, 1 message, or an amount of money."""
    if unit is QuantityUnit.MILLISECOND:
        return f"{grouped(format_micros(amount * 1000, 0))} s"
    if unit is QuantityUnit.BYTE:
        return f"{amount:,} B"
    if unit is QuantityUnit.MICRO:
        return format_micros(amount)
    return counted(amount, "message")


def instant(at_us: int, timezone: str) -> str:
    """Date, time and offset on the wall clock of `timezone`."""
    return local_time(at_us, timezone).isoformat(sep=" ")


def _allowance(allowance: Allowance, catalogue: Catalogue) -> str:
    money = allowance.unit is QuantityUnit.MICRO
    granted = quantity(allowance.quantity, allowance.unit) + (f" {catalogue.currency}" if money else "")
    return ", ".join([f"{granted} of {_served(allowance)}", *_terms(allowance)])


def _terms(allowance: Allowance) -> Iterator[str]:
    """Terms that differ from the usual ones."""
    if not allowance.prorate:
        yield "whole in a part period"
    if allowance.priority:
        yield f"priority {allowance.priority}"
    if allowance.draw is Draw.WHOLE_INCREMENTS:
        yield "in whole increments"
    if allowance.connect_when_free:
        yield "connect fee even when free"
    if allowance.shared:
        yield "one for all lines together" if allowance.granted_once else "each line's own in one pool"
    if allowance.rollover_periods:
        most = "" if allowance.rollover_max is None else f", {quantity(allowance.rollover_max, allowance.unit)} at most"
        yield f"the rest stays for {counted(allowance.rollover_periods, 'more period')}{most}"
    if allowance.at_plan_change is not AtPlanChange.PRORATE:
        yield f"{allowance.at_plan_change.value} at a plan change"


def _day_pass(day_pass: DayPass, catalogue: Catalogue) -> str:
    free = "" if day_pass.quantity is None else f"{quantity(day_pass.quantity, day_pass.unit)} of "
    clock = "" if day_pass.clock is WallClock.TARIFF else f", days of the {day_pass.clock.value} clock"
    return f"{format_micros(day_pass.fee_micros)} {catalogue.currency} for a day of {free}{_served(day_pass)}{clock}"


def _cap(cap: ChargeCap, catalogue: Catalogue) -> str:
    return f"{format_micros(cap.amount_micros)} {catalogue.currency} a {cap.window.value} for {_served(cap)}"


def _commitment(commitment: Commitment, catalogue: Catalogue) -> str:
    counts = commitment.counts.value.replace("_", " ")
    return f"{format_micros(commitment.amount_micros)} {catalogue.currency} a period of {counts} at least"


def _spend_limit(limit: SpendLimit, catalogue: Catalogue) -> str:
    amount = f"{format_micros(limit.amount_micros)} {catalogue.currency} a {limit.window.value}"
    return f"{limit.action.value} at {amount} for {_served(limit)}; alarms only"


def _discount(discount: Discount, catalogue: Catalogue) -> str:
    percent = format_micros(discount.percent_ppm * 100, 0)
    friends = " with friends" if discount.friends_only else ""
    since = "" if discount.from_us is None else f", from {instant(discount.from_us, catalogue.timezone)}"
    until = "" if discount.to_us is None else f", until {instant(discount.to_us, catalogue.timezone)}"
    return f"{percent} % off {_served(discount)}{friends}{since}{until}"


def _served(entry: Allowance | DayPass | ChargeCap | Discount | SpendLimit) -> str:
    """Services and zones."""
    services = "everything" if len(entry.services) == len(Service) else ", ".join(service.name.lower() for service in entry.services)
    return f"{services} to {'anywhere' if ANY_ZONE in entry.zones else ', '.join(entry.zones)}"


def _conditional(plan: Plan) -> list[str]:
    """The rules with conditions."""
    told = [(rule, conditions) for rule in plan.rules if (conditions := list(asks(rule)))]
    found = [
        f"  {rule.service.name.lower()} to {'anywhere' if rule.zone == ANY_ZONE else rule.zone}, {', '.join(conditions)}: {_price(rule)}"
        for rule, conditions in told[:RULES_SHOWN]
    ]
    return [*found, f"  and {counted(len(told) - RULES_SHOWN, 'more rule')} with conditions"] if len(told) > RULES_SHOWN else found


def _price(rule: UsageRule) -> str:
    return "not sold" if rule.price is None else rule.price
