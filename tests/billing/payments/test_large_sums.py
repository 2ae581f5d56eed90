"""More money than one integer of the store holds, 9 223 372 036 854.78, in amounts that are each within the limit: all can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.accounting import balances, check, gl_export
from billing.accounting.gl_export import AccountRule, Mapping
from billing.accounting.month_end import month_of
from billing.controls.documents import receivable_balances, total_books
from billing.ledger.closed_months import Who
from billing.payments import deposits, importing, promises
from billing.payments.mapping import read_mapping
from billing.payments.statement import statement
from rating.errors import ProblemsError
from tests.billing.payments.desk import Desk, day, units

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("both")]
MOST = "999999999999.00"  # of one amount
MAPPING = """
name: b
columns: {id: id, date: day, amount: amount, reference: [text]}
date: "%Y-%m-%d"
currency: CNY
match: {account: "anna"}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "home")
    yield made
    made.home.close()


def take(desk: Desk, folder: Path, *numbers: int) -> importing.Imported:
    """Import a file in which each line is of the largest amount."""
    (folder / "bank.yaml").write_text(MAPPING)
    file = folder / "bank.csv"
    file.write_text("id,day,amount,text\n" + "".join(f"{number},2026-02-10,{MOST},anna\n" for number in numbers))
    return importing.import_file(desk.home, file, read_mapping(folder / "bank.yaml"), desk.act)


def test_a_file_of_more_than_the_store_can_add_up_is_refused(desk: Desk, tmp_path: Path) -> None:
    before = desk.rows()
    with pytest.raises(ProblemsError) as caught:
        take(desk, tmp_path, *range(10))
    (problem,) = caught.value.problems
    assert (problem.path, problem.message) == (
        "line 11",
        "up to here the file adds up to 9999999999990.00, more than 9223372036854.775807",
    )
    assert desk.rows() == before


def test_the_ledger_stays_readable(desk: Desk, tmp_path: Path) -> None:
    """Two files of nine lines: 17 999 999 999 982.00 came; deposits of 9 999 999 999 990.00 are held apart."""
    take(desk, tmp_path, *range(9))
    take(desk, tmp_path, *range(9, 18))
    for number in range(10):
        desk.deposit(f"d{number}", MOST)
    came, held = units("17999999999982"), units("9999999999990")
    with desk.home.connect() as connection:
        lines = {each.account: each for each in balances.trial_balance(connection)}
        assert balances.balance_of(connection, "cash", "", "CNY") == came + held
        assert receivable_balances(connection) == {"CNY": -came}
        assert [each.name for each in total_books(connection) if each.left != each.right] == []
    assert (lines["cash"].debit_micros, lines["receivable"].balance_micros) == (came + held, -came)
    assert [each.name for each in check.check(desk.home) if not each.ok] == []
    assert desk.wrong() == []
    found = statement(desk.home, "anna")
    assert (found.closing_micros, found.deposits_held_micros) == (-came, held)
    assert sum(each.held_micros for each in deposits.list_deposits(desk.home)) == held
    desk.promise("v1", 5, "02-01", "02-10")
    assert [each.paid_micros for each in promises.list_promises(desk.home, day("02-20"))] == [came]


def test_the_export_holds_all_of_it(desk: Desk, tmp_path: Path) -> None:
    take(desk, tmp_path, *range(9))
    chart = Mapping([AccountRule("cash", "1002"), AccountRule("receivable", "1122")])
    out, who = tmp_path / "gl.csv", Who("ana", 2001, desk.act.now_us)
    assert gl_export.export(desk.home, chart, month_of("2026-02"), "", out, who).debit_micros == {"CNY": units("8999999999991")}
    take(desk, tmp_path, *range(9, 18))
    done = gl_export.export(desk.home, chart, month_of("2026-02"), "", out, who, overwrite=True)
    assert done.debit_micros == {"CNY": units("17999999999982")}
    assert (done.new_postings, done.new_micros) == (9, {"CNY": units("8999999999991")})
    assert "2026-02-10,1002,,CNY,17999999999982.00,,\n" in out.read_text()
