"""Cases of known forms in other words: adapters judge by form, never by id."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vectors import verdicts as rating
from tests.vectors.billing import verdicts as billing
from tests.vectors.files import BILLING, OWN_FOLDER, RATING, read_raw


def _billing(topic: str, given: dict[str, Any], expected: dict[str, Any], rule: str = "") -> str:
    (found,) = billing.judge([{"id": "x", "topic": topic, "given": given, "expected": expected, "rule": rule}])
    return found.kind.value


@pytest.mark.parametrize(
    ("condition", "cases", "matches"),
    [
        ("total unpaid invoice balance >= 20.00", [None, "19.99", "20.00", "25"], [False, False, True, True]),
        ("unpaid balance > 20", ["20", "20.01"], [False, True]),
        ("balance >= 149.5 EUR", ["149.49", "149.50"], [False, True]),
        ("days since earliest unpaid invoice date > 10", [10, 11], [False, True]),
    ],
)
def test_conditions_of_dunning(condition: str, cases: list[object], matches: list[bool]) -> None:
    given = {"condition": condition, "cases": cases}
    assert _billing("dunning", given, {"matches": matches}) == "passed"
    assert _billing("dunning", given, {"matches": [not each for each in matches]}) == "failed"


# paid 20, taken back 20: what goes back without an adjustment is owed again
@pytest.mark.slow
@pytest.mark.parametrize(
    ("refund", "balance"), [("7.00 without adjustment", "-13.00"), ("7.00", "-13.00"), ("7.00 with item adjustment", "-20.00")]
)
def test_refunds_in_words(refund: str, balance: str) -> None:
    given = {"items": ["20.0 paid", "repair -20.0", "credit balance +20.0"], "refund": refund}
    assert _billing("payments", given, {"account_balance": balance}) == "passed"


@pytest.mark.parametrize("extra", [{"method": "graduated"}, {}])
def test_ranges_without_a_telling_id(extra: dict[str, str]) -> None:
    ranges = [{"from": 0, "to": 10, "per_unit": "2"}, {"from": 11, "to": None, "per_unit": "1"}]
    given = {"units": 12, "ranges": ranges, **extra}
    assert _billing("usage_pricing", given, {"amount": "22"}) == "passed"
    assert _billing("usage_pricing", given, {"amount": "23"}) == "failed"
    assert _billing("usage_pricing", given, {"amount": "12"}) == ("failed" if extra else "passed")
    assert _billing("usage_pricing", {**given, "method": "volume"}, {"amount": "12"}) == "passed"
    assert _billing("usage_pricing", given, {"amount": "12"}, rule="Volume: one range prices all") == ("failed" if extra else "passed")


@pytest.mark.slow
def test_every_billing_case_under_another_id() -> None:
    """Nothing is judged by the id, except what quotes another case."""
    own = read_raw(OWN_FOLDER, BILLING)
    before = {each.case_id: each.kind for each in billing.judge(own)}
    for place, case in enumerate(own):
        (found,) = billing.judge([{**case, "id": f"case-{place}"}])
        assert found.kind is before[case["id"]], (case["id"], found)


def _piece(loop_index: int, **more: object) -> dict[str, Any]:
    slots = [
        {"from_s": 0, "rate": "0.60", "rate_unit_s": 60, "increment_s": 1},
        {"from_s": 60, "rate": "0.30", "rate_unit_s": 60, "increment_s": 1},
    ]
    rule = {"prefixes": ["49"], "slots": slots, "connect_fee": "0.10", "rounding": {"method": "up", "decimals": 4}}
    usage = {"type": "*voice", "answer_time": "2026-01-01T00:00:00Z", "destination": "4930", "duration_s": 30, "subject": "s"}
    tariff = {"plans": {"p": [rule]}, "profiles": [{"subject": "s", "plan": "p"}]}
    return {"id": "x", "operation": "cost", "tariff": tariff, "usage": usage | {"loop_index": loop_index} | more, "expected": {}}


@pytest.mark.parametrize(
    ("piece", "cost"),
    [
        (_piece(0), "0.40"),
        (_piece(1), "0.30"),
        (_piece(2, duration_index_s=90), "0.15"),
        (_piece(2, duration_index_s=75), "0.225"),
    ],
)
def test_a_later_piece_of_a_call(piece: dict[str, Any], cost: str) -> None:
    """Its connect fee was charged with the first piece, and its slots count from the answer."""
    (found,) = rating.judge([{**piece, "expected": {"cost": cost}}])
    assert found.kind is rating.Kind.PASSED, found
    (found,) = rating.judge([{**piece, "expected": {"cost": "9.99"}}])
    assert found.kind is rating.Kind.FAILED


def test_rating_cases_under_other_ids() -> None:
    own = [{**case, "id": f"case-{place}"} for place, case in enumerate(read_raw(OWN_FOLDER, RATING)[:58])]
    assert all(each.kind in {rating.Kind.PASSED, rating.Kind.NOT_APPLICABLE} for each in rating.judge(own))
