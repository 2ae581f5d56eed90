"""Plans that fall back to each other, and ids that are one thing in the whole catalogue."""

# ruff: noqa: E501 - a mistake a line
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rating.model import Plan
from tariffs.checks.plans import asked
from tests.tariffs.rich import Mistake, check_row

if TYPE_CHECKING:
    from pathlib import Path

BASIC = "    title: {en: Basic}\n"
ROWS = [
    Mistake("fallbacks: [basic]", "fallbacks: [basics]", "plans[0].fallbacks[0] (line 66)", "unknown plan `basics`", "known: basic, rich"),
    Mistake("fallbacks: [basic]", "fallbacks: [rich]", "plans[0].fallbacks[0]", "falls back to itself", "take"),
    Mistake("fallbacks: [basic]", "fallbacks: [basic, basic]", "plans[0].fallbacks[1]", "plan `basic` is here twice", "once"),
    Mistake(BASIC, f"{BASIC}    fallbacks: [rich]\n", "plans[0].fallbacks[0]", "`rich` falls back to `basic`, which falls back to `rich`", "take", others=1),
    Mistake(BASIC, f'{BASIC}    caps: [{{id: 1, name: daily, amount: "1", window: period}}]\n', "plans[1].caps[0].id", "id 1 is a cap for each day in plan `rich`, and a cap for each period here", "its own"),
    Mistake(BASIC, f'{BASIC}    caps: [{{id: 1, name: daily, amount: "1", window: day}}]\n', "", ""),
    Mistake(BASIC, f"{BASIC}    allowances: [{{id: 83, name: more, service: data, quantity: 9GB}}]\n", "", ""),
    Mistake(BASIC, f'{BASIC}    allowances: [{{id: 83, name: more, money: "9"}}]\n', "plans[1].allowances[0].id", "id 83 is an allowance of volume in plan `rich`, and an allowance of money here", "its own"),
    Mistake(BASIC, f"{BASIC}    allowances: [{{id: 91, name: more, service: data, quantity: 9GB}}]\n", "plans[1].allowances[0].id", "id 91 is a day pass of volume in plan `rich`", "its own"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_rows(tmp_path: Path, row: Mistake) -> None:
    check_row(tmp_path, row)


def test_plans_are_asked_depth_first_and_once() -> None:
    plans = {name: Plan(name, (), {}, fallbacks=tuple(then)) for name, then in {"a": "bc", "b": "d", "c": "db", "d": ""}.items()}
    assert [plan.name for plan in asked(plans["a"], plans)] == ["a", "b", "d", "c"]
    assert [plan.name for plan in asked(plans["c"], plans)] == ["c", "d", "b"]
