"""Commands of bill runs, in a home and by a service: both print the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from billing.runs.reports import list_runs
from server.operations import work
from tests.billing.second_person import set_by_two

if TYPE_CHECKING:
    from tests.server.cli.remote.persons import Persons

pytestmark = pytest.mark.slow
NOVEMBER = ("--date", "2025-11-01")
RUN = ("bill", "run", *NOVEMBER)


def test_preview_and_dry_run(unbilled: Persons) -> None:
    """Anna: 10.50 and 0.63 of tax; bob: 10.00 and 0.60."""
    rows = [line.split()[-3:] for line in unbilled("bill", "preview", *NOVEMBER).splitlines()[1:]]
    assert rows == [["10.50", "0.63", "CNY"], ["10.00", "0.60", "CNY"]]
    told = json.loads(unbilled("bill", "preview", *NOVEMBER, "--json"))
    assert [len(each["lines"]) for each in told["drafts"]] == [3, 2]
    alone = unbilled("bill", "preview", *NOVEMBER, "--account", "anna", "--threads", "1")
    assert "National calls" in alone
    assert "bob" not in alone
    unbilled("bill", "preview", *NOVEMBER, "--account", "anna", "--json")
    assert unbilled(*RUN, "--dry-run") == unbilled("bill", "preview", *NOVEMBER)
    assert len(json.loads(unbilled(*RUN, "--dry-run", "--accounts", "bob", "--json"))["drafts"]) == 1
    assert "a run would refuse" in unbilled("bill", "preview", "--date", "2025-12-01")
    assert json.loads(unbilled("bill", "list", "--json")) == []


def test_a_preview_of_many_bills_has_sums_alone(unbilled: Persons, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service keeps no lines of many bills, and the first bills alone of more: what it leaves out is said, or refused."""
    monkeypatch.setattr(work.previewed, "__kwdefaults__", {"whole_max": 1})
    assert "11" not in unbilled(*RUN, "--dry-run")
    error = unbilled.there(*RUN, "--dry-run", "--json", status=1)
    assert "the service leaves out the lines of a preview of 2 bills" in error
    assert "name fewer accounts, leave out --json" in error
    monkeypatch.setattr(work, "BILLS_MAX", 1)
    assert [line.split()[0] for line in unbilled.there(*RUN, "--dry-run").splitlines()] == ["account", "anna"]


def test_run_list_and_run_again(unbilled: Persons) -> None:
    """20.50 and 1.23 of tax; again, nothing is left."""
    said = unbilled(*RUN)
    assert "21.73 CNY" in said
    assert "books of this run balance" in said
    again = json.loads(unbilled(*RUN, "--json"))
    assert (again["run_id"], again["invoices"]) == (2, 0)
    listed = unbilled("bill", "list")
    assert [line.split()[:3] for line in listed.splitlines()[1:]] == [["1", "2025-11-01", "posted"], ["2", "2025-11-01", "posted"]]
    unbilled("bill", "list", "--json")
    unbilled.hides_commits = False
    told = json.loads(unbilled.there("bill", "list", "--json"))
    assert [each["pinned_seq"] for each in told] == [each.pinned_seq for each in list_runs(unbilled.guarded.home)]


def test_a_run_of_named_accounts(unbilled: Persons) -> None:
    assert json.loads(unbilled(*RUN, "--accounts", "bob", "--json"))["restricted"] is True
    error = unbilled(*RUN, "--accounts", "nobody", "--dry-run", status=1)
    assert "nobody" in error
    empty = unbilled.there(*RUN, "--accounts", ",", status=2)  # a request without names would mean all
    assert "--accounts names no account" in empty
    assert json.loads(unbilled("bill", "list", "--json"))[-1]["run_id"] == 1
    large = unbilled.there(*RUN, "--threads", str(2**31), status=2)
    assert "--threads 2147483648 is out of range" in large


def test_trial_approve_and_resume(unbilled: Persons) -> None:
    """The list of boss is approved by another person, and numbered by boss."""
    for world in (unbilled.twin, unbilled.guarded.world):
        world.catch_up()
        set_by_two(world.home, "approval", "required", world.tick)
    said = unbilled(*RUN, "--trial")
    assert "nothing is numbered yet: ratewright bill approve --run 1 (another person)" in said
    assert "first bill" in unbilled("bill", "trial", "--run", "1")
    assert json.loads(unbilled("bill", "trial", "--run", "1", "--json"))["new"]["count"] == 2
    waits = unbilled(*RUN, "--resume", status=1)
    assert "then another person than who started it: ratewright bill approve --run 1" in waits
    assert set(json.loads(unbilled(*RUN, "--trial", "--json"))) == {"run", "trial"}
    assert "is for other accounts" in unbilled(*RUN, "--resume", "--accounts", "bob", status=1)
    with unbilled.acting("the-approver"):
        assert "run 1 of 2025-11-01 is approved by the-approver" in unbilled("bill", "approve", "--run", "1", "--note", "seen")
        again = json.loads(unbilled("bill", "approve", "--run", "1", "--json"))
    assert again == {"run_id": 1, "bill_date": "2025-11-01", "state": "computed", "decision": "approved", "by": "the-approver"}
    assert "R-0000000001 .. R-0000000002" in unbilled(*RUN, "--resume")
    assert "is unfinished" in unbilled(*RUN, "--resume", status=1)
    assert "there is no bill run 9" in unbilled("bill", "trial", "--run", "9", status=1)


def test_reject_and_abandon(unbilled: Persons) -> None:
    unbilled(*RUN, "--trial", "--json")
    assert "run 1 of 2025-11-01 is rejected by boss" in unbilled("bill", "reject", "--run", "1", "--note", "too early")
    assert json.loads(unbilled("bill", "list", "--json"))[0]["state"] == "rejected"
    assert "is rejected" in unbilled("bill", "reject", "--run", "1", "--note", "again")
    unbilled(*RUN, "--trial")
    assert "run 2 of 2025-11-01 is abandoned" in unbilled("bill", "abandon", *NOVEMBER)
    error = unbilled("bill", "abandon", *NOVEMBER, status=1)
    assert error == "error: no bill run of 2025-11-01 is unfinished\n  remedy: `ratewright bill list` shows all runs\n"
    unbilled(*RUN, "--trial")
    assert json.loads(unbilled("bill", "abandon", *NOVEMBER, "--json")) == {"run_id": 3, "bill_date": "2025-11-01"}
    with unbilled.acting("the-auditor"):
        denied = unbilled.there(*RUN, status=1)
    assert "needs the role admin or operator" in denied


def test_four_eyes_over_both_ways(unbilled: Persons) -> None:
    """Asked for by a service, agreed to in its home, and the other way round; nobody agrees to their own."""
    world = unbilled.guarded.world
    world.catch_up()
    set_by_two(world.home, "approval", "required", world.tick)
    unbilled.there(*RUN, "--trial")
    refused = unbilled.behind("bill", "approve", "--run", "1", status=1)
    assert "boss" in refused
    with unbilled.acting("chief"):
        assert "is approved by chief" in unbilled.behind("bill", "approve", "--run", "1")
    assert "R-0000000002" in unbilled.there(*RUN, "--resume")
    with unbilled.acting("chief"):
        unbilled.behind(*RUN, "--trial", "--everything")
    with unbilled.acting("the-approver"):
        assert "is approved by the-approver" in unbilled.there("bill", "approve", "--run", "2")


def test_quarantine_and_retry(unbilled: Persons) -> None:
    """Ella has another currency than her plan, until that is mended: 10.00."""
    worlds = (unbilled.twin, unbilled.guarded.world)
    for world in worlds:
        world.catch_up()
        world.account("ella", currency="EUR")
        world.subscription("ella-1", "ella", "shop/basic", "1003")
    assert "quarantined ella" in unbilled(*RUN)
    assert "ella" in unbilled("bill", "quarantine")
    told = json.loads(unbilled("bill", "quarantine", "--run", "1", "--json"))["accounts"]
    assert [(each["account_id"], each["kind"], each["billed_by"]) for each in told] == [("ella", "quarantined", 0)]
    for world in worlds:
        world.execute("UPDATE accounts SET currency = 'CNY' WHERE account_id = 'ella'")
    assert "ella" in unbilled("bill", "retry", "--run", "1", "--dry-run")
    assert json.loads(unbilled("bill", "retry", "--run", "1", "--dry-run", "--json"))["account_ids"] == ["ella"]
    assert "10.60 CNY" in unbilled("bill", "retry", "--run", "1")
    assert unbilled("bill", "quarantine") == "no account is put aside\n"
    assert json.loads(unbilled("bill", "quarantine", "--all", "--json"))["accounts"][0]["billed_by"] == 2
    error = unbilled("bill", "retry", "--run", "1", status=1)
    assert "no account of bill run 1 is in quarantine" in error
    for words in (("bill", "retry", "--run", "9"), ("bill", "quarantine", "--run", "9")):
        assert "there is no bill run 9" in unbilled(*words, status=1)


def test_a_run_ahead_of_its_date(unbilled: Persons) -> None:
    """On 13 November the run of December needs a reason, and waits for another person."""
    december = ("bill", "run", "--date", "2025-12-01")
    assert "has not begun" in unbilled(*december, status=1)
    assert "a run numbers nothing before another person approves its list" in unbilled(*december, "--ahead", "holidays", "--dry-run")
    assert "nothing is numbered yet" in unbilled(*december, "--ahead", "holidays", "--everything", "--wait")
    assert json.loads(unbilled("bill", "trial", "--run", "1", "--json"))["ahead"] == "holidays"
    assert json.loads(unbilled("bill", "list", "--json"))[0]["ahead"] == "holidays"


def test_runs_that_are_taken_back(unbilled: Persons) -> None:
    """The run of both is taken back for bob; then that of all is proposed."""
    unbilled.in_both_homes(*RUN)
    for asked in (("--accounts", "bob"), ()):
        unbilled.in_both_homes("bill", "undo", "--run", "1", "--reason", "wrong", *asked)
        assert "undoing proposed by boss" in unbilled("bill", "list")
        if asked:
            with unbilled.acting("chief"):
                unbilled.in_both_homes("bill", "undo", "--run", "1", "--reason", "wrong", *asked)
            assert "undone for 1 account" in unbilled("bill", "list")
    told = json.loads(unbilled("bill", "list", "--json"))[0]
    assert (told["undone_by"], told["undone_accounts"], told["undo_proposed_by"]) == ("chief", 1, "boss")
