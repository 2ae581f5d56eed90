"""Adds an `Outcome` up again, part by part, in the order of composition: an explanation must never be a story.

An outcome holds enough to derive every figure from the one before it. This module derives them with none of the twin's code.
A figure that does not follow is our own mistake, so it is an AssertionError that names the part.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from rating.explain.stages import counted_qty
from rating.model import PPM, BucketKind, Counting, QuantityUnit
from rating.money import round_exact
from rating.outcome import COUNTER_MAX
from rating.status import REFUSALS_FROM, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.outcome import Bucket, Outcome, Taken

_NOTHING: Final = Fraction(0)


def check_parts(outcome: Outcome) -> None:
    """Assert that the parts of `outcome` add up to its quantities and its charge."""
    if outcome.status >= REFUSALS_FROM:
        _check_refused(outcome)
        return
    _check_pieces(outcome)
    _check_quantity_and_counter(outcome)
    _check_free_head(outcome)
    _check_draw_order(outcome)
    _check_exact(outcome)
    _check_discount_and_rounding(outcome)
    _check_money(outcome)


def _check_refused(outcome: Outcome) -> None:
    figures = (outcome.charge_micros, outcome.gross_micros, outcome.chargeable_qty, outcome.free_qty, outcome.rounded_micros)
    assert figures == (0, 0, 0, 0, 0), "a refused event has a charge"
    assert (outcome.pieces, outcome.taken, outcome.caps) == ((), (), ()), "a refused event has parts of a charge"
    assert outcome.counter_after == outcome.counter_before, "a refused event was counted"
    assert outcome.paid_after == outcome.paid_before, "a refused event used what was paid"


def _check_pieces(outcome: Outcome) -> None:
    """Pieces follow one another, cover what is chargeable, and each is its charged length times its rate."""
    position = 0
    for piece in outcome.pieces:
        assert piece.from_qty == position, "pieces leave a gap"
        assert piece.increments > 0, "a piece has no increment"
        assert piece.to_qty - piece.from_qty == piece.increments * piece.increment_qty, "increments do not fill their piece"
        free_qty = min(max(outcome.free_qty - position, 0), piece.to_qty - position)
        assert piece.free_qty == free_qty, "what is free is not the head of the event"
        charged_qty = piece.to_qty - position - free_qty
        assert piece.amount_micros == Fraction(charged_qty * piece.rate_micros, piece.per_qty), "a piece is not length times rate"
        position = piece.to_qty
    assert position == outcome.chargeable_qty, "pieces do not cover the chargeable quantity"
    assert 0 <= outcome.free_qty <= outcome.chargeable_qty, "more is free than there is"


def _check_quantity_and_counter(outcome: Outcome) -> None:
    """The increments reach the quantity that was wanted, the last one begins before it, and the counter moved by them."""
    quantity = counted_qty(outcome)
    if quantity > 0:
        assert outcome.minimum_qty_applied == (quantity < outcome.minimum_qty), "the minimum quantity is explained wrongly"
        quantity = max(quantity, outcome.minimum_qty)
    wanted = max(quantity - outcome.paid_before, 0)
    last_qty = outcome.pieces[-1].increment_qty if outcome.pieces else 0
    assert outcome.chargeable_qty >= wanted, "increments end before the usage does"
    assert outcome.chargeable_qty - last_qty < wanted or not outcome.pieces, "an increment begins after the usage has ended"
    counted = outcome.chargeable_qty if outcome.counting is not Counting.EVENT else 0
    moved = outcome.counter_before if not counted else min(outcome.counter_before + counted, COUNTER_MAX)
    assert outcome.counter_after == moved, "the counter did not move by what was charged"
    if outcome.counting is Counting.PACKAGE:
        left = outcome.paid_before + outcome.chargeable_qty - quantity
        assert outcome.paid_after == left, "what is paid and not used is explained wrongly"
    else:
        assert outcome.paid_before == outcome.paid_after == 0, "only packages are paid before they are used"


def _check_free_head(outcome: Outcome) -> None:
    """Check that the parts given by allowances and passes add up to the free head, and that each has left `before` less `taken`."""
    free_qty = 0
    for each in _quantities(outcome):
        assert each.unit is outcome.unit, "an allowance of another unit was drawn"
        free_qty += each.taken
        assert each.limited or free_qty == outcome.chargeable_qty, "a pass without limit left something over"
    assert free_qty == outcome.free_qty, "free parts do not add up"
    for each in outcome.taken:
        assert each.taken > 0 or each.opened_day, "an allowance that gave nothing is explained"
        assert min(each.before, each.taken, each.after) >= 0, "an allowance fell below nothing"
        assert each.after == (each.before - each.taken if each.limited else 0), "an allowance lost other than was taken"
        assert each.kind is BucketKind.DAY_PASS or (each.limited and not each.opened_day), "an allowance is explained like a pass"
        assert each.fee_micros == 0 or each.opened_day, "a pass that was open already has a fee"


def _check_draw_order(outcome: Outcome) -> None:
    """Check that buckets were drawn in the order of priority, expiry, id; quantities before money."""
    assert outcome.taken == (*_quantities(outcome), *_moneys(outcome)), "money was drawn before a quantity"
    drawn_from = (BucketKind.ALLOWANCE, BucketKind.DAY_PASS)
    in_order = sorted(
        (each for each in outcome.buckets if each.kind in drawn_from and each.identity == outcome.identity),
        key=lambda each: (each.priority, each.to_us, each.definition_id),
    )
    if in_order:
        for taken in (_quantities(outcome), _moneys(outcome)):
            assert _follows(taken, in_order), "allowances were not drawn in their order"


def _follows(taken: Sequence[Taken], in_order: Sequence[Bucket]) -> bool:
    """Return whether buckets that now hold what `taken` says come in this order."""
    remaining = iter(in_order)  # each search goes on where the last one ended
    return all(any(_is_of(each, bucket) for bucket in remaining) for each in taken)


def _is_of(taken: Taken, bucket: Bucket) -> bool:
    same = (bucket.kind, bucket.definition_id) == (taken.kind, taken.definition_id)
    return same and (not taken.limited or bucket.amount == taken.after)


def _check_exact(outcome: Outcome) -> None:
    """Increments, connect fee and content share, then the minimum, then the maximum."""
    pieces = sum((piece.amount_micros for piece in outcome.pieces), _NOTHING)
    exact = pieces + outcome.connect_fee_micros + outcome.content_share_micros
    assert exact == outcome.exact_micros, "increments, connect fee and content share do not add up"
    full_share = Fraction(max(outcome.event.content_micros, 0) * outcome.content_ppm, PPM)
    if outcome.chargeable_qty > outcome.free_qty:
        assert outcome.content_share_micros == full_share, "the content share is explained wrongly"
        assert outcome.minimum_applied == (exact < outcome.minimum_micros), "the minimum is explained wrongly"
    assert outcome.content_share_micros in {full_share, _NOTHING}, "the content share is explained wrongly"
    if outcome.chargeable_qty == outcome.free_qty > 0 and all(each.kind is BucketKind.DAY_PASS for each in _quantities(outcome)):
        assert max(exact, outcome.bounded_micros) == 0, "what a day pass made free is charged"
    if outcome.minimum_applied:
        assert exact < outcome.minimum_micros, "the minimum is explained wrongly"
        exact = Fraction(outcome.minimum_micros)
    is_cut = outcome.maximum_micros is not None and exact > outcome.maximum_micros
    assert outcome.maximum_applied == is_cut, "the maximum is explained wrongly"
    bounded = Fraction(outcome.maximum_micros or 0) if is_cut else exact
    assert bounded == outcome.bounded_micros, "minimum and maximum do not give the charge that is explained"


def _check_discount_and_rounding(outcome: Outcome) -> None:
    """One discount off the exact charge, then the one rounding; the same rounding without the discount gives gross."""
    assert 0 <= outcome.discount_ppm <= PPM, "a discount is more than everything"
    assert outcome.unrounded_micros == outcome.bounded_micros * (PPM - outcome.discount_ppm) / PPM, "the discount is explained wrongly"
    step, mode = outcome.rounding_step_micros, outcome.rounding_mode
    assert outcome.rounded_micros == round_exact(outcome.unrounded_micros, step, mode), "rounding is explained wrongly"
    gross = round_exact(outcome.bounded_micros, step, mode) + outcome.pass_fees_micros
    assert outcome.gross_micros == gross, "the amount before discount, money and caps is explained wrongly"


def _check_money(outcome: Outcome) -> None:
    """Pass fees are added, money allowances pay, caps cut, in this order; what is left is the charge."""
    assert sum(each.fee_micros for each in outcome.taken) == outcome.pass_fees_micros, "fees of passes do not add up"
    amount = outcome.rounded_micros + outcome.pass_fees_micros
    for each in _moneys(outcome):
        assert each.taken == min(each.before, amount), "a money allowance paid more or less than it could"
        amount -= each.taken
    for cap in outcome.caps:
        assert cap.cut_micros == max(amount - max(cap.limit_micros - cap.spent_before_micros, 0), 0), "a cap cut other than its excess"
        amount -= cap.cut_micros
    assert amount == outcome.charge_micros, "the parts do not sum to the charge"
    assert amount >= 0, "the charge is below zero"
    for cap in outcome.caps:
        assert cap.spent_after_micros == cap.spent_before_micros + amount, "a cap did not count the charge"
    assert outcome.status is (Status.RATED if amount else Status.ZERO_RATED), "the status does not fit the charge"


def _quantities(outcome: Outcome) -> tuple[Taken, ...]:
    return tuple(each for each in outcome.taken if each.unit is not QuantityUnit.MICRO)


def _moneys(outcome: Outcome) -> tuple[Taken, ...]:
    return tuple(each for each in outcome.taken if each.unit is QuantityUnit.MICRO)
