"""Late usage that is billed in the period it came in, of which another version comes: it stays in the period of the first one."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue
from billing.suspense import resolving
from billing.suspense.deciding import Deciding
from rating.model import LateUsage
from tests.billing.runs.test_pools_and_late import arrive
from tests.billing.runs.world import START_US, Call, shop
from tests.billing.suspense.world import ANA, apply, asking, listed, save
from tests.billing.too_late.late_world import NUMBERS, open_records, usage_cents, wrong

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
ANNA = NUMBERS["anna"]
DATES = ("2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01", "2026-06-01")


@pytest.mark.parametrize(
    ("doubt", "kept_s", "cents"),
    [  # another version comes; the duration that is kept; what usage comes to in the end
        ("2026-01-20", 1440, 240),
        ("2026-01-20", 300, 50),
        ("2026-04-10", 1440, 240),  # November is closed by then, so nobody can keep the other one
    ],
)
@pytest.mark.parametrize("billed_between", [False, True])
def test_another_version_is_billed_where_the_first_was(world: World, doubt: str, kept_s: int, cents: int, *, billed_between: bool) -> None:
    """The call of 5 October comes on 10 November, 24 minutes long, and is a call of November. `billed_between`: a run finds it in doubt."""
    plans = tuple(msgspec.structs.replace(each, late_usage=LateUsage.ARRIVAL_PERIOD) for each in shop().plans)
    catalogue.publish(world.home, shop(2, START_US, plans=plans, corrects=1), world.tick())
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", ANNA)
    world.bill("2025-11-01")
    arrive(world, "2025-11-10T12:00:00", Call(ANNA, "2025-10-05T10:00:00", 1440, key="late"))
    for date in filter(lambda date: date <= doubt, DATES):
        world.bill(date)
    assert usage_cents(world, "anna") == 240
    world.begun(dt.date.fromisoformat(doubt))
    world.take(Call(ANNA, "2025-10-05T10:00:00", 300, key="late"))
    after = [date for date in DATES if date > doubt]
    if billed_between:
        world.bill(after.pop(0))
    keep(world, kept_s)
    for date in after:
        world.bill(date)
    assert usage_cents(world, "anna") == cents
    assert wrong(world) == set()


def keep(world: World, seconds: int) -> None:
    """Decide that the call was so long."""
    world.catch_up()
    doubtful = next(each for each in listed(world).rows if each.reason == "conflicting")
    found = resolving.versions(world.home, asking(world).seq, int(doubtful.id))
    name = next(name for name, row in zip(found.names, found.rows.to_pylist(), strict=True) if row["duration_us"] == seconds * 1_000_000)
    resolving.resolve(world.home, found, name, Deciding(ANA, world.tick(), "says so"), {})


@pytest.mark.parametrize(("kept_on", "starts"), [("2026-03-20", "10:05"), ("2026-04-10", "10:00"), ("2026-04-10", "10:05")])
def test_a_corrected_record_that_is_put_in_doubt_is_billed_where_it_was(world: World, kept_on: str, starts: str) -> None:
    """It came on 10 November with a wrong number, and was corrected in February: it is a call of February, also when another version comes.

    The version that is kept is five minutes long, and begins at `starts`. November is closed by then.
    """
    plans = tuple(msgspec.structs.replace(each, late_usage=LateUsage.ARRIVAL_PERIOD) for each in shop().plans)
    catalogue.publish(world.home, shop(2, START_US, plans=plans, corrects=1), world.tick())
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", ANNA)
    world.bill("2025-11-01")
    arrive(world, "2025-11-10T12:00:00", Call("8613800000077", "2025-10-05T10:00:00", 600, key="late"))
    for date in DATES[:3]:
        world.bill(date)
    world.begun(dt.date(2026, 2, 10))
    apply(world, save(world, {"source": "switch", "reasons": ["UNKNOWN_SUBSCRIPTION"], "served": {"set": ANNA}}))
    world.bill("2026-03-01")
    assert usage_cents(world, "anna") == 100
    world.begun(dt.date(2026, 3, 10))
    world.take(Call(ANNA, f"2025-10-05T{starts}:00", 300, key="late"))
    for date in (each for each in DATES if "2026-03-10" < each < kept_on):
        world.bill(date)
    world.begun(dt.date.fromisoformat(kept_on))
    keep(world, 300)
    for date in (each for each in DATES if each > kept_on):
        world.bill(date)
    assert (usage_cents(world, "anna"), open_records(world), wrong(world)) == (50, [], set())
