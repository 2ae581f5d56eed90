"""Everything due in the open periods of a run, by charge key: usage sums, recurring and one-off fees, rounded to the minor unit.

Columns only: what is due to subscriptions that are alike (`billing.runs.alike`) is worked out once, in Fractions, and copied to all of
them. What depends on the totals of a period comes after (`billing.runs.totals`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from billing.charges.bundles import parts
from billing.charges.early_end import Agreed, Contract
from billing.charges.lines import LINE, Int64s, Kind, Lines, empty, minor_step_micros, round_half_up, sum_by_key
from billing.charges.one_off import changes_within, one_offs_due
from billing.charges.pauses import Breaks, touching
from billing.charges.proration import clip
from billing.charges.recurring import fees_due
from billing.runs import alike
from billing.runs.facts import day_number, day_of
from rating.money import MICROS_LIMIT, RoundingMode, round_exact

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from fractions import Fraction

    from billing.charges.periods import Period
    from billing.charges.proration import Span
    from billing.runs.alike import Group
    from billing.runs.contracts import Contracts
    from billing.runs.patterns import Pattern
    from billing.runs.pricing import Priced
    from billing.runs.scope import Scope
    from rating.model import Plan

HALF_BITS: Final = 32
LOW_MASK: Final = (1 << HALF_BITS) - 1


class UsageSums(NamedTuple):
    """`lines`: one row a charge key. `too_large`: keys of accounts with a sum beyond the limit of money; their rows are left out."""

    lines: Lines
    too_large: list[int]


class Sold(NamedTuple):
    """What a line of a template is for: the codes of a fee or another thing that a catalogue sells."""

    kind: Kind
    identity: str  # of the catalogue
    charge_code: int
    price_id: int
    revenue_code: int
    tax_class: str


class Currencies:
    """Currencies of a run: a number for each, and the minor unit of each."""

    def __init__(self, contracts: Contracts) -> None:
        catalogues = contracts.price_list.catalogues
        self.names = sorted({each.currency for each in catalogues} | set(contracts.facts.currencies))
        self.index = {name: place for place, name in enumerate(self.names)}
        steps = [minor_step_micros(contracts.price_list.minor_digits(name)) for name in self.names]
        self.step_micros = np.array(steps, np.int64)

    def step_of(self, name: str) -> int:
        """The minor unit of a currency, in micro-units."""
        return int(self.step_micros[self.index[name]])

    def steps_of(self, lines: Lines) -> Int64s:
        """The minor unit of each line, in micro-units."""
        steps: Int64s = self.step_micros[lines["currency"]] if lines.size else np.zeros(0, np.int64)
        return steps


def usage_lines(priced: Priced, contracts: Contracts, currencies: Currencies) -> UsageSums:
    """Sums of rated events by (subscription, period, price)."""
    rated = priced.rated
    rows = np.flatnonzero((rated.price >= 0) & (rated.status <= 1))
    if not rows.size:
        return UsageSums(empty(), [])
    sums = _grouped(priced, rows)
    exact, overflow = _joined(sums["high_sum"].to_numpy(), sums["low_sum"].to_numpy())
    parts = _usage_rows(sums, exact, contracts, currencies)  # one a price row: versions of one price meet in one key
    lines = sum_by_key(parts)
    overflow_keys = [parts["account_key"][overflow], lines["account_key"][np.abs(lines["exact_micros"]) >= MICROS_LIMIT]]
    too_large = np.unique(np.concatenate(overflow_keys))
    lines = lines[~np.isin(lines["account_key"], too_large)]
    lines["amount_micros"] = round_half_up(lines["exact_micros"], currencies.steps_of(lines))
    return UsageSums(lines, too_large.tolist())


def recurring_lines(contracts: Contracts, scope: Scope, currencies: Currencies) -> Lines:
    """Fees due for the open periods, and in advance for the period that begins at the last bill date."""
    found = alike.find(contracts, scope)
    known: dict[tuple[object, ...], list[tuple[int, ...]]] = {}
    templates = []
    for group in found.groups:
        rows: list[tuple[int, ...]] = []
        for period in group.with_ahead:
            held = [(each.plan, part) for each in group.spans if (part := _cut(each.span, period)) is not None]
            breaks = touching(Breaks(group.pattern.pauses, group.pattern.outages), period.start, period.end)
            key = (group.zone, period, tuple(held), breaks)
            if key not in known:
                known[key] = _fees(group, period, breaks, scope.bill_date, contracts, currencies)
            rows.extend(known[key])
        templates.append(rows)
    return alike.expand(found, templates, contracts.facts)


def one_off_lines(contracts: Contracts, scope: Scope, currencies: Currencies) -> Lines:
    """Fees due in the open periods for subscriptions that began, ended, or changed their plan or add-ons in them."""
    price_list = contracts.price_list
    if not any(plan.one_offs for each in price_list.catalogues for plan in each.plans):
        return empty()
    found = alike.find(contracts, scope)
    names = {each.plan for group in found.groups for each in group.spans}
    charging = {name: any(each.plan.one_offs for each in price_list.plan_versions(name)) for name in names}
    templates: list[list[tuple[int, ...]]] = []
    for group in found.groups:
        rows: list[tuple[int, ...]] = []
        charged = any(charging[each.plan] for each in group.spans)
        if charged and changes_within(group.spans, group.periods[0].start, group.periods[-1].end):
            answer = plan_at(contracts, group.zone)
            for period in group.periods:
                for due in one_offs_due(group.spans, period, scope.bill_date, answer, _contract(group.pattern)):
                    fee = due.fee
                    sold = Sold(Kind.ONE_OFF, due.identity, fee.charge_code, fee.price_id, fee.revenue_code, fee.tax_class)
                    amount = round_exact(due.micros, step_of(due.identity, contracts, currencies), RoundingMode.HALF_UP)
                    rows.append(template_row(sold, period, amount, due.micros, due.times, contracts, currencies))
        templates.append(rows)
    return alike.expand(found, templates, contracts.facts)


def plan_at(contracts: Contracts, zone: str) -> Callable[[str, dt.date], Plan | None]:
    """Which plan a name means on a local day of an account."""

    def answer(name: str, day: dt.date) -> Plan | None:
        found = contracts.price_list.plan_on(name, *contracts.midnights.day_us(zone, day))
        return found.plan if found is not None else None

    return answer


def step_of(identity: str, contracts: Contracts, currencies: Currencies) -> int:
    """The minor unit of a catalogue's currency, in micro-units."""
    return currencies.step_of(contracts.price_list.currency(identity))


def rates_of(lines: Lines, contracts: Contracts) -> Int64s:
    """Tax rate of each line: asked once for each catalogue, class and period end."""
    asked, place = np.unique(np.stack([lines["catalogue"], lines["tax_class"], lines["period_to"]], axis=1), axis=0, return_inverse=True)
    price_list = contracts.price_list
    rates = [price_list.rate_ppm(price_list.identities[catalogue], code, day_of(end - 1)) for catalogue, code, end in asked.tolist()]
    answer: Int64s = np.array(rates, np.int64)[place.reshape(-1)]
    return answer


def to_micro(exact: Fraction) -> int:
    """The exact amount as far as a micro-unit shows it; the line itself is rounded from the fraction."""
    return round_exact(exact, 1, RoundingMode.HALF_EVEN)


def template_row(  # noqa: PLR0913, PLR0917 -- what a line depends on
    sold: Sold, period: Period, amount_micros: int, exact_micros: int, times: int, contracts: Contracts, currencies: Currencies
) -> tuple[int, ...]:
    """A row of LINE in the order of its fields, without account and subscription."""
    price_list = contracts.price_list
    code = price_list.tax_code(sold.identity, sold.tax_class)
    key = (0, day_number(period.start), day_number(period.end), int(sold.kind), 0, sold.charge_code, sold.price_id, code)
    rate_ppm = price_list.rate_ppm(sold.identity, code, period.last_day)
    labels = (price_list.identity_index(sold.identity), rate_ppm, currencies.index[price_list.currency(sold.identity)])
    return (*key, amount_micros, exact_micros, times, 0, 0, sold.revenue_code, 0, *labels, 0, int(price_list.inclusive(sold.identity)))


def _fees(  # noqa: PLR0913, PLR0917 -- what a fee depends on
    group: Group, period: Period, breaks: Breaks, bill_date: dt.date, contracts: Contracts, currencies: Currencies
) -> list[tuple[int, ...]]:
    """Rows of the fees of a period, one for each tax class of a fee."""
    rows = []
    for fee, plan, exact in fees_due(group.spans, period, bill_date, plan_at(contracts, group.zone), breaks):
        identity = plan.partition("/")[0]
        step = step_of(identity, contracts, currencies)
        for part in parts(fee, round_exact(exact, step, RoundingMode.HALF_UP), to_micro(exact), step):
            sold = Sold(Kind.RECURRING, identity, fee.charge_code, fee.price_id, part.revenue_code, part.tax_class)
            rows.append(template_row(sold, period, part.amount_micros, part.exact_micros, 1, contracts, currencies))
    return rows


def _contract(pattern: Pattern) -> Contract:
    """What a pattern says about the edges of a subscription."""
    agreed = tuple(Agreed(from_date, terms.minimum_months, terms.early_end_waived) for from_date, terms in pattern.terms)
    return Contract(agreed, pattern.transferred_in, pattern.transferred_out)


def _cut(span: Span, period: Period) -> tuple[dt.date, dt.date] | None:
    """What matters of a span inside a period, so that equal cases are calculated once; None where they do not meet."""
    part = clip(span, period)
    return (part.start, part.end) if part is not None and part.end is not None else None


def _grouped(priced: Priced, rows: Int64s) -> pa.Table:
    """One row a (subscription, period, price row). Money is summed in two halves, which cannot wrap below 2**31 rows."""
    charge = priced.rated.charge_micros[rows]
    columns = {
        "subscription": priced.subscription[rows],
        "period_from": priced.period_from[rows],
        "period_to": priced.period_to[rows],
        "price": priced.rated.price[rows],
        "version": priced.rated.version[rows],
        "high": charge >> HALF_BITS,
        "low": charge & LOW_MASK,
        "quantity": priced.rated.chargeable_qty[rows],
        "free": priced.rated.free_qty[rows],
    }
    keys = ["subscription", "period_from", "period_to", "price", "version"]
    wanted: list[Any] = [("high", "sum"), ("low", "sum"), ("high", "count"), ("quantity", "sum"), ("free", "sum")]
    return pa.table(columns).group_by(keys).aggregate(wanted)


def _joined(high: Int64s, low: Int64s) -> tuple[Int64s, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Sums from their halves, and where they leave the range of money."""
    carried = high + (low >> HALF_BITS)
    limit = MICROS_LIMIT >> HALF_BITS
    overflow = (carried >= limit) | (carried <= -limit)
    exact = np.where(overflow, 0, (carried << HALF_BITS) | (low & LOW_MASK))
    return exact, overflow


def _usage_rows(sums: pa.Table, exact: Int64s, contracts: Contracts, currencies: Currencies) -> Lines:
    facts, price_list = contracts.facts, contracts.price_list
    tables = price_list.tables
    subscription, price, version = (sums[name].to_numpy() for name in ("subscription", "price", "version"))
    lines = np.zeros(len(exact), LINE)
    lines["account_key"] = facts.account_keys[facts.subscription_account[subscription]]
    lines["subscription_key"] = facts.subscription_keys[subscription]
    lines["kind"] = Kind.USAGE
    for name in ("period_from", "period_to"):
        lines[name] = sums[name].to_numpy()
    lines["charge_code"] = tables.charge_code[price]
    lines["price_id"] = tables.price_ids[price]
    lines["tax_class"] = tables.tax_code[price]
    lines["revenue_code"] = tables.revenue_code[price]
    lines["quantity_unit"] = tables.quantity_unit[price]
    lines["exact_micros"] = exact
    lines["events"] = sums["high_count"].to_numpy()
    lines["quantity"] = sums["quantity_sum"].to_numpy()
    lines["free_quantity"] = sums["free_sum"].to_numpy()
    lines["catalogue"] = np.array([price_list.identity_index(each.identity) for each in tables.versions])[version]
    lines["currency"] = np.array([currencies.index[each.currency] for each in tables.versions])[version]
    lines["inclusive"] = np.array([price_list.inclusive(each.identity) for each in tables.versions], np.int64)[version]
    lines["rate_ppm"] = rates_of(lines, contracts)
    return lines
