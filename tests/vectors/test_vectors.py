"""A folder of vectors (RATEWRIGHT_VECTORS; default: our own facts) through both engines; the run ends with the one line that counts."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from rating.errors import UserError
from tests.vectors.cases import decode
from tests.vectors.files import OWN_FOLDER, RATING, folder, kinds_in, read_raw
from tests.vectors.verdicts import Kind, Rated, Verdict, judge, rate_cases, summary

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OWN_COSTS = 1_046  # cases of our own facts that ask for a cost


@pytest.fixture(scope="module")
def own() -> list[dict[str, Any]]:
    return read_raw(OWN_FOLDER)


@pytest.fixture(scope="module")
def own_rated(own: list[dict[str, Any]]) -> list[Rated]:
    found = rate_cases([decode(raw) for raw in own if raw["operation"] == "cost"])
    return [one for one in found if isinstance(one, Rated)]


def test_what_other_engines_assert(record_property: Callable[[str, object], None]) -> None:
    if RATING not in kinds_in(folder()):
        pytest.skip("the folder holds no vectors of rating")
    verdicts = judge(read_raw(folder()))
    record_property("last line", summary(verdicts))
    assert [verdict for verdict in verdicts if verdict.kind is Kind.FAILED] == []
    assert any(verdict.kind is Kind.PASSED for verdict in verdicts)


def test_every_cost_among_our_own_facts_can_be_said(own: list[dict[str, Any]], own_rated: list[Rated]) -> None:
    assert len(own_rated) == OWN_COSTS
    assert len(own) == OWN_COSTS + 12


def test_prefix_and_rated_quantity_are_those_of_the_other_engine_too(own_rated: list[Rated]) -> None:
    seen = 0
    for one in own_rated:
        expected, twin = one.case.expected, one.twin
        rated = expected.rated_duration_s if expected.rated_units is None else expected.rated_units
        if rated is not None:
            assert Fraction(twin.chargeable_qty) == Fraction(rated) * one.said.scale, one.case.id
            seen += 1
        if expected.matched_prefix is not None:
            assert twin.prefix == expected.matched_prefix.removeprefix("*any").removeprefix("+"), one.case.id
    assert seen >= 40


def test_a_wrong_cost_is_a_failure_and_told(own: list[dict[str, Any]]) -> None:
    first = own[0] | {"expected": {"cost": Decimal("2701.0001")}}
    told = "asserted 2701.0001, twin 2701.000000, kernel 2701.000000"
    assert judge([first]) == [Verdict(first["id"], Kind.FAILED, told, "cost of voice")]


def test_a_cost_where_usage_must_be_refused_is_a_failure(own: list[dict[str, Any]]) -> None:
    first = own[0] | {"expected": {"cost": -1, "error": "UNAUTHORIZED_DESTINATION"}}
    assert [verdict.kind for verdict in judge([first])] == [Kind.FAILED]


def test_an_exact_cost_goes_before_the_cost(own: list[dict[str, Any]]) -> None:
    right, wrong = ({"cost": Decimal(1), "exact_cost": Decimal(exact)} for exact in ("2701", "1"))
    assert [verdict.kind for verdict in judge([own[0] | {"expected": right}, own[0] | {"expected": wrong}])] == [
        Kind.PASSED,
        Kind.FAILED,
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"tariff": {"plans": {}}},
        {"tariff": {"plans": {"P": [{"prefixes": ["0"], "slots": []}]}, "profiles": [{"subject": "*any", "plan": "P"}]}},
        {"usage": {"type": "voice", "answer_time": "yesterday", "duration_s": 1}},
        {"expected": {"cost": "much"}},
    ],
    ids=["no profiles", "no slots", "no time", "no number"],
)
def test_a_case_that_is_not_of_the_form_fails_alone(change: dict[str, Any], own: list[dict[str, Any]]) -> None:
    broken, fine = judge([own[0] | change, own[1]])
    assert (broken.kind, fine.kind) == (Kind.LISTED, Kind.PASSED)
    assert "not of the form" in broken.reason


@pytest.mark.parametrize(
    ("figure", "wrong"),
    [
        ("matched_prefix", "025"),
        ("matched_subject", "nobody"),
        ("rated_duration_s", 3601),
        ("connect_fee", "1.0001"),
        ("spans", 3),
        ("spans_detail", [{"start": "2012-02-02T17:30:00Z", "length": 3600, "cost": 2701}]),
    ],
)
def test_every_figure_is_judged(figure: str, wrong: object, own: list[dict[str, Any]]) -> None:
    right = {"matched_prefix": "0256", "matched_subject": "rif", "rated_duration_s": 3600, "connect_fee": 1, "spans": 2}
    fine, bad = ({**own[0], "expected": {"cost": 2701, **each}} for each in (right, {figure: wrong}))
    assert [each.kind for each in judge([fine, bad])] == [Kind.PASSED, Kind.FAILED]


@pytest.mark.parametrize("place", ["", "usage", "expected", "tariff"])
def test_a_key_that_nobody_reads_is_never_passed(place: str, own: list[dict[str, Any]]) -> None:
    case = own[0] | ({"surcharge": 1} if not place else {place: {**own[0][place], "surcharge": 1}})
    (found,) = judge([case])
    assert (found.kind, found.reason) == (Kind.LISTED, f"keys that nobody reads: {place}{'.' if place else ''}surcharge")


def test_keys_within_rules_are_told_too(own: list[dict[str, Any]]) -> None:
    rules = {
        name: [{**rule, "rounding": {**rule["rounding"], "every": "increment"}} for rule in rules]
        for name, rules in own[0]["tariff"]["plans"].items()
    }
    (found,) = judge([own[0] | {"tariff": own[0]["tariff"] | {"plans": rules}}])
    assert found[:3] == (own[0]["id"], Kind.LISTED, "keys that nobody reads: tariff.plans.rounding.every")


@pytest.mark.parametrize("what", ["a text", 5, None, []])
def test_what_is_no_case_is_listed(what: object, own: list[dict[str, Any]]) -> None:
    assert [each.kind for each in judge([what, own[0]])] == [Kind.LISTED, Kind.PASSED]


def test_prepaid_balances_are_not_applicable(own: list[dict[str, Any]]) -> None:
    (verdict,) = judge([own[0] | {"operation": "max_debit"}])
    assert verdict.kind is Kind.NOT_APPLICABLE


def test_the_line(own: list[dict[str, Any]]) -> None:
    assert summary(judge(own[:3])) == "rating vectors: 3 passed, 0 failed, 0 not applicable, 0 listed"


def test_a_folder_without_vectors_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no rating"):
        read_raw(tmp_path)


def test_the_module_ends_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "rating.json").write_text('[{"id": "a", "operation": "debit"}]')
    run = subprocess.run(
        [sys.executable, "-m", "tests.vectors", str(tmp_path)], cwd=OWN_FOLDER.parents[1], capture_output=True, text=True, check=False
    )
    assert run.stdout.splitlines()[-1] == "rating vectors: 0 passed, 0 failed, 1 not applicable, 0 listed"
    assert run.returncode == 0
