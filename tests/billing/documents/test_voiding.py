"""Void and reissue: what must stand in the way, what is turned back, and that the charges are billed once all the same."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from billing import closed_months, invoicing, payments
from billing.documents import voiding
from billing.store import tables
from rating.errors import NotFoundError, UserError
from tests.billing.documents.clerk import ANA, CENT, cents, credit, customer, void, who, wrong
from tests.billing.runs.world import Call, World

FIRST = "R-0000000001"


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


def test_an_older_invoice_is_reissued_on_the_date_of_the_latest_run(billed: World) -> None:
    before = billed.lines(FIRST)
    billed.bill("2025-12-01")
    void(billed, FIRST, "2025-12-02")
    voiding.reissue(billed.home, FIRST, who(billed))
    assert [line[1:] for line in billed.lines("R-0000000003")] == [line[1:] for line in before]
    assert billed.lines("R-0000000003")[0][0] == "Basic, correction for 2025-10-01 to 2025-10-31"
    assert invoicing.get_invoice(billed.home, "R-0000000003").summary.issued_on == "2025-12-01"
    assert (cents(billed), wrong(billed)) == (1379 + 1060, [])


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


def test_a_closed_month_keeps_its_invoices(billed: World) -> None:
    closed_months.close(billed.home, "", "2025-11", "month end", who(billed))
    with pytest.raises(UserError, match="the books for 2025-11 are closed"):
        void(billed, FIRST, "2025-12-01")


def test_a_void_is_not_dated_before_its_invoice(billed: World) -> None:
    with pytest.raises(UserError, match=f"{FIRST} was issued on 2025-11-01: its voiding cannot be dated 2025-10-31"):
        void(billed, FIRST, "2025-10-31")


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


def test_who_voids_is_kept(billed: World) -> None:
    void(billed, FIRST)
    with billed.home.connect() as connection:
        row = connection.execute(tables.invoice_events.select()).one()
    assert (row.kind, row.by_name, row.by_uid, row.reason) == ("voided", *ANA, "wrong address")
