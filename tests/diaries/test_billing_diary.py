"""Ten accounts over fourteen months: every line, number, total and balance as the page says, in books that balance after each month.

The page is `fourteen-months/diary.md`. Its arithmetic is worked out here, so that an explanation that does not come to its amount fails.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from billing.accounting.check import check
from server.cli import app
from tests.billing.documents import derived_periods
from tests.billing.documents.rendering import read_back
from tests.billing.documents.semantic import whole
from tests.diaries import billing_page
from tests.diaries.billing_acts import FOLDER, Operated

if TYPE_CHECKING:
    from pathlib import Path

    from tests.diaries.billing_page import Month

TEXT = (FOLDER / "diary.md").read_text(encoding="utf-8")
PAGE = billing_page.read(TEXT)


def wrong_arithmetic(month: Month) -> list[str]:
    """Rows whose arithmetic does not come to their amount."""
    return [f"{what}: {sums}" for what, sums, amount in month.sums if billing_page.worked_out(sums) != amount]


def differences(operated: Operated, month: Month) -> list[str]:
    """Let a month happen; where documents, balances or the ledger are not as the page says."""
    for act in month.acts:
        operated.do(act)
    lines, totals, corrects = operated.new_lines()
    wrong = [f"{month.title}: not on the page: {line}" for line in sorted(set(lines) - set(month.lines))]
    wrong += [f"{month.title}: not billed: {line}" for line in sorted(set(month.lines) - set(lines))]
    assert len(set(lines)) == len(lines)
    if totals != month.totals:
        wrong.append(f"{month.title}: totals {sorted(set(totals.items()) ^ set(month.totals.items()))}")
    noted = {line: note for line, note in month.corrects.items() if not line.document.startswith("C-")}
    wrong += [
        f"{month.title}: {line} corrects {corrects.get(line)}, not {note}" for line, note in noted.items() if corrects.get(line) != note
    ]
    wrong += [f"{month.title}: corrects {corrects[line]}: {line}" for line in sorted(set(corrects) - set(month.corrects))]
    for account, owed in month.owed.items():
        if operated.owed(account) != owed:
            wrong.append(f"{month.title}: {account} owes {operated.owed(account)}, not {owed}")
    wrong += [f"{month.title}: {name} holds {operated.held(name)}" for name, held in month.held.items() if operated.held(name) != held]
    return wrong + [f"{month.title}: {each.name}: {each.first_difference}" for each in check(operated.home) if not each.ok]


def unbalanced(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Books that do not balance, as the command line says."""
    status = app.main(["controls", "--json", "--home", str(folder)])
    found = json.loads(capsys.readouterr().out)["books"]
    assert len(found) > 10
    failed = [f"{book['name']}: {book['left']} and {book['right']}" for book in found if book["left"] != book["right"]]
    return failed or ([f"exit status {status}"] if status else [])


@pytest.mark.usefixtures("both")
def test_fourteen_months(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    operated = Operated(tmp_path, PAGE)
    wrong = []
    try:
        for month in PAGE.months:
            wrong += differences(operated, month)
            wrong += [f"{month.title}: {each}" for each in unbalanced(tmp_path / "home", capsys)]
            wrong += [f"{month.title}: {each}" for each in derived_periods.differing(operated.home)]
        wrong += whole.differing(operated.home)
        wrong += read_back.misread(operated.home)
    finally:
        operated.home.close()
    assert wrong == []


@pytest.mark.parametrize("month", PAGE.months, ids=lambda month: month.title)
def test_arithmetic(month: Month) -> None:
    assert wrong_arithmetic(month) == []


def test_the_page_is_whole() -> None:
    assert (len(PAGE.accounts), len(PAGE.months)) == (10, 14)
    for month in PAGE.months:
        assert len(set(month.lines)) == len(month.lines)
    for series in "RC":
        numbers = [number for month in PAGE.months for number in month.totals if number.startswith(series)]
        assert sorted(numbers) == [f"{series}-{place:010d}" for place in range(1, len(numbers) + 1)]
    assert all(month.lines and set(month.owed) == {name for name, _, _ in PAGE.accounts} for month in PAGE.months)


@pytest.mark.parametrize(
    ("arithmetic", "cents"),
    [
        ("30.00 x 17/30", 1700),
        ("[0.97 x 0.19]", 18),
        ("-[0.125]", -13),
        ("{0.121}", 13),
        ("{0.12} - {0.5 / 60}", 11),
        ("[0.125] - 0.50", -37),
        ("(63 - 20) x 0.10", 430),
        ("-(1 - 3)", 200),
    ],
)
def test_arithmetic_reader(arithmetic: str, cents: int) -> None:
    assert billing_page.worked_out(arithmetic) == cents


@pytest.mark.parametrize("arithmetic", ["", "30.00 x 17/31", "(1 + 2", "1 * 2", "1 2", "[1)"])
def test_no_arithmetic(arithmetic: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        billing_page.worked_out(arithmetic)


@pytest.mark.slow
def test_a_tampered_figure_is_found(tmp_path: Path) -> None:
    right, wrong = "| [45.00 x 17/31] | 24.68 |", "| [45.00 x 17/31] | 24.69 |"
    assert right in TEXT
    page = billing_page.read(TEXT.replace(right, wrong))
    assert len(wrong_arithmetic(page.months[0])) == 1
    operated = Operated(tmp_path, page)
    try:
        assert len(differences(operated, page.months[0])) == 2  # it is billed otherwise, and not as the page says
    finally:
        operated.home.close()
