"""Cost of a customer's real month on each plan: the customer's own usage, priced by every plan that was sold in it.

The month is priced as a what-if does it: a calendar month as one period, tariffs as they are in force in it, fees of the whole month, no
tax, lines not rounded. All subscriptions of the account that have a plan in the month are put on the plan together, or one of them alone.
A plan that leaves events without a price which have one today is no cheaper plan: such plans come after all others.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.guiding import Guide
from billing.intake import view
from billing.runs.contracts import facts, price_list
from billing.runs.contracts.contracts import Contracts
from billing.runs.contracts.rule_inputs import asked
from billing.runs.selection.scope import Scope
from billing.runs.usage import pricing
from billing.store.tables import guiding_facts
from billing.what_if import comparing, report, sums, worlds
from billing.what_if.events import MonthEvents
from billing.what_if.month import Month, by_month, scope_of
from billing.what_if.worlds import World
from rating.errors import NotFoundError, UserError

# What a bill of the month may have beside: the answer names it.
NOT_INCLUDED: Final = (*report.NOT_INCLUDED, "moving", "pools")

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection

    from billing.runs.contracts.facts import Account, Facts
    from billing.store.home import Home
    from billing.what_if.events import Answer


class Offer(msgspec.Struct, frozen=True):
    """The month on one plan. `plan` is empty for the month as it is. `without_price`: events by the status that says why.

    `lost_events`: those of them that have a price in the month as it is, one by one: what else the plan prices does not make up for them.
    `tax_inclusive`: whether its amounts hold their tax; None: some do. `comparable`: they are of one kind with those of the month as it is.
    """

    plan: str
    title: dict[str, str]
    total_micros: int
    fee_micros: int
    usage_micros: int
    usage_by_service: dict[str, int]
    lost_events: int
    without_price: dict[str, int]
    volume_micros: int  # the price of whole quantities, less what usage was charged
    discount_micros: int  # below zero
    commitment_micros: int  # what is missing to least amounts
    tax_inclusive: bool | None = False
    comparable: bool = True


class Comparison(msgspec.Struct, frozen=True):
    """`now` is the month as it is; `offers` are the plans, cheapest first, those that lose a price that there is now at the end.

    Those whose amounts hold tax as those of the month as it is do come before the others: between the two there is no cheaper.
    """

    account_id: str
    currency: str
    month: str
    subscriptions: tuple[str, ...]
    plans_now: tuple[str, ...]
    now: Offer
    offers: tuple[Offer, ...]
    not_included: tuple[str, ...] = NOT_INCLUDED


@dataclasses.dataclass(frozen=True, eq=False)
class _Customer:
    """Data that does not depend on the plan."""

    contracts: Contracts
    scope: Scope
    month: Month
    guide: Guide
    usage: pa.Table
    now: World


def compare(home: Home, account_id: str, month: Month, *, identity: str = "", subscription_id: str = "") -> Comparison:
    """Price the month of an account on every plan, of one catalogue where `identity` says so.

    `subscription_id`: put only this subscription on the plan, and leave the others of the account as they are. Raises UserError where the
    account or subscription is unknown or has no plan in the month. Raises it too where a plan of it is in another currency than the
    account's, and where no plan is sold in the account's currency.
    """
    with home.connect() as connection:
        seq = home.head_seq(connection)
        known = _only(by_month(facts.load(connection, seq)), account_id)
    account = known.accounts[0]
    contracts = Contracts(known, price_list.load(home, seq), facts.Midnights())
    scope = scope_of(known, month, contracts.midnights)
    now = worlds.world(contracts, scope, month)
    having = [index for index, pattern in enumerate(now.patterns.of.tolist()) if pattern >= 0]
    moving = _moving(known, having, subscription_id, month)
    _check_currency(now, having, account)
    customer = _Customer(contracts, scope, month, Guide(home, seq), _usage(home, seq, contracts, scope), now)
    as_it_is = _offer(customer, now, "", {})
    first_days = {max(scope.periods[0][0].start, contracts.spans[each][0].span.start) for each in moving}
    offers = [
        _offer(
            customer,
            worlds.world(Contracts(_on_plan(known, moving, plan), contracts.price_list, contracts.midnights), scope, month),
            plan,
            title,
        )
        for plan, title in _sold(customer, first_days, account, identity).items()
    ]
    return Comparison(
        account_id,
        account.currency,
        str(month),
        tuple(known.subscriptions[each].subscription_id for each in moving),
        tuple(sorted({plan for each in moving for plan in now.plans_of(each)})),
        as_it_is,
        _in_order([_compared(each, as_it_is) for each in offers]),
    )


def _compared(offer: Offer, now: Offer) -> Offer:
    is_comparable = offer.tax_inclusive is not None and offer.tax_inclusive is now.tax_inclusive
    return msgspec.structs.replace(offer, comparable=is_comparable)


def _in_order(offers: list[Offer]) -> tuple[Offer, ...]:
    kinds = (False, True, None)
    return tuple(
        sorted(
            offers,
            key=lambda each: (
                each.lost_events > 0, not each.comparable, kinds.index(each.tax_inclusive), each.total_micros, each.plan,
            ),
        )
    )  # fmt: skip


def _holds_tax(made: World, subscriptions: int) -> bool | None:
    """True where amounts of all plans hold their tax; None: those of some."""
    names = {plan.partition("/")[0] for index in range(subscriptions) for plan in made.plans_of(index)}
    kinds = {made.tariffs.inclusive(name) for name in names if name in made.tariffs.identities}
    return None if len(kinds) > 1 else True in kinds


def _only(everybody: Facts, account_id: str) -> Facts:
    """The facts of one account alone."""
    place = pc.index(everybody.account_ids, account_id).as_py()
    if place < 0:
        raise NotFoundError(f"no account has the id {account_id}", "give the id as in accounts.csv")
    return everybody.only_account(place)


def _moving(known: Facts, having: list[int], subscription_id: str, month: Month) -> list[int]:
    """The subscriptions (indices) that are put on a plan."""
    account = known.accounts[0].account_id
    moving = [each for each in having if subscription_id in {"", known.subscriptions[each].subscription_id}]
    if not moving:
        what = f'subscription "{subscription_id}" of account {account}' if subscription_id else f"account {account}"
        raise UserError(f"{what} has no plan in {month}", f"`ratewright accounts show {account}` shows its subscriptions")
    return moving


def _check_currency(now: World, having: list[int], account: Account) -> None:
    """Amounts of two currencies are not added: no bill does it either."""
    for plan in sorted({plan for each in having for plan in now.plans_of(each)}):
        identity = plan.partition("/")[0]
        if identity in now.tariffs.identities and now.tariffs.currency(identity) != account.currency:
            raise UserError(
                f"account {account.account_id} pays in {account.currency}, and its plan {plan} is in {now.tariffs.currency(identity)}",
                "give the subscription a plan in the currency of its account: no bill adds two currencies",
            )


def _usage(home: Home, seq: int, contracts: Contracts, scope: Scope) -> pa.Table:
    """Usage of the month by any number that the account ever had."""
    fact = guiding_facts.c
    keys = contracts.facts.subscription_keys.tolist()
    with home.connect() as connection:
        query = sa.select(fact.served_id).where(fact.commit_seq <= seq, fact.subscription_key.in_(keys)).distinct()
        numbers = connection.execute(query).scalars().all()
    window = scope.window or (0, 0)
    usage = view.usage(home, pricing.columns(asked(contracts.price_list.catalogues)), seq, *window)
    own: Any = pc.is_in(usage["served_id"].cast(pa.string()), value_set=pa.array(numbers, pa.string()))
    return usage.filter(own)


def _sold(customer: _Customer, first_days: Collection[dt.date], account: Account, identity: str) -> dict[str, dict[str, str]]:
    """Titles of the plans that are sold at some time of the month, in the currency of the account.

    They are in force from the first day on of each subscription in the month: a plan that comes later would lack the month's fees.
    """
    tariffs, month, midnights = customer.contracts.price_list, customer.month, customer.contracts.midnights
    from_us, to_us = customer.scope.window or (0, 0)
    days_us = [midnights.day_us(account.timezone, day) for day in first_days]
    found: dict[str, dict[str, str]] = {}
    for name in tariffs.tables.plan_index:
        of = name.partition("/")[0]
        if tariffs.currency(of) == account.currency and identity in {"", of} and all(tariffs.plan_on(name, *each) for each in days_us):
            _, last = tariffs.plans_during(name, from_us, to_us)[-1]
            if _is_sold(last.plan.sold_from, last.plan.sold_to, month):
                found[name] = last.plan.title
    if not found:
        raise UserError(
            f"no plan{f' of {identity}' if identity else ''} was sold in {account.currency} for all of {month}",
            f"catalogues in force are {', '.join(tariffs.identities)}" if tariffs.identities else "publish a catalogue first",
        )
    return found


def _is_sold(sold_from: dt.date | None, sold_to: dt.date | None, month: Month) -> bool:
    return (sold_from is None or sold_from < month.after) and (sold_to is None or sold_to >= month.first)


def _on_plan(known: Facts, moving: list[int], plan: str) -> Facts:
    """The facts with some subscriptions on one plan for as long as they had any."""
    first_days = {index: known.patterns[known.subscription_pattern[index]].plans[0][0] for index in moving}
    return known.with_plans({index: ((day, plan),) for index, day in first_days.items()})


def _offer(customer: _Customer, made: World, plan: str, title: dict[str, str]) -> Offer:
    events = MonthEvents(customer.usage, customer.guide, customer.scope, customer.now, made)
    everybody = np.ones(len(customer.contracts.facts.subscriptions) + 1, np.bool_)
    everybody[-1] = False  # numbers that were others' at the time
    answer = events.rate(made, threads=1)
    added = sums.add(made, answer, everybody)
    by_service: dict[str, int] = {}
    for cell, amount in added.cells.items():
        by_service[cell.service] = by_service.get(cell.service, 0) + amount.micros
    without: dict[str, int] = {}
    for (_, _, status), count in added.refused.items():
        without[status] = without.get(status, 0) + count
    fee_micros, usage_micros = int(added.fee_micros.sum()), int(added.usage_micros.sum())
    terms = dict.fromkeys(("volume", "discount", "commitment"), 0)
    for key, amount in added.terms.items():
        terms[key.kind] += amount.micros
    total = fee_micros + usage_micros + sum(terms.values())
    lost = _lost(customer, events, answer)
    holds_tax = _holds_tax(made, len(customer.contracts.facts.subscriptions))
    volume, discount, commitment = terms.values()
    return Offer(
        plan=plan,
        title=dict(sorted(title.items())),
        total_micros=total,
        fee_micros=fee_micros,
        usage_micros=usage_micros,
        usage_by_service=dict(sorted(by_service.items())),
        lost_events=lost,
        without_price=dict(sorted(without.items())),
        volume_micros=volume,
        discount_micros=discount,
        commitment_micros=commitment,
        tax_inclusive=holds_tax,
    )


def _lost(customer: _Customer, events: MonthEvents, answer: Answer) -> int:
    """Number of events of the account that have a price in the month as it is, and none in this one."""
    owned = np.ones(len(customer.contracts.facts.subscriptions) + 1, np.bool_)
    owned[-1] = False
    before, (status, _) = events.rate(customer.now, threads=1).everywhere(events.rows), answer.everywhere(events.rows)
    return sum(each.events for each in comparing.lost(customer.now, events, before, status, owned))
