"""What an account owed before, and charges and credits by hand: counted once, approved where need be, billed with their period."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest

from billing import invoicing, payments, setting_changes
from billing.accounting import write_off
from billing.accounts import agreements
from billing.accounts.kinds import ClosedFact
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents import adjusting, openings
from billing.documents.explaining import explain
from billing.persons import Turn, anybody
from billing.store import tables
from rating.errors import UserError
from tests.billing.documents.clerk import ANA, BEN, CENT, cents, credit, customer, void, who, wrong
from tests.billing.runs.test_rating_units import tell
from tests.billing.runs.world import instant_us
from tests.billing.second_person import set_by_two

if TYPE_CHECKING:
    from tests.billing.runs.world import World

NOVEMBER = dt.date(2025, 11, 1)


@pytest.fixture
def anna(world: World) -> World:
    return customer(world)


def item(world: World, reference: str, cents_: int, due_on: str = "2025-10-15") -> None:
    world._add(  # noqa: SLF001 -- a fact, as an import would bring it
        tables.opening_items,
        account_key=world.key("accounts", "account_key", "account_id", "anna"),
        reference=reference,
        issued_on="2025-09-30",
        due_on=due_on,
        amount_micros=cents_ * CENT,
    )


def entered(world: World, cents_: int, reference: str = "A1", person: tuple[str, int] = ANA, **more: object) -> adjusting.Adjustment:
    on = dt.date.fromisoformat(str(more.get("on", "2025-10-20")))
    reason, text, tax_class = (
        str(more.get(name, default)) for name, default in (("reason", "goodwill"), ("text", ""), ("tax_class", "standard"))
    )
    wanted = adjusting.AdjustmentRequest(
        reference, "anna", on, cents_ * CENT, reason, text, "shop", tax_class, str(more.get("subscription", ""))
    )
    allow: Any = more.get("allow", anybody)
    return adjusting.add(world.home, wanted, who(world, person), dry_run=bool(more.get("dry_run")), allow=allow)


def not_agreeing(turn: Turn) -> None:
    """Let a person ask alone."""
    if turn is Turn.AGREES:
        raise LookupError


def not_asking(turn: Turn) -> None:
    """Let a person agree alone."""
    if turn is Turn.ASKS:
        raise LookupError


def test_opening_documents_are_not_dated_on_a_day_that_has_not_begun(anna: World) -> None:
    """A dry run looks ahead, and says that it would be refused."""
    item(anna, "OLD-7", 5000)
    now = who(anna, on=dt.date(2025, 10, 20))
    looked_at = openings.open_items(anna.home, now, NOVEMBER, dry_run=True)
    with pytest.raises(UserError) as caught:
        openings.open_items(anna.home, now, NOVEMBER)
    where = "that day has not begun on the clock of Asia/Shanghai, where it is 2025-10-20"
    assert caught.value.message == f"an opening of 2025-11-01 is refused: {where}"
    assert (looked_at.documents, looked_at.refused) == (1, f"{caught.value.message}; remedy: {caught.value.remedy}")
    assert invoicing.list_invoices(anna.home) == []
    anna.account("dora", timezone="Pacific/Honolulu")  # who owes nothing from before
    in_time = now._replace(now_us=instant_us("2025-11-01T00:00:00"))
    assert openings.open_items(anna.home, in_time, NOVEMBER).documents == 1


def test_opening_items_become_documents_once(anna: World) -> None:
    item(anna, "OLD-7", 5000)
    item(anna, "OLD-8", -1200, "2025-10-20")
    assert openings.open_items(anna.home, who(anna, on=NOVEMBER), NOVEMBER, dry_run=True).documents == 2
    done = openings.open_items(anna.home, who(anna, on=NOVEMBER), NOVEMBER)
    assert (done.documents, done.total_micros) == (2, {"CNY": 3800 * CENT})
    with anna.home.connect() as connection:
        seq = anna.home.head_seq(connection)
    assert openings.stored_by(anna.home, seq) == done
    assert openings.open_items(anna.home, who(anna, on=NOVEMBER), NOVEMBER).documents == 0
    item(anna, "OLD-9", 100)
    assert openings.open_items(anna.home, who(anna, on=NOVEMBER), NOVEMBER).documents == 1
    found = invoicing.list_invoices(anna.home)
    assert [(each.number, each.due_on, each.total_micros // CENT, each.open_micros // CENT) for each in found] == [
        ("RO-0000000001", "2025-10-15", 5000, 3800),
        ("RO-0000000002", "2025-10-20", -1200, 0),
        ("RO-0000000003", "2025-10-15", 100, 100),
    ]
    assert anna.lines("RO-0000000001")[0][0] == "Balance brought forward: OLD-7"
    assert (cents(anna), wrong(anna)) == (3900, [])
    with anna.home.connect() as connection:
        row = tables.postings.c
        against = connection.execute(tables.postings.select().where(row.document == "RO-0000000001")).one()
    assert (against.debit_account, against.credit_account) == ("receivable:anna", "opening_balance")


def test_what_was_owed_before_is_not_billed_again_and_can_be_paid(anna: World) -> None:
    item(anna, "OLD-7", 5000)
    item(anna, "OLD-8", 700)
    openings.open_items(anna.home, who(anna, on=dt.date(2025, 10, 2)), dt.date(2025, 10, 2))
    anna.bill("2025-11-01")
    assert [line[4] for line in anna.lines("R-0000000001")] == [1000, 100, 201, 78]
    payments.record(anna.home, "P1", "anna", 5500 * CENT, dt.date(2025, 11, 2), "", anna.tick())
    assert [each.open_micros // CENT for each in invoicing.list_invoices(anna.home)] == [1379, 0, 200]
    assert wrong(anna) == []
    with pytest.raises(UserError, match="is what the account owed before: it cannot be void"):
        void(anna, "RO-0000000001")
    with pytest.raises(UserError, match="is what the account owed before: it cannot be credited") as caught:
        credit(anna, "RO-0000000001", None, None)
    assert caught.value.remedy is not None
    assert "`ratewright ledger write-off`" in caught.value.remedy
    write_off.write_off(anna.home, "RO-0000000002", dt.date(2025, 11, 3), "the old bill was wrong", who(anna), limit_micros=200 * CENT)
    assert [each.open_micros // CENT for each in invoicing.list_invoices(anna.home)] == [1379, 0, 0]


def test_an_adjustment_is_a_line_of_the_period_that_holds_its_date(anna: World) -> None:
    assert entered(anna, -300, dry_run=True).state == adjusting.WAITING
    assert entered(anna, -300).state == adjusting.WAITING
    assert entered(anna, -300).existed
    entered(anna, 450, "A2", reason="equipment", text="Router", subscription="anna-1")
    anna.bill("2025-11-01")
    assert [(line[0], line[4]) for line in anna.lines("R-0000000001")] == [
        ("Goodwill", -300),
        ("Basic", 1000),
        ("National calls", 100),
        ("Premium calls", 201),
        ("Router", 450),
        ("Tax standard 6 %", 87),  # 6 % of 14.51
    ]
    assert [each.state for each in adjusting.list_all(anna.home, "anna")] == ["R-0000000001", "R-0000000001"]
    assert wrong(anna) == []


def test_beyond_the_limit_another_person_gives_the_same_command(anna: World) -> None:
    setting_changes.put(anna.home, "adjustment_limit_micros", str(500 * CENT), "ops", 1, anna.tick())
    assert entered(anna, -500, "small").state == adjusting.WAITING
    assert entered(anna, -501).state == adjusting.PENDING
    assert entered(anna, -501).state == adjusting.PENDING  # the same person again
    with pytest.raises(LookupError):
        entered(anna, -501, person=BEN, allow=not_agreeing)
    with pytest.raises(LookupError):
        entered(anna, -7, "A9", allow=not_asking)
    assert [each.state for each in adjusting.list_all(anna.home)] == [adjusting.WAITING, adjusting.PENDING], "nothing changed"
    set_by_two(anna.home, "adjustment_limit_micros", str(900 * CENT), anna.tick)  # approves nothing that was entered before
    anna.bill("2025-11-01")
    assert [line[4] for line in anna.lines("R-0000000001")] == [-500, 1000, 100, 201, 48]
    approved = entered(anna, -501, person=BEN)
    assert (approved.state, approved.by_name, approved.approved_by) == (adjusting.WAITING, "ana", "ben")
    anna.bill("2025-12-01")
    assert anna.lines("R-0000000002")[0] == ("Goodwill, correction for 2025-10-01 to 2025-10-31", "2025-10-01", "2025-11-01", 1, -501)
    assert wrong(anna) == []


@pytest.mark.parametrize(
    ("cents_", "more", "message"),
    [
        (0, {}, "an amount of 0 adjusts nothing"),
        (100, {"reason": "because"}, "there is no reason 'because'"),
        (100, {"reason": "other"}, "the reason `other` needs a text"),
        (100, {"tax_class": "reduced"}, "catalogue shop has no tax class 'reduced'"),
        (100, {"subscription": "ben-1"}, "account anna has no subscription ben-1"),
    ],
)
def test_what_cannot_be_entered(anna: World, cents_: int, more: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        entered(anna, cents_, **more)
    assert adjusting.list_all(anna.home) == []


def test_an_adjustment_is_dated_in_a_period_that_is_still_open(anna: World) -> None:
    """After the run of 1 March the next one, of 1 April, computes December to March: three periods before the latest."""
    setting_changes.put(anna.home, "adjustment_limit_micros", str(500 * CENT), "ops", 1, anna.tick())
    entered(anna, -700, "big", on="2025-11-10")
    for month in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01"):
        anna.bill(month)
    tell(anna, "anna", "closed", ClosedFact("moved"), "2026-03-11")
    for reference, person, on, message, remedy in (
        ("A1", ANA, "2025-11-30", "no bill to come corrects anna before 2025-12-01: 2025-11-30 is too early", "give 2025-12-01, or"),
        ("A1", ANA, "2026-03-11", "account anna is closed on 2026-03-11: 2026-03-11 is too late", "a day from 2025-12-01 to 2026-03-10"),
        ("big", BEN, "2025-11-10", "before 2025-12-01: 2025-11-10 is too early", "give 2025-12-01"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            entered(anna, -700 if reference == "big" else -100, reference, person, on=on)
        assert remedy in caught.value.remedy
    entered(anna, -100, "first", on="2025-12-01")
    entered(anna, -200, "last", on="2026-03-10")
    anna.bill("2026-04-01")
    assert {each.reference: each.state for each in adjusting.list_all(anna.home)} == {
        "big": adjusting.PENDING,
        "first": "R-0000000006",
        "last": "R-0000000006",
    }


def closed(world: World, on: str) -> tuple[str, ...]:
    return agreements.close(world.home, Asked(Operator("ana", 1), world.tick()), "anna", dt.date.fromisoformat(on), "moved").said


@pytest.mark.parametrize("told_after_the_bill", [False, True])
def test_what_is_dated_after_a_closing_that_is_told_later_is_of_the_last_period(anna: World, *, told_after_the_bill: bool) -> None:
    """10 of 30 days of the fee of 10.00 are 3.33; 1.00 and 7.00 by hand for 25 and 26 November are not lost by closing on 11 November."""
    setting_changes.put(anna.home, "adjustment_limit_micros", str(500 * CENT), "ops", 1, anna.tick())
    anna.bill("2025-11-01")
    entered(anna, 100, on="2025-11-25")
    entered(anna, 700, "big", on="2025-11-26")
    if told_after_the_bill:
        entered(anna, 700, "big", BEN, on="2025-11-26")
        anna.bill("2025-12-01")
        assert invoicing.list_invoices(anna.home)[-1].net_micros == 1800 * CENT
    assert closed(anna, "2025-11-11")[-1] == "adjustments dated later are of that period: A1, big"
    entered(anna, 700, "big", BEN, on="2025-11-26")
    last = anna.bill("2026-01-01")
    assert last.quarantined == {}
    found = [each for each in invoicing.list_invoices(anna.home) if each.issued_on > "2025-11-01"]
    assert sum(each.net_micros for each in found) == 1133 * CENT
    assert {each.reference: each.state for each in adjusting.list_all(anna.home)} == {"A1": found[-1].number, "big": found[-1].number}
    assert [line.text for line in explain(anna.home, found[-1].number).lines if "by hand for 2025-11-26" in line.sentences[0]]
    assert wrong(anna) == []


def test_no_closing_loses_an_adjustment_that_waits(anna: World) -> None:
    """After the run of 1 March the next one computes December to March; an account that is closed by then has no bill any more."""
    for month in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01"):
        anna.bill(month)
    entered(anna, -100, on="2026-03-20")
    with pytest.raises(
        UserError, match="no bill to come corrects anna before 2025-12-01, and these adjustments wait for one: A1"
    ) as caught:
        closed(anna, "2025-12-01")
    assert caught.value.remedy == "close it after 2025-12-01, or bill it first"
    closed(anna, "2025-12-02")
    anna.bill("2026-04-01")
    last = invoicing.list_invoices(anna.home)[-1]
    assert adjusting.list_all(anna.home)[0].state == last.number
    assert last.net_micros == (32 - 3000 - 100) * CENT  # one day of December (0.32) instead of three months, and what was promised


def test_a_reference_stands_for_one_adjustment(anna: World) -> None:
    entered(anna, 100)
    with pytest.raises(UserError, match="adjustment A1 exists with amount_micros 1000000, not 2000000"):
        entered(anna, 200)


def test_the_command_line(anna: World, capsys: pytest.CaptureFixture[str]) -> None:
    from server.cli.app import main  # noqa: PLC0415 -- heavy, for this test alone

    home = ["--home", str(anna.home.path)]
    words = ["--reference", "A1", "--account", "anna", "--date", "2025-10-20", "--amount", "-3.00", "--reason-code", "goodwill"]
    assert main(["adjustment", "add", *words, "--catalogue", "shop", "--tax-class", "standard", *home]) == 0
    assert "adjustment A1: -3.00 CNY for account anna on 2025-10-20 (goodwill), waits for a run" in capsys.readouterr().out
    assert main(["adjustment", "list", "--json", *home]) == 0
    assert [each["reference"] for each in json.loads(capsys.readouterr().out)] == ["A1"]
    assert main(["adjustment", "reasons"]) == 0
    assert "优惠减免" in capsys.readouterr().out
