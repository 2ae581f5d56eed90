"""The events of the month, owned and ordered once, and rated in two worlds.

Numbers, quantities and circumstances are shared where both worlds ask for the same. They are worked out for each world where the worlds
differ or where they depend on the tariff: short codes, shares of content, the clock. Incoming usage is kept where either world may price
it; what a world's rules do not name is left out of that world.
"""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from billing.charges.lines import Int64s
from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.contracts.plan_counters import prices_incoming
from billing.runs.contracts.rule_inputs import RuleInputs
from billing.runs.usage import pricing
from billing.runs.usage.bucket_layout import NO_HOLDER
from billing.runs.usage.circumstances import Whose, circumstances
from billing.runs.usage.destinations import numbers
from billing.runs.usage.rating_passes import Rateable, chosen
from billing.what_if import worlds
from billing.what_if.runs_of_numbers import group, holding_of
from rating.engine import Rated, RatingInput
from rating.schema import Direction

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from billing.guiding import Guide
    from billing.runs.selection.scope import Scope
    from billing.what_if.worlds import World

NOT_COUNTED = -1  # status of an incoming event that no rule of a world is about


class Answer(NamedTuple):
    """Events of one world and their rating. `rows`: their places among all events, None for all."""

    batch: RatingInput
    subscription: Int64s
    rated: Rated
    rows: Int64s | None

    def everywhere(self, count: int) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int32]]:
        """Status and match with a row for each of all `count` events: NOT_COUNTED where it is none of this world."""
        if self.rows is None:
            return self.rated.status, self.rated.match
        status, match = np.full(count, NOT_COUNTED, np.int16), np.full(count, -1, np.int32)
        status[self.rows], match[self.rows] = self.rated.status, self.rated.match
        return status, match

    def but_for_status(self) -> Rated:
        """Columns that may be written over: all but status and match, which are compared with those of the other world."""
        rows = len(self.rated.status)
        return dataclasses.replace(self.rated, status=np.empty(rows, np.int16), match=np.empty(rows, np.int32))


class MonthEvents:
    """All events that bill in either world, in one order."""

    def __init__(self, usage: pa.Table, guide: Guide, scope: Scope, now: World, then: World) -> None:
        self._guide, self._now = guide, now
        self._grouped = group(usage, guide, scope, now, _may_bill(now, then))
        wanted = RuleInputs(*(one or two for one, two in zip(now.asked, then.asked, strict=True)))
        places = self._grouped.places
        service = np.ascontiguousarray(usage["service"].to_numpy(), np.int8)
        self._quantity = pricing.quantity_of(usage, service)[places]
        self._usage = _laid_out(usage, places, service, [*(["served_id"] if wanted.origin else []), *wanted.columns])
        self._direction = self._usage["direction"].to_numpy()
        self._subscription = self._grouped.spread(self._grouped.runs.subscription)
        self._first = self._looked_up(now)

    @property
    def rows(self) -> int:
        """Number of events."""
        return len(self._subscription)

    def left_out(self, in_neither: int) -> dict[str, int]:
        """Events of the month that bill in neither world, by reason. `in_neither`: number of incoming events without a rule in either."""
        counts = collections.Counter(self._grouped.left_out)
        counts[pricing.NOT_BILLABLE] += in_neither
        return {reason: count for reason, count in sorted(counts.items()) if count}

    def rate(self, made: World, threads: int, reuse: Answer | None = None) -> Answer:
        """Rate them by the tariffs of a world.

        `reuse`: an answer that is needed for nothing but `everywhere` any more; its memory is reused.
        """
        batch, subscription = self.seen_by(made)
        runs = self._grouped.runs
        rows: Int64s | None = None
        held = worlds.holders(made, runs.subscription, holding_of(runs, made))
        holder = self._grouped.spread(held.holder)
        if (self._direction != int(Direction.ORIGINATING)).any():
            events = Rateable(batch, subscription, *(subscription,) * 3)  # of the other columns nothing is asked
            named = pricing.incoming_by_name(events, self._direction, made.contracts)
            if not named.all():
                rows = np.flatnonzero(named)
                batch, subscription = chosen(events, rows)[:2]
        batch = dataclasses.replace(batch, holder=holder if rows is None else holder[rows])
        over = reuse.but_for_status() if reuse is not None and len(reuse.rated.status) == len(subscription) else None
        return Answer(batch, subscription, worlds.rate(made, batch, held.buckets, threads, over), rows)

    def seen_by(self, made: World) -> tuple[RatingInput, Int64s]:
        """All of them with the plans of a world, and their owners: a subscription (index), -1 for none."""
        if made is self._now:
            return self._first, self._subscription
        wanted, before = made.asked, self._now.asked
        if made.contracts.facts is not self._now.contracts.facts or wanted != before or wanted.content or wanted.home_clock:
            return (self._looked_up(made) if any((*wanted, *before)) else self._replanned(made)), self._subscription
        batch = self._replanned(made)
        if wanted.short_code:
            number, digits = numbers(self._usage, batch.start_us, self._holding(made), made.contracts)
            batch = dataclasses.replace(batch, number=number, number_digits=digits)
        return batch, self._subscription

    def _replanned(self, made: World) -> RatingInput:
        """The events of now, on the plans of a world."""
        return dataclasses.replace(self._first, plan=self._plan(made))

    def _plan(self, made: World) -> npt.NDArray[np.int32]:
        return self._grouped.spread(made.contracts.plan_of(holding_of(self._grouped.runs, made)))

    def _holding(self, made: World) -> Int64s:
        return self._grouped.spread(holding_of(self._grouped.runs, made))

    def _account(self, made: World) -> Int64s:
        """Owner of each event, by account (index), -1 for none."""
        subscription, of = self._grouped.runs.subscription, made.contracts.facts.subscription_account
        return self._grouped.spread(np.where(subscription >= 0, np.append(of, -1)[subscription], -1))

    def _looked_up(self, made: World) -> RatingInput:
        """Everything that the tariffs of a world ask, worked out."""
        usage, contracts, start_us = self._usage, made.contracts, self._grouped.start_us
        needs_more = any(made.asked)
        holding = self._holding(made) if needs_more else self._subscription  # that nothing looks at
        number, digits = numbers(usage, start_us, holding, contracts)
        return RatingInput(
            start_us=start_us,
            quantity=self._quantity,
            service=usage["service"].to_numpy(),
            plan=self._plan(made),
            number=number,
            number_digits=digits,
            holder=np.full(len(start_us), NO_HOLDER, np.int32),
            rating_unit=self._grouped.spread(self._grouped.unit),
            event_key=np.zeros((len(start_us), 2), np.uint64),  # events of one instant are in order already, and equal keys leave them so
            circumstances=circumstances(usage, start_us, Whose(self._account(made), holding), contracts, self._guide.knows_number)
            if needs_more
            else None,
        )


def _laid_out(usage: pa.Table, places: Int64s, service: npt.NDArray[np.int8], more: list[str]) -> pa.Table:
    """Columns of usage in the order of `places`: those that every event needs, and `more`. No number is 0."""
    columns: dict[str, Any] = {
        "service": service[places],
        "direction": np.ascontiguousarray(usage["direction"].to_numpy(), np.int8)[places],
        "other_e164": int64(usage["other_e164"], missing=0)[places],
    }
    columns |= {name: one_chunk(usage[name]).take(places) for name in more}
    return pa.table(columns)


def _may_bill(now: World, then: World) -> Callable[[Int64s], npt.NDArray[np.bool_]]:
    """Test of holdings (of `now`): a mask of those with incoming usage that may bill in either world.

    Where holdings of the two worlds are not the same, it is true of all if any plan of `then` prices incoming usage.
    """

    def may_bill(holding: Int64s) -> npt.NDArray[np.bool_]:
        may = now.contracts.prices_incoming(holding)
        if then.contracts.facts is now.contracts.facts:
            may |= then.contracts.prices_incoming(holding)
        elif any(prices_incoming(catalogue, plan) for catalogue in then.tariffs.catalogues for plan in catalogue.plans):
            may[:] = True
        return may

    return may_bill
