"""A folder of vectors (RATEWRIGHT_VECTORS; default: our own facts) through both engines; the run ends with the one line that counts."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from rating.errors import UserError
from tests.vectors.cases import OWN_FOLDER, RATING, decode, folder, kinds_in, read_raw
from tests.vectors.listed import LISTED
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
    verdicts = judge(read_raw(folder()), LISTED)
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
    assert judge([first], {}) == [Verdict(first["id"], Kind.FAILED, told)]


def test_a_cost_where_usage_must_be_refused_is_a_failure(own: list[dict[str, Any]]) -> None:
    first = own[0] | {"expected": {"cost": -1, "error": "UNAUTHORIZED_DESTINATION"}}
    assert [verdict.kind for verdict in judge([first], {})] == [Kind.FAILED]


def test_an_exact_cost_goes_before_the_cost(own: list[dict[str, Any]]) -> None:
    right, wrong = ({"cost": Decimal(1), "exact_cost": Decimal(exact)} for exact in ("2701", "1"))
    assert [verdict.kind for verdict in judge([own[0] | {"expected": right}, own[0] | {"expected": wrong}], {})] == [
        Kind.PASSED,
        Kind.FAILED,
    ]


def test_a_listed_case_is_listed_with_its_reason_and_fails_when_it_passes(own: list[dict[str, Any]]) -> None:
    differs, passes = own[0] | {"expected": {"cost": 1}}, own[1]
    listed = {differs["id"]: "on purpose", passes["id"]: "no longer"}
    assert judge([differs, passes], listed) == [
        Verdict(differs["id"], Kind.LISTED, "on purpose"),
        Verdict(passes["id"], Kind.FAILED, "passes, although it is listed: no longer"),
    ]


def test_every_listed_case_is_among_our_own_facts(own: list[dict[str, Any]]) -> None:
    assert set(LISTED) <= {raw["id"] for raw in own}


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
    broken, fine = judge([own[0] | change, own[1]], {})
    assert (broken.kind, fine.kind) == (Kind.FAILED, Kind.PASSED)
    assert "not of the form" in broken.reason


def test_prepaid_balances_are_not_applicable(own: list[dict[str, Any]]) -> None:
    (verdict,) = judge([own[0] | {"operation": "max_debit"}], {})
    assert verdict.kind is Kind.NOT_APPLICABLE


def test_the_line(own: list[dict[str, Any]]) -> None:
    assert summary(judge(own[:3], {})) == "rating vectors: 3 passed, 0 failed, 0 not applicable, 0 listed"


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
