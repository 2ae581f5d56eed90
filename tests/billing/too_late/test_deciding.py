"""Late usage is billed by adjustments or written off, once: what the customer pays, what the books say, and what cannot be decided."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import msgspec
import pytest

from billing import catalogue, invoicing, setting_changes
from billing.documents import adjusting, crediting
from billing.enquiries import usage, usage_rows
from billing.late_decisions import BILLED, WRITTEN_OFF
from billing.left_out.words import sentences
from billing.rerate import jobs
from billing.rerate.request import request
from billing.too_late import taking_back
from billing.too_late.listing import AS_DECIDED, listed
from billing.usage_report.rating_book import rating_book
from billing.usage_report.span import Span
from billing.verification.explain_line import explain_record
from rating.errors import UserError
from server.cli.usage.find import state_in_words
from tests.billing.documents.clerk import void
from tests.billing.rerate.test_rerate_scope import correct
from tests.billing.runs.test_pools_and_late import arrive
from tests.billing.runs.world import START_US, Call, World, price_of, shop
from tests.billing.second_person import set_by_two
from tests.billing.too_late.late_world import (
    BEN,
    CENT,
    NUMBERS,
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

pytestmark = pytest.mark.slow
ALL = ["late-3", "late-1", "late-2", "late-4", "late-5"]
TEXT = "Late usage: 2 records of 2025-10-05 to 2025-10-06 (switch)"
YEARS = Span(dt.date(2025, 9, 1), dt.date(2026, 6, 1))


def found_as(world: World, record: str, whose: str = "anna") -> str:
    """The words of `usage find` for a record, in English."""
    records = usage.find(world.home, NUMBERS[whose], usage_rows.Instants()).records
    return state_in_words(next(each for each in records if each.record_id == record), "en")


def test_billed_by_an_adjustment_on_the_next_bill(world: World) -> None:
    late(world)
    assert open_records(world) == ALL
    shown = decide(world, BILLED, account="anna", dry_run=True)
    assert (shown.values, shown.dry_run, open_records(world)) == ({"CNY": 40 * CENT}, True, ALL), "a preview decides nothing"
    done = decide(world, BILLED, account="anna")
    (group,) = done.groups
    assert (group.worth_micros, group.amount_micros, group.text, group.decision_id) == (40 * CENT, 40 * CENT, TEXT, 1)
    assert group.event_keys == shown.groups[0].event_keys
    assert open_records(world) == ["late-3", "late-4", "late-5"]
    assert wrong(world) == set()
    assert found_as(world, "late-1") == f"billed by adjustment {group.reference}, which waits for a run"
    world.bill("2026-04-01")
    assert found_as(world, "late-1").startswith(f"billed by adjustment {group.reference} on {world.numbers('anna')[-1]} line ")
    (number,) = world.numbers("anna")[-1:]
    assert (TEXT, 40) in amounts(world, number)
    (told,) = explain_record(world.home, "late-1").left_out
    assert told.decision is not None
    assert (told.decision.kind, told.decision.invoice, told.decision.by_name) == (BILLED, number, "ana")
    assert f"by adjustment {group.reference} over 0.40 CNY, on invoice {number}" in sentences(told)[-1]
    assert "的其他记录一并由调账" in sentences(told, "zh")[-1]
    (book,) = rating_book(world.home, 10**6, YEARS)
    assert book.ok
    assert (book.right["late_billed"].rows, book.right["late_written_off"].rows, book.right["too_late"].rows) == (2, 0, 3)
    assert wrong(world) == set()


def test_written_off_and_listed_with_its_decision(world: World) -> None:
    late(world)
    done = decide(world, WRITTEN_OFF, "late-4", "late-5")
    assert [(each.account_id, each.records, each.amount_micros) for each in done.groups] == [("", ("late-4",), 0), ("bert", ("late-5",), 0)]
    world.bill("2026-04-01")
    assert usage_cents(world, "bert") == 0
    assert found_as(world, "late-5", "bert") == "written off"
    decided = listed(world.home, world.now_us, decided=True)
    assert [(each.record.record_id, each.record.decision and each.record.decision.kind) for each in decided.records] == [
        ("late-4", WRITTEN_OFF),
        ("late-5", WRITTEN_OFF),
    ]
    assert "written off, and nothing is billed" in sentences(decided.records[0].record)[-1]
    (book,) = rating_book(world.home, 10**6, YEARS)
    assert (book.ok, book.right["late_written_off"].rows, wrong(world)) == (True, 2, set())


@pytest.mark.parametrize("kind", [BILLED, WRITTEN_OFF])
def test_a_window_that_moves_bills_nothing_twice(world: World, kind: str) -> None:
    """October is open again: the run would bill late-1 and late-2, and leaves them out, since somebody decided."""
    late(world)
    decide(world, kind, account="anna")
    set_by_two(world.home, "reopen_periods_max", "12", world.tick)
    before = usage_cents(world, "anna")
    left_out = again(world, "2026-04-01")
    assert (usage_cents(world, "anna") - before, left_out["decided"]) == (0, 2)
    assert usage_cents(world, "bert") == 40, "nobody had decided on late-5"
    assert wrong(world) == set()
    (told,) = explain_record(world.home, "late-1", 6).left_out
    assert told.reason == "decided"


def test_a_decision_that_is_taken_back_loses_nothing(world: World) -> None:
    """The record is in the list again; where its period is open the next run bills it, though nothing else touched the account."""
    late(world)
    decide(world, WRITTEN_OFF, account="anna")
    set_by_two(world.home, "reopen_periods_max", "12", world.tick)
    again(world, "2026-04-01")
    take_back(world, 1)
    assert open_records(world) == ["late-3", "late-1", "late-2"]
    assert wrong(world) == set()
    world.bill("2026-05-01")
    assert usage_cents(world, "anna") == 50, "40 of late calls, and 10 of that of 4 October"
    assert open_records(world) == ["late-3"]
    with pytest.raises(UserError, match="no record late-1 is too late for a bill and open"):
        decide(world, BILLED, "late-1")
    assert wrong(world) == set()


def test_an_adjustment_that_no_bill_has_is_retracted(world: World) -> None:
    late(world)
    (group,) = decide(world, BILLED, account="anna").groups
    back = take_back(world, 1)
    assert (back.decision.reference, open_records(world)) == (group.reference, ALL)
    (adjustment,) = adjusting.list_all(world.home)
    assert adjustment.state == adjusting.RETRACTED
    assert (adjustment.retracted_by, adjustment.retracted_why, adjustment.retracted_us > 0) == ("ana", "by mistake", True)
    (told,) = explain_record(world.home, "late-1").left_out
    day = dt.datetime.fromtimestamp(adjustment.retracted_us / 1e6, ZoneInfo("Asia/Shanghai")).date()
    assert sentences(told)[-1] == f"ana took decision 1 of ana (bill) back on {day}. Reason: by mistake."
    assert sentences(told, "zh")[-1] == f"ana 于 {day} 撤回了 ana 的决定 1（收取）。原因：by mistake。"
    (undone,) = listed(world.home, world.now_us, decided=True).taken_back
    assert (undone.decision_id, undone.kind, undone.by_name, undone.reason, undone.records, undone.account_id) == (
        1,
        BILLED,
        "ana",
        "by mistake",
        2,
        "anna",
    )
    world.bill("2026-04-01")
    assert TEXT not in [text for text, _ in amounts(world, world.numbers("anna")[-1])]
    with pytest.raises(UserError, match="ana took decision 1 back: by mistake"):
        take_back(world, 1)
    with pytest.raises(UserError, match="there is no decision 2"):  # that is the word that took it back
        take_back(world, 2)
    (second,) = decide(world, BILLED, account="anna").groups
    assert second.reference != group.reference
    world.bill("2026-05-01")
    assert [cents for text, cents in amounts(world, world.numbers("anna")[-1]) if text == TEXT] == [40]
    assert wrong(world) == set()


def test_what_is_on_an_invoice_is_credited_there(world: World) -> None:
    late(world)
    (group,) = decide(world, BILLED, account="anna").groups
    world.bill("2026-04-01")
    number = world.numbers("anna")[-1]
    (line_no,) = [each.line_no for each in invoicing.get_invoice(world.home, number).lines if each.text == TEXT]
    with pytest.raises(UserError, match=f"decision 1 is billed: line {line_no} of invoice {number} has adjustment") as refused:
        take_back(world, 1)
    command = f"ratewright invoice credit {number} --line {line_no} --effect outside --id credit-{group.reference} --reason goodwill"
    assert refused.value.remedy == f"credit that line: {command}"
    void(world, number, "2026-04-02")
    take_back(world, 1)
    world.bill("2026-05-01")
    assert TEXT not in [text for number in world.numbers("anna")[-1:] for text, _ in amounts(world, number)]
    assert wrong(world) == set()


def test_what_is_credited_for_good_stays_decided(world: World) -> None:
    """The invoice is named, and the credit note beside it; half of the line, and then the rest."""
    late(world)
    (group,) = decide(world, BILLED, account="anna").groups
    world.bill("2026-04-01")
    number = world.numbers("anna")[-1]
    (line_no,) = [each.line_no for each in invoicing.get_invoice(world.home, number).lines if each.text == TEXT]
    notes: list[str] = []
    for part, message in (("a", f"decision 1 is billed: line {line_no} of invoice {number} has"), ("b", "nothing is left to do")):
        wanted = crediting.CreditRequest(f"credit-{part}", number, line_no, 20 * CENT, "outside", "goodwill")
        world.begun(dt.date(2026, 4, 2))
        notes.append(crediting.credit(world.home, wanted, who(world), on=dt.date(2026, 4, 2)).number)
        if part == "a":
            told = listed(world.home, world.now_us, decided=True).records[0].record
            assert sentences(told)[0].endswith(
                f"on invoice {number} line {line_no}, credited by {notes[0]} with 0.20 of its 0.40 CNY before tax"
            )
            assert found_as(world, "late-1").endswith(f"on {number} line {line_no}; its line is credited in part by {notes[0]}")
        with pytest.raises(UserError) as refused:
            take_back(world, 1)
        assert message in f"{refused.value.message}; {refused.value.remedy}"
    told = listed(world.home, world.now_us, decided=True).records[0].record
    assert told.decision is not None
    assert found_as(world, "late-1").endswith(f"on {number} line {line_no}; its line is credited by {', '.join(notes)}")
    assert (told.decision.invoice, told.decision.line_no, told.decision.credit_note) == (number, line_no, notes[-1])
    assert (told.decision.credited_micros, told.decision.line_micros) == (40 * CENT, 40 * CENT)
    credited = f"credited by {notes[0]}, {notes[1]}"
    assert sentences(told)[0].endswith(f": billed by adjustment {group.reference}, on invoice {number} line {line_no}, {credited}")
    (adjustment,) = adjusting.list_all(world.home)
    assert adjustment.state == number
    assert wrong(world) == set()


def test_a_decision_is_listed_with_the_worth_that_it_was_taken_on(world: World) -> None:
    """National calls cost ten times as much by a correction of the tariff since then; records that are open are worth that now."""
    late(world)
    decide(world, WRITTEN_OFF, account="anna")
    dearer = (price_of(shop().prices[0].price_id, "National calls", 10, 1_000_000), *shop().prices[1:])
    catalogue.publish(world.home, shop(2, START_US, prices=dearer, corrects=1), world.tick())
    decided = listed(world.home, world.now_us, decided=True)
    assert [(each.worth_micros, each.currency, each.basis) for each in decided.records] == [
        (30 * CENT, "CNY", AS_DECIDED),
        (10 * CENT, "CNY", AS_DECIDED),
    ]
    assert [(each.account_id, each.worth_micros) for each in decided.sums] == [("anna", 40 * CENT)]
    assert [each.worth_micros for each in listed(world.home, world.now_us, "bert").records][-1] == 400 * CENT


def test_a_record_is_decided_once(world: World) -> None:
    late(world)
    decide(world, WRITTEN_OFF, "late-1")
    for kind in (BILLED, WRITTEN_OFF):
        with pytest.raises(UserError, match=r"ana has decided on record late-1: written off \(decision 1\)"):
            decide(world, kind, "late-1")
    assert [each.records for each in decide(world, BILLED, account="anna").groups] == [("late-2",)]
    with pytest.raises(UserError, match="no open usage of account anna is too late"):
        decide(world, WRITTEN_OFF, account="anna")
    assert wrong(world) == set()


# records, account, month, what stands in the way
REFUSED = """
late-4         |      |         | record late-4 cannot be billed: its number had no owner
in time        |      |         | no record in time is too late for a bill and open
late-1,late-5  |      |         | the records are of 2 adjustments, and one amount is given
               |      |         | no records are chosen
               |      | 2025-13 | there is no month '2025-13'
               | anna | 2025-11 | no open usage of account anna and 2025-11 is too late
"""


@pytest.mark.parametrize("row", REFUSED.strip().splitlines())
def test_what_cannot_be_billed(world: World, row: str) -> None:
    records, account, month, message = (cell.strip() for cell in row.split("|"))
    late(world)
    with pytest.raises(UserError) as refused:
        decide(world, BILLED, *filter(None, records.split(",")), account=account or None, month=month or None, amount_micros=CENT)
    assert message in refused.value.message
    assert wrong(world) == set()


def test_of_a_month_what_cannot_be_billed_is_left_alone_and_told(world: World) -> None:
    late(world)
    done = decide(world, BILLED, month="2025-10")
    assert [each.records for each in done.groups] == [("late-1", "late-2"), ("late-5",)]
    assert [(each.record_id, each.why) for each in done.left_alone] == [("late-4", "its number had no owner")]
    assert open_records(world) == ["late-3", "late-4"]


def test_another_amount_and_text(world: World) -> None:
    late(world)
    decide(world, BILLED, "late-1", amount_micros=25 * CENT, text="Calls of October, as agreed")
    world.bill("2026-04-01")
    assert ("Calls of October, as agreed", 25) in amounts(world, world.numbers("anna")[-1])
    assert wrong(world) == set()


def test_a_reason_is_one_line(world: World) -> None:
    late(world)
    with pytest.raises(UserError, match="cannot be printed"):
        decide(world, WRITTEN_OFF, "late-1", reason="a\nb")
    with pytest.raises(UserError, match="cannot be printed"):
        taking_back.take_back(world.home, 1, "a\tb", who(world))


def test_a_run_counts_what_is_decided_as_decided(world: World) -> None:
    """The plan bills nothing that comes more than 20 days late: a record of an open month is left out for that, until somebody decides."""
    plans = tuple(msgspec.structs.replace(each, late_usage_days_max=20) for each in shop().plans)
    catalogue.publish(world.home, shop(2, START_US, plans=plans, corrects=1), world.tick())
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", NUMBERS["anna"])
    calls = [Call(NUMBERS["anna"], f"2025-10-0{day}T10:00:00", 60, key=f"late-{day}") for day in (1, 2, 3)]
    arrive(world, "2025-10-30T12:00:00", *calls)
    assert again(world, "2025-11-01")["too_late"] == 3
    decide(world, BILLED, "late-1", "late-2")
    left_out = again(world, "2025-12-01")
    assert (left_out["too_late"], left_out["decided"]) == (1, 2)


def test_a_day_is_open_and_an_account_too(world: World) -> None:
    late(world)
    with pytest.raises(UserError, match="no bill to come corrects bert before 2025-12-01: 2025-10-08 is too early") as refused:
        decide(world, BILLED, "late-5", on_date=dt.date(2025, 10, 8))
    assert refused.value.remedy == "give 2025-12-01, or a later day"
    assert wrong(world) == set()


def test_no_run_has_looked_yet(world: World) -> None:
    """It came after the run of March, and is too late already; only the next run says so."""
    late(world)
    arrive(world, "2026-03-10T12:00:00", Call(NUMBERS["anna"], "2025-10-09T10:00:00", 60, key="late-6"))
    with pytest.raises(UserError, match=r"no run has read record late-6 yet: .* is that of 2026-04-01") as refused:
        decide(world, WRITTEN_OFF, "late-6")
    assert "decide when that run is made" in refused.value.remedy
    world.bill("2026-04-01")
    assert decide(world, WRITTEN_OFF, "late-6").records == 1


def test_a_run_that_waits_is_finished_first(world: World) -> None:
    late(world)
    setting_changes.put(world.home, "approval", "required", *BEN, who(world).now_us)
    world.bill("2026-04-01")
    with pytest.raises(UserError, match="the bill run of 2026-04-01 is not finished"):
        decide(world, WRITTEN_OFF, "late-1")


def test_a_re_rating_leaves_alone_what_is_too_late(world: World) -> None:
    """Calls of October become cheaper by half: one minute of 0.10 was billed to anna, on plan plus, and late calls were not."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", NUMBERS["anna"])
    world.account("bert")
    world.subscription("bert-1", "bert", "shop/basic", NUMBERS["bert"])
    world.take(Call(NUMBERS["anna"], "2025-10-04T10:00:00", 600, key="in time"))
    for date in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"):
        world.bill(date)
    world.catch_up()
    world.take(
        Call(NUMBERS["anna"], "2025-10-05T10:00:00", 600, key="open"), Call(NUMBERS["anna"], "2025-10-06T10:00:00", 600, key="decided")
    )
    world.bill("2026-03-01")
    decide(world, BILLED, "decided")
    world.bill("2026-04-01")
    correct(world)
    found = jobs.preview(world.home, request("shop/plus", 2, "2025-10"))
    assert found.net_micros == {"CNY": -50 * CENT}
    job = jobs.plan(world.home, request("shop/plus", 2, "2025-10"), who(world))
    jobs.decide(world.home, job.job_id, jobs.APPROVED, "", who(world, BEN))
    jobs.apply(world.home, job.job_id, dt.date(2026, 4, 1), who(world))
    assert wrong(world) == set()
    assert open_records(world) == ["open"]
    assert jobs.preview(world.home, request("shop/plus", 2, "2025-10")).net_micros == {}


def test_a_re_rating_of_before_may_have_billed_a_record(world: World) -> None:
    """Its documents do not say that they leave late usage alone: billing is refused."""
    late(world)
    world.bill("2026-04-01")
    correct(world)
    job = jobs.plan(world.home, request("shop/plus", 2, "2025-10"), who(world))
    jobs.decide(world.home, job.job_id, jobs.APPROVED, "", who(world, BEN))
    jobs.apply(world.home, job.job_id, dt.date(2026, 4, 1), who(world))
    assert decide(world, BILLED, "late-1", dry_run=True).records == 1
    assert world.changed("UPDATE bill_runs SET detail = '{\"job\":1}' WHERE kind = 'rerate'")
    with pytest.raises(UserError, match="re-rating 1 of shop/plus, 2025-10-01 to 2025-10-31, may have billed it"):
        decide(world, BILLED, "late-1")
    assert decide(world, WRITTEN_OFF, "late-1").records == 1


@pytest.mark.parametrize("goodwill", [False, True])
def test_what_an_invoice_with_a_correction_has_is_credited_where_its_class_allows(world: World, *, goodwill: bool) -> None:
    """March's rent of 3.00, billed ahead, is taken back on the invoice with the 0.40; where it was given back before, nothing is left."""
    late(world)
    if goodwill:
        lines = invoicing.get_invoice(world.home, world.numbers("anna")[-1]).lines
        rent = next(each.line_no for each in lines if each.kind == "recurring" and each.period_from == "2026-03-01")
        wanted = crediting.CreditRequest("rent", world.numbers("anna")[-1], rent, None, "outside", "goodwill")
        crediting.credit(world.home, wanted, who(world), on=dt.date(2026, 3, 1))
    (group,) = decide(world, BILLED, account="anna").groups
    world.end("anna-1", "2026-03-01")
    world.bill("2026-04-01")
    number = next(each for each in reversed(world.numbers("anna")) if TEXT in [text for text, _ in amounts(world, each)])
    line_no = next(each.line_no for each in invoicing.get_invoice(world.home, number).lines if each.text == TEXT)
    with pytest.raises(UserError) as refused:
        take_back(world, 1)
    world.begun(dt.date(2026, 4, 2))
    wanted = crediting.CreditRequest("late", number, line_no, None, "outside", "goodwill")
    if goodwill:
        assert refused.value.message.endswith(f"has adjustment {group.reference}, and 0.00 CNY of it may be credited alone")
        assert "`ratewright adjustment add`; its records stay decided" in refused.value.remedy
        with pytest.raises(UserError, match=r"is left to credit: its tax class comes to -2\.60 CNY net on all documents"):
            crediting.credit(world.home, wanted, who(world), on=dt.date(2026, 4, 2))
    else:
        assert refused.value.remedy.startswith(f"credit that line: ratewright invoice credit {number} --line {line_no} ")
        note = crediting.credit(world.home, wanted, who(world), on=dt.date(2026, 4, 2))
        assert (note.net_micros, note.tax_micros) == (-40 * CENT, -2 * CENT)
    assert wrong(world) == set()
