"""Usage that runs left out for good, and a void has opened again; and what a hold keeps back until its period closes."""

# ruff: noqa: RUF001 - Chinese texts have Chinese punctuation

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.accounts import agreements, kinds
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.late_decisions import BILLED, WRITTEN_OFF
from billing.left_out.words import sentences
from billing.runs.selection.left_out import LeftOut
from billing.usage_report.rating_book import rating_book
from billing.usage_report.span import Span
from billing.verification.explain_line import explain_record
from rating.errors import UserError
from tests.billing.documents.clerk import void
from tests.billing.runs.test_pools_and_late import arrive
from tests.billing.runs.world import Call
from tests.billing.too_late.late_world import ANA, NUMBERS, decide, late, open_records, usage_cents, wrong
from tests.billing.too_late.test_deciding import found_as

if TYPE_CHECKING:
    from billing.left_out.telling import UnbilledRecord
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
YEARS = Span(dt.date(2025, 9, 1), dt.date(2026, 12, 1))


def told_of(world: World, record: str) -> UnbilledRecord:
    (told,) = explain_record(world.home, record).left_out
    return told


def test_a_void_takes_records_off_the_list_until_the_next_run_bills_them(world: World) -> None:
    late(world)
    void(world, world.numbers("anna")[0], "2026-03-02")
    assert open_records(world) == ["late-3", "late-4", "late-5"]
    told = told_of(world, "late-1")
    assert (told.reason, told.run_id, told.bill_date, told.detail) == (LeftOut.NOT_DUE, 0, "2026-04-01", "after_bill")
    text = " ".join(sentences(told))
    assert "it came after the bill of its period, and the run of 2026-04-01 corrects it" in text
    assert "for good" not in text
    assert found_as(world, "late-1") == "it came after the bill of its period, and the run of 2026-04-01 corrects it"
    (book,) = rating_book(world.home, 10**6, YEARS)
    assert (book.ok, book.right["too_late"].rows, book.right["not_yet_due"].rows) == (True, 3, 3), "with what the void invoice had"
    for kind in (BILLED, WRITTEN_OFF):
        with pytest.raises(UserError, match="record late-1 is not too late: the run of 2026-04-01 bills it"):
            decide(world, kind, "late-1")
    assert wrong(world) == set()
    world.bill("2026-04-01")
    assert (usage_cents(world, "anna"), open_records(world), wrong(world)) == (10 + 10 + 40, ["late-3", "late-5"], set())


def test_a_hold_that_outlasts_the_period_of_a_record(world: World) -> None:
    """Told while it lasts: by when a run could still bill it, then that none does; from then on people can decide."""
    late(world)
    asked = Asked(Operator(*ANA), world.begun(dt.date(2026, 3, 2)))
    agreements.agree(world.home, asked, "anna", "hold", dt.date(2026, 3, 2), dt.date(2026, 5, 15), kinds.HoldFact("a dispute"))
    arrive(world, "2026-03-10T12:00:00", Call(NUMBERS["anna"], "2025-12-05T10:00:00", 60, key="held"))
    arrive(world, "2026-03-10T12:00:00", Call(NUMBERS["anna"], "2026-03-05T10:00:00", 60, key="running"))
    world.bill("2026-04-01")
    told = told_of(world, "held")
    assert (told.reason, told.closes_on) == (LeftOut.HELD, "2026-05-01")
    assert "When the hold ends, a run of a date before 2026-05-01 bills it; from then on its period is closed" in sentences(told)[-1]
    assert "其账单在 2026-04-01 暂停。暂停结束后，2026-05-01 之前的出账将计费" in sentences(told, "zh")[-1]
    assert "held" not in open_records(world)
    world.bill("2026-05-01")
    told = told_of(world, "held")
    assert (told.reason, told.run_id, told.closed_since) == (LeftOut.CLOSED, 7, "2026-05-01")
    assert "for good" in sentences(told)[0]
    assert "held" in open_records(world)
    assert (told_of(world, "running").reason, told_of(world, "running").closes_on) == (LeftOut.HELD, ""), "it is billed when the hold ends"
    before = usage_cents(world, "anna")
    world.bill("2026-06-01")
    assert usage_cents(world, "anna") == before + 10
    decide(world, BILLED, "held")
    assert wrong(world) == set()
