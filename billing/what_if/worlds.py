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
from billing.runs.contracts.contracts import Contracts
from billing.runs.contracts.price_list import PriceList
from billing.runs.contracts.rule_inputs import RuleInputs, asked
from billing.runs.selection.scope import Scope
from billing.runs.usage.bucket_layout import NO_HOLDER, Groups, lay_out
from billing.runs.usage.entitlements import Shape, Shapes
from billing.runs.usage.pools import Pools
from billing.what_if import fees
from billing.what_if.fees import Due
from billing.what_if.month import Month
from billing.what_if.patterns import Patterns, of_models, patterns
from rating import engine
from rating.engine import Buckets
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.engine import Rated, RatingInput
    from rating.model import Catalogue


@dataclasses.dataclass(frozen=True, eq=False)
class World:
    """Contracts under tariffs, and what each pattern of subscriptions draws on and pays in fees in the month."""

    contracts: Contracts
    scope: Scope
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
    def asked(self) -> RuleInputs:
        """Circumstances that the tariffs of this world ask for."""
        return asked(self.tariffs.catalogues)

    @property
    def has_buckets(self) -> bool:
        """True if any subscription draws on anything, so that the order of events matters."""
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
    """The world of the month under the tariffs of `contracts`. `known`: its patterns, where they have been worked out."""
    found = known or patterns(contracts, scope, month)
    models = of_models(contracts, found)
    shapes = Shapes(models, scope)
    numbers = np.arange(len(found.models), dtype=np.int64)
    shape_of = shapes.index(numbers, np.zeros(len(numbers), np.int64))
    return World(contracts, scope, found, shapes.all, shape_of, fees.dues(models, scope), month)


def holders(made: World, subscription: Int64s, holding: Int64s) -> Holders:
    """Holders and their buckets, for events with an owner and a holding each (-1 none)."""
    if not made.has_buckets:
        return Holders(np.full(len(subscription), NO_HOLDER, np.int32), engine.Buckets.none())
    pattern_of = made.patterns.of
    has_events = np.zeros(len(pattern_of) + 1, np.bool_)
    has_events[subscription] = True
    shares = np.array([bool(made.shapes[shape].shared) for shape in made.shape_of], np.bool_)
    present = np.flatnonzero((has_events[:-1] | shares[pattern_of]) & (pattern_of >= 0))
    account = made.contracts.facts.subscription_account[present]
    place = np.zeros(len(present), np.int64)
    together = Pools(made.contracts.facts, made.scope).together(account, place)
    groups = Groups(present, account, place, made.shape_of[pattern_of[present]], together)
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
