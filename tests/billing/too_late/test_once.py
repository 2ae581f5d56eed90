"""No late record is billed twice.

Not by a re-rating that places usage by arrival, nor by one of before, another version, or an adjustment that was retracted.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue, invoicing
from billing.accounts.kinds import PayerFact
from billing.late_decisions import BILLED, WRITTEN_OFF
from billing.rerate import jobs
from billing.rerate.request import request
from billing.suspense import resolving
from billing.suspense.deciding import Deciding
from billing.suspense.taking_back import take_back as choice_taken_back
from billing.too_late.listing import listed
from rating.errors import UserError
from rating.model import LateUsage
from tests.billing.documents.clerk import void
from tests.billing.rerate.test_rerate_scope import correct, told
from tests.billing.runs.test_pools_and_late import arrive
from tests.billing.runs.world import START_US, Call, shop
from tests.billing.second_person import set_by_two
from tests.billing.suspense.world import ANA as PERSON
from tests.billing.suspense.world import asking
from tests.billing.suspense.world import listed as suspended
from tests.billing.too_late.late_world import BEN, CENT, NUMBERS, again, decide, late, open_records, take_back, usage_cents, who, wrong

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow


def job(world: World, months: str, on: str, version: int = 2) -> None:
    """A re-rating of plan plus, of months, applied on a day."""
    world.begun(dt.date.fromisoformat(on))
    planned = jobs.plan(world.home, request("shop/plus", version, months), who(world))
    jobs.decide(world.home, planned.job_id, jobs.APPROVED, "", who(world, BEN))
    jobs.apply(world.home, planned.job_id, dt.date.fromisoformat(on), who(world))


def of_before(world: World) -> None:
    """Documents of re-ratings do not say that they leave late usage alone."""
    assert world.changed("UPDATE bill_runs SET detail = replace(detail, 'leaves_late', 'of_before') WHERE kind = 'rerate'")


def test_usage_that_is_placed_by_arrival_stays_out_of_a_re_rating(world: World) -> None:
    """The version that corrects bills late usage as it arrives; what runs left out began months before the month of arrival."""
    late(world)
    plans = tuple(msgspec.structs.replace(each, late_usage=LateUsage.ARRIVAL_PERIOD, late_usage_days_max=400) for each in shop().plans)
    world.catch_up()
    catalogue.publish(world.home, shop(2, START_US, plans=plans, corrects=1), world.tick())
    assert jobs.preview(world.home, request("shop/plus", 2, "2026-02")).net_micros == {}


# bill day, begun, months of the re-rating of before, whether its document is void, whether a new one has come since
REFUSED = """
 1  2025-10-05  2025-10           no   no
 1  2025-10-05  2025-10           yes  no
 1  2025-10-05  2025-10           no   yes
15  2025-09-20  2025-10           no   no
15  2025-09-20  2025-11           no   no
"""


@pytest.mark.parametrize("row", REFUSED.strip().splitlines())
def test_what_a_re_rating_of_before_may_have_billed_is_not_billed_by_hand(world: World, row: str) -> None:
    bill_day, begun, months, is_void, anew = row.split()
    world.account("anna", bill_day=int(bill_day), opened_on="2025-09-15")
    world.subscription("anna-1", "anna", "shop/plus", NUMBERS["anna"], from_date="2025-09-15")
    for day in ("2025-09-26", "2025-10-26", "2025-11-10"):
        world.take(Call(NUMBERS["anna"], f"{day}T10:00:00", 600, key=f"in time {day}"))
    for month in ("2025-10", "2025-11", "2025-12", "2026-01", "2026-02"):
        world.bill(f"{month}-{int(bill_day):02}")
    arrive(world, "2026-02-20T12:00:00", Call(NUMBERS["anna"], f"{begun}T10:00:00", 1800, key="late"))
    world.bill(f"2026-03-{int(bill_day):02}")
    correct(world)
    known = set(world.numbers("anna"))
    job(world, months, "2026-03-20")
    of_before(world)
    (number,) = set(world.numbers("anna")) - known
    if is_void == "yes":
        void(world, number, "2026-03-21")
    if anew == "yes":
        world.catch_up()
        catalogue.publish(world.home, shop(3, START_US, corrects=2), world.tick())
        job(world, months, "2026-03-21", 3)
    assert open_records(world) == ["late"]
    with pytest.raises(UserError, match=f"re-rating 1 of shop/plus, .* may have billed it on {number}") as refused:
        decide(world, BILLED, "late")
    assert f"`ratewright invoice explain {number}` shows whether it is in it" in refused.value.remedy
    assert decide(world, WRITTEN_OFF, "late").records == 1
    assert wrong(world) == set()


def test_the_document_of_who_pays_stands_in_the_way_and_others_do_not(world: World) -> None:
    """Bert pays for anna from October on; carl's late record and the re-rating's documents have nothing to do with each other."""
    world.account("carl")
    world.subscription("carl-1", "carl", "shop/basic", "8613800000003")
    late_with_payer(world)
    correct(world)
    job(world, "2025-10", "2026-03-20")
    of_before(world)
    with pytest.raises(UserError, match="may have billed it on"):
        decide(world, BILLED, "late-1")
    assert decide(world, BILLED, "late-carl").records == 1


def late_with_payer(world: World) -> None:
    for name in ("anna", "bert"):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/plus", NUMBERS[name])
    told(world, "anna", "payer", PayerFact("bert"))
    world.take(Call(NUMBERS["anna"], "2025-10-04T10:00:00", 600, key="in time"))
    for date in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"):
        world.bill(date)
    calls = [("late-1", NUMBERS["anna"]), ("late-carl", "8613800000003")]
    arrive(world, "2026-02-10T12:00:00", *(Call(number, "2025-10-05T10:00:00", 1800, key=record) for record, number in calls))
    world.bill("2026-03-01")


def test_another_version_of_a_decided_record_stays_decided(world: World) -> None:
    """Another version is not chosen: nothing would bill what it adds. October is opened again, and the run leaves the record out."""
    late(world)
    decide(world, BILLED, "late-1")
    arrive(world, "2026-03-05T12:00:00", Call(NUMBERS["anna"], "2025-10-06T11:00:00", 600, key="late-1"))
    world.catch_up()
    conflict = next(each for each in suspended(world).rows if each.reason == "conflicting")
    found = resolving.versions(world.home, asking(world).seq, int(conflict.id))
    with pytest.raises(UserError, match="decision 1 on late usage is about version") as refused:
        resolving.resolve(world.home, found, found.names[-1], Deciding(PERSON, world.tick(), "the switch says so"), {})
    assert f"keep {found.names[0]}, or take the decision back first" in refused.value.remedy
    resolving.resolve(world.home, found, found.names[0], Deciding(PERSON, world.tick(), "it stays as it was"), {})
    decided = listed(world.home, world.now_us, decided=True)
    assert [each.record.record_id for each in decided.records] == ["late-1"]
    set_by_two(world.home, "reopen_periods_max", "12", world.tick)
    before = usage_cents(world, "anna")
    left_out = again(world, "2026-04-01")
    assert (usage_cents(world, "anna") - before, left_out["decided"]) == (10, 1), "late-2 is billed, late-1 is not"
    assert wrong(world) == set()


def test_a_choice_among_versions_stays_while_a_decision_is_about_it(world: World) -> None:
    late(world)
    arrive(world, "2026-03-05T12:00:00", Call(NUMBERS["anna"], "2025-10-05T10:00:00", 600, key="late-1"))
    world.catch_up()
    conflict = next(each for each in suspended(world).rows if each.reason == "conflicting")
    found = resolving.versions(world.home, asking(world).seq, int(conflict.id))
    resolving.resolve(world.home, found, found.names[-1], Deciding(PERSON, world.tick(), "the switch says so"), {})
    world.bill("2026-04-01")  # leaves it out for good
    assert "late-1" in open_records(world)
    number = decide(world, WRITTEN_OFF, "late-1").groups[0].decision_id
    what = Deciding(PERSON, world.tick(), "it was the other one")
    with pytest.raises(UserError, match=f"decision {number} on late usage is about the version that it kept") as refused:
        choice_taken_back(world.home, int(conflict.id), what, asking(world))
    assert f"ratewright usage too-late take-back {number}" in refused.value.remedy
    take_back(world, number)
    world.catch_up()
    choice_taken_back(world.home, int(conflict.id), what._replace(at_us=world.tick()), asking(world))
    assert "late-1" not in open_records(world)
    assert wrong(world) == set()


def test_a_re_rating_leaves_out_what_was_retracted_since(world: World) -> None:
    """The bill of March has the adjustment and is void; April's run knew it. The line is never billed, nor called by a number."""
    late(world)
    decide(world, BILLED, account="anna")
    world.bill("2026-04-01")
    number = world.numbers("anna")[-1]
    world.bill("2026-05-01")
    void(world, number, "2026-05-02")
    take_back(world, 1)
    correct(world)
    known = set(world.numbers("anna"))
    job(world, "2026-03", "2026-05-05")
    made = set(world.numbers("anna")) - known
    assert [line for each in made for line in world.lines(each) if line[-1] == 40] == []
    assert wrong(world) == set()


def test_what_takes_a_retracted_line_back_has_its_name(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An adjustment that was retracted though an invoice has it, as a re-rating of before could leave it: the next bill credits it."""
    late(world)
    decide(world, BILLED, account="anna")
    world.bill("2026-04-01")
    with monkeypatch.context() as patched:
        patched.setattr("billing.runs.settlement.adjustments.billed", lambda _: {})
        take_back(world, 1)
    again(world, "2026-05-01")
    last = invoicing.get_invoice(world.home, world.numbers("anna")[-1])
    assert [line.text.partition(",")[0] for line in last.lines if line.amount_micros == -40 * CENT] == [
        "Late usage: 2 records of 2025-10-05 to 2025-10-06 (switch)"
    ]
