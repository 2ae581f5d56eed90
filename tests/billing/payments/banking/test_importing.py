"""Statements in the store: matched by structured references, charges apart, returns that reverse, refunds that are found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing.payments import made, worklist
from billing.payments.mapping import Match
from billing.store import tables
from rating.errors import ProblemsError, UserError
from tests.billing.payments.banking import bank
from tests.billing.payments.desk import units

if TYPE_CHECKING:
    from billing.payments.importing import Imported
    from tests.billing.payments.desk import Desk

pytestmark = pytest.mark.slow
ACCOUNTS = Match(invoice="R-[0-9]{10}", account="A[0-9]{6}")


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """A000001 owes 100.00 and 50.00, A000002 and A000003 nothing; the issuer has a bank account."""
    for place in (1, 2, 3):
        desk.account(f"A00000{place}", "EUR")
    desk.invoice("R-0000000004", 100, account_id="A000001")
    desk.invoice("R-0000000001", 50, "01-15", account_id="A000001")
    bank.own(desk)
    return desk


def sums(done: Imported) -> str:
    """Sums in a line, debits behind a bar."""
    shown = [[f"{each.what} {each.lines} {each.amount_micros / 1_000_000:.2f}" for each in found] for found in (done.sums, done.debits)]
    return " | ".join(", ".join(each) for each in shown)


def debits(desk: Desk) -> list[str]:
    """Each debit: its id behind the account, state, event, what follows."""
    row = tables.bank_debits.c
    with desk.home.connect() as connection:
        found = connection.execute(sa.select(row.line_id, row.state, row.event_reference, row.follows, row.follow_on).order_by(row.line_id))
        return [" ".join(str(each).removeprefix(f"{bank.IBAN}/") for each in line if each) for line in found]


def problems(desk: Desk, name: str, content: bytes) -> list[str]:
    """Mistakes of a file; nothing of it is stored."""
    before = desk.rows()
    with pytest.raises(ProblemsError) as caught:
        bank.take(desk, name, content)
    assert desk.rows() == before
    assert all(each.remedy for each in caught.value.problems)
    return [f"{each.path}: {each.message}" for each in caught.value.problems]


def test_a_statement_by_hand(desk: Desk) -> None:
    """Batch of 100.00 by RF reference and 50.00 by text; 12.50 unknown; 3.00 charge; 43.00 returned of nobody; 10.00 out for nothing known.

    Cash: 162.50 came, 3.00 are a charge; the other debits are listed and post nothing.
    """
    done = bank.take(desk, "statement_02.xml")
    assert sums(done) == "matched 2 150.00, no_reference 1 12.50 | charged 1 3.00, no_refund 1 10.00, unknown_payment 1 43.00"
    assert (done.format, done.lines, done.known_lines, done.settled_parts) == ("camt.053", 6, 0, 2)
    assert done.findings == ("statement 17: 1 entry is not booked yet and passed over",)
    assert [tuple(each) for each in done.returns] == [(f"{bank.IBAN}/B-4/debit", "AM04", "no cover", "again", "2026-11-14")]
    assert desk.open("A000001") == ""
    assert desk.balances("cash", "suspense", "bank_fees") == {"bank_fees": 3, "cash": 159.5, "suspense": -12.5}
    assert debits(desk) == ["B-3/debit charged", "B-4/debit unknown_payment again 2026-11-14", "B-5/debit no_refund"]
    waiting = [(each.line_id.removeprefix(bank.IBAN), each.amount_micros, each.reason) for each in worklist.work_list(desk.home)]
    assert waiting == [
        ("/B-2", units(12.5), "no_reference"), ("/B-4/debit", -units(43), "unknown_payment"), ("/B-5/debit", -units(10), "no_refund"),
    ]  # fmt: skip
    assert desk.wrong() == []


def test_the_next_statement_follows_and_charges_are_posted_apart(desk: Desk) -> None:
    """80.00 were sent and 2.00 taken of them: the payment is 80.00. A batch of 12.00 and 8.00 has a charge of 1.25 of its own."""
    bank.take(desk, "statement_02.xml")
    done = bank.take(desk, "statement_08.xml", match=ACCOUNTS)
    assert sums(done) == "matched 2 20.00, unknown_reference 1 80.00 | charged 2 3.25"
    assert done.findings == ()
    assert desk.credit("A000002") == f"{bank.IBAN}/B-7=12.00"
    assert desk.credit("A000003") == f"{bank.IBAN}/B-7/2=8.00"
    assert desk.balances("cash", "bank_fees") == {"bank_fees": 6.25, "cash": 159.5 + 80 + 20 - 3.25}
    assert desk.wrong() == []


def test_the_same_file_again_under_any_name_and_the_same_statement_in_another_file(desk: Desk) -> None:
    content = (bank.FILES / "statement_02.xml").read_bytes()
    bank.take(desk, "statement_02.xml")
    before = desk.rows()
    assert bank.take(desk, "other.xml", content).existed
    fetched_later = content.replace(b"2026-11-10T06:00:00", b"2026-11-12T06:00:00")
    assert bank.take(desk, "third.xml", fetched_later).existed
    renamed = content.replace(b"ST-2026-17", b"AGAIN")
    assert bank.take(desk, "fourth.xml", renamed).existed, "number 17 of the year"
    assert desk.rows() == before
    changed = content.replace(b'"EUR">12.50<', b'"EUR">12.60<').replace(b"1106.50", b"1106.60")
    changed = changed[: changed.index(b"<TxsSummry>")] + changed[changed.index(b"</TxsSummry>") + len(b"</TxsSummry>") :]
    assert problems(desk, "fifth.xml", changed) == [
        f"line 5: statement 17 of {bank.IBAN} came before with the closing balance 1106.50, not 1106.60",
        f"line 5: statement 17 of {bank.IBAN} came before with the sum 106.50, not 106.60",
    ]


def test_tried(desk: Desk) -> None:
    before = desk.rows()
    desk.tried = True
    tried = bank.take(desk, "statement_02.xml")
    assert desk.rows() == before
    assert debits(desk) == []
    desk.tried = False
    assert bank.take(desk, "statement_02.xml") == tried


def test_an_answer_that_was_lost_is_read_back(desk: Desk) -> None:
    """A caller that was cut off asks again: the same sums, waiting lines, returns and findings."""
    bank.take(desk, "1.xml", bank.statement("B-1 100.00 e2e=E; rf=RF65R0000000004\nB-2 5.00 text=what"))
    text = "B-2 5.00 text=what\nB-3 -100.00 e2e=E; reason=AM04\nB-4 -1.00 code=CHRG\nB-5 -7.00 party=Ben\nB-6 9.00 charge=1.00; rf=A000001"
    done = bank.take(desk, "2.xml", bank.statement(text, number=3, opening="200.00"))
    assert sums(done) == "matched 1 10.00 | charged 2 2.00, no_refund 1 7.00, reversed 1 100.00"
    assert (done.known_lines, len(done.findings), done.waiting) == (1, 1, [(4, f"{bank.IBAN}/B-5/debit", "no_refund")])
    with desk.home.connect() as connection:
        seq = connection.execute(sa.select(sa.func.max(tables.bank_files.c.commit_seq))).scalar_one()
    assert made.bank_file(desk.home, seq, 0) == done
    assert desk.wrong() == []


# what is matched, structured references first. RF65R0000000004: R-0000000004 of A000001
MATCHED = """
RF65R0000000004                   rf=RF65R0000000004                            matched A000001 R-0000000004
in free text                      text=please RF65R0000000004                   matched A000001 R-0000000004
number as text                    text=invoice r-0000000004                     matched A000001 R-0000000004
wrong check digits                rf=RF66R0000000004                            wrong_reference
wrong, and text that helps        rf=RF66R0000000004; text=R-0000000004         matched A000001 R-0000000004
structured before free            rf=RF65R0000000004; text=A000002              matched A000001 R-0000000004
unknown invoice                   rf=RF18539007547034                           unknown_reference
account by its id                 rf=A000002                                    matched A000002
nothing                           text=thank you                                no_reference
a batch that is not listed        batch=3                                       whole_batch
our money that came back          reason=AC01; text=R-0000000004                returned_debit
reversal of a debit               reversal=1; text=R-0000000004                 returned_debit
"""


@pytest.mark.parametrize("row", MATCHED.strip().splitlines())
def test_what_matches(desk: Desk, row: str) -> None:
    words, expected = row[34:80].strip(), row[80:].strip()
    bank.take(desk, "s.xml", bank.statement(f"B-1 7.00 {words}"), ACCOUNTS)
    line, account, payment = tables.bank_lines.c, tables.accounts.c, tables.payments.c
    with desk.home.connect() as connection:
        query = sa.select(line.state, account.account_id, payment.instruction).select_from(tables.bank_lines)
        query = query.outerjoin(tables.payments, payment.payment_id == line.payment_id).outerjoin(tables.accounts)
        state, account_id, numbers = connection.execute(query).one()
    assert f"{state} {account_id or ''} {(numbers or '').strip('[]').replace(chr(34), '')}".strip() == expected
    assert desk.wrong() == []


def test_a_return_reverses_the_payment_that_it_names(desk: Desk) -> None:
    """100.00 came with DD-1 and settled; the bank takes 103.00 back, 3.00 of them its charge: the invoice is open again."""
    bank.take(desk, "1.xml", bank.statement("B-1 100.00 e2e=DD-1; mandate=M-1; rf=RF65R0000000004"))
    assert desk.open("A000001") == "R-0000000001@01-15=50.00"
    done = bank.take(desk, "2.xml", bank.statement("B-2 -103.00 e2e=DD-1; charge=3.00; reason=MD01", number=2, opening="200.00"))
    assert sums(done) == " | reversed 1 103.00"
    assert [tuple(each)[1:] for each in done.returns] == [("MD01", "there is no mandate", "mandate_ended", "")]
    assert desk.open("A000001") == "R-0000000001@01-15=50.00 R-0000000004@02-15=100.00"
    assert debits(desk) == ["B-2/debit reversed B-2/debit mandate_ended"]
    assert desk.balances("cash", "bank_fees") == {"bank_fees": 3, "cash": -3}
    assert worklist.work_list(desk.home) == []
    assert desk.wrong() == []


# payments that came first; the return; what becomes of it
RETURNS = {
    "by the invoice that it names": ("B-1 100.00 rf=RF65R0000000004", "-100.00 text=R-0000000004; reason=AC04", "reversed"),
    "of the same statement": ("B-1 100.00 e2e=E; rf=RF65R0000000004", "-100.00 e2e=E; reason=AC04", "reversed"),
    "without a reason, as a reversal": ("B-1 100.00 e2e=E; rf=RF65R0000000004", "-100.00 e2e=E; reversal=1", "reversed"),
    "by the code of the booking": ("B-1 100.00 e2e=E; rf=RF65R0000000004", "-100.00 e2e=E; code=UPDD", "reversed"),
    "of another amount": ("B-1 100.00 e2e=E; rf=RF65R0000000004", "-99.00 e2e=E; reason=AC04", "other_amount"),
    "of nothing known": ("B-1 100.00 e2e=E; rf=RF65R0000000004", "-100.00 e2e=F; reason=AC04", "unknown_payment"),
    "of two alike": ("B-1 10.00 e2e=E; rf=A000001\nB-3 10.00 e2e=E; rf=A000001", "-10.00 e2e=E; reason=AC04", "several_payments"),
    "of what lies in suspense": ("B-1 10.00 e2e=E", "-10.00 e2e=E; reason=AC04", "unknown_payment"),
}  # fmt: skip


@pytest.mark.parametrize("name", RETURNS)
def test_returns(desk: Desk, name: str) -> None:
    came, went, expected = RETURNS[name]
    bank.take(desk, "1.xml", bank.statement(f"{came}\nB-2 {went}"))
    assert [each.split()[1] for each in debits(desk)] == [expected]
    assert len(worklist.work_list(desk.home)) == (expected != "reversed") + ("suspense" in name)
    assert desk.wrong() == []


def test_a_return_that_a_person_recorded_before_is_found_once(desk: Desk) -> None:
    bank.take(desk, "1.xml", bank.statement("B-1 100.00 e2e=E; rf=RF65R0000000004"))
    desk.back("V-1", "reversal", f"{bank.IBAN}/B-1", on="11-09")
    text = "B-2 -100.00 e2e=E; reason=AC04\nB-3 -100.00 e2e=E; reason=AC04"
    bank.take(desk, "2.xml", bank.statement(text, number=2, opening="200.00"))
    assert debits(desk) == ["B-2/debit reversed_before V-1 mandate_ended", "B-3/debit other_amount mandate_ended"]
    assert desk.balances("cash") == {}
    assert desk.wrong() == []


def test_a_listed_debit_leaves_the_list_with_an_event_of_its_id(desk: Desk) -> None:
    """The bank gives another id than the payment has; a person knows which one it is."""
    desk.pay("p1", 100, "11-08", "A000001")
    bank.take(desk, "1.xml", bank.statement("B-1 -100.00 e2e=E; reason=AC04"))
    line = f"{bank.IBAN}/B-1/debit"
    assert [each.line_id for each in worklist.work_list(desk.home)] == [line]
    with pytest.raises(UserError, match="is money that went out"):
        worklist.assign(desk.home, line, "A000001", "", desk.act)
    desk.back(line, "reversal", "p1", on="11-09", reason="AC04")
    assert worklist.work_list(desk.home) == []
    assert [(each.line_id, each.decision, each.account_id) for each in worklist.work_list(desk.home, decided=True)] == [
        (line, "reversal", "A000001")
    ]
    assert desk.wrong() == []


# refunds given of 10.00: id and payee; the debit; the event that it is
REFUNDS = {
    "by its id": ("F-1 Anna", "e2e=F-1", "refunded F-1"),
    "by the payee's account": ("F-1 DE02 1203 0000 0000 2020 51", "account=DE02120300000000202051", "refunded F-1"),
    "by the payee's name": ("F-1 Anna", "party=ANNA", "refunded F-1"),
    "of another payee": ("F-1 Anna", "party=Ben", "no_refund"),
    "of two alike": ("F-1 Anna, F-2 Anna", "party=Anna", "no_refund"),
    "of one of two by its id": ("F-1 Anna, F-2 Anna", "e2e=F-2", "refunded F-2"),
}


@pytest.mark.parametrize("name", REFUNDS)
def test_refunds_given_are_found(desk: Desk, name: str) -> None:
    given, words, expected = REFUNDS[name]
    desk.pay("p1", 30, "11-08", "A000002")
    for each in given.split(", "):
        reference, payee = each.split(" ", 1)
        desk.back(reference, "refund", "p1", 10, "11-08", payee=payee, reopens=False)
    cash = desk.balances("cash")
    bank.take(desk, "1.xml", bank.statement(f"B-1 -10.00 {words}"))
    assert debits(desk) == [f"B-1/debit {expected}"]
    assert desk.balances("cash") == cash, "the refund was posted when it was given"
    again = bank.take(desk, "2.xml", bank.statement(f"B-2 -10.00 {words}", number=2, opening="90.00"))
    assert again.debits[0].what == "no_refund", "one booking confirms a refund once"
    assert desk.wrong() == []


def test_what_a_bank_takes_back_counts_in_no_limit_of_one_person(desk: Desk) -> None:
    """Each above 100.00, the limit of one person, would wait for another one if a person decided it."""
    with desk.home.begin() as connection:
        connection.execute(sa.delete(tables.billing_settings))
    text = "\n".join(f"B-{place} 150.00 e2e=E-{place}; rf=A000002" for place in range(3))
    bank.take(desk, "1.xml", bank.statement(text))
    back = "\n".join(f"C-{place} -150.00 e2e=E-{place}; reason=AC04" for place in range(3))
    done = bank.take(desk, "2.xml", bank.statement(back, number=2, opening="550.00"))
    assert sums(done) == " | reversed 3 450.00"
    desk.pay("p1", 60, "11-08", "A000002")
    assert not desk.back("F-1", "refund", "p1", 60, "11-09", payee="x").needs_second
    assert desk.wrong() == []
