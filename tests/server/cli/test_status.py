"""`ratewright status`, `usage find` and `accounts find|show` as people meet them, on one small home."""

from __future__ import annotations

import datetime as dt
import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from billing import setting_changes
from billing.catalogue import Operator
from billing.enquiries import home as page
from server.cli import app
from tests.billing.runs.world import Call, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
SLOW = {"due today", "dunning due", "suspense and its worth", "too late usage"}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Anna's October is billed; a stranger's call waits."""
    made = World(tmp_path / "home")
    monkeypatch.setattr("server.clock.machine_now_us", made.tick)
    monkeypatch.setattr("server.operator.current", lambda: Operator("ana", 2001))
    made.account("anna")
    made.subscription("anna-1", "anna", "shop/basic", "8613800000001")
    made.take(Call("8613800000001", "2025-10-05T10:00", 1500, key="c1"), Call("stranger", "2025-10-07T10:00", 60, key="c2"))
    made.bill("2025-11-01")
    yield made
    made.home.close()


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command on the home; its stdout, as JSON where it is asked for."""
    monkeypatch.setenv("RATEWRIGHT_HOME", str(tmp_path / "home"))

    def call(words: str, status: int = 0) -> Any:  # noqa: ANN401 - JSON is anything
        capsys.readouterr()
        assert app.main(shlex.split(words)) == status, capsys.readouterr()
        told = capsys.readouterr()
        return told.err if status > 1 else json.loads(told.out) if "--json" in words else told.out

    return call


def rows(run: Callable[..., Any], words: str = "") -> dict[str, dict[str, Any]]:
    """The rows of the page by their names."""
    return {each["name"]: each for each in run(f"status --json {words}")["rows"]}


def test_a_page_of_what_is_due_waits_and_is_open(run: Callable[..., Any], world: World) -> None:
    found = rows(run)
    assert found["accounts"]["figures"] == {"accounts": 1, "subscriptions": 1, "records": 2}
    assert found["home"]["figures"]["schema"] in found["home"]["says"]
    assert (found["home"]["figures"]["practice"], found["tariffs"]["figures"]["in_force"]) == (False, ["shop@1"])
    assert found["suspense and its worth"]["figures"]["records"] == 1
    assert found["months"]["figures"]["open"] == {"": ["2025-11"]}
    waits = {name for name, each in found.items() if each["attention"]}
    assert waits == {"suspense and its worth"}, "nothing else has anything to do on the bill date"
    world.begun(dt.date(2025, 12, 20))
    found = rows(run)
    assert found["due today"]["figures"]["dates"] == [
        {"bill_date": "2025-12-01", "accounts": 1, "again": 0, "test": 0, "clock": "", "command": "ratewright bill run --date 2025-12-01"}
    ]
    assert found["dunning due"]["figures"]["steps"] == {"remind": 1}
    text = run("status")
    assert "to be run today: 2025-12-01 (1 account)" in text
    assert next(line for line in text.splitlines() if "due today" in line).startswith("*")


def test_what_waits_for_another_person_is_told(run: Callable[..., Any], world: World) -> None:
    assert setting_changes.put(world.home, "approval", "required", "ana", 2001, world.tick())
    world.begun(dt.date(2025, 12, 2))
    run("bill run --date 2025-12-01")
    run("settings set approval none --reason test")
    found = rows(run)
    waiting = found["unfinished runs"]
    assert waiting["says"] == "run 2 of 2025-12-01 is computed and waits for another person"
    assert waiting["command"] == "ratewright bill approve --run 2"
    assert found["approvals"]["says"] == "1 asked for by ana: for anybody else"
    assert found["guards"]["figures"]["waiting"] == ["approval = none"]
    assert "approval = required" in found["guards"]["says"]


def test_a_large_home_leaves_four_rows_to_their_commands(run: Callable[..., Any], world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert world
    monkeypatch.setattr(page, "QUICK_RECORDS", 1)
    found = rows(run)
    assert {name for name, each in found.items() if not each["computed"]} == SLOW
    assert all("--all computes it here" in found[name]["says"] for name in SLOW)
    assert all(each["computed"] for each in rows(run, "--all").values())


def test_each_row_names_a_command_that_runs(run: Callable[..., Any], world: World) -> None:
    assert world
    for name, row in rows(run).items():
        words = row["command"].removeprefix("ratewright ")
        assert app.main(shlex.split(words)) in {0, 1}, (name, words)


def test_a_caller_is_found_and_shown(run: Callable[..., Any], world: World) -> None:
    assert world
    assert "anna-1" in run("accounts find 8613800000001")
    world.execute("UPDATE accounts SET name = 'Österreich AG' WHERE account_id = 'anna'")
    assert [each["exact"] for each in run("accounts find 'Österreich AG' --json")["hits"]] == [True]
    for command in ("accounts find", "usage find"):
        assert "at most 200 are looked for" in run(f"{command} {'x' * 60_000}", status=2)
    assert "is out of reach" in run("usage report --from 2025-10-01 --to 9999-12-31", status=2)
    about = {each["name"]: each["about"] for each in run("settings list --json")}
    limits = ("adjustment_limit_micros", "write_off_limit_micros", "late_usage_limit_micros")
    assert all("sum of a person or an account in 30 days" in about[name] for name in limits)
    assert run("accounts find nobody", status=1) == "nothing is called so\n"
    assert run("accounts find 86138 --json")["hits"][0]["account_id"] == "anna"
    told = run("accounts show anna --json")["standing"]
    statement = run("payment statement anna --json")
    assert told["balance_micros"] == statement["closing_micros"] > 0
    assert [each["number"] for each in told["bills"]] == ["R-0000000001"]
    text = run("accounts show anna")
    today = run("accounts show anna --json")["standing"]["as_of"]
    assert f"plan on {today}" in text
    assert "last bills" in text
    assert "R-0000000001" in text


def test_a_new_owner_and_a_new_bill_day_are_shown_with_what_was_before(run: Callable[..., Any], world: World) -> None:
    assert world
    today = run("accounts show anna --json")["standing"]["as_of"]
    month = dt.date.fromisoformat(today).replace(day=1)
    run(f"accounts open nora --name Nora --currency CNY --timezone Asia/Shanghai --bill-day 1 --opened-on {month}")
    run("accounts transfer anna-1 --to nora --on 2031-12-02 --as nora-1")
    assert "nora-1 was anna-1 of account anna to 2031-12-01" in run("accounts show nora").splitlines()
    told = run("accounts show nora --json")["subscriptions"][0]
    assert (told["transferred_from"], told["transferred_from_account"]) == ("anna-1", "anna")
    assert "was anna-1" not in run("accounts show anna")
    run("accounts bill-day nora 15 --from 2031-12-03")
    assert "on 2031-12-03; 1 when it was opened" in run("accounts show nora --as-of 2031-12-03")
    assert "when it was opened" not in run(f"accounts show nora --as-of {today}")


def test_what_is_to_come_for_an_account_is_told_apart(run: Callable[..., Any], world: World) -> None:
    assert world
    before = run("accounts show anna --json")["subscriptions"][0]["plan"]
    run("accounts change-plan anna-1 --to shop/plus --on 2031-12-01")
    text = run("accounts show anna")
    assert text.splitlines()[-1] == "from 2031-12-01: anna-1: plan shop/plus"
    told = run("accounts show anna --json")
    assert (told["as_of"], told["subscriptions"][0]["plan"]) == (told["standing"]["as_of"], before)
    assert told["coming"] == [{"from_date": "2031-12-01", "about": "anna-1", "says": "plan shop/plus", "to_date": None}]
    assert "plan on 2031-12-01" in run("accounts show anna --as-of 2031-12-01")


def test_records_of_a_number_with_their_states(run: Callable[..., Any], world: World) -> None:
    assert world
    text = run("usage find +8613800000001 --from 2025-10-05 --to 2025-10-05")
    assert "billed on R-0000000001 line" in text
    assert "2025-10-05 10:00:00" in text
    assert "R-0000000001 第" in run("usage find 8613800000001 --language zh")
    assert run("usage find 8613800000001 --to 2025-10-04") == "no record of this number is known\n"
    assert "rating refused it: UNKNOWN_SUBSCRIPTION" in run("usage find stranger")
    found = run("usage find 8613800000001 --json")
    assert (found["timezone"], found["found"]["records"][0]["state"]) == ("Asia/Shanghai", "billed")
    assert "lies before" in run("usage find 1 --from 2025-10-05 --to 2025-10-04", status=2)
