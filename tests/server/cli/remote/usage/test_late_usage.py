"""Commands about usage that no run bills any more, in a home and by a service: both print the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from billing import late_decisions
from tests.billing.runs.world import instant_us
from tests.billing.second_person import set_by_two
from tests.billing.too_late import late_world
from tests.billing.too_late.test_versions import missed
from tests.server.cli.remote.persons import Persons, two_homes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
NOW_US = instant_us("2026-03-02T10:00")
LATE = ("usage", "too-late")


@pytest.fixture
def late(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Persons]:
    with two_homes(tmp_path, capsys, monkeypatch, late_world.late, now_us=NOW_US) as made:
        yield made


def test_from_the_list_to_the_decision_and_back(late: Persons) -> None:
    assert late(*LATE).count("its period is closed") == 5
    listed = json.loads(late(*LATE, "list", "--json"))
    assert [each["record"]["record_id"] for each in listed["records"]] == ["late-3", "late-1", "late-2", "late-4", "late-5"]
    for words in (("--limit", "1"), ("--language", "zh"), ("--account", "anna", "--json"), ("--account", ""), ("--decided",)):
        late(*LATE, *words)
    bill = (*LATE, "bill", "late-1", "--reason", "the switch was down", "--text", "A call of October")
    assert "dry run: would bill 1 late record, 0.30 CNY" in late(*bill, "--dry-run")
    late(*bill, "--dry-run", "--json")
    assert "decided: bill 1 late record, 0.30 CNY" in late(*bill)
    assert "error: " in late(*bill, status=1)
    off = (*LATE, "write-off", "--account", "anna", "--month", "2025-10", "--reason", "lost")
    assert json.loads(late(*off, "--json"))["groups"][0]["worth_micros"] == 100_000
    assert "1 record is open again" in late(*LATE, "take-back", "2", "--reason", "found", "--dry-run")
    late(*LATE, "take-back", "2", "--reason", "found", "--json")
    assert "taken back" in late(*LATE, "--decided")
    decided = json.loads(late(*LATE, "--decided", "--json"))
    assert (len(decided["records"]), len(decided["taken_back"])) == (1, 1)
    late(*LATE, "--decided", "--language", "zh")
    for number in ("+86 138 0000 0001", "8613800000002", "8613800000009"):
        assert late("usage", "find", number).count("\n") > 1
        late("usage", "find", number, "--language", "zh", "--json")
    found = ("usage", "find", "8613800000001")
    assert "8613900000001" not in late.there(*found, as_operator="the-support")
    assert late.there(*found, "--why", "she asked", as_operator="the-support") == late.here(*found)
    span = ("usage", "find", "8613800000001", "--from", "2025-10-04", "--to", "2025-10-05")
    assert json.loads(late(*span, "--json"))["found"]["total"] == 2
    assert "1 more" in late(*span, "--limit", "1")
    for words in (("--limit", "0"), ("--limit", "10001"), ("--from", "2025-10-06"), ("--to", "someday")):
        assert "error: " in late(*span, *words, status=2)
    on = (*LATE, "bill", "late-2", "--reason", "x", "--date", "2026-03-02", "--amount", "0.05", "--json")
    assert json.loads(late(*on))["groups"][0]["amount_micros"] == 50_000


def test_four_eyes_and_refusals(late: Persons) -> None:
    """Above 0.20 another person agrees."""
    for world in (late.twin, late.guarded.world):
        world.catch_up()
        set_by_two(world.home, late_decisions.LIMIT, "200000", world.tick)
    off = (*LATE, "write-off", "late-1", "--reason", "lost")
    assert "another person would have to agree" in late(*off, "--dry-run")
    assert "waits for another person as proposal" in late(*off)
    assert json.loads(late(*off, "--json"))["needs_second"] is True
    late(*LATE)
    number = json.loads(late("approvals", "list", "--json"))[-1]["approval_id"]
    with late.acting("the-approver"):
        late("approvals", "agree", number)
    assert "late-1" in late(*LATE, "--decided")
    for words, status in (
        (("bill", "late-9", "--reason", "x"), 1),
        (("bill", "--reason", "x"), 2),
        (("bill", "--month", "October", "--reason", "x"), 2),
        (("write-off", "--account", "nobody", "--reason", "x"), 1),
        (("write-off", "--account", "", "--reason", "x"), 2),
        (("write-off", "late-2", "--reason", ""), 2),
        (("bill", "late-2", "--reason", "x", "--date", "2025-10-01"), 1),
        (("take-back", "9", "--reason", "x"), 1),
        (("take-back", "0", "--reason", "x"), 1),
        (("list", "--account", "nobody"), 1),
    ):
        assert "error: " in late(*LATE, *words, status=status), words


def test_versions(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten minutes are billed (1.00), and twelve count (1.20): the difference of 0.20 is given up."""
    with two_homes(tmp_path, capsys, monkeypatch, missed, now_us=NOW_US) as both:
        assert "billed as 600 s, and a version of 720 s counts" in both(*LATE)
        (found,) = json.loads(both(*LATE, "--json"))["records"]
        assert (found["worth_micros"], found["versions"]["counts"]["duration_us"]) == (200_000, 720_000_000)
        assert "error: " in both(*LATE, "bill", "x", "--reason", "it lasted longer", status=1)
        assert "difference" in both(*LATE, "write-off", "x", "--reason", "it lasted longer", "--dry-run")
        both(*LATE, "write-off", "x", "--reason", "it lasted longer", "--json")
        both(*LATE, "--decided", "--json")
        assert json.loads(both("usage", "find", "8613800000001", "--json"))["found"]["records"][0]["since"]["kind"] == "version"
        both("usage", "find", "8613800000001")
