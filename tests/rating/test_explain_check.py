"""An outcome whose parts do not add up is never told: every figure of it, changed by one, is noticed. Generated worlds add up."""

from __future__ import annotations

import collections
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec
import pytest

from rating.explain import COMPOSITION, LANGUAGES, Stage, as_json, as_text, check_parts
from rating.explain.stages import stages_of
from rating.model import BucketKind, QuantityUnit
from rating.reference import Reference
from rating.status import Status
from tests.rating import explained
from tests.rating.generator import generate

if TYPE_CHECKING:
    from collections.abc import Callable

    from rating.outcome import Outcome

SEEDS = range(1, 7)  # small worlds: each has catalogues of its own
EVENTS = 900


@pytest.mark.parametrize("story", explained.STORIES)
def test_the_stories_add_up(story: str) -> None:
    check_parts(explained.STORIES[story]())


def _piece(outcome: Outcome, index: int, **figures: object) -> dict[str, object]:
    pieces = list(outcome.pieces)
    pieces[index] = msgspec.structs.replace(pieces[index], **figures)
    return {"pieces": tuple(pieces)}


def _taken(outcome: Outcome, **figures: object) -> dict[str, object]:
    return {"taken": (msgspec.structs.replace(outcome.taken[0], **figures), *outcome.taken[1:])}


def _cap(outcome: Outcome, **figures: object) -> dict[str, object]:
    return {"caps": (msgspec.structs.replace(outcome.caps[0], **figures), *outcome.caps[1:])}


# story, what is changed, what must be noticed
LIES: list[tuple[str, Callable[[Outcome], dict[str, object]], str]] = [
    ("evening", lambda _: {"charge_micros": 620_000}, "do not sum to the charge"),
    ("evening", lambda _: {"gross_micros": 780_000}, "before discount, money and caps"),
    ("evening", lambda _: {"status": Status.ZERO_RATED}, "the status"),
    ("evening", lambda _: {"status": Status.NO_ZONE}, "a refused event has a charge"),
    ("evening", lambda _: {"chargeable_qty": 360_001}, "do not cover"),
    ("evening", lambda _: {"free_qty": 40_001}, "head of the event"),
    ("evening", lambda _: {"pieces": ()}, "do not cover"),
    ("evening", lambda o: _piece(o, 0, amount_micros=Fraction(1)), "length times rate"),
    ("evening", lambda o: _piece(o, 0, free_qty=39_999), "head of the event"),
    ("evening", lambda o: _piece(o, 1, from_qty=120_001), "a gap"),
    ("evening", lambda o: _piece(o, 1, increments=9), "do not fill"),
    ("evening", lambda o: _piece(o, 1, rate_micros=150_001), "length times rate"),
    ("evening", lambda o: _piece(o, 1, per_qty=60_001), "length times rate"),
    ("evening", lambda o: _piece(o, 2, increment_qty=1), "do not fill"),
    ("evening", lambda o: {"event": msgspec.structs.replace(o.event, quantity=299_000_000)}, "after the usage has ended"),
    ("evening", lambda o: {"event": msgspec.structs.replace(o.event, quantity=361_000_000)}, "end before the usage"),
    ("evening", lambda o: _taken(o, before=41_000), "other than was taken"),
    ("evening", lambda o: _taken(o, after=1), "other than was taken"),
    ("evening", lambda o: _taken(o, taken=39_999, before=39_999), "free parts do not add up"),
    ("evening", lambda o: _taken(o, unit=QuantityUnit.BYTE), "another unit"),
    ("evening", lambda o: _taken(o, kind=BucketKind.DAY_PASS), "not drawn in their order"),
    ("evening", lambda o: _taken(o, limited=False, before=0), "left something over"),
    ("evening", lambda _: {"connect_fee_micros": 50_001}, "connect fee and content share do not add up"),
    ("evening", lambda _: {"content_share_micros": Fraction(1)}, "connect fee and content share do not add up"),
    ("evening", lambda _: {"exact_micros": Fraction(1)}, "connect fee and content share do not add up"),
    ("evening", lambda _: {"minimum_applied": True}, "the minimum"),
    ("evening", lambda _: {"minimum_micros": 800_000}, "the minimum"),
    ("evening", lambda _: {"maximum_micros": 700_000}, "the maximum"),
    ("evening", lambda _: {"bounded_micros": Fraction(700_000)}, "minimum and maximum"),
    ("evening", lambda _: {"discount_ppm": 200_001}, "the discount"),
    ("evening", lambda _: {"unrounded_micros": Fraction(610_000)}, "the discount"),
    ("evening", lambda _: {"rounding_step_micros": 1}, "rounding"),
    ("evening", lambda _: {"rounded_micros": 620_000}, "rounding"),
    ("evening", lambda _: {"pass_fees_micros": 1}, "before discount, money and caps"),
    ("evening", lambda o: _cap(o, cut_micros=1), "other than its excess"),
    ("evening", lambda o: _cap(o, limit_micros=12_500_000), "other than its excess"),
    ("evening", lambda o: _cap(o, spent_after_micros=12_300_000), "did not count"),
    ("evening", lambda _: {"counter_after": 1}, "did not move"),
    ("evening", lambda _: {"paid_after": 1}, "only packages"),
    ("evening", lambda _: {"minimum_qty": 400_000}, "minimum quantity"),
    ("free_call", lambda _: {"minimum_qty_applied": False}, "minimum quantity"),
    ("roaming", lambda o: _taken(o, fee_micros=4_000_000), "fees of passes"),
    ("roaming", lambda o: _taken(o, opened_day=0), "open already has a fee"),
    ("package", lambda _: {"counter_after": 41}, "did not move"),
    ("package", lambda _: {"paid_before": 5}, "paid and not used"),
    ("package", lambda _: {"paid_after": 1}, "paid and not used"),
    ("content", lambda _: {"content_ppm": 300_001}, "content share"),
    ("content", lambda _: {"maximum_applied": False}, "the maximum"),
    ("content", lambda o: _taken(o, before=2_000_000, after=750_000), "not drawn in their order"),
    ("content", lambda o: _taken(o, taken=1_000_000, before=1_000_000), "do not sum to the charge"),
    ("refused", lambda _: {"charge_micros": 1}, "a refused event has a charge"),
    ("refused", lambda _: {"counter_after": 1}, "a refused event was counted"),
]


@pytest.mark.parametrize(("story", "lie", "noticed"), LIES)
def test_parts_that_do_not_add_up_are_never_told(story: str, lie: Callable[[Outcome], dict[str, object]], noticed: str) -> None:
    outcome = explained.STORIES[story]()
    told = msgspec.structs.replace(outcome, **lie(outcome))
    for tell in (as_text, as_json):
        with pytest.raises(AssertionError, match=noticed):
            tell(told)


def test_the_order_of_draws_is_noticed() -> None:
    """Of two buckets of one allowance the one that ends first goes first, wherever it stands."""
    later = explained.bucket(BucketKind.ALLOWANCE, 1, 400_000)
    earlier = msgspec.structs.replace(later, amount=20_000, to_us=2**61)
    outcome = explained.TWIN.rate(explained.evening().event, [later, earlier])
    assert [(each.before, each.taken) for each in outcome.taken] == [(20_000, 20_000), (400_000, 340_000)]
    check_parts(outcome)
    with pytest.raises(AssertionError, match="not drawn in their order"):
        check_parts(msgspec.structs.replace(outcome, taken=outcome.taken[::-1]))


def test_everything_that_is_generated_adds_up_and_is_told() -> None:
    """Both languages and JSON for every outcome; and every stage took place somewhere."""
    seen: collections.Counter[Stage] = collections.Counter()
    for seed in SEEDS:
        case = generate(seed, EVENTS)
        ordered = Reference(case.catalogues, case.ported).rate_in_order(case.events, case.holders, case.held, case.buckets)
        for outcome in ordered.outcomes:
            texts = [as_text(outcome, language).splitlines() for language in LANGUAGES]
            assert len(texts[0]) == len(texts[1]), f"seed {seed}: {outcome}"
            assert msgspec.json.decode(msgspec.json.encode(as_json(outcome)))["charge_micros"] == outcome.charge_micros
            seen.update(stages_of(outcome))
    assert set(seen) == set(COMPOSITION) - {Stage.BOUNDS}, "the generator leaves a stage out"
