"""Ids that are new keep one rule; ids that are stored go on, and `db check` names those that break it."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing import accounts
from billing.accounts import exporting
from billing.store import tables
from billing.store.checks import checking
from billing.store.home import Home
from rating.errors import ProblemsError
from tests.billing.files import ACCOUNTS, NOW_US, NUMBERS, SUBSCRIPTIONS, publish, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REFUSED = {
    "-": "'-' begins with '-'",
    "=1+1": "'=1+1' begins with '='",
    "A\0": "'A\\x00' holds a character that cannot be seen",
    "A\u202e1": "'A\\u202e1' holds a character that cannot be seen",
    "A\u0301": "'A\u0301' is not in normal form (NFC)",
}
STRANGE = "A1\u202e"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home.open(tmp_path / "home", create=True) as opened:
        publish(opened)
        yield opened


def refused(home: Home, folder: Path) -> list[str]:
    with pytest.raises(ProblemsError) as caught:
        accounts.import_files(home, folder, NOW_US)
    return [f"{each.file} {each.path}: {each.message}" for each in caught.value.problems]


def renamed(home: Home) -> None:
    """The home as one of before that took the id of the account A1 with a mark of direction in it."""
    with home.begin() as connection:
        row = tables.accounts
        connection.execute(row.update().where(row.c.account_id == "A1").values(account_id=STRANGE))


@pytest.mark.parametrize(("identifier", "why"), REFUSED.items(), ids=map(ascii, REFUSED))
def test_a_new_id_that_breaks_the_rule(home: Home, tmp_path: Path, identifier: str, why: str) -> None:
    changed = [line.replace("A1,", f"{identifier},").replace("S1,", f"{identifier},") for line in (*ACCOUNTS, *SUBSCRIPTIONS, *NUMBERS)]
    said = refused(home, write(tmp_path / "in", changed[:2], changed[2:4], [line.replace(",S1,", f",{identifier},") for line in NUMBERS]))
    assert said == [f"accounts.csv line 2, account_id: {why}", f"subscriptions.csv line 2, subscription_id: {why}"]


def test_what_is_stored_is_imported_again_and_named(home: Home, tmp_path: Path) -> None:
    accounts.import_files(home, write(tmp_path / "in"), NOW_US)
    assert checking.check(home).notes == []
    renamed(home)
    again = [line.replace("A1,", f"{STRANGE},") for line in ACCOUNTS]
    report = accounts.import_files(
        home, write(tmp_path / "again", again, [line.replace(",A1,", f",{STRANGE},") for line in SUBSCRIPTIONS]), NOW_US + 1
    )
    assert (report.accounts_added, report.accounts_known, report.commit_seq) == (0, 2, None)
    checked = checking.check(home)
    assert [tuple(each) for each in checked.notes] == [
        ("accounts", "1 id would be refused today: 'A1\\u202e' holds a character that cannot be seen")
    ]
    assert checked.findings == []


@pytest.mark.parametrize(
    ("old", "new"),
    [(",1,zh,", ",\u0661,zh,"), ("2026-01-15,,", "\u0662\u0660\u0662\u0666-01-15,,"), ("standard,20", "standard,\uff12\uff10")],
)
def test_digits_of_another_script(home: Home, tmp_path: Path, old: str, new: str) -> None:
    (said,) = refused(home, write(tmp_path / "in", [ACCOUNTS[0].replace(old, new), ACCOUNTS[1]]))
    assert said.startswith("accounts.csv line 2, ")
    assert " is not a " in said


def test_an_export_runs_nothing_in_a_spreadsheet_and_comes_back(home: Home, tmp_path: Path) -> None:
    rest = ACCOUNTS[0].split(",", 2)[2]
    lines = [f'A1,"=HYPERLINK(""http://x"",""y"")",{rest}', f"A2,'-1+1,{rest}"]
    accounts.import_files(home, write(tmp_path / "in", lines, [line.replace("2026-06-01", "") for line in SUBSCRIPTIONS]), NOW_US)
    with home.begin() as connection:
        connection.execute(tables.accounts.update().where(tables.accounts.c.account_id == "A2").values(name="'-1+1", account_id="@A2"))
    exporting.export_files(home, tmp_path / "out", "csv")
    with (tmp_path / "out" / "accounts.csv").open(newline="") as file:
        cells = [(row["account_id"], row["name"], row["bill_day"]) for row in csv.DictReader(file)]
    assert cells == [("'@A2", "''-1+1", "1"), ("A1", '\'=HYPERLINK("http://x","y")', "1")]
    report = accounts.import_files(home, tmp_path / "out", NOW_US + 1)
    assert (report.accounts_known, report.subscriptions_known, report.commit_seq) == (2, 2, None)
    with home.connect() as connection:
        kept = connection.execute(sa.select(tables.accounts.c.name).order_by(tables.accounts.c.account_key)).scalars().all()
    assert kept == ['=HYPERLINK("http://x","y")', "'-1+1"]
