"""Import and export of everything about accounts: facts, plan changes, openings. All or nothing, all mistakes at once, and back again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
import sqlalchemy as sa

from billing import accounts
from billing.accounts import exporting, lifecycle, lookup
from billing.accounts.importing.step import Count
from billing.store import tables
from rating.errors import ProblemsError, UserError
from tests.billing.accounts.operator_home import ANN, ASKED, NOW_US, day, make, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.store.home import Home

PLAN_CHANGES = """
subscription_id,from_date,plan
A1-1,2026-02-10,mobile/plus
A1-1,2026-05-01,mobile/plus+travel
"""
ACCOUNT_FACTS = """
account_id,kind,from_date,to_date,detail
A1,payer,2026-04-01,,"{""payer"": ""A2""}"
A1,discount,2026-04-01,,"{""name"": ""loyal"", ""percent_ppm"": 100000}"
A1,discount,2026-04-01,,"{""name"": ""year"", ""amount_micros"": 1000000}"
A2,tax,2026-01-01,2027-01-01,"{""exempt"": [""*""]}"
A2,hold,2026-06-01,2026-06-15,{}
B1,bill_day,2026-03-01,,"{""bill_day"": 31}"
W1,closed,2026-07-10,,"{""reason"": ""moved""}"
"""
SUBSCRIPTION_FACTS = """
subscription_id,kind,from_date,to_date,detail
A1-1,pause,2026-03-10,2026-03-20,{}
A1-1,terms,2025-10-01,,"{""minimum_months"": 24}"
A1-2,payer,2026-05-01,,"{""payer"": ""A3"", ""kinds"": [""usage""]}"
B1-1,end,2026-05-01,,"{""reason"": ""price""}"
B1-1,no_end,2026-05-01,,{}
W1-1,end,2026-07-10,,{}
"""
OPENING_ITEMS = """
account_id,reference,issued_on,due_on,amount
W1,OLD-77,2025-11-01,2025-11-21,49.90
W1,OLD-80,2025-12-01,2025-12-21,-3.00
"""
OPENING_ALLOWANCES = """
account_id,subscription_id,catalogue,plan,allowance,period_end,serves_to,quantity
W1,W1-1,mobile,mobile/plus,1,2026-01-01,2026-03-01,600000
W1,,mobile,,2,2026-01-01,2026-02-01,12345
"""
BASELINES = """
account_id,month,amount
W1,2025-10,50.00
W1,2025-11,49.90
W1,2025-12,0.00
"""
EVERYTHING = {
    "plan_changes": PLAN_CHANGES,
    "account_facts": ACCOUNT_FACTS,
    "subscription_facts": SUBSCRIPTION_FACTS,
    "opening_items": OPENING_ITEMS,
    "opening_allowances": OPENING_ALLOWANCES,
    "baselines": BASELINES,
}
STORED = (
    tables.accounts,
    tables.subscriptions,
    tables.plan_facts,
    tables.guiding_facts,
    tables.account_facts,
    tables.subscription_facts,
    tables.opening_items,
    tables.carried_allowances,
    tables.baselines,
    tables.commits,
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with make(tmp_path_factory.mktemp("everything"), **EVERYTHING) as opened:
        yield opened


def counts(home: Home) -> dict[str, int]:
    with home.connect() as connection:
        return {table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in STORED}


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}


def test_everything_is_stored_once(home: Home, tmp_path: Path) -> None:
    before = counts(home)
    report = accounts.import_files(home, write(tmp_path / "in", **EVERYTHING), NOW_US + 1, by=ANN)
    assert counts(home) == before
    assert report.commit_seq is None
    known = [report.plan_changes, report.account_facts, report.subscription_facts]
    assert known == [Count(0, 2), Count(0, 7), Count(0, 6)]
    assert [report.opening_items, report.opening_allowances, report.baselines] == [Count(0, 2), Count(0, 2), Count(0, 3)]


def test_what_was_imported_is_shown(home: Home) -> None:
    shown = lookup.show_account(home, "W1", day("2026-03-01"))
    assert [(each.reference, each.due_on, each.amount_micros) for each in shown.opening_items] == [
        ("OLD-77", "2025-11-21", 49_900_000),
        ("OLD-80", "2025-12-21", -3_000_000),
    ]
    assert shown.baselines == {"2025-10": 50_000_000, "2025-11": 49_900_000, "2025-12": 0}
    assert (shown.category_now, shown.closed_on) == ("test", "2026-07-10")
    subscriptions = {each.subscription_id: each for each in lookup.show_account(home, "A1", day("2026-03-01")).subscriptions}
    assert [(each.from_date, each.plan) for each in subscriptions["A1-1"].plans] == [
        ("2025-10-01", "mobile/basic"),
        ("2026-02-10", "mobile/plus"),
        ("2026-05-01", "mobile/plus+travel"),
    ]
    assert lookup.show_account(home, "B1").subscriptions[0].to_date is None, "the end was undone after it"
    assert {fact.by_name for fact in lookup.show_account(home, "A1").facts} == {"ann"}


@pytest.mark.parametrize("form", ["csv", "json"])
def test_an_export_imported_into_a_new_home_exports_equally(home: Home, tmp_path: Path, form: str) -> None:
    exporting.export_files(home, tmp_path / "out", form)
    given = tmp_path / "out" if form == "csv" else tmp_path / "out" / "accounts.json"
    before = counts(home)
    assert accounts.import_files(home, given, NOW_US).commit_seq is None, "into the same home it changes nothing"
    assert counts(home) == before
    with make(tmp_path, accounts=_header("accounts"), subscriptions=_header("subscriptions"), numbers=_header("numbers")) as second:
        accounts.import_files(second, given, NOW_US)
        exporting.export_files(second, tmp_path / "again", form)
        accounts_stored = (counts(second)["accounts"], counts(second)["carried_allowances"])
    assert accounts_stored == (8, 2)
    assert texts(tmp_path / "again") == texts(tmp_path / "out")
    assert "loyal" in "".join(texts(tmp_path / "out").values())


@pytest.mark.slow
def test_a_pause_after_an_end_that_was_told_later_is_not_exported(tmp_path: Path) -> None:
    """An import would refuse it. One within the life of the subscription stays."""
    with make(tmp_path) as first:
        lifecycle.pause(first, ASKED, "A1-1", day("2026-04-01"), day("2026-04-05"), "stays")
        lifecycle.pause(first, ASKED, "A1-1", day("2026-05-01"), None, "goes")
        lifecycle.outage(first, ASKED, "A1-1", day("2026-05-03"), day("2026-05-04"), "goes", "")
        lifecycle.end(first, ASKED, "A1-1", day("2026-04-20"), "")
        exporting.export_files(first, tmp_path / "out", "csv")
    exported = texts(tmp_path / "out")["subscription_facts.csv"]
    assert ("stays" in exported, "goes" in exported) == (True, False)
    (tmp_path / "second").mkdir()
    with make(
        tmp_path / "second", accounts=_header("accounts"), subscriptions=_header("subscriptions"), numbers=_header("numbers")
    ) as second:
        accounts.import_files(second, tmp_path / "out", NOW_US)
        exporting.export_files(second, tmp_path / "again", "csv")
    assert texts(tmp_path / "again") == texts(tmp_path / "out")


def _header(name: str) -> str:
    from tests.billing.accounts import operator_home  # noqa: PLC0415 -- its texts by their names

    return getattr(operator_home, name.upper()).lstrip().splitlines()[0] + "\n"


def test_an_export_replaces_nothing(home: Home, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not an empty folder"):
        exporting.export_files(home, tmp_path.parent, "csv")


# file | row added to it | what is told of it
MISTAKES = """
accounts | A4,No Day,CNY,Asia/Shanghai,,zh,2025-10-01,,standard,20,, | accounts.csv line 10, bill_day: '' is not a whole number from 1 to 31
accounts | A4,No,CNY,Asia/Shanghai,1,zh,2025-10-01,,standard,20,,vip | accounts.csv line 10, category: 'vip' is not a category
plan_changes | A9-1,2026-02-10,mobile/plus | plan_changes.csv line 4, subscription_id: subscription A9-1 is unknown
plan_changes | A1-2,2026-02-10,mobile/pluss | plan_changes.csv line 4, plan: plan mobile/pluss is in no published catalogue
plan_changes | A1-2,2026-02-10,euro/basic | plan_changes.csv line 4, plan: plan euro/basic is in EUR, account A1 in CNY
account_facts | A1,discount,2026-05-01,,"{""name"":""x"",""percent_ppm"":1,""kinds"":[""discount""]}" | account_facts.csv line 9, kinds:
account_facts | A1,bill_day,9999-12-31,,"{""bill_day"": 15}" | account_facts.csv line 9, from_date: 9999-12-31 is out of reach
plan_changes | A1-2,2025-09-30,mobile/basic | plan_changes.csv line 4, from_date: plan change on 2025-09-30 is before
plan_changes | A1-1,2026-02-10,mobile/basic | plan_changes.csv line 4, from_date: A1-1 2026-02-10 is on line 2 already
account_facts | A9,hold,2026-04-01,,{} | account_facts.csv line 9, account_id: account A9 is unknown
account_facts | A1,holds,2026-04-01,,{} | account_facts.csv line 9, kind: 'holds' is not a kind of fact here
account_facts | A1,bar_outgoing,2026-04-01,,{} | account_facts.csv line 9, kind: dunning alone bars and unbars
account_facts | A1,hold,2026-04-01,,[] | account_facts.csv line 9, detail: '[]' is not a JSON object
account_facts | A1,bill_day,2026-04-01,,{} | account_facts.csv line 9, detail: bill_day: bill_day: missing
account_facts | A1,pool,2026-04-01,,"{""root"":""A3"",""x"":1}" | account_facts.csv line 9, detail: pool: x: unknown field
account_facts | A1,pool,2026-04-02,,"{""root"":""A3""}" | account_facts.csv line 9, from_date: pool: 2026-04-02 is not a bill date of A1
account_facts | A1,payer,2026-04-01,,"{""payer"":""A3""}" | account_facts.csv line 9, detail: payer from 2026-04-01 exists with
account_facts | A2,payer,2026-04-01,,"{""payer"":""A1""}" | account_facts.csv line 9, from_date: payer: A1 -> A2 -> A1 leads back
account_facts | E1,payer,2026-04-01,,"{""payer"":""A2""}" | account_facts.csv line 9, payer: payer: E1 has currency EUR, A2 CNY
account_facts | B1,payer,2026-06-30,,"{""payer"":""B2""}" | account_facts.csv line 9, payer: payer: B1 and B2 do not
account_facts | A1,hold,2026-05-01,,{} | account_facts.csv line 9, account_id: hold: A1 is billed with A2 on 2026-05-01
account_facts | A3,closed,2026-05-01,2026-06-01,{} | account_facts.csv line 9, to_date: closed: holds for good, and has a to_date
account_facts | A2,closed,2026-05-01,,{} | account_facts.csv line 9, from_date: A2 is closed on 2026-05-01, and A2-1 goes on
subscription_facts | A1-1,pause,2026-03-15,2026-04-01,{} | subscription_facts.csv line 8, from_date: A1-1 is paused
subscription_facts | W1-1,pause,2026-07-10,,{} | subscription_facts.csv line 8, from_date: W1-1 ends on 2026-07-10, and its pause begins
subscription_facts | W1-1,outage,2026-08-01,,{} | subscription_facts.csv line 8, from_date: W1-1 ends on 2026-07-10, and its outage begins
subscription_facts | A1-1,hold,2026-03-15,,{} | subscription_facts.csv line 8, kind: 'hold' is not a kind of fact here
subscription_facts | A1-2,end,2025-10-01,,{} | subscription_facts.csv line 8, from_date: A1-2 ends on
opening_items | W1,OLD-77,2025-11-01,2025-11-21,50.00 | opening_items.csv line 4, reference: W1 OLD-77 is on line 2 already
opening_items | W1,OLD-9,2025-11-01,2025-10-21,50.00 | opening_items.csv line 4, due_on: due_on 2025-10-21 is before issued_on 2025-11-01
opening_items | W1,OLD-9,2025-11-01,2025-11-21,50.001 | opening_items.csv line 4, amount: the amount is finer than CNY is counted
opening_items | W1,OLD-9,2025-11-01,2025-11-21,0 | opening_items.csv line 4, amount: an item of zero is not an open item
opening_items | W1,OLD-9,2025-11-01,2025-11-21,1e3 | opening_items.csv line 4, amount: '1e3' is not a decimal amount
opening_allowances | W1,W1-1,mobile,mobile/plus,9,2026-01-01,2026-03-01,1 | opening_allowances.csv line 4, allowance: plan mobile/plus has
opening_allowances | W1,W1-1,mobile,mobile/plus,3,2026-01-01,2026-03-01,1 | opening_allowances.csv line 4, allowance: messages does
opening_allowances | W1,W1-1,mobile,mobile/plus,2,2026-01-01,2026-03-01,1 | opening_allowances.csv line 4, subscription_id: family
opening_allowances | W1,A1-1,mobile,mobile/plus,1,2026-01-01,2026-03-01,1 | opening_allowances.csv line 4, subscription_id: W1 has no
opening_allowances | W1,W1-1,mobile,mobile/plus,1,2026-02-01,2026-03-01,1 | opening_allowances.csv line 4, period_end: period_end
baselines | W1,2025-13,1.00 | baselines.csv line 5, month: '2025-13' cannot be used
baselines | A9,2025-12,1.00 | baselines.csv line 5, account_id: account A9 is unknown
"""


@pytest.mark.parametrize("row", MISTAKES.strip().splitlines())
def test_a_mistake_anywhere_stores_nothing(home: Home, tmp_path: Path, row: str) -> None:
    file, line, told = (part.strip() for part in row.split(" | "))
    from tests.billing.accounts import operator_home  # noqa: PLC0415 -- its texts by their names

    files = {"accounts": operator_home.ACCOUNTS, **EVERYTHING}
    files[file] += line + "\n"
    before = counts(home)
    with pytest.raises(ProblemsError) as caught:
        accounts.import_files(home, write(tmp_path / "in", **files), NOW_US)
    assert counts(home) == before
    found = [f"{each.file} {each.path}: {each.message}" for each in caught.value.problems]
    assert any(text.startswith(told) for text in found), found
    assert all(each.remedy for each in caught.value.problems)


def test_all_mistakes_of_all_files_are_told_in_order(home: Home, tmp_path: Path) -> None:
    files = {
        **EVERYTHING,
        "baselines": BASELINES + "A9,2025-12,1.00\n",
        "account_facts": ACCOUNT_FACTS
        + 'A3,hold,2026-13-01,,{}\nT1,pool,2026-04-01,,"{""root"":""A1""}"\n'
        + "A3,hold,2026-05-01,,{}\nA3,hold,2026-05-01,2026-06-01,{}\n",
        "plan_changes": PLAN_CHANGES + "A1-2,2026-02-10,mobile/none\n",
    }
    with pytest.raises(ProblemsError) as caught:
        accounts.import_files(home, write(tmp_path / "in", **files), NOW_US)
    assert [f"{each.file} {each.path}" for each in caught.value.problems] == [
        "plan_changes.csv line 4, plan",
        "account_facts.csv line 9, from_date",
        "account_facts.csv line 10, root",
        "account_facts.csv line 12, kind",
        "baselines.csv line 5, account_id",
    ]


# what is imported again with other data | what is told
CHANGED = [
    ("account_facts", '"{""payer"": ""A2""}"', '"{""payer"": ""A3""}"', "payer from 2026-04-01 exists with payer 'A2', not 'A3'"),
    ("account_facts", "2027-01-01", "2027-02-01", "tax from 2026-01-01 exists with to_date '2027-01-01', not '2027-02-01'"),
    ("plan_changes", "2026-05-01,mobile/plus+travel", "2026-05-01,mobile/plus", "plan of A1-1 exists with plan 'mobile/plus+travel', not"),
    ("opening_items", "49.90", "49.80", "reference OLD-77 exists with amount 49900000, not 49800000"),
    ("baselines", "50.00", "51.00", "month 2025-10 exists with amount 50000000, not 51000000"),
    ("opening_allowances", "600000", "600001", "allowance of W1 exists with quantity 600000, not 600001"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "before", "after", "told"), CHANGED)
def test_a_stored_row_does_not_change(home: Home, tmp_path: Path, file: str, before: str, after: str, told: str) -> None:  # noqa: PLR0913, PLR0917 -- columns of the table
    assert before in EVERYTHING[file]
    stored = counts(home)
    with pytest.raises(ProblemsError) as caught:
        accounts.import_files(home, write(tmp_path / "in", **{**EVERYTHING, file: EVERYTHING[file].replace(before, after, 1)}), NOW_US)
    assert [each for each in caught.value.problems if each.message.startswith(told)]
    assert counts(home) == stored


def test_a_document_tells_its_mistakes_by_their_place(home: Home, tmp_path: Path) -> None:
    document = {
        "accounts": [{"account_id": "A4", "name": "Li", "bill_day": 32}],
        "account_facts": [{"account_id": "A3", "kind": "hold", "from_date": "2026-04-01", "detail": {"why": 1}}],
        "bills": [],
    }
    (tmp_path / "accounts.json").write_bytes(msgspec.json.encode(document))
    with pytest.raises(ProblemsError) as caught:
        accounts.import_files(home, tmp_path / "accounts.json", NOW_US)
    told = [f"{each.file} {each.path}: {each.message}" for each in caught.value.problems]
    assert "accounts.json accounts[0], bill_day: '32' is not a whole number from 1 to 31" in told
    assert "accounts.json account_facts[0], detail: hold: why: unknown field" in told
    assert "accounts.json bills: is unknown" in told


def test_an_end_of_a_fact_may_be_told_later(home: Home, tmp_path: Path) -> None:
    facts = ACCOUNT_FACTS.replace("A1,payer,2026-04-01,,", "A1,payer,2026-04-01,2026-09-01,")
    report = accounts.import_files(home, write(tmp_path / "in", **{**EVERYTHING, "account_facts": facts}), NOW_US, by=ANN)
    assert report.account_facts == Count(0, 6, 1)
    assert [each.to_date for each in lookup.show_account(home, "A1").facts if each.kind == "payer" and each.about == "A1"] == ["2026-09-01"]
