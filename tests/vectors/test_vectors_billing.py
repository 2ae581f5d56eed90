"""Billing rules that other engines assert (RATEWRIGHT_VECTORS; default: our own facts) through the product; ends with the line that counts.

Beside the facts stand cases of the same shapes that were worked out by hand, so that a shape is a rule and not a case.
"""

from __future__ import annotations

import re
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from tests.vectors.billing.form import same
from tests.vectors.billing.verdicts import Kind, judge, summary
from tests.vectors.files import BILLING, OWN_FOLDER, folder, kinds_in, read_raw

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.vectors.billing.verdicts import Verdict

pytestmark = pytest.mark.slow

OWN_CASES, OWN_LISTED = 141, 42

VOLUME = [{"from": 0, "to": 100, "per_unit": "2", "flat": "10"}, {"from": 101, "to": None, "per_unit": "0.5", "flat": "50"}]
SEATS = [{"from": 0, "to": 10, "per_unit": "10", "flat": "0"}, {"from": 11, "to": None, "per_unit": "5", "flat": "0"}]
FALLING = [{"from": 0, "to": 10, "per_unit": "10", "flat": "2"}, {"from": 11, "to": None, "per_unit": "5", "flat": "3"}]
RISING = [{"from": 0, "to": 10, "per_unit": "1", "flat": "2"}, {"from": 11, "to": None, "per_unit": "5", "flat": "3"}]
TIERS = [{"up_to": 10, "kind": "unit", "price": "2"}, {"up_to": None, "kind": "unit", "price": "3"}]
FOO_BAR = {"FOO": [[10, "1"], [50, "10"], [75, "100"]], "BAR": [[100, "2"], [500, "20"], [750, "200"]]}
BLOCKS = [
    {"block_size": 100, "max_blocks": 10, "price_per_block": "1"},
    {"block_size": 1000, "max_blocks": None, "price_per_block": "0.5"},
]
CONTENT = {"event_amounts": ["10", "80", "10000"], "rate_pct": "2.99", "min_per_transaction": "1.75", "max_per_transaction": "12"}
FEE = {"mode": "IN_ADVANCE", "period": "MONTHLY", "end": None}
YEN = FEE | {"price": "1000", "currency": "JPY", "start": "2011-09-01", "target": "2011-09-01", "bill_cycle_day": 15}
LEAP = FEE | {"start": "2023-12-31", "target": "2024-03-01", "bill_cycle_day": 31}
ARREARS = {
    "mode": "IN_ARREAR",
    "period": "MONTHLY",
    "start": "2024-01-31",
    "end": "2024-03-10",
    "target": "2024-03-10",
    "bill_cycle_day": 31,
}
PAID = {"paid": "10"}
CREDIT = {"paid_fee_cents": 1000, "tax_pct": "7.5", "period_days": 30, "days_used_inclusive": 11}
REPAIRED = {"items": ["5.0 fixed", "20.0 recurring"], "payments": ["25.0"], "repair": "20.0 -> 10.0", "refund": "20.00"}

# name of the case, given, expected. Worked out by hand.
BY_HAND: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("a-vol-100", {"units": 100, "ranges": VOLUME}, {"amount": "210"}),
    ("a-vol-100.5", {"units": "100.5", "ranges": VOLUME}, {"amount": "100.25"}),
    ("a-grad-10.5", {"units": "10.5", "ranges": SEATS}, {"amount": "102.5"}),
    ("a-grad-0", {"units": 0, "ranges": SEATS}, {"amount": "0"}),
    ("a-grad-12", {"units": 12, "ranges": FALLING}, {"amount": "115"}),  # 100 + 2, then 10 + 3
    ("a-grad-tiers", {"qty": 17, "tiers": TIERS}, {"amount": "41"}),
    ("b-all", {"units": {"FOO": 76, "BAR": 101}, "tiers": FOO_BAR, "policy": "ALL_TIERS"}, {"total": "2330"}),  # 10 + 500 + 1600, 200 + 20
    ("b-top", {"units": {"FOO": 5, "BAR": 99}, "tiers": FOO_BAR, "policy": "TOP_TIER"}, {"total": "203"}),
    ("b-blocks", {"quantity": 1001, "tiers": BLOCKS, "policy": "ALL_TIERS"}, {"per_tier": ["10", "0.5"], "total": "10.5"}),
    ("b-top-blocks", {"quantity": 901, "tiers": BLOCKS[:1], "policy": "TOP_TIER"}, {"total": "10"}),
    ("c-package-begun", {"package": 10, "price": "15", "billed_before_qty": 5, "this_part_qty": 5}, {"amount": "0"}),
    ("c-package-next", {"package": 10, "price": "15", "billed_before_qty": 5, "this_part_qty": 6}, {"amount": "15"}),
    ("c-package-free", {"units": 221, "package_size": 10, "package_price": "100", "free_units": 200}, {"amount": "300"}),
    ("c-package-free-1", {"units": 205, "package_size": 10, "package_price": "100", "free_units": 204}, {"amount": "100"}),
    ("d-bounds", CONTENT, {"amount": "16.142"}),  # 1.75 + 2.392 + 12
    ("d-free", CONTENT | {"free_events": 1}, {"amount": "14.392"}),
    ("d-share", {"amount_units": "800", "events": 4, "rate_pct": "1.3", "fixed_per_event": None}, {"amount": "10.4"}),
    ("e-cap", {"qty": 2, "tier_price": "100", "maximum": "125"}, {"amount": "100", "discount": "0", "total": "100"}),
    ("f-yen", YEN, {"items": [{"from": "2011-09-01", "to": "2011-09-15", "amount": "452"}], "invoice_total": "452"}),  # 14/31
    ("g-leap", LEAP, {"cycles": "3.000000000", "as_fractions": "3"}),
    ("g-arrears", ARREARS, {"intervals": [["2024-01-31", "2024-02-29"], ["2024-02-29", "2024-03-10"]]}),
    ("g-actual", {"from": "2024-02-01", "to": "2024-03-01", "period_days": 29}, {"fraction": "1"}),
    ("h-yen", {"amount": "0.5", "currency": "JPY"}, {"rounded": "1"}),
    ("h-dinar", {"amount": "0.0005", "currency": "KWD"}, {"rounded": "0.001"}),
    ("h-below", {"amount": "-0.005", "currency": "EUR"}, {"rounded": "-0.01"}),
    ("i-spread", {"lines_cents": [1, 1, 1], "discount_cents": 2}, {"taxable_cents": [0, 0, 1]}),
    ("i-more", {"lines_cents": [100, 200], "discount_cents": 500}, {"taxable_cents": [0, 0]}),
    ("i-both", {"subtotal_cents": 105, "coupons": [["fix", 50], ["pct", 10]]}, {"discount_cents": 61}),
    ("j-credit", {"potential_credit": "0.01", "originally_paid": "2", "previous_credits": "1.995"}, {"credit": "0.005"}),
    ("j-neutral", REPAIRED | {"item_adjusted_by_refund": True}, {"account_balance": "-10.00", "account_credit": "10.00"}),
    ("j-part", {"items": ["10.0", "5.0"], "payments": ["20.0"]}, {"invoice_balance": "0", "account_balance": "-5", "account_credit": "5"}),
    ("k-days", {"start_utc": "2024-10-26T22:00", "end_utc": "2024-10-27T23:00", "timezone": "Europe/Berlin"}, {"days": 1}),
    ("l-age", {"condition": "days since earliest unpaid invoice date >= 3", "cases": [2, 3, None]}, {"matches": [False, True, False]}),
    ("m-least", {"minimum": "10", "previously_billed": "4", "usage_in_last_part": "7.5"}, {"minimum_spend_line": None}),
    ("j-ours", CREDIT, {"subtotal_cents": 633, "tax_cents": 47, "total_cents": 680}),  # 75 - 28: tax of 3.67 is 0.28
    ("n-refunds", {"cases": [PAID | {"asked": "10"}, PAID | {"asked": "10.01"}]}, {"results": ["10", "REFUND_AMOUNT_TOO_HIGH"]}),
]  # fmt: skip

# What follows another convention, or what the product does not have: given, expected, and a word of the reason.
LISTED: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("a-grad-rising", {"units": 12, "ranges": RISING}, {"amount": "25"}, "rates rise"),
    ("a-vol-0", {"units": 0, "ranges": VOLUME}, {"amount": "10"}, "nothing is due for nothing"),
    ("d-money", CONTENT | {"free_amount": "10"}, {"amount": "1"}, "content money"),
    ("g-years", FEE | {"period": "ANNUAL", "start": "2024-01-31", "target": "2024-01-31", "bill_cycle_day": 31}, {"cycles": "1"}, "months"),
    ("j-precise", CREDIT, {"subtotal_cents": 633, "tax_cents": 48, "total_cents": 681}, "tax of the unrounded credit"),
]


def raw(case_id: str, given: dict[str, Any], expected: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401 -- any JSON
    return {"id": case_id, "topic": "by hand", "given": given, "expected": expected, **more}


@pytest.fixture(scope="module")
def own() -> list[dict[str, Any]]:
    return read_raw(OWN_FOLDER, BILLING)


def verdict(*case: Any) -> Verdict:  # noqa: ANN401 -- a row
    return judge([raw(*case)])[0]


def test_what_other_engines_assert(record_property: Callable[[str, object], None]) -> None:
    if BILLING not in kinds_in(folder()):
        pytest.skip("the folder holds no vectors of billing")
    verdicts = judge(read_raw(folder(), BILLING))
    record_property("last line", summary(verdicts))
    assert [each for each in verdicts if each.kind is Kind.FAILED] == []
    assert any(each.kind is Kind.PASSED for each in verdicts)


def test_all_of_our_own_facts_are_known(own: list[dict[str, Any]]) -> None:
    verdicts = judge(own)
    assert summary(verdicts) == f"billing vectors: {OWN_CASES - OWN_LISTED} passed, 0 failed, 0 of unknown shape, {OWN_LISTED} listed"
    assert all(each.reason for each in verdicts if each.kind is Kind.LISTED)


def test_every_case_fails_when_a_figure_is_tampered_with(own: list[dict[str, Any]]) -> None:
    passed = [case for case, each in zip(own, judge(own), strict=True) if each.kind is Kind.PASSED]
    wrong = [case | {"expected": _tampered(case["expected"])} for case in passed]
    assert [each.case_id for each in judge(wrong) if each.kind is not Kind.FAILED] == []


@pytest.mark.parametrize("case", BY_HAND, ids=lambda case: case[0])
def test_cases_of_the_same_shapes(case: tuple[str, dict[str, Any], dict[str, Any]]) -> None:
    assert verdict(*case)[:3] == (case[0], Kind.PASSED, "")


@pytest.mark.parametrize("case", LISTED, ids=lambda case: case[0])
def test_what_is_listed_says_why(case: tuple[str, dict[str, Any], dict[str, Any], str]) -> None:
    found = verdict(*case[:3])
    assert found.kind is Kind.LISTED
    assert case[3] in found.reason


def test_a_wrong_figure_is_no_other_convention() -> None:
    wrong = {"subtotal_cents": 633, "tax_cents": 49, "total_cents": 682}
    assert verdict("j-precise", CREDIT, wrong).kind is Kind.FAILED


def test_the_rule_says_the_method_and_without_it_either_may_be_meant() -> None:
    given = {"units": 101, "ranges": VOLUME}
    rules = ("Volume: all units", "Graduated: each range", "")
    found = judge([raw("x", given, {"amount": "100.5"}, rule=rule) for rule in rules])
    assert [each.kind for each in found] == [Kind.PASSED, Kind.FAILED, Kind.PASSED]


def test_a_case_may_quote_another_one() -> None:
    first = raw("x-vol-1", {"units": 1, "ranges": VOLUME}, {"amount": "12"})
    second = raw("y-vol-2", {"units": 2, "ranges": "as x-vol-*"}, {"amount": "14"})
    assert [each.kind for each in judge([second, first])] == [Kind.PASSED, Kind.PASSED]


def test_what_nobody_knows_is_told_with_its_keys() -> None:
    found = verdict("x", {"moons": 2}, {"tide": "high"})
    assert found[:3] == ("x", Kind.UNKNOWN, "by hand: given moons; expected tide")


@pytest.mark.parametrize(
    ("given", "expected"),
    [({"amount": "much", "currency": "EUR"}, {"rounded": "1"}), ({"amount": "1", "currency": "XXX"}, {"rounded": "1"})],
    ids=["no number", "no currency"],
)
def test_values_that_cannot_be_read_are_listed(given: dict[str, Any], expected: dict[str, Any]) -> None:
    found = verdict("x", given, expected)
    assert found.kind is Kind.LISTED
    assert "cannot be read" in found.reason


@pytest.mark.parametrize("broken", [{"id": "x"}, {"id": "x", "topic": "t", "given": [], "expected": {}}], ids=["no keys", "no object"])
def test_what_is_no_case_is_listed_alone(broken: dict[str, Any]) -> None:
    found = judge([broken, raw("y", {"amount": "0.005", "currency": "GBP"}, {"rounded": "0.01"})])
    assert [each.kind for each in found] == [Kind.LISTED, Kind.PASSED]


@pytest.mark.parametrize(
    ("expected", "answer", "is_same"),
    [
        ("1.0", Decimal(1), True),
        (1, Decimal(1), True),
        ("1.0000004", Decimal(1), True),  # finer than a micro-unit
        ("1.000001", Decimal(1), False),
        (None, Decimal(0), False),
        (True, 1, False),
        (0, False, False),
        ("0", None, False),
        ([1, 2], [1], False),
        ({"a": 1, "b": 2}, {"a": 1}, False),
    ],
)
def test_comparing(expected: object, answer: object, is_same: bool) -> None:  # noqa: FBT001 -- a column of the table
    assert same(expected, Fraction(answer) if isinstance(answer, Decimal) else answer) is is_same


def test_the_module_ends_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "billing_more.json").write_text(
        '[{"id": "a", "topic": "rounding", "given": {"amount": "0.5", "currency": "JPY"}, "expected": {"rounded": "0"}},'
        ' {"id": "b", "topic": "tides", "given": {"moons": 2}, "expected": {"tide": 1}}]'
    )
    run = subprocess.run(
        [sys.executable, "-m", "tests.vectors", str(tmp_path)], cwd=OWN_FOLDER.parents[1], capture_output=True, text=True, check=False
    )
    assert run.stdout.splitlines() == [
        "failed: a: expected {'rounded': '0'}, ours {'rounded': '1'}",
        "of unknown shape: b: tides: given moons; expected tide",
        "form rounding: one: 1 failed",
        "form tides: moons: 1 of unknown shape",
        "billing vectors: 0 passed, 1 failed, 1 of unknown shape, 0 listed",
    ]
    assert run.returncode == 1


def _tampered(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    """The value with its first figure changed by one in its last place; a word, where there is no figure."""
    if isinstance(value, dict):
        return {key: _tampered(each) if place == 0 else each for place, (key, each) in enumerate(value.items())}
    if isinstance(value, list):
        return [_tampered(value[0]), *value[1:]] if value else [1]
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int | Decimal) or re.fullmatch(r"-?[\d.]+", value):
        figure = Decimal(value)
        return str(figure + Decimal(1).scaleb(int(figure.as_tuple().exponent)))
    return f"{value}?"
