"""Dunning as a diary: a date, what happened, the step that a run takes, and whether the account is barred then."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import pytest
import sqlalchemy as sa

from billing import dunning, dunning_policy, payments
from billing.accounts import facts
from billing.accounts.kinds import TermsFact
from billing.catalogue import Operator
from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    from tests.billing.runs.world import World


def micros(text: str) -> int:
    return int(Decimal(text) * 1_000_000)


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
        changes = dunning.run(world.home, day, world.begun(day))
        assert [msgspec.structs.replace(change, run_id=None) for change in changes] == foreseen, row
        assert [change.action for change in changes] == ([] if action == "-" else [action]), row
        assert dunning.history(world.home, "anna", day).barred == (barred == "yes"), row
    with world.home.connect() as connection:
        facts = connection.execute(sa.select(tables.account_facts.c.kind, tables.account_facts.c.from_date)).all()
        steps = connection.execute(sa.select(tables.dunning_steps.c.level).order_by(tables.dunning_steps.c.step_id)).scalars().all()
    assert [tuple(fact) for fact in facts] == [("bar_outgoing", "2025-12-15"), ("unbar", "2025-12-16")]
    assert steps == [1, 2, 0, 1, 0]


def test_one_date_may_see_an_account_clear_and_reminded_again(world: World) -> None:
    """Barred, paid, and billed on one day for a month that is long past due as well: no bar without a reminder."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    day = dt.date(2026, 2, 20)
    world.bill("2025-11-01")

    def actions(on: dt.date) -> list[str]:
        return [change.action for change in dunning.run(world.home, on, world.begun(on))]

    assert actions(dt.date(2026, 2, 6)) == ["remind"]
    assert actions(day) == ["bar_outgoing"]
    payments.record(world.home, "p", "anna", micros("10.60"), day, "", world.tick())
    assert actions(day) == ["clear"]
    world.bill("2025-12-01")
    assert actions(day) == ["remind"]
    assert actions(dt.date(2026, 3, 5)) == []
    assert actions(dt.date(2026, 3, 6)) == ["bar_outgoing"]
    assert dunning.history(world.home, "anna", day).barred


def test_runs_have_numbers_and_say_who_took_them_by_which_policy(world: World) -> None:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.bill("2025-11-01")
    (taken,) = dunning.run(world.home, dt.date(2026, 1, 20), world.begun(dt.date(2026, 1, 20)), by=Operator("ana", 2001))
    assert dunning.run(world.home, dt.date(2026, 1, 21), world.begun(dt.date(2026, 1, 21))) == []
    (barred,) = dunning.run(world.home, dt.date(2026, 2, 3), world.begun(dt.date(2026, 2, 3)), by=Operator("bob", 2002))
    assert [(each.run_id, each.as_of, each.by_name, each.reminded, each.barred, each.state) for each in dunning.runs(world.home)] == [
        (1, "2026-01-20", "ana", 1, 0, "counts"),
        (2, "2026-02-03", "bob", 0, 1, "counts"),
    ]
    assert (taken.run_id, barred.run_id, barred.policy) == (1, 2, "standard")
    steps = dunning.history(world.home, "anna", dt.date(2026, 2, 3)).steps
    assert steps == (taken, barred)
    with world.home.connect() as connection:
        (kept,) = dunning_policy.kept(connection)
    assert (kept.policy_hash, kept.origin, kept.holds) == (barred.policy_hash, "package", True)


def test_a_date_before_the_last_step_is_refused_because_it_would_unbar_those_who_owe(world: World) -> None:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.bill("2025-11-01")
    dunning.run(world.home, dt.date(2026, 1, 6), world.begun(dt.date(2026, 1, 6)))
    dunning.run(world.home, dt.date(2026, 1, 20), world.begun(dt.date(2026, 1, 20)))
    with pytest.raises(UserError, match="dunning has taken steps by 2026-01-20, which is after 2025-11-10") as caught:
        dunning.run(world.home, dt.date(2025, 11, 10), world.begun(dt.date(2025, 11, 10)))
    assert "dunning undo --run 2" in caught.value.remedy
    assert dunning.preview(world.home, dt.date(2025, 11, 10))[0].action == "clear"
    assert dunning.history(world.home, "anna", dt.date(2026, 1, 20)).barred


def test_an_unknown_policy_is_an_error(world: World) -> None:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.bill("2025-11-01")
    world.execute("UPDATE accounts SET dunning_policy = 'stern'")
    with pytest.raises(UserError, match="dunning policy stern, which does not exist"):
        dunning.run(world.home, dt.date(2025, 12, 1), world.begun(dt.date(2025, 12, 1)))


def test_terms_name_the_policy_from_their_date_on(world: World) -> None:
    """Agreed with the account, and asked before what it was imported with."""
    stern = dunning_policy.Policy("stern", (dunning_policy.Step(1, dunning_policy.Action.BAR_OUTGOING, 1),))
    dunning_policy.add(world.home, stern, ("ana", 2001), world.tick())
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.bill("2025-11-01")
    detail = TermsFact(dunning_policy="stern")
    with world.home.begin() as connection:
        seq = world.home.next_commit_seq(connection, "fact", world.tick())
        key, ana = 1, Operator("ana", 2001)
        facts.add(connection, tables.account_facts, key, "terms", dt.date(2025, 11, 20), None, detail, by=ana, commit_seq=seq)
    assert [each.action for each in dunning.preview(world.home, dt.date(2025, 11, 19))] == ["remind"]
    assert [(each.action, each.policy) for each in dunning.preview(world.home, dt.date(2025, 11, 20))] == [("bar_outgoing", "stern")]


def test_history_of_nobody(world: World) -> None:
    with pytest.raises(UserError, match="no account has the id eve"):
        dunning.history(world.home, "eve", dt.date(2025, 12, 1))


@pytest.fixture
def owing(world: World) -> World:
    """Anna owes 10.60 since 15 November."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.bill("2025-11-01")
    return world


def test_a_date_that_has_not_begun_is_looked_at_and_not_run(owing: World) -> None:
    """In Shanghai 20 January begins at 16:00 of the nineteenth in Greenwich."""
    before_us = int(dt.datetime(2026, 1, 19, 15, 59, tzinfo=dt.UTC).timestamp()) * 1_000_000
    for day, behind in ((dt.date(2026, 1, 20), "2026-01-19"), (dt.date(2026, 8, 1), "2026-01-19")):
        assert [change.action for change in dunning.preview(owing.home, day)] == ["remind"]
        with pytest.raises(UserError) as caught:
            dunning.run(owing.home, day, before_us)
        where = f"that day has not begun on the clock of Asia/Shanghai, where it is {behind}"
        assert caught.value.message == f"a dunning run of {day} is refused: {where}"
        assert f"`ratewright dunning preview --date {day}`" in caught.value.remedy
        assert dunning.refusal(owing.home, day, before_us) == f"{caught.value.message}; remedy: {caught.value.remedy}"
    assert [change.action for change in dunning.run(owing.home, dt.date(2026, 1, 20), before_us + 60_000_000)] == ["remind"]


def test_dunning_waits_for_those_alone_whom_it_would_act_on(owing: World) -> None:
    """Somebody in Honolulu, where it is the nineteenth still, owes nothing: nobody waits for them."""
    owing.account("dora", timezone="Pacific/Honolulu")
    noon_us = int(dt.datetime(2026, 1, 20, 4, tzinfo=dt.UTC).timestamp()) * 1_000_000
    with pytest.raises(UserError, match="a dunning run of 2026-01-21 is refused: that day has not begun on the clock of Asia/Shanghai"):
        dunning.run(owing.home, dt.date(2026, 1, 21), noon_us)
    assert [change.account_id for change in dunning.run(owing.home, dt.date(2026, 1, 20), noon_us)] == ["anna"]
