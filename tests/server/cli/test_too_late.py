"""Usage that came too late, at the command line: the run that leaves it out, its list, and its explanation."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing.too_late import listing
from server.cli import app
from tests.billing.runs.test_pools_and_late import arrive
from tests.billing.runs.world import Call, World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.too_late.listing import Listed

pytestmark = pytest.mark.slow
ANNA = "8613800000001"
LIST = """
record  source  account  subscription  start (UTC)          days old  worth  currency  run  reason
late-1  switch  anna     anna-1        2025-10-05 02:00:00      DAYS   0.30  CNY         5  its period is closed
late-2  switch  anna     anna-1        2025-10-06 02:00:00      DAYS   0.10  CNY         5  its period is closed

account  records  worth  currency
anna           2   0.40  CNY
"""
EXPLAINED = """
Record late-1 of switch, begun 2025-10-05 10:00:00 (Asia/Shanghai): its period is closed, for good
Account anna, subscription anna-1. It came 2026-02-10 12:00:00, 128 days 2 h after it began.
It belongs to the period 2025-10-01 to 2025-10-31.
It was left out by run 5 of 2026-03-01.
The oldest period that was open begins on 2025-11-01; the period of the record is closed since the bill date 2026-03-01.
No run bills it any more, and `ratewright usage too-late` lists it; `too-late bill` or `too-late write-off` decides.
"""


@pytest.fixture
def call(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Two calls of October and one of November that came in February; the runs of November to February are made."""
    monkeypatch.setenv("RATEWRIGHT_HOME", str(tmp_path / "home"))
    made = World(tmp_path / "home")
    made.account("anna")
    made.subscription("anna-1", "anna", "shop/basic", ANNA)
    made.account("euro", currency="EUR")  # in quarantine: its October is open, so usage of October is read and counted
    made.subscription("euro-1", "euro", "shop/basic", "8613800000002")
    for date in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"):
        made.bill(date)
    calls = (Call(ANNA, "2025-10-05T10:00:00", 180, key="late-1"), Call(ANNA, "2025-10-06T10:00:00", 60, key="late-2"))
    arrive(made, "2026-02-10T12:00:00", *calls, Call(ANNA, "2025-11-06T10:00:00", 60, key="in time"))
    made.home.close()

    def run(words: str) -> str:
        assert app.main(words.split()) == 0
        return capsys.readouterr().out

    return run


def test_from_the_run_to_the_list(call: Callable[[str], str]) -> None:
    assert call("usage too-late") == "no usage is too late for a bill\n"
    shown = call("bill run --date 2026-03-01")
    assert "left out: closed (its period is closed, for good)  2" in shown
    told = "left out for good: 2 records (2 of closed periods, 0 by rules of plans on late usage)"
    assert f"{told}; `ratewright usage too-late` lists those that no bill has" in shown
    listed = json.loads(call("usage too-late --json"))
    text = call("usage too-late")
    assert [_without_days(line) for line in text.strip().splitlines()] == [_without_days(line) for line in LIST.strip().splitlines()]
    assert listed["sums"] == [{"account_id": "anna", "currency": "CNY", "records": 2, "worth_micros": 400_000}]
    assert "... and 1 more: --limit, or --json" in call("usage too-late --limit 1")
    chinese = call("usage too-late --language zh").splitlines()
    assert chinese[0].split() == ["记录", "来源", "账户", "订购", "开始时间（UTC）", "天数", "估值", "币种", "出账批次", "原因"]
    assert "所属账期已关闭" in chinese[1]
    assert chinese[-2].split() == ["账户", "记录数", "估值", "币种"]
    assert call("usage too-late --limit 1 --language zh").splitlines()[2] == "另有 1 条：请用 --limit 或 --json"
    assert call("usage too-late --decided --language zh") == "尚无人对过期使用作出决定\n"


def test_each_run_says_what_is_open(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A run counts what lies in the days it reads: it reads none of October. The line about all runs has it, until somebody decides."""
    monkeypatch.setenv("RATEWRIGHT_HOME", str(tmp_path / "home"))
    made = World(tmp_path / "home")
    made.account("anna")
    made.subscription("anna-1", "anna", "shop/basic", ANNA)
    for date in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"):
        made.bill(date)
    arrive(made, "2026-02-10T12:00:00", *(Call(ANNA, f"2025-10-0{day}T10:00:00", 60, key=f"late-{day}") for day in (5, 6)))
    made.home.close()
    told = "left out for good by all runs, without a decision: "

    def run(words: str) -> str:
        assert app.main(words.split()) == 0
        return capsys.readouterr().out

    assert f"{told}2 records; `ratewright usage too-late` lists them" in run("bill run --date 2026-03-01")
    run("usage too-late write-off late-5 --reason lost")
    assert f"{told}1 record; `ratewright usage too-late` lists it" in run("bill run --date 2026-04-01")
    run("usage too-late write-off late-6 --reason lost")
    shown = json.loads(run("bill run --date 2026-05-01 --json"))
    assert shown["too_late_open"] == 0
    assert "without a decision" not in run("bill run --date 2026-06-01")


def test_the_run_of_an_entry_stays_the_first_that_left_it_out(call: Callable[[str], str]) -> None:
    """It is run 5 of March, as those of April and May leave it out as well, and once a person has decided on it."""
    for date in ("2026-03-01", "2026-04-01"):
        call(f"bill run --date {date}")
    call("usage too-late write-off late-2 --reason lost")
    call("bill run --date 2026-05-01")
    assert [each["record"]["run_id"] for each in json.loads(call("usage too-late --json"))["records"]] == [5]
    assert [each["record"]["run_id"] for each in json.loads(call("usage too-late --decided --json"))["records"]] == [5]
    for record in ("late-1", "late-2"):
        assert "It was left out by run 5 of 2026-03-01." in call(f"bill explain {record}")
        assert json.loads(call(f"bill explain {record} --json"))["left_out"][0]["run_id"] == 5


def test_its_explanation(call: Callable[[str], str]) -> None:
    call("bill run --date 2026-03-01")
    assert call("bill explain late-1").strip() == EXPLAINED.strip()
    assert call("bill explain late-1 --language zh").startswith("记录 late-1")
    (told,) = json.loads(call("bill explain late-1 --json"))["left_out"]
    assert (told["reason"], told["outlook"], told["closed_since"]) == ("closed", "for_good", "2026-03-01")


def _without_days(line: str) -> list[str]:
    words = line.split()
    return words[:6] + words[7:] if line.startswith("late-") else words


def test_what_it_was_worth_is_rounded_for_people(call: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """0.1525 is 0.15, and 0.255 is 0.26: half a cent is rounded up. Programs get the exact sums."""
    call("bill run --date 2026-03-01")
    exact = listing.listed

    def finer(*asked: object, **how: object) -> Listed:
        found = exact(*asked, **how)
        first = msgspec.structs.replace(found.records[0], worth_micros=152_500)
        (total,) = found.sums
        sums = (msgspec.structs.replace(total, worth_micros=255_000),)
        return msgspec.structs.replace(found, records=(first, *found.records[1:]), sums=sums)

    monkeypatch.setattr(listing, "listed", finer)
    lines = call("usage too-late").splitlines()
    assert [line.split()[-7] for line in lines[1:3]] == ["0.15", "0.10"]
    assert lines[-1].split() == ["anna", "2", "0.26", "CNY"]
    assert json.loads(call("usage too-late --json"))["sums"][0]["worth_micros"] == 255_000


PREVIEW = """
no.  account  subscription  records  worth  billed  currency  on  text
anna anna-1 2 0.40 0.40 CNY DAY Late usage: 2 records of 2025-10-05 to 2025-10-06 (switch)
dry run: would bill 2 late records, 0.40 CNY
"""
LEFT = """
record  source  account  subscription  start (UTC)          days old  worth  currency  run  reason
late-1  switch  anna     anna-1        2025-10-05 02:00:00      DAYS   0.30  CNY         5  its period is closed

account  records  worth  currency
anna           1   0.30  CNY
"""


def test_from_the_list_to_a_decision_and_back(call: Callable[[str], str]) -> None:
    call("bill run --date 2026-03-01")
    shown = json.loads(call("usage too-late bill --account anna --reason down --dry-run --json"))
    assert (shown["values"], shown["dry_run"], shown["needs_second"]) == ({"CNY": 400_000}, True, False)
    day = shown["groups"][0]["on_date"]
    assert _words(call("usage too-late bill --account anna --reason down --dry-run")) == _words(PREVIEW.replace("DAY", day))
    assert "decided: write off 1 late record, 0.10 CNY" in call("usage too-late write-off late-2 --reason down")
    assert _words(call("usage too-late list")) == _words(LEFT)
    me = json.loads(call("usage too-late --decided --json"))["records"][0]["record"]["decision"]["by_name"]
    head, row = _words(call("usage too-late --decided"))[:2]
    assert " ".join(head).endswith("reason no. decision decided (UTC) by agreed by why invoice credited by")
    text = " ".join(row)
    assert " 1 written off 20" in text
    assert text.endswith(f" {me} down")
    chinese = call("usage too-late --decided --language zh").splitlines()
    assert chinese[0].split()[-8:] == ["编号", "决定", "决定时间（UTC）", "经办人", "复核人", "理由", "账单", "冲减单据"]
    assert " 核销 " in chinese[1]
    assert f"{me} decided on it on" in call("bill explain late-2")
    assert call("usage too-late take-back 1 --reason oops --dry-run").startswith("dry run: decision 1 is taken back")
    assert call("usage too-late take-back 1 --reason oops") == "decision 1 is taken back: 1 record is open again\n"
    assert "decided: bill 2 late records, 0.40 CNY" in call("usage too-late bill --month 2025-10 --reason down")
    assert call("usage too-late") == "no usage is too late for a bill\n"
    assert "is retracted" in call("usage too-late take-back 3 --reason oops")
    shown = call("usage too-late --decided")
    assert shown.startswith("taken back:\nno.  decision     of ")
    chinese = call("usage too-late --decided --language zh").splitlines()
    assert chinese[:1] == ["已撤回："]
    assert chinese[1].split() == ["编号", "决定", "决定人", "账户", "记录数", "估值", "币种", "撤回时间（UTC）", "经办人", "理由"]
    assert [line.split()[:3] for line in chinese[2:]] == [["1", "核销", me], ["3", "收取", me]]
    assert [line.split()[:4] for line in shown.splitlines()[2:]] == [["1", "written", "off", me], ["3", "billed", me, "anna"]]
    assert all(line.endswith(f" {me}  oops") for line in shown.splitlines()[2:])
    assert f"retracted by {me}, " in call("adjustment list")
    assert [each["decision_id"] for each in json.loads(call("usage too-late --decided --json"))["taken_back"]] == [1, 3]
    assert f"{me} took decision 1 of {me} (write off) back on" in call("bill explain late-2")


def test_an_invoice_of_late_usage_alone_says_so(call: Callable[[str], str], tmp_path: Path) -> None:
    call("bill run --date 2026-03-01")
    assert call("invoice usage R-0000000001") == "R-0000000001 has no line of usage\n"
    call("usage too-late bill --account anna --reason down")
    world = World(tmp_path / "home", fresh=False)
    today = dt.datetime.now(dt.UTC).date()  # the adjustment is dated by the clock of this machine
    world.bill(str((today + dt.timedelta(days=33)).replace(day=1)))
    number = world.numbers("anna")[-1]
    world.home.close()
    late = json.loads(call(f"invoice usage {number} --json"))["late_lines"]
    assert [(each["decision_id"], each["records"], each["amount_micros"]) for each in late] == [(1, 2, 400_000)]
    line = late[0]["line_no"]
    assert call(f"invoice usage {number}").splitlines() == [
        f"{number} has no line of usage",
        f"line {line}, 0.40 CNY, bills 2 late records by decision 1: ratewright usage too-late --decided",
    ]
    assert f"第 {line} 项" in call(f"invoice usage {number} --language zh")


def _words(text: str) -> list[list[str]]:
    return [_without_days(line) for line in text.strip().splitlines()]
