"""Plans with add-ons: which there are, and what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rating.model import AddOn, FeeOccasion, Plan
from rating.reference import Reference
from tariffs.builders.add_ons import with_add_ons
from tariffs.compiling.compiler import compile_catalogues
from tariffs.language.plans import PlanEntry
from tests.tariffs.rich import RICH, changed
from tests.tariffs.sample import loaded

if TYPE_CHECKING:
    from pathlib import Path

    from tariffs.documents.document import Finding

# add-ons of the plan, pairs that exclude each other, and the plans there are
SETS = [
    ("", "", "p"),
    ("a", "", "p, p+a"),
    ("b a", "", "p, p+a, p+b, p+a+b"),
    ("a b", "a-b", "p, p+a, p+b"),
    ("a b", "b-a", "p, p+a, p+b"),
    ("a b c", "a-b", "p, p+a, p+b, p+c, p+a+c, p+b+c"),
    ("a b c", "", "p, p+a, p+b, p+c, p+a+b, p+a+c, p+b+c, p+a+b+c"),
]


@pytest.mark.parametrize(("names", "excluding", "plans"), SETS)
def test_every_set_that_may_be_bought_is_a_plan(names: str, excluding: str, plans: str) -> None:
    pairs = [pair.split("-") for pair in excluding.split()]
    add_ons = [AddOn(name, {}, excludes=tuple(other for one, other in pairs if one == name)) for name in sorted(names.split())]
    findings: list[Finding] = []
    made = with_add_ons([Plan("p", (), {})], [PlanEntry(name="p", title={}, add_ons=tuple(names.split()))], add_ons, findings)
    assert ", ".join(plan.name for plan in made) == plans
    assert findings == []


def test_five_add_ons_are_thirty_two_plans() -> None:
    add_ons = [AddOn(name, {}) for name in "abcde"]
    made = with_add_ons([Plan("p", (), {})], [PlanEntry(name="p", title={}, add_ons=tuple("abcde"))], add_ons, [])
    assert (len(made), made[-1].name) == (32, "p+a+b+c+d+e")


def test_a_plan_with_an_add_on_has_what_both_have(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, RICH)
    plans = {plan.name: plan for plan in catalogue.plans}
    basic, both = plans["basic"], plans["basic+travel"]
    assert list(plans) == ["rich", "basic", "basic+booster", "basic+travel"]  # booster excludes travel
    assert both.rules is basic.rules
    assert (both.base, both.add_ons, both.title) == ("basic", ("travel",), {"en": "Basic + Travel"})
    assert (basic.base, basic.add_ons) == (None, ())
    assert [fee.name for fee in both.recurring] == ["fee"]
    assert [fee.name for fee in plans["basic+booster"].recurring] == ["fee", "booster-fee"]
    assert [(fee.name, fee.on) for fee in both.one_offs] == [
        ("setup", FeeOccasion.ACTIVATION),
        ("leaving", FeeOccasion.END),
        ("change", FeeOccasion.PLAN_CHANGE),
        ("early", FeeOccasion.EARLY_END),
        ("travel-start", FeeOccasion.ADDED),
        ("travel-end", FeeOccasion.REMOVED),
    ]
    assert [each.name for each in both.day_passes] == ["abroad"]
    assert [each.name for each in plans["basic+booster"].allowances] == ["more-data"]
    assert (both.commitments, both.spend_limits, both.terms, both.sold_to) == (
        basic.commitments, basic.spend_limits, basic.terms, basic.sold_to,
    )  # fmt: skip


def test_a_title_that_an_add_on_lacks_is_its_name(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, changed("title: {en: Basic}", "title: {en: Basic, zh: 基本}"))
    assert catalogue.plans[3].title == {"en": "Basic + Travel", "zh": "基本 + travel"}


def test_kernel_and_twin_know_such_plans(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, RICH)
    assert "rich/basic+travel" in compile_catalogues([catalogue]).plan_index
    assert Reference([catalogue])
