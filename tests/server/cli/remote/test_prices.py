"""Commands of prices, in a home and by a service: quotes, a month on every plan, and the charge of a record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.billing.runs.world import Call
from tests.server.cli.remote.persons import Persons, two_homes
from tests.server.cli.test_quote import AT, DATA, MISTOLD, TALK, TELLS, TOLD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow


def october(world: World) -> None:
    """Anna has a bill of October with 25 minutes, of which 20 are free; a call to where her plan has no price is refused."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.take(
        Call("1001", "2025-10-05T10:00:00", 25 * 60, key="long"),
        Call("1001", "2025-10-06T10:00:00", 60, 4930123456, key="abroad"),
        Call("1001", "2025-11-02T10:00:00", 60, key="later"),
    )
    world.bill("2025-11-01")


@pytest.fixture
def both(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Persons]:
    """The homes."""
    with two_homes(tmp_path, capsys, monkeypatch, october) as made:
        made.hides_commits = False
        yield made


def test_quotes(both: Persons, tmp_path: Path) -> None:
    """Every option that decides a price, and every one that cannot be told, has the same effect and text by both ways."""
    file = tmp_path / "tells.yaml"
    file.write_text(TELLS, encoding="utf-8")
    both.in_both_homes("tariffs", "publish", file, "--waive-review", "a test", "--waive-what-if", "a test")
    for words, cents in TOLD:
        assert json.loads(both("quote", *AT, *words, "--json"))["charge_micros"] == cents * 10_000
    for words in (TALK, [*TALK, "--left", "minutes=4min", "--language", "zh"], [*DATA, "--counted", "tiers=2MB"]):
        both("quote", *AT, *words)
    for words, message in MISTOLD:
        assert message in both("quote", *AT, *words, status=2)
    never = ("quote", "--plan", "tells/all", *TALK, "--at")
    assert json.loads(both(*never, "2020-01-01T00:00:00Z", "--json"))["status"] == "NO_VERSION"
    both(*never, "2020-01-01T00:00:00Z")
    assert "is beyond all years" in both.there(*never, "9999-12-31T23:59:59-14:00", status=2)
    assert 'unknown plan "tells/none"' in both("quote", "--plan", "tells/none", *AT[2:], *TALK, status=1)
    assert "--catalog is not served" in both.there("quote", *AT, *TALK, "--catalog", file, status=2)


def test_a_month_on_every_plan(both: Persons) -> None:
    """Anna's October costs 10.50 on basic."""
    compare = ("quote", "--compare", "--account", "anna", "--period", "2025-10")
    for words in ((), ("--language", "zh"), ("--plans", "shop"), ("--subscription", "anna-1", "--json")):
        told = both(*compare, *words)
    assert json.loads(told)["now"]["total_micros"] == 10_500_000
    assert "no account has the id nobody" in both("quote", "--compare", "--account", "nobody", "--period", "2025-10", status=1)
    both(*compare, "--subscription", "nobody-1", status=1)
    both(*compare[:-1], "2025-13", status=2)


def test_the_charge_of_a_record(both: Persons) -> None:
    """A charge, a refusal, and a record of a period that no run has billed."""
    for record in ("long", "abroad", "later"):
        for words in ((), ("--language", "zh"), ("--json",)):
            both("bill", "explain", record, *words)
    assert json.loads(both("bill", "explain", "long", "--run", "1", "--json"))["events"][0]["charge_micros"] == 500_000
    both("bill", "explain", "nowhere", status=1)
    both("bill", "explain", "long", "--run", "9", status=1)
    both("bill", "explain", "long", "--run", "first", status=2)
