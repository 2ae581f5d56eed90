"""What came in time and waited is billed as if it had come back in time, whatever its plan does with what comes late.

A minute costs 0.10. Each record begins in October and comes then; the bill of October is made before it comes back. Amounts in cents.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue
from billing.intake.taking import Intake
from billing.suspense import resolving
from billing.suspense.deciding import Deciding
from rating.model import LateUsage
from tests.billing.runs.test_pools_and_late import arrive, usage_by_account
from tests.billing.runs.test_promises import a_plan, selling
from tests.billing.runs.world import Call
from tests.billing.suspense.world import ANA, SWITCH, apply, asking, asterisk_row, listed, save, unbalanced

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
CALL = Call("8613800000003", "2025-10-05T10:00:00", 600, key="call")
LONGER = CALL._replace(seconds=720)
WRONG = CALL._replace(served="13800000003")
CAME = "2025-10-06T10:00:00"
ADD_86 = {"source": "switch", "reasons": ["UNKNOWN_SUBSCRIPTION"], "served": {"begins": "1", "digits": 11, "add": "86"}}
BERLIN = msgspec.structs.replace(SWITCH, timezone="Europe/Berlin")
SHANGHAI = {"source": "north-1", "reasons": ["ambiguous_local_time"], "time": {"zone": "Asia/Shanghai"}}
RULES = {
    "waive": {"late_usage": LateUsage.WAIVE},
    "ten days at most": {"late_usage_days_max": 10},
    "the period it arrives in": {"late_usage": LateUsage.ARRIVAL_PERIOD},
}


def unknown_number(world: World, _: Path) -> Callable[[], None]:
    arrive(world, CAME, WRONG)
    return lambda: corrected(world)


def corrected(world: World) -> None:
    apply(world, save(world, ADD_86))


def conflict(world: World, _: Path) -> Callable[[], None]:
    arrive(world, CAME, CALL)
    return lambda: chosen(world, 600)


def conflict_for_the_later_version(world: World, _: Path) -> Callable[[], None]:
    arrive(world, CAME, CALL)
    return lambda: chosen(world, 720)


def chosen(world: World, seconds: int) -> None:
    """Another version comes after the bill, and somebody says which counts."""
    arrive(world, "2025-11-20T10:00:00", LONGER)
    found = resolving.versions(world.home, asking(world).seq, int(listed(world).rows[0].id))
    name = found.names[found.rows["duration_us"].to_pylist().index(seconds * 1_000_000)]
    resolving.resolve(world.home, found, name, Deciding(ANA, asking(world).now_us, "the switch says so"), {})


def unreadable(world: World, folder: Path) -> Callable[[], None]:
    """In a night in which clocks of the wrong zone went back."""
    path = folder / "one.csv"
    rows = (asterisk_row("u1", CALL.served, "2025-10-26 02:30:00", 600), asterisk_row("u2", "8613800000001", "2025-10-26 12:30:00", 60))
    path.write_text("".join(rows))
    Intake(world.home).take_file(path, BERLIN, 1_761_480_000_000_000)  # noon of that day
    return lambda: read_again(world)


def read_again(world: World) -> None:
    apply(world, save(world, SHANGHAI, BERLIN), BERLIN)


# how it comes and waits -> cents
WAITS: dict[Callable[[World, Path], Callable[[], None]], int] = {
    unknown_number: 100,
    conflict: 100,
    conflict_for_the_later_version: 120,
    unreadable: 100,
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("waits", "expected"), WAITS.items(), ids=[each.__name__ for each in WAITS])
def test_it_bills_in_its_own_period(
    world: World, tmp_path: Path, waits: Callable[[World, Path], Callable[[], None]], expected: int, rule: str
) -> None:
    opened(world, rule)
    comes_back = waits(world, tmp_path)
    world.bill("2025-11-01")
    comes_back()
    billed_in_october(world, expected)


@pytest.mark.parametrize("waits", [conflict, unreadable])
def test_it_does_so_from_sealed_files(world: World, tmp_path: Path, waits: Callable[[World, Path], Callable[[], None]]) -> None:
    opened(world, "waive")
    comes_back = waits(world, tmp_path)
    world.bill("2025-11-01")
    comes_back()
    Intake(world.home).seal(asking(world).now_us)
    billed_in_october(world, 100)


def billed_in_october(world: World, cents: int) -> None:
    world.bill("2025-12-01")
    assert usage_by_account(world).get("carl") == cents
    assert {line[1] for number in world.numbers("carl") for line in world.lines(number)} == {"2025-10-01"}
    assert unbalanced(world) == []


@pytest.mark.parametrize(("rule", "expected"), {"waive": None, "ten days at most": None, "the period it arrives in": 100}.items())
def test_what_came_late_is_late_when_it_comes_back(world: World, rule: str, expected: int | None) -> None:
    """It came on 10 November with a number that nobody has."""
    opened(world, rule)
    world.bill("2025-11-01")
    arrive(world, "2025-11-10T10:00:00", WRONG)
    assert apply(world, save(world, ADD_86, bill_date=dt.date(2025, 12, 1))).outcomes == {"recycled": 1}
    world.bill("2026-02-01")
    assert usage_by_account(world).get("carl") == expected
    assert {line[1] for number in world.numbers("carl") for line in world.lines(number)} <= {"2026-01-01"}, "where it came back"


def opened(world: World, rule: str) -> None:
    """Carl has a plan that says what to do with what comes late, and never phones."""
    catalogue.publish(world.home, selling(a_plan("strict", **RULES[rule])), world.tick())
    world.account("carl")
    world.subscription("carl-1", "carl", "shop/strict", CALL.served)
