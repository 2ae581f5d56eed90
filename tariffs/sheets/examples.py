"""Worked examples: what a use costs and how that comes about, from the answer of the plain twin.

Units: those of `rating.outcome`. An example is an event that the kernel prices alike, which tests ask it.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import msgspec

from rating.model import BucketKind, Counting, Price, QuantityUnit, Service
from rating.outcome import Bucket
from rating.reference import Reference
from tariffs.sheets.cells import serves
from tariffs.sheets.clauses import step_clause
from tariffs.sheets.figures import percent
from tariffs.sheets.layout import Example

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rating.model import Allowance, Catalogue, Plan
    from rating.outcome import Outcome, Piece
    from tariffs.sheets.cells import Met
    from tariffs.sheets.figures import Writer
    from tariffs.sheets.words import Words

_LEFT: Final = {QuantityUnit.MILLISECOND: 120_000, QuantityUnit.BYTE: 20_000_000, QuantityUnit.MESSAGE: 2}
_USED: Final = {QuantityUnit.MILLISECOND: 300_000_000, QuantityUnit.BYTE: 50_000_000, QuantityUnit.MESSAGE: 5}
_MICROSECONDS_PER_MILLISECOND: Final = 1_000


class Examples:
    """Makes the examples of one plan."""

    def __init__(self, catalogue: Catalogue, plan: Plan, words: Words, writer: Writer) -> None:
        self._catalogue, self._plan = catalogue, plan
        self._words, self._writer = words, writer
        self._twin = Reference([catalogue])

    def of_cell(self, number: int, met: Met, label: str) -> Example:
        """The example of a line of the price tables."""
        assert met.price is not None, "what is not sold has no example"
        words, outcome = self._words.examples, met.outcome
        used = self._used(outcome)
        if met.price.counting is not Counting.EVENT:
            used = words.period_begins.format(used)
        head = words.example.format(number=number, label=label, used=used)
        told = (head, *self._sum(outcome, met.price, met.reach.service))
        return Example(number, outcome.event, (), outcome.charge_micros, told)

    def of_allowance(self, numbered: Sequence[tuple[int, Met]], allowance: Allowance) -> Example | None:
        """An example of an allowance that runs out within a use; None where it serves no use that costs anything."""
        served = [
            (number, met)
            for number, met in numbered
            if met.price is not None
            and met.price.unit is allowance.unit
            and met.outcome.charge_micros
            and serves(met.reach, allowance.services, allowance.zones)
        ]
        if not served:
            return None
        number, met = min(served, key=lambda each: len(each[1].reach.conditions))  # the first of the most usual
        assert met.price is not None, "chosen for its price"
        event = msgspec.structs.replace(met.event, quantity=_USED[met.price.unit])
        held = self._buckets(allowance)
        outcome = self._twin.rate(event, held)
        if not any(each.definition_id == allowance.allowance_id and each.taken for each in outcome.taken):
            return None  # a day pass goes before it
        return Example(number, event, tuple(held), outcome.charge_micros, self._ran_out(number, outcome, allowance, met.reach.service))

    def _buckets(self, allowance: Allowance) -> list[Bucket]:
        """Some of the allowance, and day passes that are not opened yet."""
        identity = self._catalogue.identity
        left = min(_LEFT[allowance.unit], allowance.quantity)
        passes = [Bucket(BucketKind.DAY_PASS, identity, each.pass_id, 0, priority=each.priority) for each in self._plan.day_passes]
        return [Bucket(BucketKind.ALLOWANCE, identity, allowance.allowance_id, left, priority=allowance.priority), *passes]

    def _used(self, outcome: Outcome) -> str:
        words, event = self._words.examples, outcome.event
        service = Service(event.service)
        told = words.used[service].format(self._quantity(event.quantity, service))
        return words.used_of_content.format(told, self._writer.amount(event.content_micros)) if outcome.content_ppm else told

    def _quantity(self, quantity: int, service: Service) -> str:
        """A quantity in input units."""
        if service is Service.VOICE:
            return self._writer.quantity(quantity // _MICROSECONDS_PER_MILLISECOND, QuantityUnit.MILLISECOND, service)
        if service is Service.DATA:
            return self._writer.volume(quantity)
        return self._writer.quantity(quantity, QuantityUnit.MESSAGE, service)

    def _counted(self, quantity: int, service: Service) -> str:
        """A quantity in the unit of its price."""
        return self._quantity(quantity * (_MICROSECONDS_PER_MILLISECOND if service is Service.VOICE else 1), service)

    def _sum(self, outcome: Outcome, price: Price, service: Service) -> Iterator[str]:
        words, writer = self._words.examples, self._writer
        if _is_raised(outcome, service):
            yield words.counted.format(self._counted(outcome.chargeable_qty, service))
        alike = itertools.groupby(outcome.pieces, key=lambda piece: (piece.band, piece.step))
        terms = [self._pieces(list(pieces), price, service) for _, pieces in alike]
        if outcome.connect_fee_micros:
            terms.append(words.connect.format(amount=writer.amount(outcome.connect_fee_micros), use=self._words.prices.use[service]))
        if outcome.content_ppm:
            share = writer.about(outcome.content_share_micros)
            terms.append(words.share.format(percent=percent(outcome.content_ppm), amount=share))
        told = [each for each in terms if each] or [self._words.prices.free]
        yield told[0]
        yield from (words.plus.format(each) for each in told[1:])
        if len(told) > 1:
            yield words.exact.format(writer.about(outcome.exact_micros))
        if outcome.minimum_applied:
            yield words.minimum.format(writer.amount(outcome.minimum_micros))
        if outcome.maximum_applied and outcome.maximum_micros is not None:
            yield words.maximum.format(writer.amount(outcome.maximum_micros))
        if outcome.discount_id:
            yield words.discount.format(percent(outcome.discount_ppm), writer.about(outcome.unrounded_micros))
        rounded = outcome.unrounded_micros != outcome.rounded_micros
        yield (words.rounded if rounded else words.charge).format(writer.amount(outcome.charge_micros))

    def _pieces(self, pieces: Sequence[Piece], price: Price, service: Service) -> str:
        """Pieces of one band and step, with any increments; "" where they cost nothing."""
        amount = sum((piece.amount_micros for piece in pieces), Fraction(0))
        if not amount:
            return ""
        step = next(rate for rate in price.rates if rate.band == pieces[0].band).steps[pieces[0].step]
        clause = step_clause(step, price, service, self._words.prices, self._writer)
        quantity = self._counted(pieces[-1].to_qty - pieces[0].from_qty, service)
        return self._words.examples.piece.format(quantity=quantity, clause=clause, amount=self._writer.about(amount))

    def _ran_out(self, number: int, outcome: Outcome, allowance: Allowance, service: Service) -> tuple[str, ...]:
        words, writer = self._words.examples, self._writer
        taken = {each.definition_id: each for each in outcome.taken}
        opened = [each for each in outcome.taken if each.kind is BucketKind.DAY_PASS]
        own = taken.get(allowance.allowance_id)
        rest = outcome.chargeable_qty - outcome.free_qty
        counted = words.counted_as.format(self._counted(outcome.chargeable_qty, service))
        told = words.ran_out.format(
            counted=counted if _is_raised(outcome, service) else "",
            left=writer.quantity(own.before if own else 0, allowance.unit, service),
            used=self._used(outcome),
            number=number,
            free=writer.quantity(own.taken if own else 0, allowance.unit, service),
        )
        if opened:
            covered = sum(each.taken for each in opened)
            told += words.pass_opened.format(covered=self._counted(covered, service), fee=writer.amount(outcome.pass_fees_micros))
        if rest:
            told += words.rest_charged.format(rest=self._counted(rest, service))
        return (told + words.ends_here, words.charge.format(writer.amount(outcome.charge_micros)))


def _is_raised(outcome: Outcome, service: Service) -> bool:
    """Return whether more was counted than used."""
    scale = _MICROSECONDS_PER_MILLISECOND if service is Service.VOICE else 1
    return outcome.chargeable_qty * scale != outcome.event.quantity
