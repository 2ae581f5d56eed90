"""`ratewright bill`, `invoice`, `payment`, `dunning` and `controls`: what they print, as text and as JSON, and how they end."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from billing import setting_changes
from billing.intake import view
from billing.persons import Who
from billing.store import clock, settings
from billing.store.approvals import Agreement
from billing.store.home import Home
from server import operator
from server.cli import app
from tests.billing.runs.world import Call, World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., str]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    world = World(folder)
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.take(Call("1001", "2025-10-05T10:00:00", 25 * 60), Call("1001", "2025-10-06T10:00:00", 61), Call("9", "2025-10-05T10:00:00", 60))
    world.home.close()
    monkeypatch.setenv("RATEWRIGHT_HOME", str(folder))
    return folder


@pytest.fixture
def call(home: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    assert home.is_dir()

    def run(text: str, status: int = 0) -> str:
        ended = app.main(shlex.split(text))
        captured = capsys.readouterr()
        assert ended == status, captured.err
        return captured.out if status == 0 else captured.out + captured.err

    return run


@pytest.fixture
def billed(call: Command) -> Command:
    call("bill run --date 2025-11-01")
    return call


def test_bill_run_and_list(call: Command) -> None:
    assert "nothing to bill" in call("bill preview --date 2025-10-31")
    assert "National calls" in call("bill preview --date 2025-11-01 --account anna")
    report = json.loads(call("bill run --date 2025-11-01 --json --threads 2"))
    assert (report["state"], report["invoices"], report["total_micros"]) == ("posted", 1, {"CNY": 11_340_000})
    assert "none: nothing was left to bill" in call("bill run --date 2025-11-01")
    assert [run["invoices"] for run in json.loads(call("bill list --json"))] == [1, 0]
    assert call("bill list").splitlines()[1].split()[:4] == ["1", "2025-11-01", "posted", "1"]


def test_an_export_says_that_bills_stay_behind(call: Command, tmp_path: Path) -> None:
    assert "stay here" not in call(f"accounts export {tmp_path / 'before'}")
    call("bill run --date 2025-11-01")
    assert "bills up to 2025-11-01 stay here" in call(f"accounts export {tmp_path / 'after'}")


def test_bill_refused_and_verify(billed: Command) -> None:
    assert "UNKNOWN_SUBSCRIPTION       1" in billed("bill refused")
    refused = json.loads(billed("bill refused --json --run 1 --reason UNKNOWN_SUBSCRIPTION"))
    assert [row["served_id"] for row in refused["rows"]] == ["9"]
    verified = json.loads(billed("bill verify --run latest --sample 30000 --seed 7 --json"))
    assert (verified["events"], verified["disagreements"]) == (3, 0)
    assert "0 differ" in billed("bill verify")


def test_any_record_is_explained_priced_or_refused(home: Path, billed: Command) -> None:
    refused = json.loads(billed("bill refused --json"))["rows"][0]
    assert billed(f"bill explain '{refused['record_id']}'").splitlines()[-1].startswith("1. Not charged, UNKNOWN_SUBSCRIPTION: ")
    assert "UNKNOWN_SUBSCRIPTION" in billed(f"bill explain '{refused['record_id']}' --language zh")
    events = json.loads(billed("invoice explain R-0000000001 2 --limit 2 --json"))["events"]
    with Home.open(home) as opened:  # what the first call drew is known when the second is explained
        names = view.usage(opened, ("record_id", "start_us"), 99).sort_by("start_us")["record_id"].to_pylist()
    assert [json.loads(billed(f"bill explain '{name}' --json"))["events"][0] for name in names if name != refused["record_id"]] == events
    assert "priced no record `nobody`" in billed("bill explain nobody", 1)


def test_invoice_list_and_show(billed: Command) -> None:
    assert billed("invoice list").splitlines()[1].split() == [
        "R-0000000001", "anna", "2025-10-01", "2025-10-31", "2025-11-15", "11.34", "11.34", "CNY", operator.current().name,
    ]  # fmt: skip
    assert json.loads(billed("invoice list --account anna --json"))[0]["open_micros"] == 11_340_000
    page = billed("invoice show R-0000000001").splitlines()
    assert page[0] == "Invoice R-0000000001"
    assert page[7].split() == ["2", "National", "calls", "anna-1", "2025-10-01", "..", "2025-10-31", "2", "27:00", "20:00", "0.70"]
    assert page[-2].split() == ["Total", "11.34", "CNY"]
    assert "账单 R-0000000001" in billed("invoice show R-0000000001 --language zh")
    document = json.loads(billed("invoice show R-0000000001 --json"))
    assert sum(line["amount_micros"] for line in document["lines"]) == document["summary"]["total_micros"]


def test_invoice_explain(billed: Command) -> None:
    text = billed("invoice explain R-0000000001 2 --limit 2")
    assert "Events: 2, charges of 0.70 before the line is rounded" in text
    events = int(json.loads(billed("invoice explain R-0000000001 2 --json"))["events_total"])
    assert f"\n{events - 1} more: --limit" in billed("invoice explain R-0000000001 2")
    assert "取整前费用合计 0.70" in billed("invoice explain R-0000000001 2 --language zh")
    assert "allowance free minutes" in text
    explained: dict[str, Any] = json.loads(billed("invoice explain R-0000000001 2 --json"))
    assert (explained["events_total"], explained["exact_micros"], len(explained["events"])) == (2, 700_000, 1)
    assert "31/31 days = 10.00" in billed("invoice explain R-0000000001 1")
    assert "has no line 9" in billed("invoice explain R-0000000001 9", 1)


def test_payment_and_dunning(billed: Command) -> None:
    assert "no account changes its state" in billed("dunning preview --date 2025-11-17")
    assert billed("dunning preview --date 2025-12-06").splitlines()[1].split()[:2] == ["anna", "remind"]
    assert billed("dunning run --date 2025-12-06").splitlines()[0] == "run 1 of 2025-12-06"
    assert billed("dunning preview --date 2025-12-20").splitlines()[1].split()[:2] == ["anna", "bar_outgoing"]
    assert json.loads(billed("dunning run --date 2025-12-20 --json"))[0]["level"] == 2
    assert billed("dunning show anna --date 2025-12-20").splitlines()[:3] == [
        "account anna on 2025-12-20: 11.34 CNY past due, oldest due on 2025-11-15; outgoing calls are barred",
        "last step: level 2, bar outgoing, since 2025-12-20",
        "policy standard asks for: level 2, bar outgoing",
    ]
    assert billed("payment record --id p1 --account anna --amount 20 --date 2025-12-20").splitlines() == [
        "11.34 CNY to invoice R-0000000001",
        "8.66 CNY left as credit",
    ]
    assert "recorded before" in billed("payment record --id p1 --account anna --amount 20.00 --date 2025-12-20")
    assert json.loads(billed("payment list --json"))[0]["credit_micros"] == 8_660_000
    assert billed("payment list --account anna").splitlines()[1].split()[:4] == ["p1", "anna", "2025-12-20", "20.00"]
    assert billed("dunning run --date 2025-12-20").splitlines()[2].split()[:2] == ["anna", "clear"]
    assert "barred" not in billed("dunning show anna --date 2025-12-20").splitlines()[0]
    assert json.loads(billed("dunning show anna --json --date 2025-12-20"))["barred"] is False


def test_controls(billed: Command, home: Path) -> None:
    books = json.loads(billed("controls --json"))["books"]
    assert all(book["ok"] and book["left"] == book["right"] for book in books)
    assert billed("controls").splitlines()[-1] == f"{len(books)} of {len(books)} books balance"
    world = World(home, fresh=False)
    world.execute("UPDATE number_series SET next_number = 9")
    world.home.close()
    failed = json.loads(billed("controls --json", 1))["books"]
    assert [book["name"] for book in failed if not book["ok"]] == ["numbers R: given = issued without a gap"]
    assert "FAILED" in billed("controls", 1)


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        ("bill run --date 2025-02-30", 2, "'2025-02-30' is not a date"),
        ("bill run --date 9999-12-31", 2, "9999-12-31 is out of reach"),
        ("bill run --date 2900-01-01", 2, "the bill date 2900-01-01 is not between 2000-01-01 and 2"),
        ("bill run --date 0001-01-01", 2, "0001-01-01 is out of reach"),
        ("bill abandon --date 2025-11-01", 1, "no bill run of 2025-11-01 is unfinished"),
        ("bill preview --date 1999-12-31", 2, "the bill date 1999-12-31 is not between"),
        ("bill run --date 2025-11-01 --threads -1", 2, "--threads -1 is below zero"),
        ("bill preview --date 2025-11-01 --account eve", 1, "eve"),
        ("bill verify --run x", 2, "'x' is not a run"),
        ("bill verify", 1, "there is no bill run yet"),
        ("bill refused --reason WRONG", 2, "no event is refused for the reason WRONG"),
        ("invoice show R-9", 1, "no invoice has the number R-9"),
        ("invoice list --account eve", 1, "no account has the id eve"),
        ("payment record --id p --account anna --amount 1.2345678 --date 2025-11-01", 2, "--amount"),
        ("payment record --id p --account anna --amount 0 --date 2025-11-01", 2, "not above zero"),
        ("payment record --id p --account anna --amount 0.005 --date 2025-11-01", 2, "has more than the 2 decimal places of CNY"),
        ("payment record --id p --account anna --amount 1 --date 2025-11-01 --currency EUR", 1, "is in EUR, account anna in CNY"),
        ("payment record --id= --account anna --amount 1 --date 2025-11-01", 2, "the id of the payment is empty"),
        ("payment record --id p --account eve --amount 1 --date 2025-11-01", 1, "no account has the id eve"),
        ("payment list --account eve", 1, "no account has the id eve"),
        ("dunning show eve --date 2025-11-01", 1, "no account has the id eve"),
        ("dunning run --date soon", 2, "'soon' is not a date"),
    ],
)
def test_errors(call: Command, text: str, status: int, message: str) -> None:
    answer = call(text, status)
    assert message in answer
    assert "remedy: " in answer
    assert "Traceback" not in answer


@pytest.mark.slow
def test_a_home_without_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Home.open(tmp_path / "empty", create=True).close()
    monkeypatch.setenv("RATEWRIGHT_HOME", str(tmp_path / "empty"))
    assert app.main(["bill", "run", "--date", "2025-11-01", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["invoices"] == 0
    for words in (
        "bill preview --date 2025-11-01",
        "bill list",
        "invoice list",
        "payment list",
        "dunning run --date 2025-11-01",
        "controls",
    ):
        assert app.main(words.split()) == 0, words


def test_a_dry_run_says_what_the_run_would_say(call: Command) -> None:
    """Exit status 1 as of the run; a look at one account has none of it."""
    call("accounts hold anna --from 2025-11-01 --to 2025-11-01 --reason dispute")
    held = "anna: held: its bills are held on 2025-11-01"
    assert call("bill run --date 2025-11-01 --dry-run").splitlines() == ["no bills: accounts are left out, see below", f"not billed {held}"]
    call("bill run --date 2025-11-01 --trial")
    assert "run 1 of this date would go on, as of commit " in call("bill preview --date 2025-11-01")
    told = "a run would refuse: the bill run of 2025-11-01 is not finished; remedy: finish it first: ratewright bill run --date 2025-11-01"
    for words, status in (("run --date 2025-12-01 --dry-run", 1), ("preview --date 2025-12-01 --account anna", 0)):
        assert told in call(f"bill {words}", status)
    shown = json.loads(call("bill run --date 2025-12-01 --dry-run --json", 1))
    assert (shown["put_aside"], f"a run would refuse: {shown['refused']}".startswith(told)) == ({}, True)
    assert "without --dry-run this is refused: the bill run of 2025-11-01 is not finished" in call(
        "bill thresholds --date 2025-11-16 --dry-run", 1
    )
    assert "2035-01-01 is not between" in call("bill preview --date 2035-01-01", 2)


def test_a_reissue_is_tried(call: Command) -> None:
    """10.00 and 6 %, and calls: as it was billed."""
    call("bill run --date 2025-11-01")
    call("invoice void R-0000000001 --reason wrong")
    net, tax = call("invoice reissue R-0000000001 --dry-run").splitlines()[1].split()[3:5]
    assert (net, tax) == ("10.70", "0.64")
    assert len(json.loads(call("invoice list --json"))) == 1
    assert "R-0000000002: 11.34 CNY of account anna" in call("invoice reissue R-0000000001")


def test_a_run_in_steps(call: Command, home: Path) -> None:
    assert "anna" in call("bill run --period 2025-10 --dry-run")
    assert json.loads(call("bill list --json")) == []
    call("settings set approval required")
    shown = call("bill run --period 2025-10 --bill-day 1 --trial")
    assert "1 on the list, none numbered" in shown
    assert shown.count("11.34 CNY") == 2, "of the list itself, and beside the last period"
    assert "ratewright bill approve --run 1 (another person)" in shown
    assert json.loads(call("bill trial --run 1 --json"))["new"]["count"] == 1
    assert "who cannot approve it" in call("bill approve --run 1", status=1)
    assert "waits for approval" in call("bill run --date 2025-11-01 --resume", status=1)
    assert "is rejected by" in call("bill reject --run 1 --note wrong")
    assert [(each["state"], each["accounts"], each["total_micros"]) for each in json.loads(call("bill list --json"))] == [
        ("rejected", 1, {"CNY": 11_340_000})
    ]
    assert "1 listed" in call("bill list")
    (home / "charges/run=1/frozen/index.json").unlink()
    assert "not known" in call("bill list"), "a list that is gone comes to nothing that anybody knows"
    call("settings set approval none --reason 'one person tries it out'")
    with Home.open(home) as opened, opened.connect() as connection:
        (waits,) = settings.pending(connection)
        last_us = clock.latest(connection)
    assert last_us is not None
    with Home.open(home) as opened:
        setting_changes.agree(opened, Agreement(waits, Who("another", -2, last_us.at_us + 1)))
    assert "books of this run balance" in call("bill run --date 2025-11-01 --accounts anna")
    assert call("bill quarantine").strip() == "no account is put aside"
    assert "no account of bill run 2 is in quarantine" in call("bill retry --run 2", status=1)
    assert "no threshold is reached" in call("bill thresholds --date 2025-11-16 --dry-run")
    assert json.loads(call("controls findings --json")) == {"findings": []}
