"""Import of accounts, subscriptions and numbers: all or nothing, every mistake with its place."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from billing import accounts
from billing.accounts import lookup
from billing.accounts import numbers as numbers_of
from billing.accounts.facts import account_facts, ends_learned_later
from billing.guiding import Guide
from billing.store import tables
from billing.store.home import Home
from rating.errors import ProblemsError, UserError
from tests.billing.files import ACCOUNTS, HEADERS, NOW_US, NUMBERS, SUBSCRIPTIONS, publish, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FACTS = (tables.accounts, tables.subscriptions, tables.subscription_facts, tables.plan_facts, tables.guiding_facts, tables.commits)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home.open(tmp_path / "home", create=True) as opened:
        publish(opened)
        yield opened


def rows(home: Home) -> list[list[tuple[object, ...]]]:
    with home.connect() as connection:
        return [[tuple(row) for row in connection.execute(sa.select(table))] for table in FACTS]


def problems(home: Home, folder: Path) -> list[str]:
    """The lines of the error, and that nothing was stored."""
    before = rows(home)
    with pytest.raises(ProblemsError) as caught:
        accounts.import_files(home, folder, NOW_US)
    assert rows(home) == before
    return [f"{each.file} {each.path}: {each.message}; {each.remedy}" for each in caught.value.problems]


def test_everything_is_stored_with_one_number(home: Home, tmp_path: Path) -> None:
    report = accounts.import_files(home, write(tmp_path / "in"), NOW_US)
    assert report[:9] == (2, 0, 2, 0, 3, 0, 3, 0, 0)
    with home.connect() as connection:
        stored = connection.execute(sa.select(tables.accounts).order_by("account_key")).mappings().all()
        plans = connection.execute(sa.select(tables.plan_facts).order_by("subscription_key")).mappings().all()
    assert {each["commit_seq"] for each in (*stored, *plans)} == {3}
    assert [(each["account_key"], each["account_id"], str(each["opened_on"]), each["bill_day"]) for each in stored] == [
        (1, "A1", "2026-01-15", 1),
        (2, "A2", "2026-01-15", 31),
    ]
    assert [each["billed_through"] and str(each["billed_through"]) for each in stored] == [None, "2026-02-01"]
    assert [(each["subscription_key"], each["plan"], str(each["from_date"])) for each in plans] == [
        (1, "mobile/smart-m", "2026-01-15"),
        (2, "mobile/smart-m", "2026-01-15"),
    ]


def test_instants_are_kept_in_utc(home: Home, tmp_path: Path) -> None:
    accounts.import_files(home, write(tmp_path / "in"), NOW_US)
    with home.connect() as connection:
        spans = connection.execute(sa.select(tables.guiding_facts.c.from_us, tables.guiding_facts.c.to_us)).all()
    assert tuple(spans[0]) == (1_768_406_400_000_000, 1_772_294_400_000_000)
    assert spans[1][1] == instant_us("2026-06-01T00:00:00+08:00"), "without an end of its own, it is free where its subscription ends"


def test_the_same_rows_again_change_nothing(home: Home, tmp_path: Path) -> None:
    folder = write(tmp_path / "in")
    accounts.import_files(home, folder, NOW_US)
    before = rows(home)
    assert accounts.import_files(home, folder, NOW_US + 1)[:9] == (0, 2, 0, 2, 0, 3, None, 0, 0)
    assert rows(home) == before


def test_a_later_import_adds_to_an_earlier_one(home: Home, tmp_path: Path) -> None:
    accounts.import_files(home, write(tmp_path / "in"), NOW_US)
    more = write(
        tmp_path / "more",
        [*ACCOUNTS, "A3,Bo,EUR,Europe/Berlin,15,en,2026-02-01,,standard,30"],
        ["S3,A1,mobile/smart-m,2026-02-01,", "S4,A3,euro/smart-m,2026-02-01,"],
        ["8613800000009,S1,2026-02-01T00:00:00Z,", "8613800000008,S4,2026-02-01T00:00:00Z,"],
    )
    assert accounts.import_files(home, more, NOW_US)[:9] == (1, 2, 2, 0, 2, 0, 4, 0, 0)
    detail = lookup.show_account(home, "A1")
    assert [(each.subscription_id, each.plan, each.numbers) for each in detail.subscriptions] == [
        ("S1", "mobile/smart-m", ["8613800000001", "8613800000009"]),
        ("S3", "mobile/smart-m", []),
    ]


def test_columns_may_stand_in_any_order_and_files_may_have_a_byte_order_mark(home: Home, tmp_path: Path) -> None:
    folder = write(tmp_path / "in")
    (folder / "numbers.csv").write_text('﻿from,to,subscription_id,served_id\r\n2026-01-15T00:00:00Z,,S1,"8613800000001"\r\n\r\n')
    assert accounts.import_files(home, folder, NOW_US).numbers_added == 1


# file | line put in the place of the first | what is told
MISTAKES = """
accounts      | ,Li,CNY,Asia/Shanghai,1,zh,2026-01-15,,standard,20          | line 2, account_id: '' cannot be used
accounts      | A 1,Li,CNY,Asia/Shanghai,1,zh,2026-01-15,,standard,20       | line 2, account_id: 'A 1' cannot be used
accounts      | A1,Li,CNY,Asia/Shanghai,1,zh,2026-01-15,,strict,20          | line 2, dunning_policy: there is no dunning policy strict
accounts      | A1,Li,yuan,Asia/Shanghai,1,zh,2026-01-15,,standard,20       | line 2, currency: 'yuan' is not a currency of ISO 4217
accounts      | A1,Li,XXQ,Asia/Shanghai,1,zh,2026-01-15,,standard,20        | line 2, currency: 'XXQ' is not a currency of ISO 4217
accounts      | A1,Li,CNY,Mars/Olympus,1,zh,2026-01-15,,standard,20         | line 2, timezone: 'Mars/Olympus' is not a time zone
accounts      | A1,Li,CNY,../etc/passwd,1,zh,2026-01-15,,standard,20        | line 2, timezone: '../etc/passwd' is not a time zone
accounts      | A1,Li,CNY,Asia/Shanghai,0,zh,2026-01-15,,standard,20        | line 2, bill_day: '0' is not a whole number from 1 to 31
accounts      | A1,Li,CNY,Asia/Shanghai,32,zh,2026-01-15,,standard,20       | line 2, bill_day: '32' is not a whole number from 1 to 31
accounts      | A1,Li,CNY,Asia/Shanghai,1.5,zh,2026-01-15,,standard,20      | line 2, bill_day: '1.5' is not a whole number from 1 to 31
accounts      | A1,Li,CNY,Asia/Shanghai,1,Chinese,2026-01-15,,standard,20   | line 2, language: 'Chinese' cannot be used
accounts      | A1,Li,CNY,Asia/Shanghai,1,zh,2026-02-30,,standard,20        | line 2, opened_on: '2026-02-30' is not a date
accounts      | A1,Li,CNY,Asia/Shanghai,1,zh,15/01/2026,,standard,20        | line 2, opened_on: '15/01/2026' is not a date
accounts      | A1,Li,CNY,Asia/Shanghai,1,zh,2026-01-15,2026-01-01,standard,20 | line 2: billed_through 2026-01-01 is before opened_on
accounts      | A1,Li,CNY,Asia/Shanghai,1,zh,2026-01-15,,standard,-1        | line 2, payment_days: '-1' is not a whole number from 0 to 365
accounts      | A1,Li,CNY,Asia/Shanghai,1,zh,2026-01-15,,,20                | line 2, dunning_policy: '' cannot be used
accounts      | A1,Li,CNY,Asia/Shanghai,1,zh,2026-01-15,,standard           | line 2: 9 columns where the header has 10
accounts      | A1,"Li,CNY,Asia/Shanghai,1,zh,2026-01-15,,standard,20       | line 3: not CSV: unexpected end of data
accounts      | A2,Li,CNY,Asia/Shanghai,1,zh,2026-01-15,,standard,20        | line 3, account_id: A2 is on line 2 already
subscriptions | S1,A9,mobile/smart-m,2026-01-15,                            | line 2, account_id: account A9 is unknown
subscriptions | S1,A1,mobile/smart-l,2026-01-15,                            | line 2, plan: plan mobile/smart-l is in no published catalogue
subscriptions | S1,A1,smart-m,2026-01-15,                                   | line 2, plan: 'smart-m' cannot be used
subscriptions | S1,A1,euro/smart-m,2026-01-15,                              | line 2, plan: plan euro/smart-m is in EUR, account A1 in CNY
subscriptions | S1,A1,mobile/smart-m,2026-01-15,2026-01-15                  | line 2: to_date 2026-01-15 is not after from_date 2026-01-15
subscriptions | S2,A1,mobile/smart-m,2026-01-15,                            | line 3, subscription_id: S2 is on line 2 already
numbers       | +8613800000001,S1,2026-01-15T00:00:00Z,                      | line 2, served_id: '+8613800000001' cannot be used
numbers       | 8613800000001,S9,2026-01-15T00:00:00Z, | line 2, subscription_id: subscription S9 is unknown
numbers       | 86 138,S1,2026-01-15T00:00:00Z, | line 2, served_id: '86 138' cannot be used
numbers       | 8613800000001,S1,2026-01-15T00:00:00, | line 2, from: '2026-01-15T00:00:00' is not an instant
numbers       | 8613800000001,S1,yesterday, | line 2, from: 'yesterday' is not an instant with its offset
numbers       | 8613800000001,S1,2026-02-01T00:00:00Z,2026-02-01T08:00:00+08:00 | line 2: to is not after from
numbers       | 8613800000002,S1,2026-02-01T00:00:00Z, | line 4: 8613800000002 belongs to S2 while line 2 gives it to S1
"""


@pytest.mark.parametrize("row", MISTAKES.strip().splitlines())
def test_a_mistake_is_told_with_its_place(home: Home, tmp_path: Path, row: str) -> None:
    file, line, told = (part.strip() for part in row.split("|"))
    lines = {"accounts": ACCOUNTS.copy(), "subscriptions": SUBSCRIPTIONS.copy(), "numbers": NUMBERS.copy()}
    lines[file][0] = line
    found = problems(home, write(tmp_path / "in", **lines))
    assert [text for text in found if text.startswith(f"{file}.csv {told}")], found


def test_all_mistakes_of_all_files_are_told_at_once(home: Home, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "in",
        ["A1,Li,CNY,Asia/Shanghai,40,zh,2026-13-01,,standard,20", *ACCOUNTS[1:]],
        ["S1,A2,mobile/smart-n,2026-01-15,"],
        ["8613800000001,S7,2026-01-15T00:00:00Z,"],
    )
    assert problems(home, folder) == [
        "accounts.csv line 2, bill_day: '40' is not a whole number from 1 to 31; give such a number",
        "accounts.csv line 2, opened_on: '2026-13-01' is not a date; write it as 2026-01-31",
        "subscriptions.csv line 2, plan: plan mobile/smart-n is in no published catalogue; did you mean mobile/smart-m?",
        "numbers.csv line 2, subscription_id: subscription S7 is unknown; add it to subscriptions.csv, or correct the id",
    ]


def test_one_mistake_does_not_cause_others(home: Home, tmp_path: Path) -> None:
    """The account of a line with a mistake, and the subscription of another, are not called unknown as well."""
    folder = write(
        tmp_path / "in",
        [ACCOUNTS[0].replace("CNY", "cny"), ACCOUNTS[1]],
        [SUBSCRIPTIONS[0], SUBSCRIPTIONS[1].replace("2026-01-15", "2026-01-99"), "S3,A1,mobile/none,2026-01-15,"],
    )
    assert [text.split(":")[0] for text in problems(home, folder)] == [
        "accounts.csv line 2, currency",
        "subscriptions.csv line 3, from_date",
        "subscriptions.csv line 4, plan",
    ]


def test_files_that_cannot_be_read_are_told(home: Home, tmp_path: Path) -> None:
    folder = write(tmp_path / "in")
    (folder / "accounts.csv").write_bytes(HEADERS["accounts"].encode() + b"\nA1,\xff\xfe,CNY,x\n")
    (folder / "subscriptions.csv").write_text("subscription_id,account_id,tariff,from_date,to_date\n")
    (folder / "numbers.csv").unlink()
    assert [text.split(";")[0] for text in problems(home, folder)] == [
        "accounts.csv line 2: not UTF-8 at byte 108",
        "subscriptions.csv line 1: column plan is missing",
        "subscriptions.csv line 1: column tariff is unknown",
        "numbers.csv file: is missing",
    ]


@pytest.mark.parametrize(
    ("file", "line", "told"),
    [
        (
            "accounts",
            ACCOUNTS[0].replace("Li Wei", "Li Na"),
            "accounts.csv line 2, name: account A1 exists with name 'Li Wei', not 'Li Na'",
        ),
        (
            "accounts",
            ACCOUNTS[0].replace(",,", ",2026-03-01,"),
            "billed_through: account A1 exists with billed_through empty, not '2026-03-01'",
        ),
        ("subscriptions", "S1,A2,mobile/smart-m,2026-01-15,", "account_id: subscription S1 exists with account_id 'A1', not 'A2'"),
        ("subscriptions", "S2,A2,mobile/smart-m,2026-01-15,", "to_date: subscription S2 exists with to_date '2026-06-01', not empty"),
        ("subscriptions", "S2,A2,mobile/smart-m,2026-01-15,2026-05-01", "to_date: subscription S2 exists with to_date '2026-06-01'"),
        ("subscriptions", "S1,A1,mobile/smart-m,2026-01-16,2026-09-01", "from_date: subscription S1 exists with from_date"),
        ("numbers", "8613800000001,S1,2026-02-15T00:00:00Z,", "8613800000001 belongs to S1 while an earlier import gives it to S"),
    ],
)
def test_a_stored_fact_does_not_change(home: Home, tmp_path: Path, file: str, line: str, told: str) -> None:
    accounts.import_files(home, write(tmp_path / "in"), NOW_US)
    changed = write(tmp_path / "more", **{"accounts": [], "subscriptions": [], "numbers": []} | {file: [line]})
    found = problems(home, changed)
    assert told in found[0]


def test_an_end_may_be_learned_later_and_is_not_known_before(home: Home, tmp_path: Path) -> None:
    accounts.import_files(home, write(tmp_path / "in"), NOW_US)
    ended = [SUBSCRIPTIONS[0] + "2026-09-01", SUBSCRIPTIONS[1]]
    numbers = [*NUMBERS[:2], NUMBERS[2] + "2026-06-01T00:00:00+08:00", "8613800000002,S1,2026-06-02T00:00:00+08:00,"]
    report = accounts.import_files(home, write(tmp_path / "more", subscriptions=ended, numbers=numbers), NOW_US)
    assert report[:9] == (0, 2, 0, 1, 1, 3, 4, 1, 0)
    assert accounts.import_files(home, tmp_path / "more", NOW_US)[:9] == (0, 2, 0, 2, 0, 4, None, 0, 0), "the same again changes nothing"
    with home.connect() as connection:
        ends = [ends_learned_later(connection, seq) for seq in (3, 4)]
    assert ends == [{}, {1: "2026-09-01"}]
    found = lookup.show_account(home, "A1").subscriptions
    had = [(each.to_date, [span.served_id for span in each.spans]) for each in found]
    assert had == [("2026-09-01", ["8613800000001", "8613800000002"])]
    assert [span.served_id for span in lookup.show_account(home, "A2").subscriptions[0].spans] == ["8613800000002", "8613800000001"]
    late = np.array(
        [instant_us("2026-05-31T23:59:59+08:00"), instant_us("2026-06-01T00:00:00+08:00"), instant_us("2026-06-02T00:00:00+08:00")]
    )
    owners = [Guide(home, seq).resolve(pa.array(["8613800000002"] * 3), late).tolist() for seq in (3, 4)]
    assert owners == [[2, -1, -1], [2, -1, 1]]
    again = write(tmp_path / "again", subscriptions=ended, numbers=[numbers[2].replace("2026-06-01", "2026-05-01")])
    assert "8613800000002 belongs to S2 while an earlier import gives it to S2" in problems(home, again)[0]


CLOSED = [SUBSCRIPTIONS[0] + "2026-09-01", SUBSCRIPTIONS[1]]
OPEN = ("8613800000007,S1,2026-03-01T00:00:00+08:00,", "8613800000008,S1,2026-04-01T00:00:00+08:00,")


def test_the_end_of_a_number_may_be_learned_later(home: Home, tmp_path: Path) -> None:
    accounts.import_files(home, write(tmp_path / "in", numbers=[*NUMBERS, *OPEN]), NOW_US)
    taken = write(tmp_path / "more", numbers=[OPEN[0] + "2026-05-01T00:00:00+08:00"])
    assert accounts.import_files(home, taken, NOW_US).numbers_ended == 1
    assert accounts.import_files(home, taken, NOW_US).commit_seq is None
    assert _spans_of(home, "8613800000007") == [("2026-03-01T00:00:00+08:00", "2026-05-01T00:00:00+08:00")]


@pytest.mark.parametrize(
    "told",
    [{"subscriptions": [SUBSCRIPTIONS[0] + "2026-03-15"]}, {"subscription_facts": ["S1,end,2026-03-15,,{}"]}],
    ids=["to_date", "fact"],
)
def test_where_a_subscription_ends_its_numbers_are_free(home: Home, tmp_path: Path, told: dict[str, list[str]]) -> None:
    """Also when the file of numbers still has them without an end, and given once more it says nothing new."""
    accounts.import_files(home, write(tmp_path / "in", numbers=[*NUMBERS, *OPEN]), NOW_US)
    more = write(tmp_path / "more", **{"numbers": list(OPEN), **told})
    assert accounts.import_files(home, more, NOW_US).numbers_ended == 2
    assert accounts.import_files(home, more, NOW_US).commit_seq is None
    assert _spans_of(home, "8613800000008") == [], "it was to begin after the end"
    assert _spans_of(home, "8613800000007") == [("2026-03-01T00:00:00+08:00", "2026-03-15T00:00:00+08:00")]
    accounts.import_files(home, write(tmp_path / "next", numbers=["8613800000007,S2,2026-05-15T00:00:00+08:00,"]), NOW_US)
    assert _spans_of(home, "8613800000007")[1] == ("2026-05-15T00:00:00+08:00", "2026-06-01T00:00:00+08:00")


def _spans_of(home: Home, served_id: str) -> list[tuple[str, str]]:
    shanghai = dt.timezone(dt.timedelta(hours=8))
    with home.connect() as connection:
        found = numbers_of.owners_of(connection, served_id)
    return [
        (
            dt.datetime.fromtimestamp(begin / 1e6, shanghai).isoformat(),
            "" if end is None else dt.datetime.fromtimestamp(end / 1e6, shanghai).isoformat(),
        )
        for begin, end, _ in found
    ]


def test_a_subscription_begins_with_its_account_or_later(home: Home, tmp_path: Path) -> None:
    early = write(tmp_path / "in", subscriptions=["S1,A1,mobile/smart-m,2026-01-14,", SUBSCRIPTIONS[1]])
    (found,) = problems(home, early)
    assert "S1 begins on 2026-01-14, and its account is opened on 2026-01-15" in found


def test_a_closed_account_gets_no_subscription(home: Home, tmp_path: Path) -> None:
    accounts.import_files(home, write(tmp_path / "in", account_facts=["A1,closed,2026-09-01,,{}"], subscriptions=CLOSED), NOW_US)
    more = write(tmp_path / "more", subscriptions=["S9,A1,mobile/smart-m,2026-10-01,"], numbers=[])
    (found,) = problems(home, more)
    assert "A1 is closed on 2026-09-01, and S9 goes on" in found


def instant_us(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp()) * 1_000_000


@pytest.mark.parametrize(("make", "told"), [(False, "does not exist"), (True, "is a file, not a folder")])
def test_the_folder_must_be_one(home: Home, tmp_path: Path, make: bool, told: str) -> None:  # noqa: FBT001 -- an option of a command
    if make:
        (tmp_path / "in").touch()
    with pytest.raises(UserError, match=told):
        accounts.import_files(home, tmp_path / "in", NOW_US)


def test_decisions_about_an_account_are_dated_facts(home: Home, tmp_path: Path) -> None:
    accounts.import_files(home, write(tmp_path / "in"), NOW_US)
    for kind, day in (("unbar", "2026-04-03"), ("bar_outgoing", "2026-04-01")):
        with home.begin() as connection:
            commit_seq = home.next_commit_seq(connection, "dunning", NOW_US)
            accounts.record_fact(connection, 2, kind, day, "37 days past due", commit_seq=commit_seq)
    with home.connect() as connection:
        assert [(each.kind, each.commit_seq) for each in account_facts(connection, 5)] == [("bar_outgoing", 5), ("unbar", 4)]
        assert len(account_facts(connection, 4)) == 1
    assert [fact.kind for fact in lookup.show_account(home, "A2").facts] == ["bar_outgoing", "unbar"]
    assert lookup.show_account(home, "A1").facts == []


def test_accounts_are_found_by_id(home: Home, tmp_path: Path) -> None:
    accounts.import_files(home, write(tmp_path / "in"), NOW_US)
    assert [(each.account_id, each.subscriptions) for each in lookup.list_accounts(home)] == [("A1", 1), ("A2", 1)]
    assert [each.account_id for each in lookup.list_accounts(home, 1)] == ["A1"]
    assert lookup.count_accounts(home) == 2
    with pytest.raises(UserError, match="account A3 is unknown") as caught:
        lookup.show_account(home, "A3")
    assert caught.value.remedy == "`ratewright accounts list` shows the ids"
