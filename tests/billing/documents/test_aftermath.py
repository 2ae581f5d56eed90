"""What became of a document: only what really corrects it is named, all of it is, and whatever replaces a void one names that."""

from __future__ import annotations

import datetime as dt

import msgspec

from billing import catalogue, invoicing
from billing.documents import interim, voiding
from billing.documents.explaining import explain
from billing.documents.showing.document import document
from billing.rerate import jobs
from billing.rerate.request import Request
from rating.model import BillThreshold
from tests.billing.documents.clerk import BEN, credit, customer, void, who
from tests.billing.runs.world import START_US, Call, World, instant_us, price_of, shop

FIRST, SECOND, THIRD, FOURTH = (f"R-000000000{number}" for number in range(1, 5))


def corrected_by(world: World, number: str) -> list[str]:
    """Documents that correct one."""
    return [note.number for note in document(world.home, number).after.corrected_by]


def in_advance(world: World) -> None:
    """Anna on plan plus (30.00 in arrears, 3.00 in advance), with a call in October and one in November."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", "1001")
    world.take(Call("1001", "2025-10-05T10:00:00", 600), Call("1001", "2025-11-05T10:00:00", 600))


def test_the_ordinary_next_bill_of_a_fee_in_advance_corrects_nothing(world: World) -> None:
    in_advance(world)
    world.bill("2025-11-01")
    world.bill("2025-12-01")
    assert world.numbers() == [FIRST, SECOND]
    assert (corrected_by(world, FIRST), corrected_by(world, SECOND)) == ([], [])


def test_late_usage_corrects_the_bill_of_its_period_and_no_other(world: World) -> None:
    """November's late call corrects November's bill; that October's had November's fee in advance does not matter."""
    in_advance(world)
    world.bill("2025-11-01")
    world.bill("2025-12-01")
    world.take(Call("1001", "2025-11-09T10:00:00", 60))
    world.bill("2026-01-01")
    assert (corrected_by(world, FIRST), corrected_by(world, SECOND)) == ([], [THIRD])


def test_every_correction_is_named_also_of_what_was_corrected_before_and_of_charges_that_the_bill_had_none_of(world: World) -> None:
    customer(world).bill("2025-11-01")
    world.take(Call("1001", "2025-10-09T10:00:00", 60))
    world.bill("2025-12-01")
    world.take(Call("1001", "2025-10-10T10:00:00", 60))
    world.bill("2026-01-01")
    assert corrected_by(world, FIRST) == [SECOND, THIRD]


def test_a_charge_that_the_bill_had_none_of_corrects_its_period(world: World) -> None:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.bill("2025-11-01")
    world.take(Call("1001", "2025-10-07T10:00:00", 30, 8690000000001))
    world.bill("2025-12-01")
    assert corrected_by(world, FIRST) == [SECOND]


def test_a_fee_in_advance_that_is_given_back_corrects_the_bill_that_charged_it(world: World) -> None:
    in_advance(world)
    world.bill("2025-11-01")
    world.end("anna-1", "2025-11-16")
    world.bill("2025-12-01")
    assert corrected_by(world, FIRST) == [SECOND]


def test_a_credit_note_of_a_re_rating_is_a_correction_and_goodwill_is_not(world: World) -> None:
    customer(world).bill("2025-11-01")
    note = credit(world, FIRST, 1, 100)
    cheaper = (price_of(100, "National calls", 10, 50_000), price_of(101, "Premium calls", 11, 2_005_000))
    catalogue.publish(world.home, msgspec.structs.replace(shop(2, START_US, prices=cheaper), corrects=1), world.tick())
    world.now_us = instant_us("2025-11-06T12:00:00")
    job = jobs.plan(world.home, Request("shop/basic", 2, dt.date(2025, 10, 1), dt.date(2025, 11, 1), None), who(world))
    jobs.decide(world.home, job.job_id, jobs.APPROVED, "checked", who(world, BEN))
    jobs.apply(world.home, job.job_id, dt.date(2025, 11, 6), who(world))
    rerated = [each.number for each in invoicing.list_invoices(world.home) if each.number not in {FIRST, note.number}]
    found = document(world.home, FIRST).after
    assert rerated == ["C-0000000002"]
    assert [each.number for each in found.corrected_by] == rerated
    assert [each.number for each in found.credit_notes] == [note.number]


def test_a_reissue_names_what_it_replaces_and_is_no_correction_of_it(world: World) -> None:
    customer(world).bill("2025-11-01")
    void(world, FIRST)
    voiding.reissue(world.home, FIRST, who(world))
    before, after = document(world.home, FIRST).after, document(world.home, SECOND).after
    assert [note.number for note in after.replaces] == [FIRST]
    assert [note.number for note in before.replaced_by] == [SECOND]
    assert (before.corrected_by, after.corrected_by, before.replaces, after.replaced_by) == ((), (), (), ())
    assert [line.corrects for line in invoicing.get_invoice(world.home, SECOND).lines] == [False] * 4
    assert explain(world.home, SECOND).foot[-1] == f"It replaces {FIRST}, which is void as of 2025-11-03"
    assert explain(world.home, SECOND, language="zh").foot[-1] == f"本单据替代 {FIRST}（已于 2025-11-03 作废）"  # noqa: RUF001


def test_a_second_reissue_replaces_the_first_one_alone(world: World) -> None:
    customer(world).bill("2025-11-01")
    void(world, FIRST)
    voiding.reissue(world.home, FIRST, who(world))
    void(world, SECOND, "2025-11-04")
    voiding.reissue(world.home, SECOND, who(world))
    found = [[note.number for note in document(world.home, number).after.replaces] for number in (SECOND, THIRD)]
    assert found == [[FIRST], [SECOND]]


def test_lines_that_are_billed_anew_after_a_later_bill_are_no_corrections(world: World) -> None:
    """October's invoice is void while November's, of other charges, stands: what bills October anew bills it for the first time."""
    customer(world).bill("2025-11-01")
    world.bill("2025-12-01")
    void(world, FIRST, "2025-12-03")
    voiding.reissue(world.home, FIRST, who(world))
    assert [line[0] for line in world.lines(THIRD)] == ["Basic", "National calls", "Premium calls", "Tax standard 6 %"]
    assert {line.corrects for line in invoicing.get_invoice(world.home, THIRD).lines} == {False}
    assert [note.number for note in document(world.home, THIRD).after.replaces] == [FIRST]


def test_what_a_reissue_changes_of_a_bill_that_stands_is_a_correction(world: World) -> None:
    """A late call of November rides on the reissue of October: of the two months November's bill stands."""
    customer(world).bill("2025-11-01")
    world.bill("2025-12-01")
    world.take(Call("1001", "2025-11-07T10:00:00", 30, 8690000000001))
    void(world, FIRST, "2025-12-03")
    voiding.reissue(world.home, FIRST, who(world))
    found = [line[0] for line in world.lines(THIRD)]
    assert found == [
        "Basic", "National calls", "Premium calls", "Premium calls, correction for 2025-11-01 to 2025-11-30", "Tax standard 6 %",
        "Tax standard 6 %, correction for 2025-11-01 to 2025-11-30",
    ]  # fmt: skip
    assert [line.corrects for line in invoicing.get_invoice(world.home, THIRD).lines] == [False, False, False, True, False, True]
    assert corrected_by(world, SECOND) == [THIRD]


def test_the_bill_of_the_cycle_after_an_interim_bill_corrects_nothing(world: World) -> None:
    limited = msgspec.structs.replace(shop().plans[0], bill_thresholds=(BillThreshold(1, "interim", 1_000_000),))
    catalogue.publish(world.home, shop(2, START_US + 1, plans=(limited, *shop().plans[1:])), world.tick())
    customer(world)
    world.begun(dt.date(2025, 10, 15))
    assert interim.run(world.home, dt.date(2025, 10, 15), who(world)).invoices == 1
    world.bill("2025-11-01")
    assert world.numbers() == [FIRST, SECOND]
    assert [line.corrects for line in invoicing.get_invoice(world.home, SECOND).lines] == [False] * 2
    assert corrected_by(world, FIRST) == []


def test_an_invoice_that_was_voided_is_not_corrected_by_what_came_after(world: World) -> None:
    customer(world).bill("2025-11-01")
    void(world, FIRST)
    voiding.reissue(world.home, FIRST, who(world))
    world.take(Call("1001", "2025-10-10T10:00:00", 60), Call("1001", "2025-10-11T10:00:00", 30, 8690000000002))
    world.bill("2025-12-01")
    assert (corrected_by(world, FIRST), corrected_by(world, SECOND)) == ([], [THIRD])
