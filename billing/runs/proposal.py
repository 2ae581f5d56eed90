"""Everything due in the open periods of a run, by charge key: usage sums, recurring and one-off fees, rounded to the minor unit.

Columns only; per account Python runs for fees, and there one calculation serves all accounts with equal plan and dates.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from billing.charges.lines import LINE, Int64s, Kind, Lines, empty, minor_step_micros, round_half_up, sum_by_key
from billing.charges.one_off import changes_within, one_offs_due
from billing.charges.recurring import fees_due
from billing.runs.facts import day_number, day_of
from billing.runs.scope import period_ahead
from rating.money import MICROS_LIMIT, RoundingMode, round_exact

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from billing.charges.periods import Period
    from billing.charges.proration import Span
    from billing.charges.recurring import PlanSpan
    from billing.runs.contracts import Contracts
    from billing.runs.pricing import Priced
    from billing.runs.scope import Scope
    from rating.model import OneOffFee, Plan, RecurringFee

HALF_BITS: Final = 32
LOW_MASK: Final = (1 << HALF_BITS) - 1


class UsageSums(NamedTuple):
    """`lines`: one row a charge key. `too_large`: keys of accounts with a sum beyond the limit of money; their rows are left out."""

    lines: Lines
    too_large: list[int]


class FeeRow(NamedTuple):
    """One line of a fee, without account and subscription."""

    kind: Kind
    charge_code: int
    price_id: int
    tax_class: int
    revenue_code: int
    catalogue: int
    rate_ppm: int
    currency: int
    exact_micros: int
    amount_micros: int
    times: int


class Currencies:
    """Currencies of a run: a number for each, and the minor unit of each."""

    def __init__(self, contracts: Contracts) -> None:
        catalogues = contracts.price_list.catalogues
        self.names = sorted({each.currency for each in catalogues} | {each.currency for each in contracts.facts.accounts})
        self.index = {name: place for place, name in enumerate(self.names)}
        steps = [minor_step_micros(contracts.price_list.minor_digits(name)) for name in self.names]
        self.step_micros = np.array(steps, np.int64)

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
    facts = contracts.facts
    known: dict[tuple[object, ...], list[FeeRow]] = {}
    rows: list[tuple[int, ...]] = []
    for subscription, spans in zip(facts.subscriptions, contracts.spans, strict=True):
        open_periods = scope.periods[subscription.account]
        if not open_periods:
            continue
        account = facts.accounts[subscription.account]
        for period in [*open_periods, period_ahead(open_periods[-1], account.bill_day)]:
            key = (account.timezone, period, tuple((each.plan, *_cut(each.span, period)) for each in spans))
            if key not in known:
                known[key] = _fees(spans, period, account.timezone, contracts, scope.bill_date, currencies)
            rows.extend(_line(account.account_key, subscription.subscription_key, period, fee) for fee in known[key])
    return np.array(rows, LINE) if rows else empty()


def one_off_lines(contracts: Contracts, scope: Scope, currencies: Currencies) -> Lines:
    """Fees due in the open periods for subscriptions that began, ended, or changed their plan or add-ons in them."""
    facts = contracts.facts
    if not any(plan.one_offs for each in contracts.price_list.catalogues for plan in each.plans):
        return empty()
    charged = contracts.subscriptions_that(lambda plan: any(each.plan.one_offs for each in contracts.price_list.plan_versions(plan)))
    rows: list[tuple[int, ...]] = []
    for place in np.flatnonzero(charged).tolist():
        subscription, spans = facts.subscriptions[place], contracts.spans[place]
        periods = scope.periods[subscription.account]
        if not periods or not changes_within(spans, periods[0].start, periods[-1].end):
            continue
        account = facts.accounts[subscription.account]
        plan_at = _plan_at(contracts, account.timezone)
        for period in periods:
            for due in one_offs_due(spans, period, scope.bill_date, plan_at):
                fee = _fee_row(Kind.ONE_OFF, due.fee, due.identity, Fraction(due.micros), due.times, period, contracts, currencies)
                rows.append(_line(account.account_key, subscription.subscription_key, period, fee))
    return np.array(rows, LINE) if rows else empty()


def _fees(  # noqa: PLR0913, PLR0917 -- what a fee depends on
    spans: list[PlanSpan], period: Period, zone: str, contracts: Contracts, bill_date: dt.date, currencies: Currencies
) -> list[FeeRow]:
    return [
        _fee_row(Kind.RECURRING, due.fee, due.plan.partition("/")[0], due.exact_micros, 1, period, contracts, currencies)
        for due in fees_due(spans, period, bill_date, _plan_at(contracts, zone))
    ]


def _plan_at(contracts: Contracts, zone: str) -> Callable[[str, dt.date], Plan | None]:
    """Which plan a name means on a local day of an account."""

    def plan_at(name: str, day: dt.date) -> Plan | None:
        found = contracts.price_list.plan_on(name, *contracts.midnights.day_us(zone, day))
        return found.plan if found is not None else None

    return plan_at


def _fee_row(  # noqa: PLR0913, PLR0917 -- what a fee depends on
    kind: Kind,
    fee: RecurringFee | OneOffFee,
    identity: str,
    exact_micros: Fraction,
    times: int,
    period: Period,
    contracts: Contracts,
    currencies: Currencies,
) -> FeeRow:
    price_list = contracts.price_list
    code = price_list.tax_code(identity, fee.tax_class)
    currency = currencies.index[price_list.currency(identity)]
    return FeeRow(
        kind,
        fee.charge_code,
        fee.price_id,
        code,
        fee.revenue_code,
        price_list.identity_index(identity),
        price_list.rate_ppm(identity, code, period.last_day),
        currency,
        _to_micro(exact_micros),
        round_exact(exact_micros, int(currencies.step_micros[currency]), RoundingMode.HALF_UP),
        times,
    )


def _to_micro(exact: Fraction) -> int:
    """The exact amount as far as a micro-unit shows it; the line itself is rounded from the fraction."""
    return round_exact(exact, 1, RoundingMode.HALF_EVEN)


def _cut(span: Span, period: Period) -> tuple[dt.date, dt.date]:
    """What matters of a span inside a period, so that equal cases are calculated once."""
    end = period.end if span.end is None else max(min(span.end, period.end), period.start)
    return min(max(span.start, period.start), period.end), end


def _line(account_key: int, subscription_key: int, period: Period, fee: FeeRow) -> tuple[int, ...]:
    """A row of LINE in the order of its fields."""
    key = (account_key, day_number(period.start), day_number(period.end), int(fee.kind), subscription_key)
    sums = (fee.amount_micros, fee.exact_micros, fee.times, 0, 0)
    labels = (fee.revenue_code, 0, fee.catalogue, fee.rate_ppm, fee.currency, 0, 0)
    return (*key, fee.charge_code, fee.price_id, fee.tax_class, *sums, *labels)


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
    lines["rate_ppm"] = _rates(lines, contracts)
    return lines


def _rates(lines: Lines, contracts: Contracts) -> Int64s:
    """Tax rate of each line: asked once for each catalogue, class and period end."""
    asked, place = np.unique(np.stack([lines["catalogue"], lines["tax_class"], lines["period_to"]], axis=1), axis=0, return_inverse=True)
    price_list = contracts.price_list
    rates = [price_list.rate_ppm(price_list.identities[catalogue], code, day_of(end - 1)) for catalogue, code, end in asked.tolist()]
    answer: Int64s = np.array(rates, np.int64)[place.reshape(-1)]
    return answer
