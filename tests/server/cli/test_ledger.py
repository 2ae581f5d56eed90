"""`ratewright ledger`: write-offs by id, a month that is not over, an export that says what is new, a void credit note asked for again."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from billing.accounting.closing import Closing
from billing.accounting.month_end import Moved
from billing.catalogue import Operator
from server.cli import app
from server.cli.ledger.month import show_closing
from tests.billing.runs.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow
NUMBER = "R-0000000001"  # October of plan plus: 36.00 and 6 % tax, 38.16
CHART = Path(__file__).parents[3] / "examples" / "ledger" / "chart.yaml"


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command at noon of 20 November 2025; its stdout, as JSON if it was asked for, or what went wrong."""
    monkeypatch.setenv("RATEWRIGHT_HOME", str(tmp_path / "home"))
    noon_us = int(dt.datetime(2025, 11, 20, 12, tzinfo=dt.UTC).timestamp()) * 1_000_000
    monkeypatch.setattr("server.clock.machine_now_us", lambda: noon_us)

    def call(*words: object, uid: int = 2001, status: int = 0) -> Any:  # noqa: ANN401 - JSON is anything
        monkeypatch.setattr("server.operator.current", lambda: Operator(f"person {uid}", uid))
        assert app.main([str(word) for word in words]) == status
        told = capsys.readouterr()
        return told.err if status else json.loads(told.out) if "--json" in words else told.out

    return call


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "home")
    made.account("anna")
    made.subscription("anna-1", "anna", "shop/plus", "8613800000001")
    made.bill("2025-11-01")
    yield made
    made.home.close()


def test_write_offs_have_ids(run: Callable[..., Any], world: World) -> None:
    assert world.numbers() == [NUMBER]
    run("settings", "set", "write_off_limit_micros", 100_000_000, "--reason", "as we do here")
    run("settings", "agree", "write_off_limit_micros", uid=2002)
    first = ("ledger", "write-off", NUMBER, "--date", "2025-11-18", "--reason", "gone", "--amount", "10.00")
    assert run(*first) == f"10.00 CNY of {NUMBER} is written off\n"
    assert run(*first) == f"10.00 CNY of {NUMBER} is written off: that was done before; nothing changed\n"
    assert "exists with amount 10.00, not 5.00" in run(*first[:-1], "5.00", status=1)
    assert run(*first[:-1], "5.00", "--id", "second") == f"5.00 CNY of {NUMBER} is written off\n"
    assert "23.16" in run("invoice", "list")
    undone = run("ledger", "write-off", NUMBER, "--date", "2025-11-19", "--reason", "found", "--undo", "--id", "second", "--json")
    assert (undone["amount_micros"], undone["reference"]) == (5_000_000, "second")
    assert all(each["first_difference"] == "" for each in run("ledger", "check", "--json"))
    listed = [(each["number"], each["what"], each["amount_micros"], each["by_name"]) for each in run("ledger", "write-offs", "--json")]
    assert listed == [
        (NUMBER, "written off", 10_000_000, "person 2001"),
        (NUMBER, "written off", 5_000_000, "person 2001"),
        (NUMBER, "undone", 5_000_000, "person 2001"),
    ]
    assert len(run("ledger", "write-offs", "--invoice", NUMBER).splitlines()) == 4
    assert "no invoice has the number R-9" in run("ledger", "write-offs", "--invoice", "R-9", status=1)


def test_write_offs_are_tried_and_not_dated_ahead(run: Callable[..., Any], world: World) -> None:
    """The limit is 10.00: 10.00 of 38.16 are one person's, the rest waits for another."""
    assert world.numbers() == [NUMBER]
    run("settings", "set", "write_off_limit_micros", 10_000_000, "--reason", "as we do here")
    run("settings", "agree", "write_off_limit_micros", uid=2002)
    words = ("ledger", "write-off", NUMBER, "--reason", "gone", "--date")
    for later in ("2025-11-22", "2999-01-01"):
        for undo in ((), ("--undo",)):
            assert f"--date: {later} has not begun yet" in run(*words, later, *undo, status=2)
    part = (*words, "2025-11-18", "--amount", "10.00")
    assert run(*part, "--dry-run") == f"10.00 CNY of {NUMBER} is written off\nonly tried: nothing was stored\n"
    assert run(*words, "2025-11-18", "--dry-run") == f"38.16 CNY of {NUMBER} waits for another person\nonly tried: nothing was stored\n"
    assert "nothing was written off" in run(*words, "2025-11-19", "--undo", "--dry-run", status=1)
    assert "38.17 cannot be written off" in run(*words, "2025-11-18", "--amount", "38.17", "--dry-run", status=1)
    assert "38.16" in run("invoice", "list")
    tried = run(*part, "--dry-run", "--json")
    done = run(*part, "--json")
    assert tried == done
    assert (done["amount_micros"], done["existed"], done["waits"]) == (10_000_000, False, False)
    assert run(*words, "2025-11-19", "--undo", "--dry-run") == f"10.00 CNY of {NUMBER} is open again\nonly tried: nothing was stored\n"
    assert "28.16" in run("invoice", "list")
    assert all(each["first_difference"] == "" for each in run("ledger", "check", "--json"))


def test_no_money_is_booked_under_a_clock_that_was_set_back(run: Callable[..., Any], world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """38.16 are open; 8.16 is paid on 20 November. On a clock of the 18th nothing goes through or opens the way for more."""
    assert world.numbers() == [NUMBER]
    pay = ("payment", "record", "--account", "anna", "--date", "2025-11-17", "--amount")
    run(*pay, "8.16", "--id", "p1")
    run("ledger", "close", "--month", "2025-10")
    noon_us = int(dt.datetime(2025, 11, 18, 12, tzinfo=dt.UTC).timestamp()) * 1_000_000
    with monkeypatch.context() as wrong:
        wrong.setattr("server.clock.machine_now_us", lambda: noon_us)
        for words in (
            (*pay, "10.00", "--id", "p2"),
            (*pay, "10.00", "--id", "p2", "--dry-run"),
            ("ledger", "write-off", NUMBER, "--date", "2025-11-17", "--reason", "gone"),
            ("invoice", "credit", NUMBER, "--id", "a", "--line", 1, "--amount", "1.00", "--effect", "outside", "--reason", "goodwill"),
            ("ledger", "reopen", "--month", "2025-10", "--reason", "late"),
            ("dunning", "run", "--date", "2025-11-18"),
        ):
            told = run(*words, status=1)
            assert "the clock says 2025-11-18 12:00:00 UTC, and the last commit was at 2025-11-20 12:00:00 UTC: it was set back" in told, (
                words
            )
    assert "30.00" in run("invoice", "list")
    assert [each["payment_id"] for each in run("payment", "list", "--json")] == ["p1"]
    assert run(*pay, "10.00", "--id", "p2") == f"10.00 CNY to invoice {NUMBER}\n"


def test_a_month_that_is_not_over_is_not_closed(run: Callable[..., Any], world: World) -> None:
    assert world.numbers() == [NUMBER]
    assert "in the way: 2025-11 is not over: it is 2025-11-20" in run("ledger", "month-end", "--month", "2025-11")
    assert "2025-11 is not over" in run("ledger", "close", "--month", "2025-11", status=1)
    assert run("ledger", "close", "--month", "2025-10").endswith("2025-10 is closed\n")
    assert run("ledger", "month-end", "--month", "2025-10") == "2025-10 is closed\n"


OF_NOBODY: tuple[tuple[str, ...], ...] = (
    ("balance",),
    ("revenue", "--month", "2025-10"),
    ("month-end", "--month", "2025-10"),
    ("close", "--month", "2025-10"),
    ("reopen", "--month", "2025-10", "--reason", "late"),
    ("export", "--month", "2025-10", "--mapping", str(CHART), "--out", "gl.csv"),
)


@pytest.mark.parametrize("words", OF_NOBODY, ids=[words[0] for words in OF_NOBODY])
def test_a_legal_entity_that_nobody_added_is_refused(
    run: Callable[..., Any], world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert world.numbers() == [NUMBER]
    told = run("ledger", *words, "--entity", "nort", status=1)
    assert "no legal entity is called 'nort'" in told
    assert "`ratewright accounts entity list` shows all" in told
    assert run("ledger", "months", "--json") == []
    assert not (tmp_path / "gl.csv").exists()


def test_an_export_says_what_is_new(run: Callable[..., Any], world: World, tmp_path: Path) -> None:
    assert world.numbers() == [NUMBER]
    export = ("ledger", "export", "--month", "2025-11", "--mapping", CHART, "--out", tmp_path / "gl.csv")
    assert "before" not in run(*export)
    assert "gl.csv is there already" in run(*export, status=2)
    export = (*export, "--overwrite")
    run("payment", "cash", "--id", "p1", "--till", "front", "--account", "anna", "--amount", "4.00", "--date", "2025-11-18")
    assert "changed since the export before: 1 new posting of 4.00 CNY; the file holds the whole month again" in run(*export)
    assert (tmp_path / "gl.csv").read_text().count(",1002,") == 1, "the till is among the money in the bank"
    assert run(*export).endswith(": as the export before\n")


def test_a_credit_note_that_is_void_says_so(run: Callable[..., Any], world: World) -> None:
    assert world.numbers() == [NUMBER]
    words = ("invoice", "credit", NUMBER, "--id", "a", "--line", 1, "--amount", "1.00", "--effect", "outside", "--reason", "goodwill")
    assert run(*words, "--date", "2025-11-18").startswith("credit note C-0000000001: 1.06 CNY")
    assert "already; nothing changed" in run(*words)
    run("invoice", "void", "C-0000000001", "--reason", "wrong", "--date", "2025-11-19")
    assert "is void since 2025-11-19; give a new one another --id" in run(*words)


def test_revenue_code_0_is_shown_as_one_and_a_provision_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    entries = (
        Moved("unbilled", "", 0, "CNY", 0, -500_000),
        Moved("unbilled", "", 401, "CNY", 0, 990_000),
        Moved("provision", "", 0, "CNY", 0, 10_000),
    )
    show_closing(Closing("2025-10", "", entries, (), closed=False))
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:4]]
    assert [row[:-3] for row in rows] == [["unbilled", "0", "CNY"], ["unbilled", "401", "CNY"], ["provision", "CNY"]]
