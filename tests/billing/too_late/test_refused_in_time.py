"""Usage that came in time and that runs refused: billed as long as its period is open, whenever its cause is mended; decided on afterwards.

Anna calls Germany for three minutes on 5 October. The catalogue has no zone for it until a version of later corrects that: then a minute is
0.10. October is open for the runs up to that of 1 February, and closed for that of 1 March.
"""

# ruff: noqa: RUF001 - Chinese texts have Chinese punctuation
from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue
from billing.controls import books
from billing.enquiries.usage import State, find
from billing.enquiries.usage_rows import Instants as Days
from billing.late_decisions import BILLED, WRITTEN_OFF
from billing.left_out.words import sentences
from billing.rerate import jobs
from billing.rerate.request import request
from billing.runs.selection.left_out import LeftOut
from billing.too_late.listing import listed
from billing.usage_report.rating_book import rating_book
from billing.usage_report.span import Span
from billing.verification.explain_line import explain_record
from rating.errors import UserError
from rating.model import Zone
from server.cli.homes import Place
from server.cli.usage.too_late import too_late
from tests.billing.documents.clerk import void
from tests.billing.runs.world import START_US, Call, shop
from tests.billing.suspense.world import listed as suspended
from tests.billing.too_late.late_world import NUMBERS, amounts, decide, open_records, usage_cents, who, wrong
from tests.billing.too_late.test_books import USAGE
from tests.billing.too_late.test_once import job

if TYPE_CHECKING:
    from billing.controls.book import Book
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
ANNA = NUMBERS["anna"]
GERMANY = 4930123456
OPEN, CLOSED = ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"), "2026-03-01"
YEARS = Span(dt.date(2025, 9, 1), dt.date(2026, 12, 1))


def begin(world: World, *dates: str) -> None:
    """Anna and her call, and the runs of some dates."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", ANNA)
    world.take(Call(ANNA, "2025-10-04T10:00:00", 60, key="national"), Call(ANNA, "2025-10-05T10:00:00", 180, GERMANY, key="germany"))
    for date in dates:
        world.bill(date)


def mend(world: World, **plan: object) -> None:
    """The version that has a price for Germany; `plan`: fields of its plans."""
    plans = tuple(msgspec.structs.replace(each, **plan) for each in shop().plans)
    world.catch_up()
    zones = (Zone(1, "national", ("86", "49")), Zone(2, "premium", ("8690",)))
    catalogue.publish(world.home, shop(2, START_US, zones=zones, plans=plans, corrects=1), world.tick())


def state(world: World) -> State:
    return next(each.state for each in find(world.home, ANNA, Days()).records if each.record_id == "germany")


def usage_book(world: World) -> Book:
    return next(each for each in books(world.home) if each.name == USAGE)


@pytest.mark.parametrize("days_max", [None, 20])
def test_what_came_in_time_is_billed_by_the_last_run_that_has_its_period_open(world: World, days_max: int | None) -> None:
    """Also on a plan that bills nothing after 20 days: that is about arrival."""
    begin(world, *OPEN[:-1])
    assert (state(world), [each.reason for each in suspended(world).rows], open_records(world)) == (State.REFUSED, ["NO_ZONE"], [])
    assert usage_book(world).terms["refused"] == 1
    mend(world, late_usage_days_max=days_max)
    world.bill(OPEN[-1])
    assert (usage_cents(world, "anna"), state(world), suspended(world).total) == (40, State.BILLED, 0)
    world.bill(CLOSED)
    assert (open_records(world), wrong(world)) == ([], set())


@pytest.mark.parametrize("is_mended_before_the_run", [True, False])
def test_what_is_mended_too_late_is_listed_and_decided_on(world: World, *, is_mended_before_the_run: bool) -> None:
    begin(world, *OPEN)
    if is_mended_before_the_run:
        mend(world)
        world.bill(CLOSED)
    else:
        world.bill(CLOSED)
        (unpriced,) = listed(world.home, who(world).now_us).records
        assert (unpriced.record.record_id, unpriced.basis) == ("germany", "mean of source")
        with pytest.raises(UserError, match="no plan of its owner has a price for it"):
            decide(world, BILLED, "germany")
        mend(world)
    (found,) = listed(world.home, who(world).now_us).records
    told = found.record
    assert (told.record_id, told.account_id, told.reason, told.refused, told.refused_by) == (
        "germany",
        "anna",
        LeftOut.CLOSED,
        "NO_ZONE",
        1,
    )
    assert (found.worth_micros, found.currency, found.basis, found.age_days) == (300_000, "CNY", "own plan", 147)
    assert (state(world), suspended(world).total) == (State.TOO_LATE, 0)
    (book,) = rating_book(world.home, 10**6, YEARS)
    assert (book.ok, book.right["too_late"].rows, book.right["suspended"].rows) == (True, 1, 0)
    assert (usage_book(world).terms["too late, open"], usage_book(world).terms["refused"], wrong(world)) == (1, 0, set())
    decide(world, BILLED, "germany")
    (book,) = rating_book(world.home, 10**6, YEARS)
    assert (book.ok, book.right["late_billed"].rows, open_records(world), state(world)) == (True, 1, [], State.LATE_BILLED)
    world.bill("2026-04-01")
    assert ("Late usage: 1 record of 2025-10-05 10:00 (switch)", 30) in amounts(world, world.numbers("anna")[-1])
    assert (usage_cents(world, "anna"), wrong(world)) == (10, set())


def test_the_refusal_is_told_wherever_the_record_is(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    begin(world, *OPEN, CLOSED)
    mend(world)
    explained = explain_record(world.home, "germany")
    (told,) = explained.left_out
    assert [each.status.name for each in explained.outcomes] == ["NO_ZONE"]
    text = sentences(told)
    assert text[0].endswith("refused in time (NO_ZONE), and its period is closed, for good")
    assert "Run 1 refused it in time (NO_ZONE), and the cause was not corrected when its period closed." in text
    assert "第 1 次出账按时处理并拒绝了它（NO_ZONE），直到账期关闭原因仍未排除。" in sentences(told, "zh")
    world.catch_up()
    assert too_late(at=Place(world.home.path)) == 0
    assert "refused in time (NO_ZONE), and its period is closed" in capsys.readouterr().out
    assert too_late(at=Place(world.home.path), language="zh") == 0
    assert "按时到达但被拒绝（NO_ZONE），所属账期已关闭" in capsys.readouterr().out


def test_a_number_that_nobody_had_is_listed_and_then_its_owners(world: World) -> None:
    """Whoever had the number is told when the period is closed."""
    begin(world)
    world.take(Call(NUMBERS["nobody"], "2025-10-06T10:00:00", 60, key="unknown"))
    for date in (*OPEN, CLOSED, "2026-04-01"):
        world.bill(date)
    records = {each.record.record_id: each.record for each in listed(world.home, who(world).now_us).records}
    assert (records["unknown"].account_id, records["unknown"].refused) == ("", "UNKNOWN_SUBSCRIPTION")
    world.own(NUMBERS["nobody"], "anna-1")
    world.bill("2026-05-01")
    (found,) = (each for each in listed(world.home, who(world).now_us).records if each.record.record_id == "unknown")
    assert (found.record.account_id, found.worth_micros, found.basis) == ("anna", 100_000, "own plan")
    assert wrong(world) == set()


def test_a_void_opens_its_period_again_and_the_next_run_bills_it(world: World) -> None:
    begin(world, *OPEN, CLOSED)
    mend(world)
    assert open_records(world) == ["germany"]
    void(world, world.numbers("anna")[0], "2026-03-02")
    assert (open_records(world), state(world)) == ([], State.REFUSED)
    world.bill("2026-04-01")
    assert (usage_cents(world, "anna"), state(world), wrong(world)) == (10 + 10 + 30, State.BILLED, set())


def test_a_re_rating_leaves_what_is_listed_alone(world: World) -> None:
    begin(world, *OPEN, CLOSED)
    mend(world)
    assert jobs.preview(world.home, request("shop/plus", 2, "2025-10")).net_micros == {}
    decide(world, BILLED, "germany")
    assert jobs.preview(world.home, request("shop/plus", 2, "2025-10")).net_micros == {}


@pytest.mark.parametrize("is_of_before", [True, False])
def test_what_a_re_rating_billed_while_the_period_was_open_is_not_billed_by_hand(world: World, *, is_of_before: bool) -> None:
    """Its document has the record, and the run of March closes October: by decision it would be billed twice."""
    begin(world, *OPEN)
    mend(world)
    job(world, "2025-10", "2026-02-10")
    assert usage_cents(world, "anna") == 40
    if is_of_before:
        assert world.changed("UPDATE bill_runs SET detail = '{\"job\":1,\"leaves_late\":true}' WHERE kind = 'rerate'")
    world.bill(CLOSED)
    assert open_records(world) == ["germany"]
    with pytest.raises(UserError, match="re-rating 1 of shop/plus, 2025-10-01 to 2025-10-31, may have billed it on") as refused:
        decide(world, BILLED, "germany")
    assert "`ratewright invoice explain" in refused.value.remedy
    decide(world, WRITTEN_OFF, "germany")
    assert (usage_cents(world, "anna"), wrong(world)) == (40, set())
