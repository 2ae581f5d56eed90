"""Tariffs and calls at random against a plain reading of the form (`generated.rating`): whole calls, pieces, figures beside the cost."""

from __future__ import annotations

import random
from decimal import Decimal

from tests.vectors.cases import decode
from tests.vectors.generated import rating
from tests.vectors.generated.made import shuffled, wrong
from tests.vectors.verdicts import Kind, judge, summary

CASES, FIGURED = 120, 60
SEED = 20_240_304


def test_a_plain_reading_of_the_form_agrees() -> None:
    choose = random.Random(SEED)
    cases = [rating.made(choose, number) for number in range(CASES)]
    for case in cases:
        cost = rating.plain_cost(decode(case))
        case["expected"] = (
            {"cost": -1, "error": "refused"} if cost is None else {"cost": Decimal(cost.numerator) / Decimal(cost.denominator)}
        )
    verdicts = judge(cases)
    assert [verdict for verdict in verdicts if verdict.kind is not Kind.PASSED] == []
    assert summary(verdicts).startswith(f"rating vectors: {CASES} passed")
    refused = sum(case["expected"]["cost"] == -1 for case in cases)
    charged = sum(case["expected"]["cost"] > 0 for case in cases)
    assert refused > CASES / 20
    assert charged > CASES / 2


def test_pieces_subjects_and_figures() -> None:
    """Each is passed, and each with a figure that is one unit off is failed."""
    choose = random.Random(SEED)
    cases = [rating.with_figures(choose, number) for number in range(FIGURED)]
    assert [each for each in judge(shuffled(cases, choose)) if each.kind is not Kind.PASSED] == []
    twins = [case | {"expected": wrong(case["expected"], choose)} for case in cases]
    assert [(each, twin["expected"]) for each, twin in zip(judge(twins), twins, strict=True) if each.kind is not Kind.FAILED] == []
    assert sum("loop_index" in case["usage"] for case in cases) > FIGURED / 4
    assert sum("matched_subject" in case["expected"] for case in cases) > FIGURED / 4
