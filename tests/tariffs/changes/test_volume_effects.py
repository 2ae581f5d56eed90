"""What is told of a volume tier to be cheaper is dearer for no quantity: random steps, each quantity priced by the old and by the new."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from rating.model import VolumeStep, WhilePaused
from tariffs.changes.change import Effect
from tariffs.changes.fields import by_step, while_paused
from tariffs.sheets.volume import total_micros

if TYPE_CHECKING:
    from fractions import Fraction

QUANTITIES = (1, 5, 9, 10, 11, 15, 16, 100, 1_000)


def total(steps: tuple[VolumeStep, ...], quantity: int) -> Fraction:
    """The last step that begins at or below the quantity prices all of it."""
    return total_micros([step for step in steps if step.from_qty <= quantity][-1], quantity)


def some_steps(rng: random.Random) -> tuple[VolumeStep, ...]:
    begins = [0, *sorted(rng.sample([5, 10, 16], rng.choice([0, 1, 1, 2])))]
    return tuple(VolumeStep(begin, rng.choice([0, 50, 100]), rng.choice([1, 3]), rng.choice([0, 0, 700])) for begin in begins)


def with_other_figures(rng: random.Random, steps: tuple[VolumeStep, ...]) -> tuple[VolumeStep, ...]:
    change = rng.choice([-10, 10])
    return tuple(VolumeStep(s.from_qty, max(s.rate_micros + rng.choice([0, change]), 0), s.per, s.flat_micros) for s in steps)


@pytest.mark.parametrize("seed", range(5))
def test_cheaper_is_never_dearer_and_dearer_never_cheaper(seed: int) -> None:
    rng, met = random.Random(seed), Counter[Effect]()
    for _ in range(400):
        old = some_steps(rng)
        new = rng.choice([some_steps(rng), with_other_figures(rng, old)])
        if old == new:
            continue
        effect = by_step(old, new)
        met[effect] += 1
        differences = [total(new, quantity) - total(old, quantity) for quantity in QUANTITIES]
        assert effect is not Effect.CHEAPER or max(differences) <= 0, (seed, old, new)
        assert effect is not Effect.DEARER or min(differences) >= 0, (seed, old, new)
        assert effect is not Effect.NONE or set(differences) == {0}, (seed, old, new)
    assert min(met[each] for each in (Effect.CHEAPER, Effect.DEARER, Effect.MAY)) > 10, (seed, met)


PAUSES = [
    (WhilePaused.FREE, WhilePaused.CHARGED, Effect.DEARER),
    (WhilePaused.ONLY, WhilePaused.CHARGED, Effect.DEARER),
    (WhilePaused.CHARGED, WhilePaused.FREE, Effect.CHEAPER),
    (WhilePaused.CHARGED, WhilePaused.ONLY, Effect.CHEAPER),
    (WhilePaused.FREE, WhilePaused.ONLY, Effect.MAY),
    (WhilePaused.ONLY, WhilePaused.FREE, Effect.MAY),
]


@pytest.mark.parametrize(("old", "new", "effect"), PAUSES)
def test_fees_while_paused(old: WhilePaused, new: WhilePaused, effect: Effect) -> None:
    assert while_paused(old, new) is effect
