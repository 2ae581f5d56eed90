"""The two worlds that are compared: tariffs as they are in force, and the same with a draft in the place of its identity's versions.

The draft takes effect in the future. In its world it is moved to the start of the month, and every other version of its identity is left
out; time-limited discounts keep their dates. Roll-over from earlier months is left out of both worlds alike.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from billing.charges.lines import Int64s
from billing.charges.one_off import one_offs_due
from billing.charges.recurring import fees_due
from billing.runs.circumstances import Asked, asked
from billing.runs.contracts import Contracts
from billing.runs.holders import NO_HOLDER, Groups, lay_out
from billing.runs.price_list import PriceList
from billing.runs.proposal import breaks_of, contract_of
from billing.runs.shapes import Shape, Shapes
from billing.what_if.month import Month
from billing.what_if.patterns import Patterns, of_models, patterns
from rating import engine
from rating.engine import Buckets
from rating.errors import UserError
from rating.money import RoundingMode, round_exact

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence
    from fractions import Fraction

    from billing.charges.one_off import OneOffDue
    from billing.runs.scope import Scope
    from rating.engine import Rated, RatingInput
    from rating.model import Catalogue, Plan


class Due(NamedTuple):
    """A fee of one subscription in the month, which is charged `times` (one-off fees may be more than once)."""

    plan: str
    name: str
    micros: int
    times: int


@dataclasses.dataclass(frozen=True, eq=False)
class World:
    """Contracts under tariffs, and what each pattern of subscriptions draws on and pays in fees in the month."""

    contracts: Contracts
    patterns: Patterns
    shapes: list[Shape]
    shape_of: Int64s  # by pattern
    fees: list[list[Due]]  # by pattern
    month: Month

    def plans_of(self, subscription: int) -> set[str]:
        """The plans that a subscription (index) has in the month."""
        spans = self.contracts.spans[subscription]
        first, after = self.month.first, self.month.after
        return {each.plan for each in spans if each.span.start < after and (each.span.end is None or each.span.end > first)}

    @property
    def tariffs(self) -> PriceList:
        """The price list of this world."""
        return self.contracts.price_list

    @functools.cached_property
    def asked(self) -> Asked:
        """Which circumstances the tariffs of this world ask for."""
        return asked(self.tariffs.catalogues)

    @property
    def has_buckets(self) -> bool:
        """Whether anybody draws on anything, so that the order of events matters."""
        return any(each.own or each.shared for each in self.shapes)


class Holders(NamedTuple):
    """The holder of each event, and what holders have."""

    holder: npt.NDArray[np.int32]
    buckets: Buckets


def with_draft(in_force: Sequence[Catalogue], draft: Catalogue, from_us: int) -> PriceList:
    """The price list with `draft` in force from `from_us` on. Raises UserError where the currency differs from that of its identity."""
    own = [each for each in in_force if each.identity == draft.identity]
    for each in own:
        if each.currency != draft.currency:
            raise UserError(
                f"{draft.identity}@{draft.version} is in {draft.currency}, and {each.identity}@{each.version} in {each.currency}",
                "amounts of two currencies cannot be compared; a tariff in another currency is another catalogue",
            )
    moved = msgspec.structs.replace(draft, effective_from_us=from_us)
    return PriceList([*(each for each in in_force if each.identity != draft.identity), moved])


def world(contracts: Contracts, scope: Scope, month: Month, known: Patterns | None = None) -> World:
    """What the month is under the tariffs of `contracts`. `known`: its patterns, where they have been worked out."""
    found = known or patterns(contracts, scope, month)
    models = of_models(contracts, found)
    shapes = Shapes(models, scope)
    numbers = np.arange(len(found.models), dtype=np.int64)
    shape_of = shapes.index(numbers, np.zeros(len(numbers), np.int64))
    return World(contracts, found, shapes.all, shape_of, [_fees(models, scope, index) for index in range(len(found.models))], month)


def holders(made: World, subscription: Int64s, holding: Int64s) -> Holders:
    """Who draws, and on what, for events with an owner and a holding each (-1 none)."""
    if not made.has_buckets:
        return Holders(np.full(len(subscription), NO_HOLDER, np.int32), engine.Buckets.none())
    pattern_of = made.patterns.of
    has_events = np.zeros(len(pattern_of) + 1, np.bool_)
    has_events[subscription] = True
    shares = np.array([bool(made.shapes[shape].shared) for shape in made.shape_of], np.bool_)
    present = np.flatnonzero((has_events[:-1] | shares[pattern_of]) & (pattern_of >= 0))
    account = made.contracts.facts.subscription_account[present]
    groups = Groups(present, account, np.zeros(len(present), np.int64), made.shape_of[pattern_of[present]])
    layout = lay_out(groups, made.shapes)
    base = np.zeros(len(pattern_of) + 1, np.int64)
    base[present] = layout.holder_first[:-1] - made.contracts.first_holding[present]
    held = holding >= 0
    of_event = np.where(held, base[subscription] + holding, 0)
    draws = held & np.append(layout.has_buckets, False)[of_event]
    return Holders(np.where(draws, of_event, NO_HOLDER).astype(np.int32), layout.buckets)


def rate(made: World, batch: RatingInput, buckets: Buckets, threads: int, reuse: Rated | None) -> Rated:
    """Events with their holders, rated by the tariffs of a world; `buckets` are used up."""
    return engine.rate(made.tariffs.tables, batch, buckets, threads=threads, in_place=True, reuse=reuse)


def _fees(models: Contracts, scope: Scope, index: int) -> list[Due]:
    """Fees of the month of one model: recurring ones in arrears and in advance alike are the month's own, and one-off fees of its days."""
    facts, spans = models.facts, models.spans[index]
    account = facts.accounts[facts.subscriptions[index].account]
    period = scope.periods[facts.subscriptions[index].account][0]

    def plan_at(name: str, day: dt.date) -> Plan | None:
        found = models.price_list.plan_on(name, *models.midnights.day_us(account.timezone, day))
        return found.plan if found is not None else None

    def plan_with(once: OneOffDue) -> str:
        """The plan of the month that has a one-off fee."""
        names = [each.plan for each in spans if each.plan.startswith(f"{once.identity}/")]
        having = (name for name in names for _, plan in models.price_list.plan_versions(name) if once.fee in plan.one_offs)
        return next(having, f"{once.identity}/")

    pattern = facts.patterns[facts.subscription_pattern[index]]
    fees = fees_due(spans, period, period.end, plan_at, breaks_of(pattern))
    recurring = [Due(each.plan, each.fee.name, _to_micro(each.exact_micros), 1) for each in fees]
    once = one_offs_due(spans, period, period.end, plan_at, contract_of(pattern))
    return [*recurring, *(Due(plan_with(each), each.fee.name, each.micros, each.times) for each in once)]


def _to_micro(due_micros: Fraction) -> int:
    """An exact fee as far as a micro-unit shows it, as the lines of a bill run have it."""
    return round_exact(due_micros, 1, RoundingMode.HALF_EVEN)
