"""How a bill date, accounts and stages of progress are said on the command line."""

from __future__ import annotations

import datetime as dt
import io
from typing import TYPE_CHECKING

import pytest

from rating.errors import UserError
from server.cli import stages
from server.cli.bill import account_ids, bill_date

if TYPE_CHECKING:
    from pathlib import Path

DATES = [
    # --date, --period, --bill-day -> the bill date
    ("2025-11-01", None, None, dt.date(2025, 11, 1)),
    (None, "2025-10", None, dt.date(2025, 11, 1)),
    (None, "2025-10", 1, dt.date(2025, 11, 1)),
    (None, "2025-10", 15, dt.date(2025, 11, 15)),
    (None, "2025-12", 31, dt.date(2026, 1, 31)),
    (None, "2026-01", 31, dt.date(2026, 2, 28)),
    (None, "2026-02", 31, dt.date(2026, 3, 31)),
]
REFUSED = [
    (None, None, None, "say which date to bill"),
    ("2025-11-01", "2025-10", None, "say which date to bill"),
    ("2025-11-01", None, 1, "--bill-day goes with --period"),
    (None, "2025-10", 0, "--bill-day 0 is not a day of a month"),
    (None, "2025-13", None, "'2025-13-01' is not a date"),
]


@pytest.mark.parametrize(("date", "period", "bill_day", "expected"), DATES)
def test_bill_dates(date: str | None, period: str | None, bill_day: int | None, expected: dt.date) -> None:
    assert bill_date(date, period, bill_day) == expected


@pytest.mark.parametrize(("date", "period", "bill_day", "message"), REFUSED)
def test_refused_dates(date: str | None, period: str | None, bill_day: int | None, message: str) -> None:
    with pytest.raises(UserError) as caught:
        bill_date(date, period, bill_day)
    assert caught.value.message.startswith(message)
    assert caught.value.exit_status == 2


def test_accounts(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a1\n\n a2 \n")
    assert account_ids(None) is None
    assert account_ids("a1, a2,") == account_ids(f"@{tmp_path / 'list.txt'}") == {"a1", "a2"}
    with pytest.raises(UserError, match=r"the list of accounts .* cannot be read"):
        account_ids(f"@{tmp_path / 'none.txt'}")


def test_only_stages_that_take_long_are_shown() -> None:
    now_s = 100.0
    out = io.StringIO()
    with stages.show("bill", stream=out, clock=lambda: now_s) as report:
        report("facts", 0, 0)
        now_s += 1.0
        report("settle", 10, 100)
        now_s += 2.5
        report("settle", 50, 100)
        now_s += 1.0
        report("post", 1, 1)
    assert out.getvalue() == "bill, settle: 50 of 100 accounts (50 %), 20 accounts/s, 2 s left\nbill, settle: 3.5 s\n"
