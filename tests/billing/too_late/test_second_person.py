"""Above a value another person agrees to a decision on late usage, and everything is looked at anew then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing import agreeing, setting_changes
from billing.late_decisions import BILLED, WRITTEN_OFF
from billing.store import approvals
from billing.too_late.listing import listed
from rating.errors import UserError
from server.cli.approvals import what
from tests.billing.second_person import set_by_two
from tests.billing.too_late.late_world import (
    ANA,
    BEN,
    CENT,
    again,
    amounts,
    decide,
    late,
    open_records,
    take_back,
    usage_cents,
    who,
    wrong,
)

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
# the limit in cents, what is decided, what of it needs another person
TABLE = """
40 | billed late-1 late-2                  | no
39 | billed late-1 late-2                  | yes
30 | billed late-1; billed late-2          | no yes
30 | billed late-1; written_off late-2     | no yes
30 | written_off late-5; billed late-2     | yes no
10 | billed late-2; written_off late-4     | no yes
"""


def limited(world: World, cents: int) -> World:
    late(world)
    setting_changes.put(world.home, "late_usage_limit_micros", str(cents * CENT), *ANA, who(world).now_us)
    return world


@pytest.mark.parametrize("row", TABLE.strip().splitlines())
def test_what_one_person_decides_alone_is_added_up(world: World, row: str) -> None:
    cents, acts, expected = (cell.strip() for cell in row.split("|"))
    limited(world, int(cents))
    found = []
    for act in acts.split(";"):
        kind, *records = act.split()
        shown = decide(world, kind, *records, dry_run=True)
        done = decide(world, kind, *records)
        assert shown.needs_second == done.needs_second
        found.append("yes" if done.needs_second else "no")
    assert " ".join(found) == expected
    assert wrong(world) == set()


def test_an_amount_below_the_worth_gives_the_rest_up(world: World) -> None:
    """The larger of both counts: for this decision, and in the sum of later ones."""
    limited(world, 30)
    assert decide(world, BILLED, account="anna", amount_micros=CENT, dry_run=True).needs_second
    assert not decide(world, BILLED, "late-1", amount_micros=CENT).needs_second
    assert decide(world, BILLED, "late-2", dry_run=True).needs_second, "30 of late-1 count, and 10"


def test_another_person_agrees(world: World) -> None:
    limited(world, 39)
    asked = decide(world, BILLED, account="anna")
    assert (asked.needs_second, asked.proposal, "late-1" in open_records(world)) == (True, 1, True)
    assert decide(world, BILLED, account="anna").proposal == 1, "asked for twice it waits once"
    with world.home.connect() as connection:
        assert what(approvals.find(connection, 1)).endswith(": late-1, late-2; worth 0.40 CNY")
    with pytest.raises(UserError, match="cannot agree to it"):
        agreeing.agree(world.home, 1, "", who(world))
    done = agreeing.agree(world.home, 1, "seen", who(world, BEN))
    assert (done.result.records, done.approval.state, done.approval.amount_micros) == (2, approvals.AGREED, 40 * CENT)
    decision = listed(world.home, world.now_us, decided=True).records[0].record.decision
    assert decision is not None
    assert (decision.by_name, decision.agreed_by) == ("ana", "ben")
    world.bill("2026-04-01")
    assert [cents for text, cents in amounts(world, world.numbers("anna")[-1]) if text.startswith("Late usage")] == [40]
    assert wrong(world) == set()


def test_an_adjustment_above_its_own_limit_needs_one_as_well(world: World) -> None:
    late(world)
    setting_changes.put(world.home, "adjustment_limit_micros", str(39 * CENT), *ANA, who(world).now_us)
    assert decide(world, BILLED, account="anna", dry_run=True).needs_second
    assert not decide(world, WRITTEN_OFF, account="anna", dry_run=True).needs_second


def test_what_was_decided_meanwhile_is_not_agreed_to(world: World) -> None:
    limited(world, 30)
    decide(world, BILLED, account="anna")
    decide(world, WRITTEN_OFF, "late-2", person=BEN)
    with pytest.raises(UserError, match="ben has decided on record"):
        agreeing.agree(world.home, 1, "", who(world, BEN))
    assert open_records(world) == ["late-3", "late-1", "late-4", "late-5"]
    agreeing.refuse(world.home, 1, "half of it is decided", who(world))
    assert wrong(world) == set()


def test_what_a_run_billed_meanwhile_is_not_agreed_to(world: World) -> None:
    """October is opened again, and the run bills what waited to be billed by hand: the customer pays once."""
    limited(world, 30)
    decide(world, BILLED, account="anna")
    set_by_two(world.home, "reopen_periods_max", "12", world.tick)
    world.catch_up()
    again(world, "2026-04-01")
    assert usage_cents(world, "anna") == 50, "40 of late calls, and 10 of that of 4 October"
    with pytest.raises(UserError, match="is too late for a bill and open"):
        agreeing.agree(world.home, 1, "", who(world, BEN))
    assert wrong(world) == set()


def test_taking_back_needs_nobody_else_and_the_sum_stays(world: World) -> None:
    limited(world, 30)
    decide(world, WRITTEN_OFF, "late-1")
    take_back(world, 1)
    assert decide(world, WRITTEN_OFF, "late-2", dry_run=True).needs_second, "what was decided and taken back is not forgotten"
