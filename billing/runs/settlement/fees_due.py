"""Recurring and one-off fees due in the periods of a run, by charge key, rounded to the minor unit.

Columns only: the fees of subscriptions that are alike (`billing.runs.selection.subscription_profiles`) are computed once, in Fractions, and
copied to all of them. Usage is computed beside them (`billing.runs.usage.charge_sums`); lines that depend on totals come after
(`billing.runs.settlement.totals`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from billing.charges.charge_keys import Kind
from billing.charges.early_end import Agreed, Contract
from billing.charges.lines import Lines, empty
from billing.charges.one_off import changes_within, one_offs_due
from billing.charges.pauses import Breaks, touching
from billing.charges.proration import clip
from billing.charges.recurring import FeeDue, fees_due
from billing.charges.taxes.bundles import parts
from billing.runs.contracts.currencies import Currencies, step_of
from billing.runs.selection import subscription_profiles
from rating.dates import day_number
from rating.money import RoundingMode, round_exact

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from fractions import Fraction

    from billing.charges.periods import Period
    from billing.charges.proration import Span
    from billing.runs.contracts.contract_profiles import Pattern
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.selection.subscription_profiles import Group
    from billing.runs.settlement.inputs import Inputs
    from rating.model import Plan


class Sold(NamedTuple):
    """The codes of the fee or other thing sold by a catalogue that a template's line is for."""

    kind: Kind
    identity: str  # of the catalogue
    charge_code: int
    price_id: int
    revenue_code: int
    tax_class: str


class Recurring(NamedTuple):
    """Recurring fees, and a mask of those that are due whole for any number of days, as the plan that charges them says."""

    lines: Lines
    undivided: npt.NDArray[np.bool_]


def fee_lines(inputs: Inputs) -> Lines:
    """Recurring fees, and those that are due once."""
    return np.concatenate([recurring(inputs).lines, one_off_lines(inputs)])


def recurring(inputs: Inputs) -> Recurring:
    """Fees due for the open periods, and in advance for the period that begins at the last bill date."""
    contracts, scope, currencies = inputs
    found = subscription_profiles.find(contracts, scope)
    known: dict[tuple[object, ...], list[_Row]] = {}
    templates = []
    for group in found.groups:
        rows: list[_Row] = []
        for period in group.with_ahead:
            held = [(each.plan, part) for each in group.spans if (part := _cut(each.span, period.whole)) is not None]
            breaks = touching(breaks_of(group.pattern), period.start, period.whole.end)
            key = (group.zone, period, tuple(held), breaks)
            if key not in known:
                known[key] = _fees(group, period, breaks, scope.bill_date, contracts, currencies)
            rows.extend(known[key])
        templates.append(rows)
    lines = subscription_profiles.expand(found, [[row.values for row in rows] for rows in templates], contracts.facts)
    undivided = subscription_profiles.expand_flags(found, [[row.undivided for row in rows] for rows in templates])
    return Recurring(lines, undivided)


def one_off_lines(inputs: Inputs) -> Lines:
    """Fees due in the open periods for subscriptions that began, ended, or changed their plan or add-ons in them."""
    contracts, scope, currencies = inputs
    price_list = contracts.price_list
    if not any(plan.one_offs for each in price_list.catalogues for plan in each.plans):
        return empty()
    found = subscription_profiles.find(contracts, scope)
    names = {each.plan for group in found.groups for each in group.spans}
    charging = {name: any(each.plan.one_offs for each in price_list.plan_versions(name)) for name in names}
    templates: list[list[tuple[int, ...]]] = []
    for group in found.groups:
        rows: list[tuple[int, ...]] = []
        charged = any(charging[each.plan] for each in group.spans)
        if charged and changes_within(group.spans, group.periods[0].start, group.periods[-1].end):
            answer = plan_at(contracts, group.zone)
            for period in group.periods:
                for due in one_offs_due(group.spans, period, scope.bill_date, answer, contract_of(group.pattern)):
                    fee = due.fee
                    sold = Sold(Kind.ONE_OFF, due.identity, fee.charge_code, fee.price_id, fee.revenue_code, fee.tax_class)
                    amount = round_exact(due.micros, step_of(due.identity, contracts, currencies), RoundingMode.HALF_UP)
                    rows.append(template_row(sold, period, amount, due.micros, due.times, contracts, currencies))
        templates.append(rows)
    return subscription_profiles.expand(found, templates, contracts.facts)


def plan_at(contracts: Contracts, zone: str) -> Callable[[str, dt.date], Plan | None]:
    """Return a function that looks up the plan of a name on a local day of an account."""

    def answer(name: str, day: dt.date) -> Plan | None:
        found = contracts.price_list.plan_on(name, *contracts.midnights.day_us(zone, day))
        return found.plan if found is not None else None

    return answer


def breaks_of(pattern: Pattern) -> Breaks:
    """The spans in which subscriptions of a pattern were paused or out of order."""
    return Breaks(pattern.pauses, pattern.outages)


def contract_of(pattern: Pattern) -> Contract:
    """The terms of a pattern at the beginning and the end of a subscription."""
    agreed = tuple(Agreed(span.start, terms.minimum_months, terms.early_end_waived, span.end) for span, terms in pattern.terms)
    return Contract(agreed, pattern.transferred_in, pattern.transferred_out)


def to_micro(exact: Fraction) -> int:
    """The exact amount as far as a micro-unit shows it; the line itself is rounded from the fraction."""
    return round_exact(exact, 1, RoundingMode.HALF_EVEN)


def template_row(  # noqa: PLR0913, PLR0917 -- what a line depends on
    sold: Sold, period: Period, amount_micros: int, exact_micros: int, times: int, contracts: Contracts, currencies: Currencies
) -> tuple[int, ...]:
    """A row of LINE in the order of its fields, without account and subscription."""
    price_list = contracts.price_list
    code = price_list.tax_code(sold.identity, sold.tax_class)
    key = (0, day_number(period.start), day_number(period.end), int(sold.kind), 0, sold.charge_code, sold.price_id, code, sold.revenue_code)
    rate_ppm = price_list.rate_ppm(sold.identity, code, period.last_day)
    labels = (price_list.identity_index(sold.identity), rate_ppm, currencies.index[price_list.currency(sold.identity)])
    return (*key, amount_micros, exact_micros, times, 0, 0, 0, *labels, 0, int(price_list.inclusive(sold.identity)))


class _Row(NamedTuple):
    """A row of a template, and whether its fee is due whole for any number of days."""

    values: tuple[int, ...]
    undivided: bool


def _fees(  # noqa: PLR0913, PLR0917 -- what a fee depends on
    group: Group, period: Period, breaks: Breaks, bill_date: dt.date, contracts: Contracts, currencies: Currencies
) -> list[_Row]:
    """Rows of the fees of a period, one for each tax class of a fee."""
    rows = []
    for fee, plan, exact in _due(group, period, breaks, bill_date, plan_at(contracts, group.zone)):
        identity = plan.partition("/")[0]
        step = step_of(identity, contracts, currencies)
        for part in parts(fee, round_exact(exact, step, RoundingMode.HALF_UP), to_micro(exact), step):
            sold = Sold(Kind.RECURRING, identity, fee.charge_code, fee.price_id, part.revenue_code, part.tax_class)
            values = template_row(sold, period, part.amount_micros, part.exact_micros, 1, contracts, currencies)
            rows.append(_Row(values, not fee.prorate))
    return rows


def _due(group: Group, period: Period, breaks: Breaks, bill_date: dt.date, answer: Callable[[str, dt.date], Plan | None]) -> list[FeeDue]:
    """Fees of a period. Before a period is over, those that are not divided by days are as the whole period has them."""
    due = fees_due(group.spans, period, bill_date, answer, breaks)
    if period.whole_to is None or all(each.fee.prorate for each in due):
        return due
    known = fees_due(group.spans, period.whole, period.whole.end, answer, breaks)
    whole = {_identity(each): each for each in known if not each.fee.prorate}
    return [each if each.fee.prorate else whole.get(_identity(each), each) for each in due]


def _identity(due: FeeDue) -> tuple[str, int]:
    """A fee that several plans of a catalogue have is one."""
    return due.plan.partition("/")[0], due.fee.price_id


def _cut(span: Span, period: Period) -> tuple[dt.date, dt.date] | None:
    """The part of a span inside a period, so that equal cases are calculated once; None where they do not meet."""
    part = clip(span, period)
    return (part.start, part.end) if part is not None and part.end is not None else None
