"""Dunning as a diary: a date, what happened, and the state. Thresholds are inclusive."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing import dunning, payments
from billing.allocations import OpenItem
from billing.dunning_policy import Action, Policy, Step, load_policies
from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.billing.runs.world import World

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


def micros(text: str) -> int:
    return int(Decimal(text) * 1_000_000)


@pytest.mark.parametrize("row", STATES.strip().splitlines())
def test_state(row: str) -> None:
    item_text, credit, as_of, level, overdue = row.split()
    items = []
    for place, text in enumerate(item_text.split(",")):
        due, amount = text.split("=")
        items.append(OpenItem(1, place, f"R-{place}", dt.date.fromisoformat(due), micros(amount)))
    state = dunning.state(items, micros(credit), POLICY, dt.date.fromisoformat(as_of))
    assert (state.level, state.overdue_micros) == (int(level), micros(overdue))


# date, event (pay, bill or nothing), what the dunning run of that date does for anna, barred afterwards
DIARY = """
2025-11-01  bill       -             no
2025-11-15  -          -             no
2025-11-18  -          remind        no
2025-11-18  -          -             no
2025-12-01  bill       -             no
2025-12-15  -          bar_outgoing  yes
2025-12-16  -          -             yes
2025-12-16  pay=10.60  clear         no
2025-12-17  -          -             no
2025-12-18  -          remind        no
2025-12-18  pay=10.60  clear         no
2026-01-31  -          -             no
"""


def test_diary(world: World) -> None:
    """Invoices of 10.60 each, due after 14 days: R-1 on 15 November, R-2 on 15 December."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    for number, row in enumerate(DIARY.strip().splitlines()):
        date, event, action, barred = row.split()
        day = dt.date.fromisoformat(date)
        if event == "bill":
            world.bill(date)
        elif event.startswith("pay="):
            payments.record(world.home, f"p{number}", "anna", micros(event[4:]), day, "", world.tick())
        foreseen = dunning.preview(world.home, day)
        changes = dunning.run(world.home, day, world.tick())
        assert changes == foreseen, row
        assert [change.action for change in changes] == ([] if action == "-" else [action]), row
        assert dunning.history(world.home, "anna", day).barred == (barred == "yes"), row
    with world.home.connect() as connection:
        facts = connection.execute(sa.select(tables.account_facts.c.kind, tables.account_facts.c.from_date)).all()
        steps = connection.execute(sa.select(tables.dunning_steps.c.level).order_by(tables.dunning_steps.c.step_id)).scalars().all()
    assert [tuple(fact) for fact in facts] == [("bar_outgoing", "2025-12-15"), ("unbar", "2025-12-16")]
    assert steps == [1, 2, 0, 1, 0]


def test_one_date_may_see_an_account_barred_clear_and_barred_again(world: World) -> None:
    """A backlog worked off on one day: barred, paid, and then billed for a month that is long past due as well."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    day = dt.date(2026, 2, 20)
    world.bill("2025-11-01")
    assert [change.action for change in dunning.run(world.home, day, world.tick())] == ["bar_outgoing"]
    payments.record(world.home, "p", "anna", micros("10.60"), day, "", world.tick())
    assert [change.action for change in dunning.run(world.home, day, world.tick())] == ["clear"]
    world.bill("2025-12-01")
    assert [change.action for change in dunning.run(world.home, day, world.tick())] == ["bar_outgoing"]
    assert dunning.history(world.home, "anna", day).barred


def test_a_date_before_the_last_step_is_refused_because_it_would_unbar_those_who_owe(world: World) -> None:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.bill("2025-11-01")
    dunning.run(world.home, dt.date(2026, 1, 20), world.tick())
    with pytest.raises(UserError, match="dunning has taken steps by 2026-01-20, which is after 2025-11-10"):
        dunning.run(world.home, dt.date(2025, 11, 10), world.tick())
    assert dunning.preview(world.home, dt.date(2025, 11, 10))[0].action == "clear"
    assert dunning.history(world.home, "anna", dt.date(2026, 1, 20)).barred


def test_the_policy_that_is_shipped() -> None:
    policy = load_policies()["standard"]
    assert [(step.level, step.action.value, step.days_past_due) for step in policy.steps] == [(1, "remind", 3), (2, "bar_outgoing", 30)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\nsteps:\n- {level: 1, action: shout, days_past_due: 3}\n", "shout"),
        ("name: x\nsteps:\n- {level: 1, action: remind, days_past_due: 3, colour: red}\n", "colour"),
        ("name: x\nsteps:\n- {level: 1, action: remind, days_past_due: 3, amount_min: '1,0'}\n", "1,0"),
        ("name: x\nsteps:\n- {level: 0, action: remind, days_past_due: 3}\n", "levels"),
        ("name: x\nsteps:\n- {level: 2, action: remind, days_past_due: 3}\n- {level: 1, action: remind, days_past_due: 9}\n", "levels"),
        ("name: [", "x.yaml"),
    ],
)
def test_a_policy_that_is_wrong_is_refused_with_its_file(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_policies(tmp_path)
    assert str(tmp_path / "x.yaml") in caught.value.message
    assert message in caught.value.message


def test_an_unknown_policy_is_an_error(world: World) -> None:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.bill("2025-11-01")
    world.execute("UPDATE accounts SET dunning_policy = 'stern'")
    with pytest.raises(UserError, match="dunning policy stern, which does not exist"):
        dunning.run(world.home, dt.date(2025, 12, 1), world.tick())


def test_history_of_nobody(world: World) -> None:
    with pytest.raises(UserError, match="no account has the id eve"):
        dunning.history(world.home, "eve", dt.date(2025, 12, 1))
