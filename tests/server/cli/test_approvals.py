"""`ratewright approvals` and `settings`, as two people call them. One person gives back 10.00 alone; the invoice is of 38.16."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import shlex
import time
from typing import TYPE_CHECKING, Any

import pytest

from billing import catalogue
from billing.catalogue import Operator
from server.cli import app
from tests.billing.runs.world import START_US, World, shop
from tests.billing.second_person import set_by_two

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
NUMBER = "R-0000000001"
ANA, BEN, CAY = 2001, 2002, 2003


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "home")
    made.account("anna")
    made.subscription("anna-1", "anna", "shop/plus", "8613800000001")
    made.bill("2025-11-01")
    set_by_two(made.home, "give_back_limit_micros", "10000000", made.tick)
    yield made
    made.home.close()


@pytest.fixture
def run(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command at noon of 2 December 2025; its stdout, as JSON if it was asked for, or what went wrong."""
    assert world.numbers() == [NUMBER]
    monkeypatch.setenv("RATEWRIGHT_HOME", str(tmp_path / "home"))
    noon_ns = int(dt.datetime(2025, 12, 2, 12, tzinfo=dt.UTC).timestamp()) * 10**9
    clock = itertools.count(noon_ns, 1_000_000)
    monkeypatch.setattr(time, "time_ns", lambda: next(clock))

    def call(words: str, *more: str, uid: int = ANA, status: int = 0) -> Any:  # noqa: ANN401 -- JSON is anything
        monkeypatch.setattr("server.operator.current", lambda: Operator(f"person {uid}", uid))
        tokens = [*words.split(), *more]
        assert app.main(tokens) == status, capsys.readouterr().err
        told = capsys.readouterr()
        return told.err if status else json.loads(told.out) if "--json" in tokens else told.out

    return call


def test_a_run_that_waits_is_not_posted_by_who_lifts_the_rule(run: Callable[..., Any]) -> None:
    """The rule at its start holds on for a run; who ordered it approves nothing, neither the run nor the setting."""
    run("settings set approval required")
    assert "none numbered" in run("bill run --date 2025-12-01 --trial --accounts anna")
    assert "needs a reason" in run("settings set approval none", status=2)
    assert run("settings set approval none --reason hurry") == (
        "approval stays required: none waits for another person to agree\nanother person: ratewright settings agree approval\n"
    )
    assert run("settings set approval none --reason hurry").startswith(
        "approval stays required: none waits for another person to agree already"
    )
    assert "waits for approval" in run("bill run --date 2025-12-01 --resume", status=1)
    assert run("bill run --date 2025-12-01 --json")["run"]["state"] == "computed"
    assert "cannot agree to it" in run("settings agree approval", status=1)
    assert run("settings list").splitlines()[-1] == (
        "approval = none waits, asked for by person 2001: hurry; another person: ratewright settings agree approval"
    )
    listed = {each["name"]: each for each in run("settings list --json")}
    assert (listed["approval"]["value"], listed["approval"]["waits"]["value"]) == ("required", "none")
    assert listed["approval"]["agreed_by"] == ""
    assert run("settings agree approval", uid=BEN) == "approval is none\n"
    (row,) = [line for line in run("settings list").splitlines() if line.startswith("approval ")]
    assert row.split()[:6] == ["approval", "none", "person", "2001", "person", "2002"]
    assert {each["name"]: each["agreed_by"] for each in run("settings list --json")}["approval"] == "person 2002"
    assert "no change of approval waits" in run("settings agree approval", uid=BEN, status=2)
    assert "waits for approval" in run("bill run --date 2025-12-01 --resume", status=1), "it began under the rule"
    run("bill approve --run 2", uid=BEN)
    assert run("bill run --date 2025-12-01 --resume --json")["state"] == "posted"


def test_what_has_no_number_is_listed_with_its_command(run: Callable[..., Any], world: World) -> None:
    """An adjustment and a write-off wait: the command of each, given by another person, approves it."""
    assert world
    given = "--reference A-1 --account anna --date 2025-12-01 --amount -300.00 --reason-code goodwill"
    run(f"adjustment add {given} --catalogue shop --tax-class standard --text", "a storm")
    run(f"ledger write-off {NUMBER} --date 2025-11-18 --reason", "moved away")
    listed = run("approvals list --json")
    assert [(each["kind"], each["subject"], each["account_id"], each["approval_id"]) for each in listed] == [
        ("adjustment", "A-1", "anna", None), ("write_off", NUMBER, "anna", None),
    ]  # fmt: skip
    text = run("approvals list")
    assert all(each["command"] in text.splitlines() for each in listed)
    page = next(row for row in run("status --json")["rows"] if row["name"] == "approvals")
    assert (page["attention"], page["says"]) == (True, "2 asked for by person 2001: for anybody else")
    for each in listed:
        run("", *shlex.split(each["command"])[1:], uid=BEN)
    assert run("approvals list --json") == []


def test_undoing_re_rating_and_reopening_are_listed_while_they_wait(run: Callable[..., Any], world: World) -> None:
    catalogue.publish(world.home, shop(2, START_US, corrects=1), world.tick())
    run("ledger close --month 2025-10")
    run("ledger reopen --month 2025-10 --reason", "a late invoice")
    run("bill rerate --plan shop/plus --version 2 --periods 2025-10")
    run("bill undo --run 1 --reason", "wrong tariff")
    listed = run("approvals list --json")
    assert [(each["kind"], each["subject"], each["reason"]) for each in listed] == [
        ("bill_undo", "run 1 of 2025-11-01", "wrong tariff"),
        ("rerate", "job 1 of shop/plus", ""),
        ("ledger_reopen", "2025-10", "a late invoice"),
    ]
    text = run("approvals list")
    assert all(each["command"] in text.splitlines() for each in listed)
    page = next(row for row in run("status --json")["rows"] if row["name"] == "approvals")
    assert (page["attention"], page["figures"]["beside"]) == (True, {"bill_undo": 1, "rerate": 1, "ledger_reopen": 1})
    for each in listed[::-1]:
        run("", *shlex.split(each["command"])[1:], uid=BEN)
    assert run("approvals list --json") == []


def test_each_step_of_a_re_rating_is_told_with_who_took_it(run: Callable[..., Any], world: World) -> None:
    catalogue.publish(world.home, shop(2, START_US, corrects=1), world.tick())
    run("bill rerate --plan shop/plus --version 2 --periods 2025-10")
    run("bill rerate-approve 1 --note", "looked at", uid=BEN)
    run("bill rerate-apply 1 --date 2025-12-02", uid=CAY)
    (job,) = run("bill rerate-list --json")
    assert [(each["kind"], each["by_name"], each["note"]) for each in job["steps"]] == [
        ("planned", "person 2001", ""), ("approved", "person 2002", "looked at"), ("applied", "person 2003", ""),
    ]  # fmt: skip
    assert (job["state"], job["decided_by"]) == ("applied", "person 2002")
    head, row = run("bill rerate-list").splitlines()
    assert [row[head.index(name) :].split(",")[0] for name in ("planned by", "approved or rejected by", "applied by")] == [
        "person 2001", "person 2002", "person 2003",
    ]  # fmt: skip
    assert row.count("2025-12-02 12:00:") == 3


def test_a_credit_a_void_and_a_refund(run: Callable[..., Any], world: World) -> None:
    credit = f"invoice credit {NUMBER} --id K-1 --line 1 --effect outside --reason goodwill"
    assert "another person would have to agree" in run(credit + " --dry-run")
    asked = run(credit)
    assert asked.endswith(f"of {NUMBER} waits for another person as proposal 1; another person: ratewright approvals agree 1\n"), asked
    assert run(credit + " --json")["proposal"] == 1, "once more: it waits"
    assert "cannot agree to it" in run("approvals agree 1", status=1)
    (listed,) = run("approvals list --json")
    assert (listed["kind"], listed["subject"], listed["account_id"], listed["by_name"], listed["state"]) == (
        "credit_note", "K-1", "anna", "person 2001", "waits",
    )  # fmt: skip
    assert "credit note K-1" in run("approvals list")
    told = run("approvals agree 1 --note fine", uid=BEN)
    assert told.startswith("credit note K-1 "), told
    assert told.endswith(" CNY (C-0000000001), asked for by person 2001: agreed to by person 2002, and done\n")
    assert run("approvals list").splitlines()[1:] == []
    assert "agreed by person 2002: fine" in run("approvals list --all")
    note = next(each for each in run("invoice list --json") if each["number"] == "C-0000000001")
    assert (note["by_name"], note["agreed_by"]) == ("person 2001", "person 2002")
    assert "waits for another person as proposal 2" in run("invoice void C-0000000001 --reason wrong")
    refused = run("approvals refuse 2 --note no", uid=BEN)
    assert refused == "void C-0000000001, asked for by person 2001: refused by person 2002; nothing was done\n"
    run("payment record --id P-1 --account anna --amount 500.00 --date 2025-11-18")
    refund = "payment refund --id F-1 --payment P-1 --amount 300.00 --date 2025-11-19 --to her"
    assert "another person would have to agree" in run(refund + " --dry-run")
    assert run(refund) == "refund F-1 of 300.00 CNY waits for another person as proposal 3; another person: ratewright approvals agree 3\n"
    assert run("approvals agree 3 --json", uid=BEN)["result"]["amount_micros"] == 300_000_000
    assert run("payment events --json")[0]["agreed_by"] == "person 2002"
    assert run("payment list --json")[0]["by_name"] == "person 2001"
    assert "there is no proposal 9" in run("approvals agree 9", status=1)
    run("controls")
    run("ledger check")
    assert world.numbers() == ["C-0000000001", NUMBER]


def test_a_sum_has_its_fee_in_it_wherever_it_is_told(run: Callable[..., Any]) -> None:
    run("payment record --id P-1 --account anna --amount 170.00 --date 2025-11-18")
    told = "173.00 CNY (a fee of 3.00 CNY is in it)"
    asked = run("payment reverse --id V-1 --payment P-1 --fee 3.00 --date 2025-11-19 --reason bounced")
    assert asked.startswith(f"reversal V-1 of {told} waits for another person as proposal 1")
    row = run("approvals list").splitlines()[1]
    assert "reversal V-1 (a fee of 3.00 CNY is in it)  anna     173.00  CNY" in row
    (listed,) = run("approvals list --json")
    assert (listed["amount_micros"], listed["fee_micros"]) == (173_000_000, 3_000_000)
    agreed = run("approvals agree 1", uid=BEN)
    assert agreed.startswith("reversal V-1 (a fee of 3.00 CNY is in it) 173.00 CNY, asked for by person 2001")
    assert listed["amount_micros"] == sum(run("payment events --json")[0][name] for name in ("amount_micros", "fee_micros"))


def test_deposits_and_lines_of_a_bank(run: Callable[..., Any]) -> None:
    run("payment deposit take --id D-1 --account anna --amount 90.00 --date 2025-11-18")
    refund = "payment deposit refund --id DR-1 --deposit D-1 --date 2025-11-19"
    assert "another person would have to agree" in run(refund + " --dry-run")
    assert "refund DR-1 of deposit D-1 waits for another person as proposal 1" in run(refund)
    assert "deposit refund DR-1 90.00 CNY, asked for by person 2001: agreed to by person 2002" in run("approvals agree 1", uid=BEN)
    (held,) = run("payment deposit list --json")
    assert (held["held_micros"], held["by_name"], held["moved_by"]) == (0, "person 2001", "person 2001")


def test_a_void_is_told_with_both_persons(run: Callable[..., Any]) -> None:
    """38.16 is above the 10.00 of one person: ana asks, ben agrees. The list, the page's JSON and the explanation name both."""
    assert "proposal 1" in run(f"invoice void {NUMBER} --reason", "wrong address")
    run("approvals agree 1", uid=BEN)
    assert run("invoice list").rstrip().endswith("void 2025-12-02 by person 2001, agreed to by person 2002")
    assert run("invoice list --language zh").rstrip().endswith("作废 2025-12-02 经办人 person 2001, 复核人 person 2002")
    (listed,) = run("invoice list --json")
    after = run(f"invoice show {NUMBER} --json")["after"]
    assert [(each["voided_by"], each["void_agreed_by"]) for each in (listed, after)] == [("person 2001", "person 2002")] * 2
    assert listed["agreed_by"] == "", "nobody else had to agree to the invoice itself"
    said = "This document is void as of 2025-12-02 by person 2001, agreed to by person 2002: wrong address"
    assert run(f"invoice explain {NUMBER}").splitlines()[-1].strip() == said
    chinese = run(f"invoice explain {NUMBER} --language zh").splitlines()[-1].strip()
    assert chinese == "本单据已于 2025-12-02 由 person 2001 作废，复核人 person 2002：wrong address"  # noqa: RUF001 -- Chinese has a comma of its own
