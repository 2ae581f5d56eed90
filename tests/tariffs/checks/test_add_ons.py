"""Add-ons: a mistake a row. What is wrong with an entry of an add-on is told once, where the add-on stands."""

# ruff: noqa: E501 - a mistake a line
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tariffs.rich import Mistake, changed, check_row
from tests.tariffs.sample import problems

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "  - name: travel\n    title: {en: Travel}\n"
NOTHING = "  - {name: empty, title: {en: Empty}}\n"
ROWS = [
    Mistake("add_ons: [travel, booster]", "add_ons: [travel, booster, trip]", "plans[1].add_ons[2]", "unknown add-on `trip`", "known add-ons: booster, travel"),
    Mistake("add_ons: [travel, booster]", "add_ons: [travel, booster, travel]", "plans[1].add_ons[2]", " is here twice", "once"),
    Mistake("add_ons: [travel, booster]", "add_ons: [travel]", "add_ons[0]", "no plan has the add-on `booster`", "add_ons: [booster]"),
    Mistake("excludes: [travel]", "excludes: [trip]", "add_ons[0].excludes", "unknown add-on `trip`", "known: booster, travel"),
    Mistake("excludes: [travel]", "excludes: [booster]", "add_ons[0].excludes", "excludes itself", "once"),
    Mistake(HEAD, HEAD.replace("{en: Travel}", "{}"), "add_ons[1].title", "has no title", "customers"),
    Mistake("  - name: booster\n", f"{NOTHING}  - name: booster\n", "add_ons[0]", "add-on `empty` holds nothing", "allowances", others=1),
    Mistake("name: more-data, service: data, quantity: 5GB", "name: more-data, service: voice, quantity: 5GB", "add_ons[0].allowances[0].quantity", "of voice is not in time", "100min"),
    Mistake("name: more-data, service: data, quantity: 5GB", "name: more-data, service: data, zones: [land], quantity: 5GB", "add_ons[0].allowances[0].zones[0]", "plan `basic+booster` has no rule for data", "add the rule"),
    Mistake("{id: 201, name: more-data", "{id: 83, name: more-data", "", ""),
    Mistake("{id: 202, name: abroad", "{id: 83, name: abroad", "add_ons[1].day_passes[0].id", "id 83 is an allowance of volume in plan `rich`", "its own"),
    Mistake("{id: 203, name: travel-cap", "{id: 1, name: travel-cap", "add_ons[1].caps[0].id", "id 1 is a cap for each day in plan `rich`", "its own"),
    Mistake('{id: 212, name: travel-end, charge_code: 9, revenue_code: 400, tax_class: standard, amount: "0.50", at: end}', '{id: 212, name: travel-end, charge_code: 9, revenue_code: 400, tax_class: standard, amount: "0.50", at: plan_change}', "add_ons[1].one_offs[1].at", "is for a change of plan", "at: activation"),
    Mistake('name: careful, amount: "30"', 'name: careful, amount: "0"', "plans[1].spend_limits[0].amount", "lets nothing be spent", "above zero"),
    Mistake('services: [sms, data], zones: ["*"], title: {en: Careful}', "services: [sms, data], zones: [land], title: {en: Careful}", "plans[1].spend_limits[0].zones[0]", "serves `land`, to which plan `basic` has no rule for sms or data", "add the rule"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_rows(tmp_path: Path, row: Mistake) -> None:
    check_row(tmp_path, row)


@pytest.mark.parametrize("name", ["travel+more", "Travel"])
def test_a_name_is_small_letters_digits_and_hyphens(tmp_path: Path, name: str) -> None:
    text = changed(
        "add_ons: [travel, booster]", f'add_ons: ["{name}", booster]', changed(HEAD, HEAD.replace("name: travel", f'name: "{name}"'))
    )
    [problem] = problems(tmp_path, text.replace("excludes: [travel]", "excludes: []"))
    assert (problem.path.partition(" ")[0], "cannot be the name of an add-on" in problem.message) == ("add_ons[1].name", True)


def test_an_add_on_that_excludes_another_twice_said_is_told_twice_only_where_it_stands_twice(tmp_path: Path) -> None:
    """A name that two entries have is told at the second."""
    found = problems(
        tmp_path, changed("  - name: travel\n", "  - name: booster\n", changed("add_ons: [travel, booster]", "add_ons: [booster]"))
    )
    assert [(each.path.partition(" ")[0], each.message) for each in found if "twice" in each.message] == [
        ("add_ons[1].name", "add-on `booster` is here twice")
    ]


def test_six_add_ons_are_too_many_for_a_plan(tmp_path: Path) -> None:
    more = "".join(
        f'  - name: a{n}\n    title: {{en: A}}\n    discounts: [{{id: {300 + n}, name: d{n}, percent: "1", service: sms}}]\n'
        for n in range(4)
    )
    five = changed(HEAD, more + HEAD, changed("add_ons: [travel, booster]", "add_ons: [a0, a1, a2, a3, travel]\n    decks: []"))
    six = changed("add_ons: [a0, ", "add_ons: [booster, a0, ", five)
    assert [each.message for each in problems(tmp_path, five)] == ["no plan has the add-on `booster`"]
    assert [(each.path.partition(" ")[0], each.message) for each in problems(tmp_path, six)] == [
        ("plans[1].add_ons", "plan `basic` has 6 add-ons")
    ]
