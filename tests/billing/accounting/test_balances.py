"""Trial balance, revenue and tax of a month, ageing as of a date, export: all from the same postings, added up another way."""

from __future__ import annotations

import csv
import datetime as dt
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from billing import payments
from billing.accounting import ageing, balances, gl_export, write_off
from billing.accounting.gl_export import AccountRule, Mapping
from billing.accounting.month_end import month_of
from billing.ledger.closed_months import Who
from rating.errors import NotFoundError, ProblemsError, UserError
from tests.billing.runs.world import Call

if TYPE_CHECKING:
    from tests.billing.runs.world import World

CENT = 10_000
ROOT = Path(__file__).parents[3]
NOVEMBER = month_of("2025-11")
CHART = Mapping(
    [
        AccountRule("receivable:", "1122", "Receivables"),
        AccountRule("receivable:b", "1122.9"),
        AccountRule("revenue:", "6001"),
        AccountRule("revenue:4010", "6001.1", "Calls"),
        AccountRule("tax:", "2221"),
        AccountRule("cash", "1002"),
        AccountRule("write_off", "6702"),
    ]
)


@pytest.fixture
def billed(world: World) -> World:
    """October of two customers, billed on 1 November: a with basic and calls, b with plus."""
    world.account("a")
    world.account("b")
    world.subscription("sa", "a", "shop/basic", "8613800000001")
    world.subscription("sb", "b", "shop/plus", "8613800000002")
    world.take(Call("8613800000001", "2025-10-05T10:00", 30 * 60), Call("8613800000002", "2025-10-05T10:00", 600))
    world.bill("2025-11-01")
    return world


def who(world: World, uid: int = 7) -> Who:
    return Who(f"clerk {uid}", uid, world.tick())


def test_the_trial_balance_holds_what_was_invoiced(billed: World) -> None:
    with billed.home.connect() as connection:
        lines = balances.trial_balance(connection)
        each = {line.account: line.balance_micros // CENT for line in balances.trial_balance(connection, every_customer=True)}
        before = balances.trial_balance(connection, through=dt.date(2025, 10, 31))
    assert before == []
    # a: 10.00 + 10 minutes beyond the 20 free ones 1.00, tax 0.66; b: 30.00 + 3.00 + 3.00 ahead + 1.00, tax 2.04 and 0.18
    assert each == {"receivable:a": 1166, "receivable:b": 3700 + 222, "revenue:5000": -4600, "revenue:4010": -200, "tax:1": -288}
    assert sum(line.debit_micros for line in lines) == sum(line.credit_micros for line in lines) == 5088 * CENT
    assert {line.account for line in lines} == {"receivable", "revenue:5000", "revenue:4010", "tax:1"}


def test_revenue_and_tax_of_a_month(billed: World) -> None:
    with billed.home.connect() as connection:
        revenue = balances.earned(connection, balances.REVENUE, NOVEMBER.first, NOVEMBER.after)
        tax = balances.earned(connection, balances.TAX, NOVEMBER.first, NOVEMBER.after)
        october = balances.earned(connection, balances.REVENUE, dt.date(2025, 10, 1), dt.date(2025, 11, 1))
    assert [(each.code, each.amount_micros // CENT) for each in revenue] == [(4010, 200), (5000, 4600)]
    assert [(each.code, each.amount_micros // CENT) for each in tax] == [(1, 288)]
    assert october == []


def test_ageing_as_of_a_date_forgets_what_came_later_and_not_what_was_recorded_later(billed: World) -> None:
    billed.now_us += 20 * 365 * 86_400_000_000  # far beyond the dates asked for
    payments.record(billed.home, "p", "a", 1000 * CENT, dt.date(2025, 12, 20), "", billed.tick())
    with billed.home.connect() as connection:
        before = ageing.items(connection, dt.date(2025, 12, 19))
        found = ageing.items(connection, dt.date(2025, 12, 31))
    assert [(item.account_id, item.open_micros // CENT) for item in before] == [("a", 1166), ("b", 3922)]
    assert [(item.account_id, item.open_micros // CENT) for item in found] == [("a", 166), ("b", 3922)]
    (a, _) = ageing.aged(found, dt.date(2025, 12, 31))
    assert [amount // CENT for amount in a.buckets] == [0, 0, 166, 0, 0]  # due on 15 November: 46 days


def test_a_write_off_above_the_limit_takes_two_people(billed: World) -> None:
    (number, _) = billed.numbers()
    on = dt.date(2025, 11, 30)
    asked = write_off.write_off(billed.home, number, on, "gone away", who(billed), limit_micros=1000 * CENT)
    assert (asked.waits, asked.amount_micros) == (True, 1166 * CENT)
    with pytest.raises(UserError, match="cannot agree"):
        write_off.write_off(billed.home, number, on, "gone away", who(billed), limit_micros=1000 * CENT)
    done = write_off.write_off(billed.home, number, on, "gone away", who(billed, uid=8), limit_micros=1000 * CENT)
    assert not done.waits
    assert write_off.write_off(billed.home, number, on, "gone away", who(billed, uid=8), limit_micros=1000 * CENT).existed
    with billed.home.connect() as connection:
        each = {line.account: line.balance_micros // CENT for line in balances.trial_balance(connection, every_customer=True)}
        open_items = ageing.items(connection, dt.date(2100, 1, 1))
    assert (each["write_off"], each["receivable:a"]) == (1166, 0)
    assert [item.account_id for item in open_items] == ["b"]


@pytest.mark.parametrize(
    ("amount", "message"), [(0, "cannot be written off"), (-5, "cannot be written off"), (1167 * CENT, "has 11.66 CNY open")]
)
def test_no_more_is_written_off_than_is_open(billed: World, amount: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        write_off.write_off(billed.home, billed.numbers()[0], dt.date(2025, 11, 30), "x", who(billed), amount_micros=amount)
    with pytest.raises(NotFoundError):
        write_off.write_off(billed.home, "R-9", dt.date(2025, 11, 30), "x", who(billed))


@pytest.mark.parametrize("detail", [False, True])
def test_the_export_holds_the_month_in_the_accounts_of_finance(billed: World, tmp_path: Path, *, detail: bool) -> None:
    target = tmp_path / "gl.csv"
    done = gl_export.export(billed.home, CHART, NOVEMBER, "", target, who(billed), detail=detail)
    rows = list(csv.DictReader(target.read_text().splitlines()))
    sums: dict[str, Decimal] = {}
    for row in rows:
        sums[row["account"]] = sums.get(row["account"], Decimal(0)) + Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
    wanted = {"1122": "11.66", "1122.9": "39.22", "6001": "-46.00", "6001.1": "-2.00", "2221": "-2.88"}
    assert sums == {account: Decimal(amount) for account, amount in wanted.items()}
    assert (done.rows, done.debit_micros, done.same_as_before) == (len(rows), {"CNY": 5088 * CENT}, False)
    with pytest.raises(UserError, match="is there already"):
        gl_export.export(billed.home, CHART, NOVEMBER, "", target, who(billed), detail=detail)
    assert gl_export.export(billed.home, CHART, NOVEMBER, "", target, who(billed), detail=detail, overwrite=True).same_as_before


def test_an_export_says_what_is_new_since_the_one_before(billed: World, tmp_path: Path) -> None:
    def export(mapping: Mapping = CHART, *, detail: bool = False) -> tuple[bool, bool, int, dict[str, int]]:
        done = gl_export.export(billed.home, mapping, NOVEMBER, "", tmp_path / "gl.csv", who(billed), detail=detail, overwrite=True)
        return done.exported_before, done.same_as_before, done.new_postings, done.new_micros

    assert export() == (False, False, 0, {})
    payments.record(billed.home, "p1", "a", 700 * CENT, dt.date(2025, 11, 20), "", billed.tick())
    payments.record(billed.home, "p2", "a", 50 * CENT, dt.date(2025, 11, 21), "", billed.tick())
    payments.record(billed.home, "p3", "a", 9 * CENT, dt.date(2025, 12, 1), "", billed.tick())  # another month
    assert export() == (True, False, 2, {"CNY": 750 * CENT})
    assert export() == (True, True, 0, {})
    assert export(detail=True) == (True, False, 0, {}), "the same postings, told otherwise"


@pytest.mark.parametrize(
    ("account", "theirs"),
    [
        ("cash", "1"), ("cash:front", "1"), ("cash:back", "2"), ("cashier", None), ("receivable:anna", "3"), ("receivable:anna:2", "4"),
        ("revenue:4010", "5"), ("revenue:40", "6"), ("revenue:401", "5"),
    ],
)  # fmt: skip
def test_the_longest_beginning_of_whole_parts_wins(account: str, theirs: str | None) -> None:
    told = {"cash": "1", "cash:back": "2", "receivable:": "3", "receivable:anna:2": "4", "revenue": "5", "revenue:40": "6"}
    found = Mapping([AccountRule(*each) for each in told.items()]).rule_of(account)
    assert (None if found is None else found.theirs) == theirs


def test_the_example_knows_every_account_that_the_page_names() -> None:
    page = (ROOT / "docs/ledger.md").read_text().partition("## Accounts")[2].partition("## Reading")[0]
    names = {name for line in page.splitlines() if line.startswith("| `") for name in re.findall("`([a-z_:]+)", line.split("|")[1])}
    assert {"cash", "bank_fees", "deferred:", "opening_balance"} <= names
    chart = gl_export.read_mapping(ROOT / "examples/ledger/chart.yaml")
    assert [name for name in sorted(names) if chart.rule_of(name) is None] == []


def test_accounts_that_the_mapping_lacks_are_told_all_at_once(billed: World, tmp_path: Path) -> None:
    few = Mapping([AccountRule("receivable:", "1122")])
    with pytest.raises(ProblemsError) as caught:
        gl_export.export(billed.home, few, NOVEMBER, "", tmp_path / "gl.csv", who(billed))
    assert [problem.path for problem in caught.value.problems] == ["revenue", "tax"]
    assert not (tmp_path / "gl.csv").exists()
