"""Commands about suspense, in a home and by a service: both print the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.billing.runs.world import Call, World
from tests.server.cli.remote.persons import Persons, two_homes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
ADD_86 = ("--source", "switch", "--begins", "1", "--digits", "11", "--add", "86")
ANNA = "8613800000001"


def refused(world: World) -> None:
    """Anna's October is billed. A call without its country code (10 minutes, 1.00) and one of a stranger (0.10) were refused."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", ANNA)
    world.take(Call(ANNA, "2025-10-05T10:00", 1500), Call("13800000001", "2025-10-06T10:00", 600))
    world.take(Call("stranger", "2025-10-07T10:00", 60))
    world.bill("2025-11-01")


def in_two_versions(world: World) -> None:
    """Anna's call of 25 minutes is billed (5 beyond the free ones, 0.50); a version of 26 minutes came later (0.60)."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", ANNA)
    world.take(Call(ANNA, "2025-10-05T10:00", 1500, key="one"))
    world.bill("2025-11-01")
    world.take(Call(ANNA, "2025-10-05T10:00", 1560, key="one"))


@pytest.fixture
def waiting(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Persons]:
    with two_homes(tmp_path, capsys, monkeypatch, refused) as made:
        yield made


@pytest.fixture
def conflict(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Persons]:
    with two_homes(tmp_path, capsys, monkeypatch, in_two_versions) as made:
        yield made


def test_a_correction_takes_two(waiting: Persons) -> None:
    """Above 0.50 another person approves what brings the call of 1.00 back."""
    suspense = ("usage", "suspense")
    assert waiting(*suspense, "proposals") == "nothing was proposed\n"
    assert waiting(*suspense, "decisions") == "nothing was decided about records in suspense\n"
    listed = json.loads(waiting(*suspense, "--json"))
    assert [each["served_id"] for each in listed["rows"]] == ["13800000001", "stranger"]
    assert "about 1.10 CNY" in waiting(*suspense, "list", "--limit", "1")
    for words in (("--reason", "conflicting"), ("--date", "2025-12-01"), ("--limit", "0", "--json"), ("--source", "switch", "--json")):
        waiting(*suspense, *words)
    for each in listed["rows"]:
        waiting(*suspense, "show", each["id"])
        waiting(*suspense, "show", each["id"], "--date", "2025-12-01", "--json")
    with waiting.acting("the-finance"):
        waiting(*suspense, "limit", "0.5", "--note", "small shop")
    assert "for you, corrections worth more than 0.50 need a second person" in waiting(*suspense, "limit")
    assert json.loads(waiting(*suspense, "limit", "--json"))["limit_micros"] == 500_000
    assert "comes back, worth about 1.00 CNY" in waiting(*suspense, "correct", *ADD_86)
    waiting(*suspense, "correct", *ADD_86, "--date", "2025-12-01", "--limit", "0", "--json")
    saved = json.loads(waiting(*suspense, "correct", *ADD_86, "--save", "--note", "no country code", "--json"))
    assert (saved["proposal"]["state"], saved["rows"][0]["changed"]["served_id"]) == ("proposed", ["13800000001", ANNA])
    back = (*suspense, "recycle", "--correction", "1")
    assert "needs a second person" in waiting(*back, status=1)
    assert "who cannot approve it" in waiting.behind(*suspense, "approve", "1", status=1)
    with waiting.acting("the-approver"):
        assert waiting(*suspense, "approve", "1", "--note", "asked the switch team").startswith("proposal 1 is approved: source switch; ")
        assert "is approved already" in waiting(*suspense, "approve", "1", status=1)
    assert waiting(*back) == "1 came back: recycled\n"
    assert json.loads(waiting(*suspense, "proposals", "--json"))[0]["state"] == "applied"
    assert "applied" in waiting(*suspense, "proposals")
    assert "the-approver" in waiting(*suspense, "decisions")
    assert json.loads(waiting(*suspense, "decisions", "--limit", "1", "--json"))[0]["by"]["name"] == "boss"


def test_a_write_off_and_refusals(waiting: Persons) -> None:
    suspense = ("usage", "suspense")
    for name in ("the-auditor", "the-approver"):  # who sees no bytes of records, and four digits of numbers
        told = json.loads(waiting.there(*suspense, "--json", as_operator=name))["rows"]
        assert [(each["served_id"], each["raw"]) for each in told] == [("*******0001", ""), ("******er", "")]
        shown = waiting.there(*suspense, "show", told[0]["id"], as_operator=name)
        assert "not at hand: " in shown
        assert "13800000001" not in shown
    stranger = json.loads(waiting(*suspense, "--json"))["rows"][1]["id"]
    assert "saved as proposal 1" in waiting(*suspense, "write-off", stranger, "--note", "a test call")
    assert json.loads(waiting(*suspense, "write-off", "--source", "switch", "--note", "all", "--json"))["proposal_id"] == 2
    assert "proposal 2 is rejected" in waiting(*suspense, "approve", "2", "--reject", "--note", "a mistake")
    with waiting.acting("the-approver"):
        done = json.loads(waiting(*suspense, "approve", "1", "--json"))
        assert (done["state"], done["written_off"]["estimated"]) == ("approved", {"CNY": 100_000})
    assert json.loads(waiting(*suspense, "--json"))["total"] == 1
    waiting(*suspense, "recycle", "--source", "switch", "--json")
    for words, status in (
        (("show", "e-00000000"), 1),
        (("show", "seven"), 2),
        (("approve", "-1"), 1),
        (("approve", "9", "--reject"), 1),
        (("recycle",), 2),
        (("recycle", "e-00000000"), 1),
        (("recycle", "--correction", "9"), 1),
        (("correct", *ADD_86, "--before", "2025-01-01", "--save", "--note", "x"), 1),
        (("correct", "--source", "switch", "--timezone", "Nowhere"), 1),
        (("limit", "-1", "--note", "x"), 2),
        (("write-off", "--note", "x"), 2),
        (("decisions", "--limit", "0"), 2),
        (("list", "--source", "nobody"), 2),
    ):
        assert "error: " in waiting(*suspense, *words, status=status), words
    assert "is not sent to a service" in waiting.there(*suspense, "recycle", "1", "--definition", "x.yaml", status=2)
    assert "--limit 1001 is not served" in waiting.there(*suspense, "correct", *ADD_86, "--limit", "1001", status=2)


def test_a_choice_and_its_way_back(conflict: Persons) -> None:
    """The long version is worth 0.60, the billed one 0.50: above 0.05 a choice waits for another person."""
    suspense = ("usage", "suspense")
    first, second = json.loads(conflict(*suspense, "--json"))["rows"]
    assert "differs in" in conflict(*suspense, "show", first["id"])
    conflict(*suspense, "show", first["id"], "--json")
    conflict(*suspense, "resolve", first["id"])
    shown = json.loads(conflict(*suspense, "resolve", first["id"], "--json"))
    masked = json.loads(conflict.there(*suspense, "show", first["id"], "--json", as_operator="the-auditor"))
    assert (masked["raw_hex"], masked["entry"]["raw"], masked["differences"]["duration_us"]) == ("", "", [1_500_000_000, 1_560_000_000])
    assert "differs in" in conflict.there(*suspense, "show", first["id"], as_operator="the-auditor")
    long = shown["versions"][shown["differences"]["duration_us"].index(1_560_000_000)]
    choose = (*suspense, "resolve", first["id"], "--keep", long)
    assert "would count, and the others would be dropped" in conflict(*choose, "--dry-run")
    assert json.loads(conflict(*choose, "--dry-run", "--json"))["on_bill"]["charge_micros"] == 500_000
    with conflict.acting("the-finance"):
        conflict(*suspense, "limit", "0.05", "--note", "small shop")
    assert "saved as proposal 1" in conflict(*choose, "--note", "the switch says so")
    assert "asks for that already" in conflict(*choose, "--note", "the switch says so", status=1)
    assert "proposal 1 of boss waits" in conflict(*suspense, "resolve", second["id"])
    with conflict.acting("the-approver"):
        assert conflict(*suspense, "approve", "1").endswith("counts\ndone\n")
    conflict(*suspense, "show", first["id"], "--json")
    back = (*suspense, "take-back", first["id"], "--note", "it was the other one")
    assert "the next run takes it off" in conflict(*back, "--dry-run")
    conflict(*back, "--dry-run", "--json")
    assert json.loads(conflict(*back, "--json"))["choice"]["proposal"] == 2
    with conflict.acting("the-approver"):
        conflict(*suspense, "approve", "2", "--json")
    assert "taken back already" in conflict(*back, status=1)
    assert "is not a version of an event in conflict" in conflict(*suspense, "resolve", first["id"], status=1)
