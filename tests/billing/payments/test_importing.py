"""A bank file in the store: all or nothing, once, and money that matches nothing in the work list."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing import payments
from billing.accounting import balances
from billing.ledger import closed_months
from billing.payments import importing, worklist
from billing.payments.mapping import read_mapping
from rating.errors import ProblemsError, UserError
from tests.billing.payments.desk import day, units

if TYPE_CHECKING:
    from tests.billing.payments.desk import Desk

pytestmark = pytest.mark.slow
EXAMPLES = Path(__file__).parents[3] / "examples" / "payments"
HEAD = "City Bank;account;10.11.2026\nTransaction;Booked;Amount;Currency;Payer;Purpose;Note\n"


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """A000001 owes 30.00 in two invoices; the others nothing yet."""
    for place in (1, 2, 3):
        desk.account(f"A00000{place}", "EUR")
    desk.account("A000009", "CNY")
    desk.invoice("R-0000000004", 20, account_id="A000001")
    desk.invoice("R-0000000001", 10, "01-15", account_id="A000001")
    return desk


def take(desk: Desk, file: Path) -> importing.Imported:
    return importing.import_file(desk.home, file, read_mapping(EXAMPLES / "city-bank.yaml"), desk.act)


def write(folder: Path, *lines: str) -> Path:
    """A file with a good line of totals."""
    amounts = [int(Decimal(line.split(";")[2].replace(".", "").replace(",", ".")) * 100) for line in lines]
    total = f"{sum(amounts) / 100:.2f}".replace(".", ",")
    path = folder / "bank.csv"
    path.write_text(HEAD + "".join(f"{line}\n" for line in lines) + f"TOTAL;{len(lines)};{total}\n")
    return path


def test_the_example(desk: Desk) -> None:
    done = take(desk, EXAMPLES / "city-bank.csv")
    assert [tuple(each) for each in done.sums] == [("matched", "EUR", 3, units(1306.44)), ("no_reference", "EUR", 1, units(35))]
    assert (done.lines, done.outgoing_lines, done.settled_parts, len(done.waiting)) == (4, 1, 1, 1)
    assert desk.open("A000001") == "R-0000000001@01-15=10.00 R-0000000004@02-15=14.06", "the payer named the later invoice"
    assert desk.credit("A000002") == "DE-6222-0001/T-1002=1250.50"
    assert desk.balances("cash", "suspense") == {"cash": 1341.44, "suspense": -35}
    assert desk.wrong() == []


def test_the_same_file_again_under_any_name(desk: Desk, tmp_path: Path) -> None:
    first = take(desk, EXAMPLES / "city-bank.csv")
    before = desk.rows()
    copy = tmp_path / "other.csv"
    copy.write_bytes((EXAMPLES / "city-bank.csv").read_bytes())
    assert (first.existed, take(desk, copy).existed) == (False, True)
    assert desk.rows() == before


def test_lines_that_came_before_are_passed_over(desk: Desk, tmp_path: Path) -> None:
    one, two = "X-1;09.11.2026;5,00;EUR;a;A000002;", "X-2;09.11.2026;7,00;EUR;b;nothing;"
    assert take(desk, write(tmp_path, one, two)).known_lines == 0
    again = take(desk, write(tmp_path, one, two, "X-3;10.11.2026;1,00;EUR;a;A000002;"))
    assert (again.known_lines, [tuple(each) for each in again.sums]) == (2, [("matched", "EUR", 1, units(1))])
    assert desk.balances("cash", "suspense", "receivable:A000002") == {"cash": 13, "suspense": -7, "receivable:A000002": -6}
    assert desk.wrong() == []


def test_lines_that_came_with_other_data_are_all_named(desk: Desk, tmp_path: Path) -> None:
    take(desk, write(tmp_path, "X-1;09.11.2026;5,00;EUR;a;A000002;", "X-2;09.11.2026;7,00;EUR;b;nothing;"))
    payments.record(desk.home, "DE-6222-0001/X-4", "A000003", units(4), day("11-09"), "", desk.act.now_us)
    before = desk.rows()
    changed = write(
        tmp_path,
        "X-1;09.11.2026;5,01;EUR;a;A000002;",
        "X-2;10.11.2026;7,00;EUR;c;nothing;",
        "X-3;09.11.2026;1,00;EUR;;A000002;",
        "X-4;09.11.2026;4,00;EUR;;A000003;",
    )
    with pytest.raises(ProblemsError) as caught:
        take(desk, changed)
    assert [f"{each.path}: {each.message}" for each in caught.value.problems] == [
        "line 3: the bank's id DE-6222-0001/X-1 came before with amount 5.00, not 5.01",
        "line 4: the bank's id DE-6222-0001/X-2 came before with date 2026-11-09, not 2026-11-10",
        "line 4: the bank's id DE-6222-0001/X-2 came before with payer b, not c",
        "line 6: a payment was recorded by hand with the id DE-6222-0001/X-4",
    ]
    assert desk.rows() == before


def test_a_file_cut_short_is_refused_whole(desk: Desk, tmp_path: Path) -> None:
    content = (EXAMPLES / "city-bank.csv").read_bytes()
    before = desk.rows()
    cut = tmp_path / "cut.csv"
    for length in range(0, len(content) - 8, 7):  # the last 8 bytes are of the sum and the end of its line
        cut.write_bytes(content[:length])
        with pytest.raises(UserError):
            take(desk, cut)
    assert desk.rows() == before


def test_tried(desk: Desk) -> None:
    before = desk.rows()
    desk.tried = True
    tried = take(desk, EXAMPLES / "city-bank.csv")
    assert desk.rows() == before
    desk.tried = False
    assert take(desk, EXAMPLES / "city-bank.csv") == tried


def test_the_work_list(desk: Desk, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "W-1;09.11.2026;5,00;EUR;Ann;thanks;",
        "W-2;10.11.2026;6,00;CNY;Ann;A000001;",
        "W-3;08.11.2026;7,00;EUR;Ben;A000002 A000003;",
    )
    take(desk, file)
    waiting = [(each.line_id[-3:], each.amount_micros, each.reason, each.line_no) for each in worklist.work_list(desk.home)]
    assert waiting == [
        ("W-3", units(7), "several_accounts", 5),
        ("W-1", units(5), "no_reference", 3),
        ("W-2", units(6), "other_currency", 4),
    ]
    one, two, three = (f"DE-6222-0001/W-{place}" for place in (1, 2, 3))

    before = desk.rows()
    for act in (desk.pay, desk.cash):
        with pytest.raises(UserError, match="DE-6222-0001/W-1 is the id of a line of a bank file that matched nothing") as caught:
            act(one, 5, account_id="A000001")
        assert f"worklist assign {one} --account" in caught.value.remedy
    assert desk.rows() == before
    assert worklist.assign(desk.home, one, "A000001", "asked Ann", desk.act, numbers=["R-0000000004"]).allocated == [
        ("R-0000000004", units(5))
    ]
    assert worklist.assign(desk.home, one, "A000001", "asked Ann", desk.act, numbers=["R-0000000004"]).existed
    with pytest.raises(UserError, match="exists with account_id 'A000001', not 'A000002'"):
        worklist.assign(desk.home, one, "A000002", "", desk.act)
    with pytest.raises(UserError, match="is in CNY, account A000001 in EUR"):
        worklist.assign(desk.home, two, "A000001", "", desk.act)
    assert worklist.assign(desk.home, two, "A000009", "", desk.act).credit_micros == units(6)
    assert not worklist.give_back(desk.home, three, "nobody knows him", desk.act).existed
    assert worklist.give_back(desk.home, three, "nobody knows him", desk.act).existed
    with pytest.raises(UserError, match=r"line DE-6222-0001/W-3 was returned by ana"):
        worklist.assign(desk.home, three, "A000002", "", desk.act)
    with pytest.raises(UserError, match=r"line DE-6222-0001/W-1 was assigned by ana"):
        worklist.give_back(desk.home, one, "", desk.act)
    with pytest.raises(UserError, match=r"no line of a bank file has the id W-9"):
        worklist.give_back(desk.home, "W-9", "", desk.act)
    assert worklist.work_list(desk.home) == []
    decided = [(each.line_id[-3:], each.decision, each.account_id) for each in worklist.work_list(desk.home, decided=True)]
    assert decided == [("W-3", "returned", ""), ("W-1", "assigned", "A000001"), ("W-2", "assigned", "A000009")]
    assert desk.balances("suspense") == {}
    assert desk.wrong() == []


def test_a_line_of_a_month_that_is_closed_by_now(desk: Desk, tmp_path: Path) -> None:
    """It came on 9 November; November is closed; on 1 December somebody knows whose it is, and another goes back."""
    take(desk, write(tmp_path, "W-1;09.11.2026;5,00;EUR;Ann;thanks;", "W-2;09.11.2026;7,00;EUR;Ben;;"))
    closed_months.close(desk.home, "", "2026-11", "done", closed_months.Who("ana", 2001, desk.act.now_us))
    assert worklist.assign(desk.home, "DE-6222-0001/W-1", "A000001", "asked Ann", desk.act).allocated == [("R-0000000001", units(5))]
    worklist.give_back(desk.home, "DE-6222-0001/W-2", "nobody knows him", desk.act)
    with desk.home.connect() as connection:
        query = "SELECT leg, debit_account, credit_account, posted_on FROM postings WHERE document LIKE '%W-_' ORDER BY posted_on, leg"
        rows = [tuple(row) for row in connection.execute(sa.text(query))]
    assert rows == [
        ("unmatched", "cash", "suspense", "2026-11-09"),
        ("unmatched", "cash", "suspense", "2026-11-09"),
        ("payment", "suspense", "receivable:A000001", "2026-12-01"),
        ("returned", "suspense", "cash", "2026-12-01"),
    ]
    assert [each.received_on for each in payments.list_payments(desk.home)] == ["2026-11-09"], "it was received when it came"
    assert desk.balances("suspense") == {}
    assert desk.wrong() == []


def test_each_entity_has_its_own_money(desk: Desk, tmp_path: Path) -> None:
    """North's bank file: 5.00 of its customer, 6.00 that nobody knows, 7.00 for a customer of the entity without a name."""
    desk.entity("north")
    desk.account("A000008", "EUR", entity="north")
    file = write(
        tmp_path,
        "N-1;09.11.2026;5,00;EUR;Ann;A000008;",
        "N-2;09.11.2026;6,00;EUR;Ann;thanks;",
        "N-3;09.11.2026;7,00;EUR;Ben;A000001;",
        "N-4;09.11.2026;8,00;EUR;Ben;;",
    )
    mapping = tmp_path / "north.yaml"
    mapping.write_text((EXAMPLES / "city-bank.yaml").read_text() + "entity: north\n")
    importing.import_file(desk.home, file, read_mapping(mapping), desk.act)
    assert [(each.line_id[-3:], each.reason) for each in worklist.work_list(desk.home)] == [
        ("N-2", "no_reference"), ("N-3", "other_entity"), ("N-4", "no_reference"),
    ]  # fmt: skip
    two, three, four = (f"DE-6222-0001/N-{place}" for place in (2, 3, 4))
    assert sums(desk, "suspense") == {"north": -21}
    with pytest.raises(UserError, match="is money of legal entity north, account A000001 belongs to the legal entity without a name"):
        worklist.assign(desk.home, three, "A000001", "", desk.act)
    worklist.assign(desk.home, two, "A000008", "asked Ann", desk.act)
    worklist.give_back(desk.home, three, "to the other entity", desk.act)
    assert sums(desk, "suspense") == {"north": -8}
    worklist.give_back(desk.home, four, "nobody knows him", desk.act)
    assert (sums(desk, "suspense"), sums(desk, "cash"), sums(desk, "receivable:A000008")) == ({}, {"north": 11}, {"north": -11})
    assert desk.wrong() == []
    mapping.write_text((EXAMPLES / "city-bank.yaml").read_text() + "entity: south\n")
    with pytest.raises(UserError, match="no legal entity is called 'south'"):
        importing.import_file(desk.home, file, read_mapping(mapping), desk.act)


def sums(desk: Desk, account: str) -> dict[str, float]:
    """Debits less credits of a ledger account by entity, in units; each entity's trial balance is checked as it is read."""
    with desk.home.connect() as connection:
        found = balances.trial_balance(connection, every_customer=True)
    return {each.entity: each.balance_micros / 1_000_000 for each in found if each.account == account and each.balance_micros}


def test_a_line_of_tomorrow_stops_the_file(desk: Desk, tmp_path: Path) -> None:
    """The clock says 1 December 2026, 00:00 UTC; it is 1 December on every clock east of Greenwich, and nowhere the second."""
    before = desk.rows()
    file = write(
        tmp_path, "X-1;01.12.2026;5,00;EUR;a;A000002;", "X-2;02.12.2026;5,00;EUR;a;A000002;", "X-3;01.01.2099;5,00;EUR;a;;",
        "X-4;01.12.2026;0,00;EUR;a;;",
    )  # fmt: skip
    with pytest.raises(ProblemsError) as caught:
        take(desk, file)
    assert [f"{each.path}: {each.message}" for each in caught.value.problems] == [
        "line 4: 2026-12-02 has not begun yet", "line 5: 2099-01-01 has not begun yet", "line 6: the amount is zero",
    ]  # fmt: skip
    assert desk.rows() == before


def test_a_matched_line_is_no_work(desk: Desk, tmp_path: Path) -> None:
    take(desk, write(tmp_path, "X-1;09.11.2026;5,00;EUR;a;A000002;"))
    with pytest.raises(UserError, match="matched and is payment DE-6222-0001/X-1"):
        worklist.give_back(desk.home, "DE-6222-0001/X-1", "", desk.act)


def test_many_lines(desk: Desk, tmp_path: Path) -> None:
    """More lines than a query can name, every third of which matches nothing."""
    lines = [f"M-{place};09.11.2026;{place},00;EUR;;{'A000001' if place % 3 else 'x'};" for place in range(1, 1302)]
    done = take(desk, write(tmp_path, *lines))
    assert sum(each.lines for each in done.sums) == 1301
    assert desk.open("A000001") == ""
    assert desk.wrong() == []
