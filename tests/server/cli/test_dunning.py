"""`ratewright dunning list|undo|show|policy`, and what `db check` notes of runs of dates that had not begun."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing.catalogue import Operator
from billing.store import commit_chain, tables
from billing.store.checks import dated_ahead
from server import operator
from server.cli import app
from tests.billing.runs.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., str]

AHEAD = "when that date had not begun for 1 of its"
POLICY = """name: stern
steps:
- {level: 1, action: remind, days_past_due: 1}
- {level: 2, action: bar_outgoing, days_past_due: 2}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Anna owes 10.60 since 15 November 2025."""
    world = World(tmp_path / "home")
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.home.close()
    monkeypatch.setenv("RATEWRIGHT_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def call(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    assert home.is_dir()

    def run(text: str, status: int = 0, by: str = "ana") -> str:
        monkeypatch.setattr(operator, "current", lambda: Operator(by, {"ana": 2001, "bob": 2002}[by]))
        ended = app.main(shlex.split(text))
        captured = capsys.readouterr()
        assert ended == status, captured.err
        return captured.out if status == 0 else captured.out + captured.err

    run("bill run --date 2025-11-01")
    return run


def test_a_run_is_listed_undone_and_shown_as_undone(call: Command) -> None:
    assert call("dunning list") == "dunning has taken no steps\n"
    call("dunning run --date 2025-12-01")
    assert json.loads(call("dunning run --date 2025-12-20 --json"))[0]["run_id"] == 2
    listed = call("dunning list").splitlines()[2].split()
    assert (listed[:6], listed[-1]) == (["2", "2025-12-20", "0", "1", "0", "ana"], "counts")
    asking = "dunning undo --run 2 --reason 'wrong date'"
    assert call(f"{asking} --dry-run").splitlines() == [
        "account  step undone     last step then  fact",
        "anna     2 bar_outgoing  1 remind        unbar",
        "run 2 of 2025-12-20 counts until another person gives the same command",
        "only tried: nothing was stored",
    ]
    assert json.loads(call(f"{asking} --json"))["waits"] is True
    assert "ana has asked for run 2 to be undone, and cannot agree to it" in call(asking, 1)
    assert "counts; ana asks to undo it  wrong date" in call("dunning list")
    agreeing = "dunning undo --run 2 --reason 'so it is'"
    assert call(agreeing, by="bob").splitlines()[-1] == "run 2 of 2025-12-20 is undone; ana had asked for it"
    assert call(asking).splitlines() == ["run 2 of 2025-12-20 was undone before; nothing changed"]
    assert json.loads(call("dunning list --json"))[1]["undone_by"] == "bob"
    told = r"undone by ana and bob on 20\d\d-\d\d-\d\d \d\d:\d\d UTC"
    assert re.search(rf"{told}  ana: wrong date; bob: so it is\n", call("dunning list"))
    assert json.loads(call("dunning list --json"))[1]["asked_reason"] == "wrong date"
    shown = call("dunning show anna --date 2025-12-20").splitlines()
    assert "barred" not in shown[0]
    assert shown[1].startswith("last step: level 1, remind, since ")
    assert shown[2] == "policy standard asks for: level 2, bar outgoing"
    assert re.search(rf"  {told}: ana: wrong date; bob: so it is$", shown[5])
    chinese = call("dunning show anna --date 2025-12-20 --language zh").splitlines()
    assert chinese[0].startswith("账户 anna，截至 2025-12-20：逾期 ")
    assert chinese[1].startswith("最近措施：第 1 级，提醒，自 ")
    assert chinese[2] == "催缴政策 standard 要求：第 2 级，限制呼出"
    assert chinese[3].split() == ["催缴批次", "日期", "措施", "原级别", "级别", "最早付款期限", "逾期金额", "币种", "催缴政策"]
    assert shown[3].split()[0] == "run"
    assert re.search(r"  由 ana 和 bob 于 .* UTC 撤销：ana: wrong date; bob: so it is$", chinese[5])
    undoing = json.loads(call("dunning show anna --date 2025-12-20 --json"))["steps"][-1]["undoing"]
    assert (undoing["run_id"], undoing["asked_by"], undoing["by_name"], undoing["reason"]) == (2, "ana", "bob", "so it is")
    (row,) = [line for line in call("accounts show anna").splitlines() if "run 2 of 2025-12-20" in line]
    assert re.search(rf"level 1, remind, since \S+; run 2 of 2025-12-20 is {told}: ana: wrong date; bob: so it is", row)
    (row,) = [line for line in call("status").splitlines() if "dunning due" in line]
    assert "last run of 2025-12-01; run 2 of 2025-12-20 is undone by ana and bob: so it is" in row


def test_open_promises_are_shown_beside_the_level_they_hold_back(call: Command) -> None:
    call("payment promise add --id m1 --account anna --amount 10.60 --made 2025-12-10 --until 2025-12-24")
    assert call("dunning run --date 2025-12-20") == "no account changes its state\n"
    shown = call("dunning show anna --date 2025-12-20").splitlines()
    assert shown[0].startswith("account anna on 2025-12-20: 10.60 CNY past due")
    assert shown[1:3] == ["last step: clear", "policy standard asks for: clear"]
    assert shown[3] == "level 1 waits: open promises cover what is past due (ratewright payment promise list)"
    assert call("dunning preview --date 2025-12-25").splitlines()[1].split()[:2] == ["anna", "remind"]


def test_policies_are_checked_added_and_listed(call: Command, home: Path) -> None:
    path = home / "stern.yaml"
    path.write_text(POLICY, encoding="utf-8")
    doubt = "doubtful: level 2 bars without a reminder before; say `after: remind` and `days_after`"
    assert call(f"dunning policy check {path}").splitlines()[1:] == [
        "  1 remind: 1 day past due, 0.01 or more",
        "  2 bar_outgoing: 2 days past due, 0.01 or more",
        doubt,
    ]
    assert json.loads(call(f"dunning policy check {path} --json"))["policy"]["name"] == "stern"
    assert "only tried" in call(f"dunning policy add {path} --dry-run")
    assert len(call("dunning policy list").splitlines()) == 2
    assert doubt in call(f"dunning policy add {path}")
    assert "says so already" in call(f"dunning policy add {path}")
    path.write_text(POLICY.replace("days_past_due: 2", "days_past_due: 9, after: remind, days_after: 7"), encoding="utf-8")
    assert "in the place of" in call(f"dunning policy add {path}")
    rows = call("dunning policy list").splitlines()[1:]
    assert [("holds" in row, row.split()[0]) for row in rows] == [(True, "standard"), (False, "stern"), (True, "stern")]
    assert "9 days past due, 0.01 or more, 7 days after remind" in rows[2]
    call("accounts terms anna --from 2025-11-01 --dunning-policy stern")
    assert json.loads(call("dunning run --date 2025-12-20 --json"))[0]["policy"] == "stern"
    assert "there is no dunning policy mild" in call("accounts terms anna --from 2025-11-02 --dunning-policy mild", 1)


def test_runs_of_dates_that_had_not_begun_are_noted(call: Command) -> None:
    call("dunning run --date 2025-12-20")
    world = World(home_of(call), fresh=False)
    numbered = "UPDATE commits SET at_us = {} WHERE commit_seq = (SELECT max(commit_seq) FROM invoices)"
    world.execute("UPDATE dunning_runs SET at_us = 1766160000000000")  # midnight in Shanghai
    world.execute(numbered.format(1761926400000000))
    assert dated_ahead_of(world) == []
    world.execute("UPDATE dunning_runs SET at_us = 1766159999999999")
    world.execute(numbered.format(1761926399999999))
    _chain_anew(world)
    world.home.close()
    checked = json.loads(call("db check --json"))
    assert checked["findings"] == []
    assert checked["notes"] == [
        [
            "dunning_steps",
            f"run 1 of 2025-12-20 was taken on 2025-12-19 (UTC), {AHEAD} accounts: ratewright dunning undo --run 1 --reason ...",
        ],
        [
            "bill_runs",
            f"run 1 of 2025-11-01 was numbered on 2025-10-31 (UTC), {AHEAD} documents: ratewright bill undo --run 1 --reason ...",
        ],
    ]
    assert "note: dunning_steps: run 1 of 2025-12-20" in call("db check")
    call("dunning undo --run 1 --reason ahead")
    call("dunning undo --run 1 --reason ahead", by="bob")
    call("bill undo --run 1 --reason ahead")
    call("bill undo --run 1 --reason ahead", by="bob")
    assert json.loads(call("db check --json"))["notes"] == []


# kind and state of a run that bills, and the remedy of the note about it
@pytest.mark.parametrize(
    ("kind", "state", "remedy"),
    [
        ("cycle", "posted", "ratewright bill undo --run 1 --reason ..."),
        (
            "cycle",
            "numbered",
            "finish it first with ratewright bill run --date 2025-11-01 --resume, then ratewright bill undo --run 1 --reason ...",
        ),
        ("threshold", "posted", "its documents, the newest first: ratewright invoice void NUMBER --reason ..."),
        ("rerate", "posted", "its documents, the newest first: ratewright invoice void NUMBER --reason ..."),
        ("opening", "posted", "what its accounts do not owe is written off: ratewright ledger write-off NUMBER"),
    ],
)
def test_a_run_dated_ahead_is_told_with_what_takes_it_back(call: Command, kind: str, state: str, remedy: str) -> None:
    world = World(home_of(call), fresh=False)
    world.execute("UPDATE commits SET at_us = 1761926399999999 WHERE commit_seq = (SELECT max(commit_seq) FROM invoices)")
    with world.home.begin() as connection:
        connection.execute(tables.bill_runs.update().values(kind=kind, state=state))
    ((place, told),) = dated_ahead_of(world)
    world.home.close()
    assert (place, told.partition(" documents: ")[2]) == ("bill_runs", remedy)


def _chain_anew(world: World) -> None:
    """Commits as an upgrade leaves those of before: the last one has the hash of all as they stand."""
    commit, chain = tables.commits, commit_chain.START
    with world.home.begin() as connection:
        rows = connection.execute(sa.select(commit).order_by(commit.c.commit_seq)).all()
        for row in rows:
            chain = commit_chain.following(chain, row.commit_seq, row.kind, row.at_us)
        connection.execute(commit.update().values(chain=None))
        connection.execute(commit.update().where(commit.c.commit_seq == rows[-1].commit_seq).values(chain=chain))


def dated_ahead_of(world: World) -> list[tuple[str, str]]:
    """What would be noted."""
    with world.home.connect() as connection:
        return list(dated_ahead.notes(connection))


def home_of(call: Command) -> Path:
    """The folder of the home that commands work on."""
    from pathlib import Path  # noqa: PLC0415 -- only here at runtime

    return Path(json.loads(call("db where --json"))["home"])


def told_of_bars(call: Command) -> tuple[list[str], list[list[object]]]:
    """Texts of `accounts show` about the bars of anna and their ends: the column `told by`, and the same of its JSON."""
    lines = call("accounts show anna --as-of 2026-01-31").splitlines()
    head = next(line for line in lines if line.startswith("fact"))
    bars = [line for line in lines[lines.index(head) + 1 :] if "bar" in line]
    facts = json.loads(call("accounts show anna --as-of 2026-01-31 --json"))["facts"]
    names = ("kind", "by_name", "dunning_run", "dunning_level", "dunning_undone")
    return [line[head.index("recorded by") :] for line in bars], [[each[name] for name in names] for each in facts]


def test_a_bar_says_which_run_set_it(call: Command) -> None:
    """Run 2 bars, is undone, and run 3 bars again; after payment run 4 ends that. A run that is undone ends what it set."""
    call("dunning run --date 2025-12-01")
    call("dunning run --date 2025-12-20", by="bob")
    assert told_of_bars(call) == (["dunning run 2, level 2, by bob"], [["bar_outgoing", "bob", 2, 2, False]])
    for by in ("ana", "bob"):
        call("dunning undo --run 2 --reason 'wrong date'", by=by)
    call("dunning run --date 2025-12-21")
    call("payment record --id p1 --account anna --amount 10.60 --date 2025-12-22")
    call("dunning run --date 2025-12-23")
    for by in ("ana", "bob"):
        call("dunning undo --run 4 --reason 'wrong date'", by=by)
    told, facts = told_of_bars(call)
    assert told == [
        "dunning run 2, level 2, by bob",
        "undoing of dunning run 2, level 1, by bob",
        "dunning run 3, level 2, by ana",
        "dunning run 4, level 0, by ana",
        "undoing of dunning run 4, level 2, by bob",
    ]
    assert [fact[2:] for fact in facts] == [[2, 2, False], [2, 1, True], [3, 2, False], [4, 0, False], [4, 2, True]]


def test_a_bar_of_before_runs_had_numbers_says_nothing_of_them(call: Command) -> None:
    call("dunning run --date 2025-12-01")
    call("dunning run --date 2025-12-20")
    world = World(home_of(call), fresh=False)
    world.execute("DELETE FROM dunning_runs")
    world.home.close()
    assert told_of_bars(call) == ([""], [["bar_outgoing", "", None, None, False]])
