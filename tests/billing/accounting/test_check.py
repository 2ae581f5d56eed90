"""The check of the ledger: silent on a home in which everything has happened, and every change behind its back named by its place.

Anna (plan plus, 30.00 in arrears and 3.00 in advance, 6 % tax) is billed on 1 November (R-0000000001, 38.16) and 1 December (R-0000000003,
34.98); ben likewise (R-0000000002, void, and R-0000000004, which bills October again: 73.14).
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import pytest

from billing import ledger, payments
from billing.accounting import check, closing, unbilled, write_off
from billing.accounting.month_end import month_of
from billing.catalogue import Operator
from billing.documents import crediting, voiding
from billing.ledger.closed_months import Who
from billing.payments import deposits, giving_back, importing, postings
from billing.payments.deposits import Deposit, Movement
from billing.payments.giving_back import Back
from billing.payments.mapping import read_mapping
from tests.billing import behind
from tests.billing.runs.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
CENT: Final = 10_000
ANA: Final = Operator("ana", 7)
LINES, VOIDS, MONEY, LOST = "lines of documents = postings", "voids of documents = postings", "payments = postings", "write-offs = postings"
MONTHS, SOURCES = "month-end entries = postings", "every posting is of something"
SETTLED, LEFT, LOSSES, AGES = (
    "settlements = computed again", "credit left = computed again", "write-offs = what they settle", "ageing = receivables",
)  # fmt: skip
NOTHING, GONE = "is there, and no {} asks for it", "is missing"
MAPPING: Final = """
name: bank
account: DE-1
delimiter: ";"
header_lines: 1
columns: {id: id, date: day, amount: amount, reference: [text]}
date: "%Y-%m-%d"
decimal: "."
currency: CNY
match: {invoice: "R-[0-9]{10}", account: "A[0-9]{6}"}
"""


def added(document: str, leg: str) -> str:
    """A statement that adds a posting of 5.00, with the id that it must have."""
    key = ledger.posting_id(document, 1, leg).hex()
    values = f"x'{key}', '{document}', 1, '{leg}', 'cash', 'suspense', 'CNY', 5000000, '2025-12-05', max(commit_seq), ''"
    return f"INSERT INTO postings SELECT {values} FROM postings"  # noqa: S608 -- a test's own words


def amount_of(document: str, leg: str) -> str:
    """A statement that makes the first posting of a document and leg 0.01 more."""
    same = f"document = '{document}' AND leg = '{leg}'"
    first = f"(SELECT min(line_no) FROM postings WHERE {same})"  # noqa: S608 -- a test's own words
    return f"UPDATE postings SET amount_micros = amount_micros + 10000 WHERE {same} AND line_no = {first}"  # noqa: S608 -- as above


def gone(document: str, leg: str) -> str:
    """A statement that deletes the postings of a document and leg."""
    return f"DELETE FROM postings WHERE document = '{document}' AND leg = '{leg}'"  # noqa: S608 -- a test's own words


def more(cents: int) -> str:
    """What is said of an amount that is 0.01 more than it should be."""
    return f"amount_micros is {(cents + 1) * CENT}, not {cents * CENT}"


# the statement, the check that finds it, the first difference as it begins
TAMPERED: Final = (
    (amount_of("R-0000000001", "line"), LINES, f"posting R-0000000001 1 line: {more(3000)}"),
    (gone("R-0000000001", "line"), LINES, f"posting R-0000000001 1 line: {GONE}"),
    ("UPDATE postings SET credit_account = 'revenue:9' WHERE document = 'R-0000000001' AND line_no = 1", LINES,
     "posting R-0000000001 1 line: credit_account is 'revenue:9', not 'revenue:5000'"),
    (amount_of("void:R-0000000002", "void"), VOIDS, f"posting void:R-0000000002 1 void: {more(3000)}"),
    (gone("void:R-0000000002", "void"), VOIDS, f"posting void:R-0000000002 1 void: {GONE}"),
    ("UPDATE postings SET debit_account = 'revenue:9' WHERE leg = 'void' AND line_no = 1", VOIDS,
     "posting void:R-0000000002 1 void: debit_account is 'revenue:9', not 'revenue:5000'"),
    ("DELETE FROM invoice_events", VOIDS, f"posting void:R-0000000002 1 void: {NOTHING.format('void')}"),
    (amount_of("p1", "payment"), MONEY, f"posting p1 0 payment: {more(2000)}"),
    (gone("p1", "payment"), MONEY, f"posting p1 0 payment: {GONE}"),
    ("UPDATE postings SET credit_account = 'receivable:ben' WHERE document = 'p1'", MONEY,
     "posting p1 0 payment: credit_account is 'receivable:ben', not 'receivable:anna'"),
    ("UPDATE postings SET posted_on = '2025-12-09' WHERE document = 'p1'", MONEY,
     "posting p1 0 payment: posted_on is '2025-12-09', not '2025-12-02'"),
    ("UPDATE payments SET amount_micros = amount_micros + 10000 WHERE payment_id = 'p1'", MONEY,
     f"posting p1 0 payment: amount_micros is {2000 * CENT}, not {2001 * CENT}"),
    (amount_of("f1", "refund"), MONEY, f"posting f1 0 refund: {more(100)}"),
    (gone("f1", "refund"), MONEY, f"posting f1 0 refund: {GONE}"),
    (amount_of("d1", "deposit"), MONEY, f"posting d1 0 deposit: {more(5000)}"),
    (gone("d1", "deposit"), MONEY, f"posting d1 0 deposit: {GONE}"),
    (gone("a1", "release"), MONEY, f"posting a1 0 release: {GONE}"),
    (amount_of("DE-1/T-1", "unmatched"), MONEY, f"posting DE-1/T-1 0 unmatched: {more(2000)}"),
    (gone("DE-1/T-1", "unmatched"), MONEY, f"posting DE-1/T-1 0 unmatched: {GONE}"),
    (amount_of("write_off:R-0000000001:1", "write_off"), LOST, f"posting write_off:R-0000000001:1 0 write_off: {more(300)}"),
    (gone("write_off:R-0000000001:1", "write_off"), LOST, f"posting write_off:R-0000000001:1 0 write_off: {GONE}"),
    ("UPDATE postings SET debit_account = 'cash' WHERE leg = 'write_off' AND document = 'write_off:R-0000000001:1'", LOST,
     "posting write_off:R-0000000001:1 0 write_off: debit_account is 'cash', not 'write_off'"),
    ("UPDATE postings SET posted_on = '2025-12-09' WHERE leg = 'write_off' AND document = 'write_off:R-0000000001:1'", LOST,
     "posting write_off:R-0000000001:1 0 write_off: posted_on is '2025-12-09', not '2025-12-04'"),
    (gone("write_off:R-0000000001:3", "write_off_reversal"), LOST, f"posting write_off:R-0000000001:3 0 write_off_reversal: {GONE}"),
    ("DELETE FROM journal_entries WHERE document = 'write_off:R-0000000001:1'", LOST,
     f"posting write_off:R-0000000001:1 0 write_off: {NOTHING.format('entry')}"),
    ("UPDATE postings SET amount_micros = amount_micros + 10000 WHERE document = 'unbilled::2025-10'", MONTHS,
     f"posting unbilled::2025-10 5000 unbilled CNY: {more(6600)}"),
    ("DELETE FROM postings WHERE document = 'unbilled::2025-10'", MONTHS, f"posting unbilled::2025-10 5000 unbilled CNY: {GONE}"),
    ("UPDATE postings SET credit_account = 'revenue:9' WHERE document = 'unbilled::2025-10'", MONTHS,
     "posting unbilled::2025-10 5000 unbilled CNY: credit_account is 'revenue:9', not 'revenue:5000'"),
    ("UPDATE postings SET posted_on = '2025-10-30' WHERE document = 'unbilled::2025-10'", MONTHS,
     "posting unbilled::2025-10 5000 unbilled CNY: posted_on is '2025-10-30', not '2025-10-31'"),
    ("DELETE FROM journal_entries WHERE document = 'unbilled::2025-10'", MONTHS,
     f"posting unbilled::2025-10 5000 unbilled CNY: {NOTHING.format('entry')}"),
    (added("zz", "line"), LINES, "posting zz 1 line: is there, and no document has that number"),
    (added("R-0000000001", "void"), VOIDS, f"posting R-0000000001 1 void: {NOTHING.format('void')}"),
    (added("zz", "payment"), MONEY, f"posting zz 1 payment: {NOTHING.format('payment')}"),
    (added("zz", "write_off"), LOST, f"posting zz 1 write_off: {NOTHING.format('entry')}"),
    (added("zz", "provision CNY"), MONTHS, f"posting zz 1 provision CNY: {NOTHING.format('entry')}"),
    (added("zz", "gift"), SOURCES, "posting zz gift: is there, and nothing posts by that name"),
    ("UPDATE settlements SET amount_micros = amount_micros - 10000 WHERE credit_id = 'p1'", SETTLED,
     "settlement of R-0000000001 by payment p1 in commit "),
    ("DELETE FROM settlements WHERE credit_id = 'p1'", SETTLED, "settlement of R-0000000001 by payment p1 in commit "),
    ("UPDATE settlements SET amount_micros = amount_micros - 10000 WHERE credit_id = 'write_off:R-0000000001:1'", LOSSES,
     "settlement of R-0000000001 by write_off write_off:R-0000000001:1 in commit "),
    ("UPDATE credits_left SET left_micros = left_micros + 10000 WHERE credit_id = 'p2'", LEFT, "credit payment p2: left_micros is"),
    ("UPDATE invoices SET net_micros = net_micros + 10000, total_micros = total_micros + 10000 WHERE number = 'R-0000000003'", AGES,
     "receivable:anna on 2025-12-06: the balance is 44.08 CNY, and 44.09 is owed by age"),  # 38.16 + 34.98 - 20 - 5 - 3 - 1.06
    ("UPDATE invoices SET issued_on = '2025-12-06' WHERE number = 'R-0000000001'", AGES,
     "receivable:anna on 2025-11-30: the balance is 38.16 CNY, and 0.00 is owed by age"),
)  # fmt: skip


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which everything has happened that is posted; each test works on a copy."""
    world = World(tmp_path_factory.mktemp("lived") / "home")
    for name, number in (("anna", "1001"), ("ben", "1002")):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/plus", number)
    world.now_us = int(dt.datetime(2026, 1, 5, tzinfo=dt.UTC).timestamp()) * 1_000_000
    close(world, "2025-10")
    world.bill("2025-11-01")
    voiding.void(world.home, "R-0000000002", "wrong", who(world), on=dt.date(2025, 11, 20))
    close(world, "2025-11")
    world.bill("2025-12-01")
    pay(world, "p1", "anna", 2000)
    pay(world, "p2", "ben", 90_00)
    giving_back.give_back(world.home, Back("f1", "refund", dt.date(2025, 12, 3), "p2", amount_micros=100 * CENT), act(world))
    deposits.take(world.home, Deposit("d1", "anna", 5000 * CENT, dt.date(2025, 12, 2)), act(world))
    deposits.move(world.home, Movement("a1", "d1", postings.APPLIED, dt.date(2025, 12, 3), 500 * CENT), act(world))
    lose(world, "2025-12-04", 300)
    lose(world, "2025-12-04", 200, "rest")
    write_off.undo(world.home, "R-0000000001", dt.date(2025, 12, 5), "found", who(world), reference="rest")
    wanted = crediting.CreditRequest("c1", "R-0000000003", 1, 100 * CENT, "outside", "goodwill")
    crediting.credit(world.home, wanted, who(world), on=dt.date(2025, 12, 6))
    bank = world.home.path / "bank.csv"
    bank.write_text("id;day;amount;text\nT-1;2025-12-02;20.00;hello\n")
    (world.home.path / "bank.yaml").write_text(MAPPING)
    importing.import_file(world.home, bank, read_mapping(world.home.path / "bank.yaml"), act(world))
    world.home.close()
    return world.home.path


@pytest.fixture
def copy(lived: Path, tmp_path: Path) -> Iterator[World]:
    behind.copy_home(lived, tmp_path / "home")
    made = World(tmp_path / "home", fresh=False)
    yield made
    made.home.close()


def who(world: World) -> Who:
    return Who("ana", 7, world.tick())


def act(world: World) -> payments.Act:
    return payments.Act(ANA, world.tick(), False)


def close(world: World, month: str) -> None:
    wanted = month_of(month)
    closing.close(world.home, wanted, "", unbilled.targets(world.home, wanted), "", who(world))


def pay(world: World, payment_id: str, account_id: str, cents: int) -> None:
    payments.record(world.home, payment_id, account_id, cents * CENT, dt.date(2025, 12, 2), "", world.tick(), by=ANA)


def lose(world: World, on: str, cents: int, reference: str = "") -> None:
    amounts = {"amount_micros": cents * CENT, "limit_micros": 100_000 * CENT}
    write_off.write_off(world.home, "R-0000000001", dt.date.fromisoformat(on), "gone", who(world), reference=reference, **amounts)


def test_it_tells_how_far_it_is_to_the_last_check(copy: World) -> None:
    told: list[tuple[int, int]] = []
    found = check.check(copy.home, lambda done, total: told.append((done, total)))
    assert told == [(done, len(found)) for done in range(len(found) + 1)]


def test_a_home_in_which_everything_has_happened_is_right(copy: World) -> None:
    found = check.check(copy.home)
    assert [each for each in found if not each.ok] == []
    assert [each.name for each in found if not each.compared] == []


@pytest.mark.parametrize(("statement", "name", "told"), TAMPERED, ids=[statement[:70] for statement, _, _ in TAMPERED])
def test_a_change_behind_the_back_is_named(copy: World, statement: str, name: str, told: str) -> None:
    assert copy.changed(statement), "the statement changes something"
    found = {each.name: each.first_difference for each in check.check(copy.home)}
    assert found[name].startswith(told), {name: first for name, first in found.items() if first}
