"""Each booking counts once: files of two kinds, gaps and repeats of numbers, accounts of issuers, lots and many statements in a file."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from billing.payments.banking import accounts, importing
from billing.payments.statements import reading
from billing.store import tables
from rating.errors import ChangedError, ProblemsError
from tests.billing.payments.banking import bank
from tests.billing.payments.banking.test_importing import ACCOUNTS, debits, desk, problems, sums
from tests.billing.payments.desk import Desk, units

pytestmark = pytest.mark.slow
__all__ = ["desk"]


def test_a_notification_and_then_the_statement_of_the_day_count_once(desk: Desk) -> None:
    """The notification lists two payments of 5.00 and 7.00 as one booking B-1; the statement has the booking of 12.00 without details."""
    first = bank.take(desk, "n.xml", bank.notification("B-1 12.00 parts=5.00 A000001, 7.00 A000002"), ACCOUNTS)
    assert sums(first) == "matched 2 12.00 | "
    second = bank.take(desk, "s.xml", bank.statement("B-1 12.00 batch=2\nB-2 3.00 text=A000003"), ACCOUNTS)
    assert (sums(second), second.lines, second.known_lines) == ("matched 1 3.00 | ", 2, 1)
    assert desk.balances("cash") == {"cash": 15}
    other = bank.statement("B-1 12.01 batch=2", number=2, opening="115.00")
    assert problems(desk, "t.xml", other) == [f"line 1: the bank's id {bank.IBAN}/B-1 came before with 12.00, not 12.01"]
    assert desk.wrong() == []


def test_the_same_of_debits(desk: Desk) -> None:
    bank.take(desk, "n.xml", bank.notification("B-1 -3.00 code=CHRG"))
    done = bank.take(desk, "s.xml", bank.statement("B-1 -3.00 code=CHRG\nB-1 4.00 text=A000001"), ACCOUNTS)
    assert (sums(done), done.known_lines) == ("matched 1 4.00 | ", 1), "a charge may have the id of the payment that it is for"
    assert desk.balances("cash", "bank_fees") == {"bank_fees": 3, "cash": 1}
    assert desk.wrong() == []


def test_an_id_that_is_in_the_file_twice(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where both are in lots of their own."""
    text = bank.statement("B-1 5.00\nB-2 1.00\nB-1 5.00")
    said = f"line 1: the bank's id {bank.IBAN}/B-1 is in the file twice"
    assert problems(desk, "s.xml", text) == [said, said]
    monkeypatch.setattr(importing, "LOT", 1)
    assert problems(desk, "s.xml", text) == [said]


def test_an_id_that_a_person_gave_to_a_payment(desk: Desk) -> None:
    desk.pay(f"{bank.IBAN}/B-1", 5, "11-08", "A000001")
    assert problems(desk, "s.xml", bank.statement("B-1 5.00")) == [f"line 1: a payment was recorded by hand with the id {bank.IBAN}/B-1"]


def test_gaps_and_balances_that_do_not_join_are_findings(desk: Desk) -> None:
    assert bank.take(desk, "1.xml", bank.statement("B-1 5.00", number=1)).findings == ()
    assert bank.take(desk, "4.xml", bank.statement("B-4 5.00", number=4, opening="120.00")).findings == (
        f"statement 4 of {bank.IBAN} follows 1: 2, 3 are missing",
    )
    assert bank.take(desk, "2.xml", bank.statement("B-2 5.00", number=2, opening="105.00")).findings == ()
    assert bank.take(desk, "3.xml", bank.statement("B-3 5.00", number=3, opening="111.00")).findings == (
        f"statement 3 of {bank.IBAN} opens with 111.00, the one before closed with 110.00",
    )
    assert bank.take(desk, "9.xml", bank.statement("B-9 1.00", number=99, opening="125.00")).findings == (
        f"statement 99 of {bank.IBAN} follows 4: 5, 6, 7, 8, 9 and 89 more are missing",
    )
    row = tables.bank_statements.c
    with desk.home.connect() as connection:
        found = connection.execute(sa.select(row.number, row.opening_micros, row.closing_micros, row.entries).order_by(row.number)).all()
    assert [tuple(each) for each in found][:2] == [(1, units(100), units(105), 1), (2, units(105), units(110), 1)]


def test_several_statements_in_a_file_join_each_other(desk: Desk) -> None:
    text = bank.statement("B-1 5.00", number=1).decode()
    second = bank.statement("B-2 7.00", number=2, opening="105.00").decode()
    both = text.replace("</Stmt>", "</Stmt>" + second[second.index("<Stmt>") : second.index("</Stmt>") + len("</Stmt>")])
    assert bank.take(desk, "1.xml", both.encode()).findings == ()
    twice = bank.statement("B-5 5.00", number=5).decode()
    part = twice[twice.index("<Stmt>") : twice.index("</Stmt>") + len("</Stmt>")]
    assert problems(desk, "2.xml", twice.replace(part, part + part).encode()) == ["line 1: statement 5 is in the file twice"]
    third = bank.statement("B-3 1.00", number=3, opening="112.00").decode()
    mixed = third.replace("<Stmt>", second[second.index("<Stmt>") : second.index("</Stmt>") + len("</Stmt>")] + "<Stmt>")
    done = bank.take(desk, "3.xml", mixed.encode())
    assert (done.lines, done.known_lines, done.findings) == (2, 1, ())
    assert desk.balances("cash") == {"cash": 13}
    assert desk.wrong() == []


def test_an_account_of_no_issuer(desk: Desk) -> None:
    text = bank.statement("B-1 5.00", account="DE02120300000000202051")
    assert problems(desk, "s.xml", text) == ["line 1: account DE02120300000000202051 is a bank account of no issuer"]


def test_an_account_counts_from_its_first_day_on_and_in_its_currency(desk: Desk) -> None:
    bank.own(desk, "DE02120300000000202051", since="2026-11-10")
    text = bank.statement("B-1 5.00", account="DE02120300000000202051")
    assert problems(desk, "s.xml", text) == ["line 1: account DE02120300000000202051 is a bank account of no issuer"]
    bank.take(desk, "t.xml", bank.statement("B-1 5.00", account="DE02120300000000202051", day="2026-11-10"))
    bank.own(desk, "NL91ABNA0417164300", currency="USD")
    assert problems(desk, "s.xml", bank.statement("B-1 5.00", account="NL91ABNA0417164300")) == [
        "line 1: account NL91ABNA0417164300 is not an account in EUR"
    ]


def test_money_is_in_the_books_of_the_entity_whose_account_it_is(desk: Desk) -> None:
    """North's account; R-0000000004 is of the entity without a name."""
    desk.entity("north")
    bank.own(desk, "NL91ABNA0417164300", "north")
    text = "B-1 5.00 rf=RF65R0000000004\nB-2 -1.00 code=CHRG"
    done = bank.take(desk, "s.xml", bank.statement(text, account="NL91ABNA0417164300"))
    assert sums(done) == "other_entity 1 5.00 | charged 1 1.00"
    row = tables.postings.c
    with desk.home.connect() as connection:
        rows = connection.execute(sa.select(row.leg, row.entity, row.amount_micros).where(row.leg.in_(("unmatched", "bank_charge"))))
        assert sorted(map(tuple, rows)) == [("bank_charge", "north", units(1)), ("unmatched", "north", units(5))]
    assert desk.wrong() == []


def test_an_account_of_two_issuers(desk: Desk) -> None:
    desk.entity("north")
    bank.own(desk, entity="north")
    assert problems(desk, "s.xml", bank.statement("B-1 5.00")) == [f"line 1: account {bank.IBAN} is not an account of several issuers"]


def test_mt940_of_a_german_account(desk: Desk) -> None:
    """37040044/0532013000 is DE89 3704 0044 0532 0130 00. Entries without ids of the bank are known by their place in the statement."""
    assert accounts.german_iban("37040044", "532013000") == bank.IBAN
    done = bank.take(desk, "statement_words.sta")
    assert sums(done) == "matched 1 20.00, no_reference 1 0.01 | charged 1 3.50, unknown_payment 1 40.00"
    assert debits(desk) == ["2026-19.2/debit charged", "2026-19.3/debit unknown_payment mandate_ended"]
    assert bank.take(desk, "x.sta", (bank.FILES / "statement_words.sta").read_bytes() + b"\n").existed
    assert desk.wrong() == []


def test_bookings_without_ids_do_not_go_with_notifications(desk: Desk) -> None:
    bank.take(desk, "n.xml", bank.notification("B-1 5.00"))
    words = (bank.FILES / "statement_words.sta").read_bytes()
    assert problems(desk, "w.sta", words)[0].startswith(f"line 1: account {bank.IBAN}: notifications (camt.054) of it were imported")
    assert problems(desk, "s.xml", bank.statement("- 5.00"))[0].startswith(f"line 1: account {bank.IBAN}: notifications")


def test_nor_notifications_with_them(desk: Desk) -> None:
    bank.take(desk, "s.xml", bank.statement("- 5.00"))
    assert problems(desk, "n.xml", bank.notification("B-1 5.00")) == [
        (
            f"line 1: account {bank.IBAN}: statements without references of the bank were imported, "
            "so entries of this notification may be there already"
        )
    ]


def test_days_that_have_not_begun(desk: Desk) -> None:
    """The clock says 1 December 2026, 00:00 UTC."""
    assert problems(desk, "s.xml", bank.statement("B-1 5.00 day=2026-12-02")) == ["line 1: entry 1: 2026-12-02 has not begun yet"]
    assert problems(desk, "s.xml", bank.statement("B-1 5.00 day=1999-12-31")) == ["line 1: entry 1: 1999-12-31 is before 2000-01-01"]


def test_lots_of_any_size_end_alike(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """40 payments, returns of every fourth, a charge; in lots of 3 and of 2,000."""
    text = "\n".join(f"B-{place} {place}.00 e2e=E-{place}; text=A00000{place % 3 + 1}" for place in range(1, 41))
    text += "\nC-0 -2.00 code=CHRG\n" + "\n".join(f"C-{place} -{place}.00 e2e=E-{place}; reason=AC04" for place in range(4, 41, 4))
    content = bank.statement(text)
    other = Desk(tmp_path / "other")
    for place in (1, 2, 3):
        other.account(f"A00000{place}", "EUR")
    other.invoice("R-0000000004", 100, account_id="A000001")
    other.invoice("R-0000000001", 50, "01-15", account_id="A000001")
    bank.own(other)
    whole = bank.take(desk, "s.xml", content, ACCOUNTS)
    monkeypatch.setattr(importing, "LOT", 3)
    assert bank.take(other, "s.xml", content, ACCOUNTS) == whole
    assert sums(whole) == "matched 40 820.00 | charged 1 2.00, reversed 10 220.00"
    assert (other.settled(), other.balances(), other.rows()) == (desk.settled(), desk.balances(), desk.rows())
    assert (desk.wrong(), other.wrong()) == ([], [])
    other.home.close()


def test_a_file_that_changes_while_it_is_read(desk: Desk) -> None:
    contents = iter([bank.statement("B-1 5.00"), bank.statement("B-1 5.00"), *[bank.statement("B-1 6.00")] * 5])
    before = desk.rows()

    class Moving:
        """Another content at each opening."""

        def __call__(self) -> object:
            import io  # noqa: PLC0415 -- of this double alone

            return io.BytesIO(next(contents))

    source = reading.Source(Path("s.xml"), Moving())  # type: ignore[arg-type]  # it has the one method that is used
    with pytest.raises((ChangedError, ProblemsError), match="changed while it was read"):
        importing.import_statements(desk.home, source, reading.Format.CAMT053, None, desk.act)
    assert desk.rows() == before
