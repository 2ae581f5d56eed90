"""What the events of a run come to, by charge key: all that is kept of a group of events when its charges are written.

Money is summed in two halves that cannot wrap; a sum beyond the limit of money is found, and its account is left out and named. The rating
units of a group are in no other group, so groups have no charge key in common and their lines are laid one after another.
"""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from billing.charges.lines import LINE, Int64s, Kind, Lines, empty, round_half_up, sum_as_taxed
from billing.charges.rollover import Left
from billing.runs.proposal import Currencies, rates_of
from billing.runs.usage_kernel import HALF_BITS, LOW_MASK, NO_KEY, sums_by_key
from rating.errors import UserError
from rating.money import MICROS_LIMIT
from rating.status import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from billing.runs.contracts import Contracts
    from billing.runs.pricing import Priced
    from billing.runs.scope import Scope

    Bools = npt.NDArray[np.bool_]


class Charged(NamedTuple):
    """Events that have a price, and their charges."""

    rows: int
    amount_micros: int


@dataclasses.dataclass(frozen=True, eq=False)
class PricedSums:
    """What all usage of a run comes to. `lines`: USAGE, one row a charge key and catalogue, in order, exact and rounded to the coin."""

    lines: Lines
    too_large: list[int]  # keys of accounts with a sum beyond the limit of money; their lines are left out
    left: list[Left]  # of allowances that outlive their period
    left_out: dict[str, int]  # events of the window that this run does not price, by reason
    status_counts: dict[Status, int]
    charges_by_currency: dict[str, Charged]
    too_large_by_currency: dict[str, Charged]  # the part of them that accounts in `too_large` have
    rows: int  # events that were priced or refused


class GroupSums(NamedTuple):
    """The same of some rating units."""

    lines: Lines
    too_large: list[int]
    left: list[Left]
    left_out: dict[str, int]
    status_counts: dict[int, int]
    charges_by_currency: dict[str, Charged]
    too_large_by_currency: dict[str, Charged]
    rows: int


class Rated(Protocol):
    """What is summed of rated events."""

    @property
    def status(self) -> npt.NDArray[np.int16]:
        """rating.status.Status."""

    @property
    def charge_micros(self) -> Int64s:
        """What each was charged."""

    @property
    def chargeable_qty(self) -> Int64s:
        """In the unit of the price."""

    @property
    def free_qty(self) -> Int64s:
        """The part of it that allowances gave."""

    @property
    def price(self) -> npt.NDArray[np.int32]:
        """Row of the price, -1 none."""

    @property
    def version(self) -> npt.NDArray[np.int32]:
        """Row of the version, -1 none."""


def sum_up(priced: Priced, contracts: Contracts, currencies: Currencies) -> GroupSums:
    """Add up the events of some rating units, all of whose events are among them."""
    found = _Sums(priced.subscription, priced.place, priced.rated, contracts)
    first = found.first
    of = _Of(*(column[first] for column in (priced.subscription, priced.account, priced.period_from, priced.period_to)))
    parts = _lines(found, of, priced.rated, contracts, currencies)  # one a price row: versions of one price meet in one key
    lines = sum_as_taxed(parts)
    too_large = _too_large(found, parts, lines)
    charges = found.by_currency(parts["currency"], currencies, np.ones(len(parts), np.bool_))
    excluded: dict[str, Charged] = {}
    if too_large.size:
        excluded = found.by_currency(parts["currency"], currencies, np.isin(parts["account_key"], too_large))
        lines = lines[~np.isin(lines["account_key"], too_large)]
    lines["amount_micros"] = round_half_up(lines["exact_micros"], currencies.steps_of(lines))
    counts = np.bincount(priced.rated.status, minlength=1)
    statuses = {int(code): int(counts[code]) for code in np.flatnonzero(counts)}
    return GroupSums(lines, too_large.tolist(), priced.left, priced.left_out, statuses, charges, excluded, len(priced.start_us))


def gathered(parts: Sequence[GroupSums]) -> PricedSums:
    """The sums of all groups together. They do not depend on which rating units were in which group."""
    lines = np.concatenate([empty(), *(each.lines for each in parts)])
    lines = lines[np.argsort(lines["account_key"], kind="stable")]  # an account's lines are of one group, and in order there
    left_out: collections.Counter[str] = collections.Counter()
    statuses: collections.Counter[int] = collections.Counter()
    for each in parts:
        left_out.update(each.left_out)
        statuses.update(each.status_counts)
    return PricedSums(
        lines,
        sorted(key for each in parts for key in each.too_large),
        sorted(left for each in parts for left in each.left),
        dict(left_out),
        {Status(code): statuses[code] for code in sorted(statuses)},
        _added(each.charges_by_currency for each in parts),
        _added(each.too_large_by_currency for each in parts),
        sum(each.rows for each in parts),
    )


def of_one_period(subscription: Int64s, chosen: Bools, rated: Rated, contracts: Contracts, scope: Scope) -> Lines:
    """USAGE lines of events that all lie in the first computed period of their accounts, as a bill of it has them.

    `chosen`: by subscription (the last one: nobody), whose events are added up. Raises UserError for a sum beyond the limit of money.
    """
    found = _Sums(subscription, np.zeros(1, np.int64), rated, contracts, chosen)
    who = subscription[found.first]
    account = contracts.facts.subscription_account[who]
    calendar = scope.calendar[account]
    starts = np.maximum(scope.period_from[calendar, 0], scope.first_day[account])
    currencies = Currencies(contracts)
    parts = _lines(found, _Of(who, account, starts, scope.period_to[calendar, 0]), rated, contracts, currencies)
    lines = sum_as_taxed(parts)
    if _too_large(found, parts, lines).size:
        raise UserError("a sum of charges is beyond the limit of money", "`ratewright tariffs check` names prices that are too large")
    lines["amount_micros"] = round_half_up(lines["exact_micros"], currencies.steps_of(lines))
    return lines


class _Of(NamedTuple):
    """Whose sums are, and of which period, as day numbers."""

    subscription: Int64s
    account: Int64s
    period_from: Int64s
    period_to: Int64s


class _Sums:
    """Sums by subscription, period, price row and version. `first`: an event of each. `chosen`: by subscription, None for all."""

    def __init__(self, subscription: Int64s, place: Int64s, rated: Rated, contracts: Contracts, chosen: Bools | None = None) -> None:
        tables = contracts.price_list.tables
        places = int(place.max(initial=0)) + 1
        key = (subscription * places + place) * len(tables.prices) + rated.price
        key = key * len(tables.versions) + rated.version
        key[(rated.price < 0) | (rated.status > int(Status.ZERO_RATED))] = NO_KEY
        if chosen is not None:
            key[~chosen[subscription]] = NO_KEY
        self.first, self.events, self._high, self._low, self.quantity, self.free_quantity = sums_by_key(
            key, rated.charge_micros, rated.chargeable_qty, rated.free_qty
        )
        carried = self._high + (self._low >> HALF_BITS)
        limit = MICROS_LIMIT >> HALF_BITS
        self.overflow: Bools = (carried >= limit) | (carried <= -limit)
        self.exact_micros: Int64s = np.where(self.overflow, 0, (carried << HALF_BITS) | (self._low & LOW_MASK))

    def by_currency(self, currency: Int64s, currencies: Currencies, chosen: Bools) -> dict[str, Charged]:
        """Rows and exact sums of some of the sums."""
        found = {}
        for number in np.unique(currency[chosen]).tolist():
            own = chosen & (currency == number)
            amount = (int(self._high[own].sum()) << HALF_BITS) + int(self._low[own].sum())
            found[currencies.names[number]] = Charged(int(self.events[own].sum()), amount)
        return found


def _too_large(sums: _Sums, parts: Lines, lines: Lines) -> Int64s:
    """Keys of accounts with a sum beyond the limit of money."""
    beyond = [parts["account_key"][sums.overflow], lines["account_key"][np.abs(lines["exact_micros"]) >= MICROS_LIMIT]]
    return np.unique(np.concatenate(beyond))


def _lines(sums: _Sums, of: _Of, rated: Rated, contracts: Contracts, currencies: Currencies) -> Lines:
    facts, price_list, first = contracts.facts, contracts.price_list, sums.first
    tables = price_list.tables
    price, version = rated.price[first], rated.version[first]
    lines = np.zeros(len(first), LINE)
    lines["account_key"] = facts.account_keys[of.account]
    lines["subscription_key"] = facts.subscription_keys[of.subscription]
    lines["kind"] = Kind.USAGE
    lines["period_from"] = of.period_from
    lines["period_to"] = of.period_to
    lines["charge_code"] = tables.charge_code[price]
    lines["price_id"] = tables.price_ids[price]
    lines["tax_class"] = tables.tax_code[price]
    lines["revenue_code"] = tables.revenue_code[price]
    lines["quantity_unit"] = tables.quantity_unit[price]
    lines["exact_micros"] = sums.exact_micros
    lines["events"] = sums.events
    lines["quantity"] = sums.quantity
    lines["free_quantity"] = sums.free_quantity
    identities = [each.identity for each in tables.versions]
    lines["catalogue"] = np.array([price_list.identity_index(each) for each in identities], np.int64)[version]
    lines["currency"] = np.array([currencies.index[each.currency] for each in tables.versions], np.int64)[version]
    lines["inclusive"] = np.array([price_list.inclusive(each) for each in identities], np.int64)[version]
    lines["rate_ppm"] = rates_of(lines, contracts)
    return lines


def _added(each: Iterable[dict[str, Charged]]) -> dict[str, Charged]:
    found: dict[str, Charged] = {}
    for charges in each:
        for currency, charged in charges.items():
            before = found.get(currency, Charged(0, 0))
            found[currency] = Charged(before.rows + charged.rows, before.amount_micros + charged.amount_micros)
    return dict(sorted(found.items()))
