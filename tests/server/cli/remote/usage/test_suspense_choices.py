"""Choices among versions, in a home and by a service: of two owners, under a hold, of a closed period, of a message in parts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from billing.accounts.kinds import HoldFact
from tests.billing.documents.clerk import tell
from tests.billing.runs.world import Call, World, instant_us
from tests.server.cli.remote.persons import two_homes
from tests.server.cli.remote.usage.test_usage_files import without_folder
from tests.server.cli.test_assemble import DEFINITION, FIRST

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
ANNA, BERT = "8613800000001", "8613800000002"


def of_two(world: World) -> None:
    """Ten minutes in October are on anna's bill; the version of bert, and one of hers in November, came later. Her next bill is held."""
    for name, number in (("anna", ANNA), ("bert", BERT)):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/basic", number)
    world.take(Call(ANNA, "2025-10-08T10:00", 600, key="one"))
    world.bill("2025-11-01")
    world.take(Call(BERT, "2025-10-08T10:00", 720, key="one"))
    for seconds in (600, 3000):
        world.take(Call(ANNA, "2025-11-08T10:00", seconds, key="two"))
    tell(world, "anna", "hold", HoldFact("a dispute"), "2025-12-01", "2025-12-11")


def of_a_closed_period(world: World) -> None:
    """Of a call of October, whose bill is of November, another version came in February."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", ANNA)
    world.take(Call(ANNA, "2025-10-05T10:00", 1500, key="one"))
    for date in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"):
        world.bill(date)
    world.take(Call(ANNA, "2025-10-05T10:00", 1560, key="one"))
    world.bill("2026-03-01")


def test_versions_of_two_owners(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    suspense = ("usage", "suspense")
    with two_homes(tmp_path, capsys, monkeypatch, of_two) as both:
        rows = json.loads(both(*suspense, "--json"))["rows"]
        for at, keeps in (("2025-10-08T10:00", 2), ("2025-11-08T10:00", 2)):
            record = next(each["id"] for each in rows if each["start_us"] == instant_us(at))
            shown = json.loads(both(*suspense, "resolve", record, "--json"))
            both(*suspense, "resolve", record)
            assert len(shown["versions"]) == keeps
            for version in shown["versions"]:
                both(*suspense, "resolve", record, "--keep", version, "--dry-run")
                both(*suspense, "resolve", record, "--keep", version, "--dry-run", "--json")
        assert "versions of the record conflict" in both("usage", "find", ANNA)
        both("usage", "find", ANNA, "--json")
        told = both(*suspense, "resolve", record, "--keep", shown["versions"][1], "--note", "the switch says so")
        assert "the first run of 2025-12-11 or later, after the hold on anna, bills it to anna" in told


def test_a_version_of_a_closed_period(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    suspense = ("usage", "suspense")
    with two_homes(tmp_path, capsys, monkeypatch, of_a_closed_period, now_us=instant_us("2026-03-02T10:00")) as both:
        record = json.loads(both(*suspense, "--json"))["rows"][0]["id"]
        assert "that period is closed, so only it can be kept" in both(*suspense, "resolve", record)
        shown = json.loads(both(*suspense, "resolve", record, "--json"))
        for version in shown["versions"]:
            is_final = version == shown["on_closed_bill"]
            both(*suspense, "resolve", record, "--keep", version, "--dry-run", status=0 if is_final else 1)


def test_a_message_in_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    suspense, definition = ("usage", "suspense"), tmp_path / "centre.yaml"
    definition.write_text(DEFINITION)
    (tmp_path / "first.csv").write_text(FIRST)
    with two_homes(tmp_path, capsys, monkeypatch, World.catch_up, now_us=instant_us("2026-03-04T10:00")) as both:
        both.in_both_homes("usage", "ingest", tmp_path / "first.csv", "--source", definition)
        both.in_both_homes("usage", "assemble", "--at", "2199-01-01T00:00:00+08:00")
        (row,) = json.loads(both.there(*suspense, "--json"))["rows"]
        assert row["reason"] == "missing_segment"
        here = both.here(*suspense, "show", row["id"], "--json")
        assert "m-1" in here
        assert both.there(*suspense, "show", row["id"], "--json") == without_folder(here, "file", tmp_path)
        incomplete = (*suspense, "resolve", row["id"], "--incomplete")
        both(*incomplete, "--dry-run")
        both(*incomplete, "--dry-run", "--json")
        assert "saved as proposal 1" in both(*incomplete, "--note", "the rest is lost")
        with both.acting("the-approver"):
            assert both(*suspense, "approve", "1").endswith("next: ratewright usage assemble\n")
