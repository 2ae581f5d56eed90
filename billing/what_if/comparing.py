"""From the sums of two worlds to the report: cells side by side, customers, and what has lost its price."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from billing.what_if.report import MOST_AFFECTED, Affected, Fee, InCurrency, Lost, Payers, Row, Term, Unpriced
from billing.what_if.sums import OTHERS, Amount, Zones, plan_names, service_name
from rating.on_use import ModuleOnUse

if TYPE_CHECKING:
    import numpy.typing as npt

    from billing.charges.lines import Int64s
    from billing.what_if.events import MonthEvents
    from billing.what_if.sums import Sums
    from billing.what_if.worlds import World

    Seen = tuple[npt.NDArray[np.int16], npt.NDArray[np.int32]]
    from billing.what_if import adding_kernel
else:
    adding_kernel = ModuleOnUse("billing.what_if.adding_kernel")

_NOTHING = Amount(0, 0)


def by_currency(worlds: tuple[World, World], sums: tuple[Sums, Sums], chosen: npt.NDArray[np.bool_]) -> tuple[InCurrency, ...]:
    """A part for each currency in which anything was charged, or a customer is billed. `chosen`: by subscription."""
    (now, then), (of_now, of_then) = worlds, sums
    bills = _Bills(worlds, sums, chosen)
    found = []
    for currency in sorted({_currency(now, then, each) for each in _plans(of_now, of_then)} | bills.currencies):
        rows = tuple(
            Row(*cell, *of_now.cells.get(cell, _NOTHING), *of_then.cells.get(cell, _NOTHING))
            for cell in sorted(of_now.cells.keys() | of_then.cells.keys())
            if _currency(now, then, cell.plan) == currency
        )
        fees = tuple(
            Fee(*key, *of_now.fees.get(key, _NOTHING), *of_then.fees.get(key, _NOTHING))
            for key in sorted(of_now.fees.keys() | of_then.fees.keys())
            if _currency(now, then, key[0]) == currency
        )
        terms = tuple(
            Term(*key, *of_now.terms.get(key, _NOTHING), *of_then.terms.get(key, _NOTHING))
            for key in sorted(of_now.terms.keys() | of_then.terms.keys())
            if _currency(now, then, key.plan) == currency
        )
        now_micros = sum(each.now_micros for each in itertools.chain[Row | Fee | Term](rows, fees, terms))
        then_micros = sum(each.then_micros for each in itertools.chain[Row | Fee | Term](rows, fees, terms))
        affected = bills.most_affected(currency)
        found.append(InCurrency(currency, now_micros, then_micros, rows, fees, bills.payers(currency), affected, terms))
    return tuple(found)


def unpriced(of_now: Sums, of_then: Sums) -> tuple[Unpriced, ...]:
    """Events without a price, now and then."""
    keys = sorted(of_now.refused.keys() | of_then.refused.keys())
    return tuple(Unpriced(*key, of_now.refused.get(key, 0), of_then.refused.get(key, 0)) for key in keys)


def lost(
    now: World, events: MonthEvents, before: Seen, status_then: npt.NDArray[np.int16], counted: npt.NDArray[np.bool_]
) -> tuple[Lost, ...]:
    """Events that have a price now and none then. `before`: status and match of now.

    `counted`: by subscription, the last one is for events without an owner.
    """
    status_now, match_now = before
    rows = np.flatnonzero((status_then > adding_kernel.PRICED_TO) & (status_now >= 0) & (status_now <= adding_kernel.PRICED_TO))
    if not rows.size:
        return ()
    batch, subscription = events.seen_by(now)
    rows = rows[counted[subscription[rows]]]
    zones, names = Zones(now.tariffs), plan_names(now.tariffs)
    keys = np.stack([batch.plan[rows] + OTHERS, batch.service[rows], zones.of_rule[match_now[rows]]], axis=1)
    cases, counts = np.unique(keys, axis=0, return_counts=True)
    found = [
        (names[plan], service_name(service), zones.name(zone), count)
        for (plan, service, zone), count in zip(cases.tolist(), counts.tolist(), strict=True)
    ]
    return tuple(Lost(*each) for each in sorted(found))


class _Bills:
    """Amounts that each customer pays, now and then: the sums of its chosen subscriptions.

    A subscription that has a plan in another currency than its account's, in either world, is left out and counted: a bill run would put
    the account aside.
    """

    def __init__(self, worlds: tuple[World, World], sums: tuple[Sums, Sums], chosen: npt.NDArray[np.bool_]) -> None:
        self._worlds = worlds
        self._facts = worlds[0].contracts.facts
        account, count = self._facts.subscription_account, len(self._facts.accounts)
        in_month = chosen & ((worlds[0].patterns.of >= 0) | sums[0].has_usage | sums[1].has_usage)
        names = sorted({each.currency for each in self._facts.accounts})
        self._currency = np.array([names.index(each.currency) for each in self._facts.accounts], np.int64)
        self._names = names
        foreign = _is_foreign(worlds[0], names, self._currency) | _is_foreign(worlds[1], names, self._currency)
        self._foreign = np.bincount(account[in_month & foreign], minlength=count)
        self._members = np.flatnonzero(in_month & ~foreign)
        self._account = account[self._members]
        self._amounts = tuple(np.zeros(count, np.int64) for _ in worlds)
        for amounts, each in zip(self._amounts, sums, strict=True):
            np.add.at(amounts, self._account, (each.usage_micros + each.fee_micros + each.term_micros)[self._members])
        self._change = self._amounts[1] - self._amounts[0]
        self._is_customer = np.bincount(self._account, minlength=count) > 0
        self.currencies = {names[each] for each in np.unique(self._currency[self._is_customer]).tolist()}

    def payers(self, currency: str) -> Payers:
        """Customers who pay more or less, and by how much."""
        change = self._change[self._customers(currency)]
        more, less = change[change > 0], change[change < 0]
        counts = (len(change), len(more), len(less), len(change) - len(more) - len(less))
        foreign = int(self._foreign[self._of(currency)].sum())
        return Payers(*counts, int(more.sum()), int(less.sum()), deciles(change), deciles(more), foreign)

    def most_affected(self, currency: str) -> tuple[Affected, ...]:
        """The customers whose bill changes most, those who pay more and those who pay less alike; equals in order of account id."""
        accounts = self._customers(currency)
        accounts = accounts[self._change[accounts] != 0]
        first = accounts[np.argsort(-np.abs(self._change[accounts]), kind="stable")[:MOST_AFFECTED]]
        return tuple(self._affected(each) for each in first.tolist())

    def _of(self, currency: str) -> npt.NDArray[np.bool_]:
        """Accounts of a currency."""
        number = self._names.index(currency) if currency in self._names else -1
        of_currency: npt.NDArray[np.bool_] = self._currency == number
        return of_currency

    def _customers(self, currency: str) -> Int64s:
        return np.flatnonzero(self._is_customer & self._of(currency))

    def _affected(self, account: int) -> Affected:
        members = self._members[self._account == account].tolist()
        before, after = (tuple(sorted({plan for member in members for plan in made.plans_of(member)})) for made in self._worlds)
        now_micros, then_micros = (int(each[account]) for each in self._amounts)
        return Affected(self._facts.accounts[account].account_id, before, after, now_micros, then_micros)


def _is_foreign(made: World, names: list[str], account_currency: Int64s) -> npt.NDArray[np.bool_]:
    """Mask of subscriptions with a plan in the month in another currency than their accounts'."""
    tariffs, of = made.tariffs, made.patterns.of
    unknown, several = -1, -2
    number_of = {name: number for number, name in enumerate(names)}
    by_pattern = np.full(len(made.patterns.models) + 1, unknown, np.int64)  # the last one for subscriptions without a plan
    for index, model in enumerate(made.patterns.models):
        identities = {plan.partition("/")[0] for plan in made.plans_of(model)} & set(tariffs.identities)
        currencies = {number_of.get(tariffs.currency(each), several) for each in identities}
        by_pattern[index] = several if len(currencies) > 1 else min(currencies, default=unknown)
    own = account_currency[made.contracts.facts.subscription_account]
    foreign: npt.NDArray[np.bool_] = (by_pattern[of] != own) & (by_pattern[of] != unknown)
    return foreign


def deciles(change: Int64s) -> tuple[int, ...]:
    """The smallest, nine between, and the largest: decile k is the least that k tenths of the values do not exceed."""
    ordered, count = np.sort(change), len(change)
    return tuple(int(ordered[max(-(-count * tenth // 10), 1) - 1]) for tenth in range(11)) if count else ()


def _plans(of_now: Sums, of_then: Sums) -> set[str]:
    keys = ((*each.cells, *each.fees, *each.terms) for each in (of_now, of_then))
    return {key[0] for of_world in keys for key in of_world}


def _currency(now: World, then: World, plan: str) -> str:
    identity = plan.partition("/")[0]
    tariffs = then.tariffs if identity in then.tariffs.identities else now.tariffs
    return tariffs.currency(identity)
