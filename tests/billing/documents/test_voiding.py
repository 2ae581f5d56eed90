"""Void and reissue: what must stand in the way, what is turned back, and that the charges are billed once all the same."""

from __future__ import annotations

import datetime as dt
import json
import time

import pytest

from billing import invoicing, payments, setting_changes
from billing.accounts.kinds import DiscountFact, PayerFact
from billing.allocations import open_items
from billing.catalogue import Operator
from billing.documents import voiding
from billing.documents.explaining import explain
from billing.ledger import closed_months
from billing.payments import deposits
from billing.payments.postings import APPLIED
from billing.runs import cycle, quarantine, quarantine_retry, states
from billing.runs.settlement.unbilled import unbilled
from billing.store import tables
from rating.errors import NotFoundError, UserError
from tests.billing.documents.clerk import ANA, CENT, cents, credit, customer, tell, void, who, wrong
from tests.billing.runs.world import Call, World, instant_us

FIRST = "R-0000000001"
OPERATOR = Operator(*ANA)


@pytest.fixture
def billed(world: World) -> World:
    customer(world).bill("2025-11-01")
    return world


def test_a_void_invoice_keeps_its_number_and_its_lines_are_billed_again(billed: World) -> None:
    before = billed.lines(FIRST)
    done = void(billed, FIRST)
    assert (done.total_micros, done.on_date, done.postings) == (1379 * CENT, "2025-11-03", 4)
    assert (cents(billed), wrong(billed)) == (0, [])
    again = voiding.reissue(billed.home, FIRST, who(billed))
    assert (again.invoices, billed.numbers()) == (1, [FIRST, "R-0000000002"])
    assert billed.lines("R-0000000002") == before
    assert (billed.lines(FIRST), cents(billed), wrong(billed)) == (before, 1379, [])
    assert billed.bill("2025-11-01").invoices == 0


def test_the_next_run_bills_what_was_voided(billed: World) -> None:
    void(billed, FIRST)
    billed.bill("2025-12-01")
    assert [line[:2] + line[4:] for line in billed.lines("R-0000000002") if line[0] == "Basic"] == [
        ("Basic", "2025-10-01", 1000),
        ("Basic", "2025-11-01", 1000),
    ]
    assert (cents(billed), wrong(billed)) == (1379 + 1060, [])


def test_a_reissued_invoice_is_dated_and_due_as_of_its_own_day(billed: World) -> None:
    """Fourteen days to pay; that the books of the bill date are closed does not matter."""
    void(billed, FIRST, "2025-12-03")
    closed_months.close(billed.home, "", "2025-11", "month end", who(billed))
    voiding.reissue(billed.home, FIRST, who(billed))
    again = invoicing.get_invoice(billed.home, "R-0000000002").summary
    assert (again.issued_on, again.due_on, again.period_from, again.period_to) == ("2025-12-03", "2025-12-17", "2025-10-01", "2025-11-01")
    assert (cents(billed), wrong(billed)) == (1379, [])


def test_a_reissue_that_was_put_aside_keeps_its_date_when_it_is_tried_again(billed: World) -> None:
    """Void and reissued on 5 December, mended and tried again on the 10th, when the books of the bill date are closed."""
    void(billed, FIRST, "2025-12-05")
    billed.execute("UPDATE accounts SET legal_entity = 'nowhere'")
    aside = voiding.reissue(billed.home, FIRST, who(billed))
    assert (aside.invoices, list(aside.quarantined)) == (0, ["anna"])
    billed.execute("UPDATE accounts SET legal_entity = NULL")
    closed_months.close(billed.home, "", "2025-11", "month end", who(billed))
    billed.now_us = instant_us("2025-12-10T12:00:00")
    assert quarantine_retry.retry(billed.home, aside.run_id, billed.tick(), states.By(*ANA)).invoices == 1
    again = invoicing.get_invoice(billed.home, "R-0000000002").summary
    assert (again.issued_on, again.due_on, again.total_micros) == ("2025-12-05", "2025-12-19", 1379 * CENT)
    assert (quarantine.parked(billed.home), cents(billed), wrong(billed)) == ([], 1379, [])


MONTHS = ("2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01")


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("between", [(), ("2025-12-15",)])
def test_what_came_before_a_run_of_other_bill_days_is_billed_after_a_void(
    billed: World, between: tuple[str, ...], *, at_once: bool
) -> None:
    """October gets half off (-6.51 of 13.01 without tax, 0.39 of tax), a run of the 15th is not for anna, and her November is void then."""
    billed.bill("2025-12-01")
    tell(billed, "anna", "discount", DiscountFact("half", percent_ppm=500_000), "2025-10-01", "2025-11-01")
    for date in between:
        billed.bill(date)
    void(billed, "R-0000000002", "2025-12-16")
    if at_once:
        voiding.reissue(billed.home, "R-0000000002", who(billed))
    billed.bill("2026-01-01")
    assert (cents(billed), wrong(billed)) == (1379 - 690 + 2 * 1060, [])


@pytest.fixture
def long_ago(billed: World) -> World:
    """October is three periods older than those that are open in April."""
    for month in MONTHS:
        billed.bill(month)
    void(billed, FIRST, "2026-04-02")
    assert cents(billed) == 5 * 1060
    return billed


def test_an_invoice_of_long_ago_is_reissued(long_ago: World) -> None:
    """Its charges alone: 10.00 and 3.01, 6 % tax. The next run bills April (10.60) and nothing else."""
    voiding.reissue(long_ago.home, FIRST, who(long_ago))
    assert {line[1] for line in long_ago.lines("R-0000000007")} == {"2025-10-01"}
    assert (cents(long_ago), wrong(long_ago)) == (5 * 1060 + 1379, [])
    assert explain(long_ago.home, "R-0000000007").lines
    long_ago.bill("2026-05-01")
    assert (cents(long_ago), wrong(long_ago), len(long_ago.numbers())) == (6 * 1060 + 1379, [], 8)


def test_the_end_of_a_month_knows_no_void_and_no_bill_of_a_later_day(billed: World) -> None:
    """November is over and not billed: 10.00. October was billed in it; that its invoice is void since 1 December, and made anew, is later.

    By the end of December it is: October is unbilled while it is void, and billed once it is made anew.
    """

    def at_the_end_before(day: str) -> int:
        found = unbilled(billed.home, dt.date.fromisoformat(day), at_month_end=True)
        return int(found.lines["amount_micros"].sum()) // CENT

    assert at_the_end_before("2025-12-01") == 1000
    void(billed, FIRST, "2025-12-01")
    assert (at_the_end_before("2025-12-01"), at_the_end_before("2026-01-01")) == (1000, 1301 + 2 * 1000)
    voiding.reissue(billed.home, FIRST, who(billed))
    assert (at_the_end_before("2025-12-01"), at_the_end_before("2026-01-01")) == (1000, 2 * 1000)


def test_the_next_run_bills_what_was_voided_of_long_ago(long_ago: World) -> None:
    long_ago.bill("2026-05-01")
    assert (cents(long_ago), wrong(long_ago)) == (6 * 1060 + 1379, [])
    assert {line[1] for line in long_ago.lines("R-0000000007")} == {"2025-10-01", "2026-04-01"}
    long_ago.take(Call("1001", "2025-10-20T10:00:00", 60))
    long_ago.bill("2026-06-01")
    assert cents(long_ago) == 7 * 1060 + 1379, "once it is billed again October is as closed as before"


def test_a_run_of_another_bill_day_does_not_swallow_what_was_voided(long_ago: World) -> None:
    """The run of the 15th comes next, and bills it: who has a void invoice is due in whatever run comes next."""
    long_ago.account("ben", bill_day=15)
    assert long_ago.bill("2026-04-15").invoices == 1
    assert (cents(long_ago), wrong(long_ago)) == (5 * 1060 + 1379, [])
    assert long_ago.bill("2026-05-01").invoices == 1
    assert (cents(long_ago), wrong(long_ago)) == (6 * 1060 + 1379, [])


def test_a_run_of_an_earlier_date_leaves_a_void_invoice_to_the_next_one(billed: World) -> None:
    """It would take what December's run billed for November as due no more."""
    billed.bill("2025-12-01")
    void(billed, FIRST, "2025-12-02")
    assert billed.bill("2025-11-01").invoices == 0
    assert (cents(billed), wrong(billed)) == (1060, [])
    assert billed.bill("2025-12-01").invoices == 1
    assert (cents(billed), wrong(billed)) == (1379 + 1060, [])


def test_a_run_of_an_earlier_date_resolves_no_void_when_the_later_bill_is_void_too(billed: World) -> None:
    billed.bill("2025-12-01")
    void(billed, FIRST, "2025-12-02")
    assert billed.bill("2025-11-15").invoices == 0
    void(billed, "R-0000000002", "2025-12-03")
    assert billed.bill("2026-01-01").invoices == 1
    assert (cents(billed), wrong(billed)) == (1379 + 2 * 1060, [])


def test_a_run_of_another_bill_day_leaves_a_void_invoice_to_its_own(billed: World) -> None:
    """The run of the 15th billed nothing of the account, so that of the 1st, made again, takes nothing back."""
    billed.bill("2025-11-15")
    void(billed, FIRST, "2025-11-16")
    assert billed.bill("2025-11-01").invoices == 1
    assert (cents(billed), wrong(billed)) == (1379, [])
    assert billed.bill("2025-12-01").invoices == 1
    assert (cents(billed), wrong(billed)) == (1379 + 1060, [])


def test_an_older_invoice_is_reissued_on_the_date_of_the_latest_run(billed: World) -> None:
    before = billed.lines(FIRST)
    billed.bill("2025-12-01")
    void(billed, FIRST, "2025-12-02")
    voiding.reissue(billed.home, FIRST, who(billed))
    assert billed.lines("R-0000000003") == before  # it is the first bill of October that stands: no line is a correction
    assert invoicing.get_invoice(billed.home, "R-0000000003").summary.issued_on == "2025-12-02"
    assert (cents(billed), wrong(billed)) == (1379 + 1060, [])


def test_a_reissue_has_the_date_of_the_last_bill_of_those_that_any_line_is_billed_with(billed: World) -> None:
    """The bill of November corrects October. Anna pays for ben in October alone, as is told late, and ben has a bill of 1 January by then.

    October is computed for both, so the reissue is dated 1 January; by the bill's own period, from 1 November on, it would be 1 December.
    """
    billed.account("ben")
    billed.subscription("ben-1", "ben", "shop/basic", "1002")
    billed.take(Call("1001", "2025-10-20T10:00:00", 60))
    billed.bill("2025-12-01")
    (corrects,) = billed.numbers("anna")[1:]
    assert {line[1] for line in billed.lines(corrects)} == {"2025-10-01", "2025-11-01"}
    day = dt.date(2026, 1, 1)
    cycle.run(billed.home, day, billed.begun(day), order=cycle.Order(accounts=frozenset({"ben"})))
    void(billed, corrects, "2026-01-02")
    tell(billed, "ben", "payer", PayerFact("anna"), "2025-10-01", "2025-11-01")
    assert voiding.preview_reissue(billed.home, corrects, who(billed)).bill_date == "2026-01-01"


def test_a_reissue_has_the_date_of_the_last_run_that_covered_the_account_though_it_billed_nothing(billed: World) -> None:
    """Her only subscription ends with October: the run of December has nothing to bill."""
    billed.end("anna-1", "2025-11-01")
    assert billed.bill("2025-12-01").invoices == 0
    void(billed, FIRST, "2025-12-02")
    assert voiding.preview_reissue(billed.home, FIRST, who(billed)).bill_date == "2025-12-01"


def test_a_dry_run_changes_nothing(billed: World) -> None:
    assert void(billed, FIRST, dry_run=True).total_micros == 1379 * CENT
    assert (cents(billed), void(billed, FIRST).postings, wrong(billed)) == (1379, 4, [])


def test_a_document_is_void_once(billed: World) -> None:
    void(billed, FIRST)
    with pytest.raises(UserError, match=f"{FIRST} was voided on 2025-11-03 by ana: wrong address"):
        void(billed, FIRST)
    assert (cents(billed), wrong(billed)) == (0, [])


def test_what_a_later_invoice_corrects_comes_after_it(billed: World) -> None:
    billed.take(Call("1001", "2025-10-20T10:00:00", 60))
    billed.bill("2025-12-01")
    billed.take(Call("1001", "2025-10-21T10:00:00", 60))
    billed.bill("2026-01-01")
    for number in (FIRST, "R-0000000002"):
        with pytest.raises(UserError, match=f"R-0000000003 corrects lines of {number}") as caught:
            void(billed, number, "2026-01-02")
        assert "void the newer one first: ratewright invoice void R-0000000003" in caught.value.remedy
    for number in ("R-0000000003", "R-0000000002", FIRST):
        void(billed, number, "2026-01-02")
    assert (cents(billed), wrong(billed)) == (0, [])
    billed.bill("2026-01-01")
    assert (cents(billed), wrong(billed)) == (1379 + 21 + 1060 + 1060, [])


def test_credit_that_a_void_frees_settles_what_is_open(billed: World) -> None:
    """13.79 and 10.60 are billed, the 10.60 are paid and credited then: the credit settles as much of the 13.79, until they are void.

    The next bill is of 10.60: the freed credit settles it whole, in the commit of the void.
    """
    billed.bill("2025-12-01")
    payments.record(billed.home, "P1", "anna", 1060 * CENT, dt.date(2025, 12, 2), "", billed.tick(), numbers=["R-0000000002"])
    note = credit(billed, "R-0000000002", None, None, on="2025-12-03").number
    billed.bill("2026-01-01")
    assert still_open(billed) == {FIRST: 1379 - 1060, "R-0000000003": 1060}
    assert void(billed, FIRST, "2026-01-02").freed == {note: 1060 * CENT}
    assert (still_open(billed), cents(billed), wrong(billed)) == ({}, 0, [])


def still_open(world: World) -> dict[str, int]:
    """Cents that no payment and no credit has settled, by invoice."""
    with world.home.connect() as connection:
        return {item.number: item.open_micros // CENT for item in open_items(connection)}


def test_a_credit_note_binds_its_invoice_until_it_is_void(billed: World) -> None:
    credit(billed, FIRST, 1, 200)
    with pytest.raises(UserError, match=f"C-0000000001 corrects lines of {FIRST}"):
        void(billed, FIRST)
    void(billed, "C-0000000001", "2025-11-06")
    void(billed, FIRST)
    assert (cents(billed), wrong(billed)) == (0, [])


def test_a_paid_invoice_is_not_void(billed: World) -> None:
    payments.record(billed.home, "P1", "anna", 500 * CENT, dt.date(2025, 11, 2), "", billed.tick())
    with pytest.raises(UserError, match=f"{FIRST} is paid by payment P1"):
        void(billed, FIRST)
    assert (cents(billed), wrong(billed)) == (879, [])


def test_an_invoice_that_a_deposit_paid_is_credited_as_the_refusal_says(billed: World) -> None:
    """13.79 are owed, 5.00 of a deposit pay them; a release is for good, so the remedy is a credit note."""
    day = dt.date(2025, 11, 2)
    deposits.take(billed.home, deposits.Deposit("D1", "anna", 500 * CENT, day), payments.Act(OPERATOR, billed.tick()))
    released = deposits.Movement("A1", "D1", APPLIED, day)
    deposits.move(billed.home, released, payments.Act(OPERATOR, billed.tick()))
    with pytest.raises(UserError, match=f"{FIRST} is paid by deposit D1") as caught:
        void(billed, FIRST)
    assert caught.value.remedy == f"credit the invoice instead: ratewright invoice credit {FIRST} ..."
    assert credit(billed, FIRST, None, None).total_micros == -1379 * CENT
    assert (cents(billed), wrong(billed)) == (-500, [])


def test_a_closed_month_keeps_its_invoices(billed: World) -> None:
    closed_months.close(billed.home, "", "2025-11", "month end", who(billed))
    with pytest.raises(UserError, match="the books for 2025-11 are closed"):
        void(billed, FIRST, "2025-12-01")


def test_a_void_is_not_dated_before_its_invoice(billed: World) -> None:
    with pytest.raises(UserError, match=f"{FIRST} was issued on 2025-11-01: a void cannot be dated 2025-10-31"):
        void(billed, FIRST, "2025-10-31")


def test_a_void_is_not_dated_after_today(billed: World) -> None:
    with pytest.raises(UserError, match=f"a void of {FIRST} cannot be dated 2099-02-04: today is 2025-11-03"):
        void(billed, FIRST, "2099-02-04", at="2025-11-03")
    assert (cents(billed), void(billed, FIRST).on_date) == (1379, "2025-11-03")


def test_what_is_not_there_or_not_void_is_said(billed: World) -> None:
    with pytest.raises(NotFoundError, match="no invoice has the number R-9"):
        void(billed, "R-9")
    with pytest.raises(UserError, match=f"{FIRST} is not void"):
        voiding.reissue(billed.home, FIRST, who(billed))
    with pytest.raises(UserError, match="needs a reason"):
        voiding.void(billed.home, FIRST, " ", who(billed))


def test_the_command_line(billed: World, capsys: pytest.CaptureFixture[str]) -> None:
    from server.cli.app import main  # noqa: PLC0415 -- heavy, for this test alone

    home = str(billed.home.path)
    words = ["invoice", "void", FIRST, "--reason", "wrong address", "--home", home]
    assert main([*words, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["dry_run"] is True
    assert main(words) == 0
    assert "is void as of" in capsys.readouterr().out
    assert main(words) == 1
    assert "was voided on" in capsys.readouterr().err


def test_a_reissue_that_waits_for_approval_or_has_nothing_to_bill(billed: World, capsys: pytest.CaptureFixture[str]) -> None:
    from server.cli.app import main  # noqa: PLC0415 -- heavy, for this test alone

    void(billed, FIRST)
    setting_changes.put(billed.home, "approval", "required", *ANA, billed.tick())
    words = ["invoice", "reissue", FIRST, "--home", str(billed.home.path)]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "run 2 is computed, 1 on its list, none numbered" in said
    assert "ratewright bill approve --run 2" in said
    now_us = time.time_ns() // 1000
    states.decide(billed.home, 2, states.APPROVED, states.By("eve", 77), "", now_us)
    cycle.run(billed.home, dt.date(2025, 11, 1), now_us, order=cycle.Order(resume=True))
    assert cents(billed) == 1379
    assert main(words) == 1
    assert "nothing is due that was not billed; abandon it: ratewright bill abandon --date 2025-11-01" in capsys.readouterr().out


def test_who_voids_is_kept(billed: World) -> None:
    void(billed, FIRST)
    with billed.home.connect() as connection:
        row = connection.execute(tables.invoice_events.select()).one()
    assert (row.kind, row.by_name, row.by_uid, row.reason) == ("voided", *ANA, "wrong address")
