"""Sums of the events of a run, by charge key: all that is kept of a group of events when its charges are written.

Money is summed in two halves that cannot wrap; a sum beyond the limit of money is found, and its account is left out and named. The rating
units of a group are in no other group. So groups have no charge key in common, and their lines are laid one after another.
"""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from billing.charges.charge_keys import Kind
from billing.charges.lines import LINE, TAXED_FIELDS, Int64s, Lines, empty, round_half_up, sum_as_taxed, taken
from billing.charges.ordering import grouped_by
from billing.charges.rollover import Left
from billing.runs.contracts.currencies import Currencies, rates_of
from rating.dates import NEVER, day_number
from rating.errors import UserError
from rating.money import MICROS_LIMIT
from rating.on_use import ModuleOnUse
from rating.status import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from billing.runs.contracts.contracts import Contracts
    from billing.runs.selection.scope import Scope
    from billing.runs.usage.pricing import Priced

    Bools = npt.NDArray[np.bool_]
    from billing.runs.usage import usage_kernel
else:
    usage_kernel = ModuleOnUse("billing.runs.usage.usage_kernel")


class Charged(NamedTuple):
    """Events that have a price, and their charges."""

    rows: int
    amount_micros: int


@dataclasses.dataclass(frozen=True, eq=False)
class PricedSums:
    """Sums of all usage of a run. `lines`: USAGE, one row a charge key and catalogue, in order, exact and rounded to the coin.

    `pending_day`: by account key, the first day (number) of its oldest period without usage that is on another bill. `moved`: pairs of
    account keys; usage that is on a bill of the first, which the run computes again, is billed to the second.
    """

    lines: Lines
    too_large: list[int]  # keys of accounts with a sum beyond the limit of money; their lines are left out
    left: list[Left]  # of allowances that outlive their period
    left_out: dict[str, int]  # events of the window that this run does not price, by reason
    status_counts: dict[Status, int]
    charges_by_currency: dict[str, Charged]
    too_large_by_currency: dict[str, Charged]  # the part of them that accounts in `too_large` have
    rows: int  # events that were priced or refused
    uncounted: int  # stored rows that are no events of the window that count
    stored_rows: int = 0  # rows of the files that hold usage of the window, as the manifest has them
    pending_day: dict[int, int] = dataclasses.field(default_factory=dict)
    moved: frozenset[tuple[int, int]] = frozenset()


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
    uncounted: int


class Rated(Protocol):
    """Columns of rated events that are summed."""

    @property
    def status(self) -> npt.NDArray[np.int16]:
        """rating.status.Status."""

    @property
    def charge_micros(self) -> Int64s:
        """The charge of each event."""

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
    found = _sums(priced.subscription, priced.place, priced.rated, contracts)
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
    rows = len(priced.start_us)
    return GroupSums(lines, too_large.tolist(), priced.left, priced.left_out, statuses, charges, excluded, rows, priced.uncounted)


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
        sum(each.uncounted for each in parts),
    )


class OfOnePeriod(NamedTuple):
    """Lines of usage. `counts`: the number of lines of a bill that each stands for; `parts_micros`: the amounts of these."""

    lines: Lines
    counts: Int64s
    parts_micros: Int64s


def of_one_period(  # noqa: PLR0913, PLR0917 -- events, whose, and what they are looked up with
    subscription: Int64s, chosen: Bools, alike: tuple[Bools, Bools], rated: Rated, contracts: Contracts, scope: Scope
) -> OfOnePeriod:
    """USAGE lines of events that all lie in the first computed period of their accounts, as a bill of it has them.

    `chosen`: by subscription (the last one: no owner), whether its events are added up. `alike`: by subscription, whether one line may
    stand for all of it, and whether its sum may as well (`Menus.alike_usage`). Raises UserError for a sum beyond the limit of money.
    """
    classes = _Classes(rated, contracts, scope)
    key = subscription * len(classes.lines) + classes.of_event
    key[(classes.of_event < 0) | ~chosen[subscription]] = usage_kernel.NO_KEY
    sums = _Added(*usage_kernel.sums_by_key(key, rated.charge_micros, rated.chargeable_qty, rated.free_qty))
    exact_micros = sums.exact_micros
    if sums.overflow.any() or bool((np.abs(exact_micros) >= MICROS_LIMIT).any()):
        raise UserError("a sum of charges is beyond the limit of money", "`ratewright tariffs check` names prices that are too large")
    who, of = subscription[sums.first], classes.of_event[sums.first].astype(np.int64)
    amount_micros = round_half_up(exact_micros, classes.step_micros[of])
    one = _is_one(who, amount_micros, classes.lines["catalogue"][of], len(alike[0]))
    into_one, into_sum = (alike[0] & one)[who], (alike[1] & one)[who]
    apart, in_parts, in_sums = (np.flatnonzero(each) for each in (~into_one, into_one & ~into_sum, into_sum))
    apart, in_parts = (rows[np.argsort(key[sums.first[rows]], kind="stable")] for rows in (apart, in_parts))
    lines = classes.lines_of(who[apart], of[apart], contracts, scope)
    for name, column in (
        ("exact_micros", exact_micros), ("amount_micros", amount_micros), ("events", sums.events), ("quantity", sums.quantity),
        ("free_quantity", sums.free_quantity),
    ):  # fmt: skip
        lines[name] = column[apart]
    joined = [
        _joined(who[rows], of[rows], amount_micros[rows], exact_micros[rows], classes, contracts, scope) for rows in (in_parts, in_sums)
    ]
    counts = np.bincount(who[in_parts], minlength=1)
    return OfOnePeriod(
        np.concatenate([lines, *joined]),
        np.concatenate([np.ones(apart.size, np.int64), counts[counts > 0], np.ones(joined[1].size, np.int64)]),
        np.concatenate([amount_micros[apart], amount_micros[in_parts], joined[1]["amount_micros"]]),
    )


def _is_one(who: Int64s, amount_micros: Int64s, catalogue: Int64s, subscriptions: int) -> Bools:
    """By subscription: whether its lines are of one catalogue, none is below zero, and their sum is money."""
    low, high = np.full(subscriptions, NEVER), np.full(subscriptions, -1)
    np.minimum.at(low, who, catalogue)
    np.maximum.at(high, who, catalogue)
    halves = np.zeros(subscriptions, np.int64)
    np.add.at(halves, who, (amount_micros >> usage_kernel.HALF_BITS) + 1)
    found: Bools = (low >= high) & (halves < MICROS_LIMIT >> usage_kernel.HALF_BITS)
    found[who[amount_micros < 0]] = False
    return found


def _joined(  # noqa: PLR0913, PLR0917 -- columns side by side, and what they are looked up with
    who: Int64s, of: Int64s, amount_micros: Int64s, exact_micros: Int64s, classes: _Classes, contracts: Contracts, scope: Scope
) -> Lines:
    """One line a subscription, in their order, by the price of one of its lines."""
    of_subscription = np.full(int(who.max(initial=-1)) + 1, -1, np.int64)
    of_subscription[who] = of
    owners = np.flatnonzero(of_subscription >= 0)
    lines = classes.lines_of(owners, of_subscription[owners], contracts, scope)
    for name, column in (("amount_micros", amount_micros), ("exact_micros", exact_micros)):
        sums = np.zeros(of_subscription.size, np.int64)
        np.add.at(sums, who, column)
        lines[name] = sums[owners]
    return lines


class _Classes:
    """The classes that tell lines of usage of one subscription and period apart: a class has one charge key, catalogue and rate of tax.

    `of_event`: the class of each event, -1 of one without a price. Classes are in the order of charge keys; `lines` has a line of each.
    """

    def __init__(self, rated: Rated, contracts: Contracts, scope: Scope) -> None:
        versions, currencies = len(contracts.price_list.tables.versions), Currencies(contracts)
        pair = rated.price.astype(np.int64) * versions + rated.version
        priced = (rated.price >= 0) & (rated.status <= int(Status.ZERO_RATED))
        known = np.zeros(len(contracts.price_list.tables.prices) * versions, np.bool_)
        known[pair[priced]] = True
        pairs = np.flatnonzero(known)
        lines = _priced_lines(pairs // versions, pairs % versions, contracts, currencies)
        lines["period_to"] = day_number(scope.bill_date)
        lines["rate_ppm"] = rates_of(lines, contracts)
        order, starts = grouped_by([lines[name] for name in TAXED_FIELDS])
        number = np.full(known.size + 1, -1, np.int32)
        number[pairs[order]] = np.repeat(np.arange(starts.size), np.diff(np.append(starts, order.size)))
        self.of_event: npt.NDArray[np.int32] = number[np.where(priced, pair, -1)]
        self.lines: Lines = taken(lines, order[starts])
        self.step_micros = currencies.steps_of(self.lines)

    def lines_of(self, subscription: Int64s, of: Int64s, contracts: Contracts, scope: Scope) -> Lines:
        """A line for each subscription and class, of the period of its account, without its sums."""
        account = contracts.facts.subscription_account[subscription]
        calendar = scope.calendar[account]
        lines = taken(self.lines, of)
        if not lines.size:  # a scope without any period has none to look up
            return lines
        lines["account_key"] = contracts.facts.account_keys[account]
        lines["subscription_key"] = contracts.facts.subscription_keys[subscription]
        lines["period_from"] = np.maximum(scope.period_from[calendar, 0], scope.first_day[account])
        assert bool((scope.period_to[calendar, 0] == lines["period_to"]).all()), "a period that ends by itself"
        return lines


class _Of(NamedTuple):
    """Owners of sums, and their periods as day numbers."""

    subscription: Int64s
    account: Int64s
    period_from: Int64s
    period_to: Int64s


class _Added:
    """Sums by a key. `first`: an event of each."""

    def __init__(  # noqa: PLR0913, PLR0917 -- the columns of the kernel
        self, first: Int64s, events: Int64s, high: Int64s, low: Int64s, quantity: Int64s, free_quantity: Int64s
    ) -> None:
        self.first, self.events, self.quantity, self.free_quantity = first, events, quantity, free_quantity
        self._high, self._low = high, low
        carried = high + (low >> usage_kernel.HALF_BITS)
        limit = MICROS_LIMIT >> usage_kernel.HALF_BITS
        self.overflow: Bools = (carried >= limit) | (carried <= -limit)
        self.exact_micros: Int64s = np.where(self.overflow, 0, (carried << usage_kernel.HALF_BITS) | (low & usage_kernel.LOW_MASK))

    def by_currency(self, currency: Int64s, currencies: Currencies, chosen: Bools) -> dict[str, Charged]:
        """Rows and exact sums of some of the sums."""
        found = {}
        for number in np.unique(currency[chosen]).tolist():
            own = chosen & (currency == number)
            amount = (int(self._high[own].sum()) << usage_kernel.HALF_BITS) + int(self._low[own].sum())
            found[currencies.names[number]] = Charged(int(self.events[own].sum()), amount)
        return found


def _sums(subscription: Int64s, place: Int64s, rated: Rated, contracts: Contracts) -> _Added:
    """Sums by subscription, period, price row and version."""
    tables = contracts.price_list.tables
    places = int(place.max(initial=0)) + 1
    key = (subscription * places + place) * len(tables.prices) + rated.price
    key = key * len(tables.versions) + rated.version
    key[(rated.price < 0) | (rated.status > int(Status.ZERO_RATED))] = usage_kernel.NO_KEY
    return _Added(*usage_kernel.sums_by_key(key, rated.charge_micros, rated.chargeable_qty, rated.free_qty))


def _too_large(sums: _Added, parts: Lines, lines: Lines) -> Int64s:
    """Keys of accounts with a sum beyond the limit of money."""
    beyond = [parts["account_key"][sums.overflow], lines["account_key"][np.abs(lines["exact_micros"]) >= MICROS_LIMIT]]
    return np.unique(np.concatenate(beyond))


def _lines(sums: _Added, of: _Of, rated: Rated, contracts: Contracts, currencies: Currencies) -> Lines:
    facts, first = contracts.facts, sums.first
    lines = _priced_lines(rated.price[first], rated.version[first], contracts, currencies)
    lines["account_key"] = facts.account_keys[of.account]
    lines["subscription_key"] = facts.subscription_keys[of.subscription]
    lines["period_from"] = of.period_from
    lines["period_to"] = of.period_to
    lines["exact_micros"] = sums.exact_micros
    lines["events"] = sums.events
    lines["quantity"] = sums.quantity
    lines["free_quantity"] = sums.free_quantity
    lines["rate_ppm"] = rates_of(lines, contracts)
    return lines


def _priced_lines(price: Any, version: Any, contracts: Contracts, currencies: Currencies) -> Lines:  # noqa: ANN401 -- columns of rows
    """A line for each price row and version, with what these say of it."""
    price_list = contracts.price_list
    tables = price_list.tables
    lines = np.zeros(len(price), LINE)
    lines["kind"] = Kind.USAGE
    lines["charge_code"] = tables.charge_code[price]
    lines["price_id"] = tables.price_ids[price]
    lines["tax_class"] = tables.tax_code[price]
    lines["revenue_code"] = tables.revenue_code[price]
    lines["quantity_unit"] = tables.quantity_unit[price]
    identities = [each.identity for each in tables.versions]
    lines["catalogue"] = np.array([price_list.identity_index(each) for each in identities], np.int64)[version]
    lines["currency"] = np.array([currencies.index[each.currency] for each in tables.versions], np.int64)[version]
    lines["inclusive"] = np.array([price_list.inclusive(each) for each in identities], np.int64)[version]
    return lines


def _added(each: Iterable[dict[str, Charged]]) -> dict[str, Charged]:
    found: dict[str, Charged] = {}
    for charges in each:
        for currency, charged in charges.items():
            before = found.get(currency, Charged(0, 0))
            found[currency] = Charged(before.rows + charged.rows, before.amount_micros + charged.amount_micros)
    return dict(sorted(found.items()))
