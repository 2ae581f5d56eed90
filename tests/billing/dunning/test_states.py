"""The state of an account as text tables: open items, credit, date, steps so far and promises. Thresholds are inclusive."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from billing import dunning
from billing.allocations import OpenItem
from billing.dunning import Taken
from billing.dunning_policy import Action, Policy, Step

POLICY = Policy("p", (Step(1, Action.REMIND, 3, "1.00"), Step(2, Action.BAR_OUTGOING, 30, "10.00")))

# open items as due=amount, credit, date, level, past due
STATES = """
2025-11-15=20.00                   0      2025-11-15  0  0.00
2025-11-15=20.00                   0      2025-11-16  0  20.00
2025-11-15=20.00                   0      2025-11-17  0  20.00
2025-11-15=20.00                   0      2025-11-18  1  20.00
2025-11-15=0.99                    0      2025-11-18  0  0.99
2025-11-15=1.00                    0      2025-11-18  1  1.00
2025-11-15=20.00                   0      2025-12-14  1  20.00
2025-11-15=20.00                   0      2025-12-15  2  20.00
2025-11-15=9.99                    0      2025-12-15  1  9.99
2025-11-15=9.99,2025-12-14=0.01    0      2025-12-15  2  10.00
2025-11-15=9.99,2025-12-15=0.01    0      2025-12-15  1  9.99
2025-11-15=20.00                   20.00  2025-12-15  0  0.00
2025-11-15=20.00                   10.01  2025-12-15  1  9.99
2025-11-15=20.00,2025-12-20=-15.00 0      2025-12-15  1  5.00
2025-11-15=20.00,2025-12-10=20.00  20.00  2025-12-15  1  20.00
"""

WAITING = Policy(
    "w",
    (
        Step(1, Action.REMIND, 3, "1.00"),
        Step(2, Action.REMIND, 10, "1.00", after=1, days_after=7),
        Step(3, Action.BAR_OUTGOING, 30, "10.00", after=Action.REMIND, days_after=14),
    ),
)

# 20.00 due on 15 November. Steps so far as level+action letter@date (r remind, b bar), date, level and action
AFTER = """
-                                  2025-12-15  1  remind
1r@2025-11-18                      2025-11-24  1  remind
1r@2025-11-18                      2025-11-25  2  remind
1r@2025-11-28                      2025-12-04  1  remind
1r@2025-11-28                      2025-12-05  2  remind
1r@2025-12-10                      2025-12-15  1  remind
1r@2025-12-01                      2025-12-15  3  bar_outgoing
1r@2025-12-02                      2025-12-15  2  remind
1r@2025-12-02,2r@2025-12-09        2025-12-15  2  remind
1r@2025-12-02,2r@2025-12-09        2025-12-16  3  bar_outgoing
2r@2025-12-02                      2025-12-15  2  remind
2r@2025-12-02                      2025-12-16  3  bar_outgoing
3b@2025-12-15                      2025-12-15  3  bar_outgoing
2b@2025-12-15                      2025-12-15  3  bar_outgoing
3b@2025-12-01                      2025-11-30  2  remind
"""

# The first policy; 20.00 due on 15 November and 5.00 due on 10 December.
# Steps so far, promised, date, level, held level. A promise covers the oldest first, raises nobody and lowers nobody.
PROMISED = """
-              0      2025-12-15  2  0
-              20.00  2025-12-15  1  2
-              15.01  2025-12-15  1  2
-              15.00  2025-12-15  2  0
-              25.00  2025-12-15  0  2
-              25.00  2025-11-20  0  1
1r@2025-11-18  25.00  2025-12-15  1  2
1r@2025-11-18  0.01   2025-12-15  2  0
2b@2025-12-15  25.00  2025-12-16  2  0
2b@2025-12-15  0      2025-12-16  2  0
2b@2025-12-15  25.00  2025-12-14  1  0
"""
ACTIONS = {"r": "remind", "b": "bar_outgoing"}


def micros(text: str) -> int:
    return int(Decimal(text) * 1_000_000)


def items_of(text: str) -> list[OpenItem]:
    items = []
    for place, each in enumerate(text.split(",")):
        due, amount = each.split("=")
        items.append(OpenItem(1, place, f"R-{place}", dt.date.fromisoformat(due), micros(amount)))
    return items


def taken_of(text: str) -> list[Taken]:
    return [] if text == "-" else [Taken(int(each[0]), ACTIONS[each[1]], dt.date.fromisoformat(each[3:])) for each in text.split(",")]


@pytest.mark.parametrize("row", STATES.strip().splitlines())
def test_state(row: str) -> None:
    item_text, credit, as_of, level, overdue = row.split()
    state = dunning.state(items_of(item_text), micros(credit), POLICY, dt.date.fromisoformat(as_of))
    assert (state.level, state.overdue_micros) == (int(level), micros(overdue))


@pytest.mark.parametrize("row", AFTER.strip().splitlines())
def test_a_step_waits_for_the_one_before(row: str) -> None:
    taken, as_of, level, action = row.split()
    state = dunning.state(items_of("2025-11-15=20.00"), 0, WAITING, dt.date.fromisoformat(as_of), taken=taken_of(taken))
    assert (state.level, state.action) == (int(level), action)


@pytest.mark.parametrize("row", PROMISED.strip().splitlines())
def test_promises_hold_back_what_they_cover(row: str) -> None:
    taken, promised, as_of, level, held = row.split()
    items = items_of("2025-11-15=20.00,2025-12-10=5.00")
    on = dt.date.fromisoformat(as_of)
    state = dunning.state(items, 0, POLICY, on, taken=taken_of(taken), promised_micros=micros(promised))
    assert (state.level, state.held_level) == (int(level), int(held))
    assert state.overdue_micros == sum(item.open_micros for item in items if item.due_on < on), "what is past due stays so"
