"""Buckets of an event's holder as the plain twin draws, opens and counts them: steps 6, 8, 13 and 14 of "One event, exactly".

`Held` is made for one event and changes as its steps are taken; afterwards it gives the buckets back in the order in which it got them.
A bucket whose definition the plan in force does not have, or whose definition does not serve the usage, stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from rating.model import (
    ANY_ZONE,
    Allowance,
    BucketKind,
    CapWindow,
    ChargeCap,
    Counting,
    DayPass,
    Discount,
    Draw,
    QuantityUnit,
    UsageRule,
)
from rating.outcome import Bucket, Capped, Event, Taken
from rating.reference.rules import OwnPlan, Version
from rating.reference.walk import Line, Run, last_increment_end

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rating.model import Price


class Usage(NamedTuple):
    """Usage that a definition may serve: an event, the rule that prices it, and the subscriber's own plan."""

    event: Event
    rule: UsageRule
    own: OwnPlan
    version: Version


class FreeHead(NamedTuple):
    """Quantity that allowances and passes gave to the head of an event."""

    free_qty: int = 0
    taken: tuple[Taken, ...] = ()
    fees_micros: int = 0  # of passes that the event opened
    connects: bool = False  # whether an allowance gave something that leaves the connect fee due


class Paid(NamedTuple):
    """Amount that money allowances or caps left of a charge."""

    amount_micros: int
    taken: tuple[Taken, ...] = ()
    caps: tuple[Capped, ...] = ()


class Held:
    """The buckets of an event's holder while the event is priced."""

    def __init__(self, buckets: Sequence[Bucket], usage: Usage) -> None:
        self._buckets = list(buckets)
        self._usage = usage

    def buckets(self) -> tuple[Bucket, ...]:
        """All of them as they now are, in the order in which they were given."""
        return tuple(self._buckets)

    def line(self, price: Price, quantity: int) -> Line:
        """Step 6: the position of the counter of a price, and how much of `quantity` is not yet paid."""
        if price.counting is Counting.EVENT:
            return Line(quantity)
        place = self._place(BucketKind.COUNTER, price.counter_id)
        counter = None if place is None else self._buckets[place]
        base_qty = 0 if counter is None else counter.amount
        paid_qty = 0 if counter is None or price.counting is Counting.GRADUATED else counter.mark
        return Line(max(quantity - paid_qty, 0), base_qty, paid_qty)

    def count(self, price: Price, amount: int, mark: int) -> None:
        """Step 7: the position of the counter of a price after the event; `mark` is what an open package still pays."""
        if price.counting is Counting.EVENT:
            return
        place = self._place(BucketKind.COUNTER, price.counter_id)
        if place is not None:
            self._change(place, amount, mark if price.counting is Counting.PACKAGE else self._buckets[place].mark)

    def free_head(self, unit: QuantityUnit, runs: Sequence[Run]) -> FreeHead:
        """Step 8: draw on allowances and passes until all increments are free or nothing is left."""
        if not runs or not self._buckets:
            return FreeHead()
        free_qty, connects = 0, False
        taken: list[Taken] = []
        for place, definition in self._serving(unit):
            if free_qty == runs[-1].to_qty:
                break
            if isinstance(definition, DayPass):
                told = self._from_pass(place, definition, runs[-1].to_qty - free_qty)
            else:
                told = self._from_allowance(place, definition, runs, free_qty)
                connects |= told.taken > 0 and definition.connect_when_free
            free_qty += told.taken
            if told.taken or told.opened_day:
                taken.append(told)
        return FreeHead(free_qty, tuple(taken), sum(told.fee_micros for told in taken), connects)

    def pay(self, amount_micros: int) -> Paid:
        """Step 13: pay a charge out of money allowances."""
        taken: list[Taken] = []
        for place, definition in self._serving(QuantityUnit.MICRO) if self._buckets and amount_micros else ():
            bucket = self._buckets[place]
            take = min(bucket.amount, amount_micros)
            if take > 0:
                taken.append(self._take(place, definition, take))
                amount_micros -= take
        return Paid(amount_micros, tuple(taken))

    def cap(self, amount_micros: int) -> Paid:
        """Step 14: cut a charge to what the caps leave, then let every cap count what remains of it."""
        acting = self._acting_caps() if self._buckets else []
        cuts: list[int] = []
        for _, cap, spent_micros, _ in acting:
            cuts.append(max(amount_micros - max(cap.amount_micros - spent_micros, 0), 0))
            amount_micros -= cuts[-1]
        told: list[Capped] = []
        for (place, cap, spent_micros, mark), cut_micros in zip(acting, cuts, strict=True):
            after_micros = spent_micros + amount_micros
            self._change(place, after_micros, mark)
            told.append(Capped(cap.cap_id, cap.name, cap.window, cap.amount_micros, spent_micros, cut_micros, after_micros))
        return Paid(amount_micros, caps=tuple(told))

    def _acting_caps(self) -> list[tuple[int, ChargeCap, int, int]]:
        """Caps of the plan that serve the usage and have a bucket: its place, the cap, what is spent in the window, its mark."""
        acting = []
        for cap in self._usage.own.plan.caps:
            place = self._place(BucketKind.CAP, cap.cap_id)
            if place is None or not serves(cap, self._usage.rule):
                continue
            bucket = self._buckets[place]
            spent_micros, mark = bucket.amount, bucket.mark
            if cap.window is CapWindow.DAY:
                mark = self._usage.version.tariff_clock.day(self._usage.event.start_us)
                spent_micros = bucket.amount if bucket.mark == mark else 0
            acting.append((place, cap, spent_micros, mark))
        return acting

    def _serving(self, unit: QuantityUnit) -> Iterator[tuple[int, Allowance | DayPass]]:
        """Places of the buckets that serve the usage in `unit`, with their definitions, in draw order."""
        own, identity = self._usage.own, self._usage.version.catalogue.identity
        found = []
        for place, bucket in enumerate(self._buckets):
            definition = own.drawn.get((bucket.kind, bucket.definition_id))
            if definition is None or bucket.identity != identity or not bucket.from_us <= self._usage.event.start_us < bucket.to_us:
                continue
            if definition.unit is unit and serves(definition, self._usage.rule):
                found.append(((bucket.priority, bucket.to_us, bucket.definition_id, place), definition))
        for key, definition in sorted(found, key=lambda each: each[0]):
            yield key[-1], definition

    def _from_allowance(self, place: int, allowance: Allowance, runs: Sequence[Run], free_qty: int) -> Taken:
        """Draw the quantity that an allowance gives after `free_qty` has been given."""
        end_qty = min(free_qty + self._buckets[place].amount, runs[-1].to_qty)
        if allowance.draw is Draw.WHOLE_INCREMENTS:
            end_qty = last_increment_end(runs, end_qty)
        return self._take(place, allowance, max(end_qty - free_qty, 0))

    def _from_pass(self, place: int, day_pass: DayPass, open_qty: int) -> Taken:
        """Draw what a day pass gives to `open_qty` that is not yet free; it is opened if this is another day than the last one."""
        event = self._usage.event
        day = self._usage.version.clock(day_pass.clock, event).day(event.start_us)
        opens = self._buckets[place].mark != day
        if opens:
            self._change(place, day_pass.quantity or 0, day)
        if day_pass.quantity is None:
            told = Taken(BucketKind.DAY_PASS, day_pass.pass_id, day_pass.name, day_pass.unit, 0, open_qty, 0, limited=False)
        else:
            told = self._take(place, day_pass, min(self._buckets[place].amount, open_qty))
        return msgspec.structs.replace(told, opened_day=day, fee_micros=day_pass.fee_micros) if opens else told

    def _take(self, place: int, definition: Allowance | DayPass, take: int) -> Taken:
        bucket = self._buckets[place]
        if take:
            self._change(place, bucket.amount - take, bucket.mark)
        shared = ("one" if definition.granted_once else "pooled") if isinstance(definition, Allowance) and definition.shared else ""
        amounts = (bucket.amount, take, bucket.amount - take)
        return Taken(bucket.kind, bucket.definition_id, definition.name, definition.unit, *amounts, shared=shared)

    def _place(self, kind: BucketKind, definition_id: int) -> int | None:
        """Index of the first bucket of one definition among those of the holder."""
        identity = self._usage.version.catalogue.identity
        sought = kind, definition_id, identity
        return next((i for i, each in enumerate(self._buckets) if (each.kind, each.definition_id, each.identity) == sought), None)

    def _change(self, place: int, amount: int, mark: int) -> None:
        self._buckets[place] = msgspec.structs.replace(self._buckets[place], amount=amount, mark=mark)


def serves(definition: Allowance | DayPass | ChargeCap | Discount, rule: UsageRule) -> bool:
    """Return whether a definition serves usage under `rule`: it serves any zone, or the zone or the roaming zone that the rule names."""
    named = rule.zone in definition.zones or (rule.roaming is not None and rule.roaming in definition.zones)
    return rule.service in definition.services and (named or ANY_ZONE in definition.zones)


def largest_discount(usage: Usage) -> Discount | None:
    """Step 10: of the discounts that hold, the largest; of equals the one with the lowest id."""
    start_us = usage.event.start_us
    holding = (
        discount
        for discount in usage.own.plan.discounts
        if serves(discount, usage.rule)
        and (usage.event.friend or not discount.friends_only)
        and (discount.from_us is None or discount.from_us <= start_us)
        and (discount.to_us is None or start_us < discount.to_us)
    )
    return max(holding, key=lambda discount: (discount.percent_ppm, -discount.discount_id), default=None)
