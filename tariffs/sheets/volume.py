"""Volume tiers: what the whole quantity of a bill period costs, as a table, and an example that is computed from its steps.

A bill rounds each line once; the example is before that rounding. Amounts in micro-units, quantities in the unit of the tier's prices.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from rating.model import VolumeScope
from tariffs.sheets.layout import Line, Notes, Table
from tariffs.sheets.zones import title_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rating.model import Price, Service, VolumeStep, VolumeTier
    from tariffs.sheets.cells import Met
    from tariffs.sheets.figures import Writer
    from tariffs.sheets.layout import Block
    from tariffs.sheets.words import Words

_EXAMPLE_OF: Final = 100  # increments of the rate, where a tier has one step only


def blocks(tiers: Sequence[VolumeTier], numbered: Sequence[tuple[int, Met]], words: Words, writer: Writer) -> Iterator[Block]:
    """A table and its sentences for each tier. `numbered`: the lines of the price tables; a tier of none of them says nothing."""
    for tier in tiers:
        names = frozenset(tier.prices)
        lines = [(number, met) for number, met in numbered if met.price is not None and met.price.name in names]
        if lines:
            yield from _Tier(tier, lines[0][1], words, writer).blocks([number for number, _ in lines])


def total_micros(step: VolumeStep, quantity: int) -> Fraction:
    """The exact cost of `quantity` at a step."""
    return Fraction(step.rate_micros * quantity, step.per) + step.flat_micros


class _Tier:
    """Writes one tier, in the unit and service of the first line that it is for."""

    def __init__(self, tier: VolumeTier, met: Met, words: Words, writer: Writer) -> None:
        assert met.price is not None, "chosen for its price"
        self._tier, self._words, self._writer = tier, words, writer
        self._price: Price = met.price
        self._service: Service = met.reach.service

    def blocks(self, numbers: Sequence[int]) -> Iterator[Block]:
        tier, texts = self._tier, self._words.volume
        lines = tuple(Line(((self._span(position),), (self._cost(step),))) for position, step in enumerate(tier.steps))
        yield Table(title_of(tier.title, tier.name, self._words.language), texts.heads, lines, (1, 2))
        counted = texts.account if tier.scope is VolumeScope.ACCOUNT else texts.subscription
        told = (
            texts.for_lines[len(numbers) != 1].format(self._words.figures.enumeration.join(map(str, numbers))),
            counted,
            texts.difference,
        )
        yield Notes((self._words.figures.sentence_gap.join(told), self._example()))

    def _span(self, position: int) -> str:
        texts, steps = self._words.volume, self._tier.steps
        if position:
            return texts.from_on.format(self._quantity(steps[position].from_qty))
        return texts.below.format(self._quantity(steps[1].from_qty)) if len(steps) > 1 else texts.any_quantity

    def _cost(self, step: VolumeStep) -> str:
        texts, amount = self._words.volume, self._writer.amount
        if step.rate_micros and step.flat_micros:
            return texts.rate_and_flat.format(self._rate(step), amount(step.flat_micros))
        if step.flat_micros:
            return texts.flat.format(amount(step.flat_micros))
        return self._rate(step) if step.rate_micros else self._words.prices.free

    def _rate(self, step: VolumeStep) -> str:
        prices = self._words.prices
        per = self._writer.per(step.per, self._price.unit, self._service, prices.per_one)
        return prices.rate.format(amount=self._writer.amount(step.rate_micros), per=per)

    def _example(self) -> str:
        """The last step, where it begins; and whether that is less than the step before would come to."""
        texts, steps = self._words.volume, self._tier.steps
        last = steps[-1]
        quantity = last.from_qty or _EXAMPLE_OF * last.per
        total = total_micros(last, quantity)
        told = texts.example.format(quantity=self._quantity(quantity), cost=self._cost(last), total=self._writer.about(total))
        if len(steps) > 1 and (before := total_micros(steps[-2], quantity)) > total:
            told += self._words.figures.sentence_gap + texts.lower.format(self._writer.about(before))
        return told

    def _quantity(self, quantity: int) -> str:
        return self._writer.quantity(quantity, self._price.unit, self._service)
