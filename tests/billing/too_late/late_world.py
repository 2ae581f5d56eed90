"""A home with usage that came too late: the calls of TABLE came on 10 February 2026, and the run of March left them out for good.

A national call costs 0.10 a minute.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from billing import invoicing
from billing.controls import books
from billing.persons import Who
from billing.runs import cycle
from billing.runs.start import Order
from billing.too_late import deciding, taking_back
from billing.too_late.choosing import Choice
from billing.too_late.listing import listed
from billing.too_late.results import LateAct
from tests.billing.runs.test_pools_and_late import arrive
from tests.billing.runs.world import Call

if TYPE_CHECKING:
    from billing.too_late.results import Decided
    from tests.billing.runs.world import World

CENT: Final = 10_000
ANA, BEN = ("ana", 1001), ("ben", 1002)
NUMBERS: Final = {"anna": "8613800000001", "bert": "8613800000002", "nobody": "8613800000009"}
# record, whose, begun, minutes
TABLE: Final = """
late-1  anna    2025-10-05  3
late-2  anna    2025-10-06  1
late-3  bert    2025-09-30  2
late-4  nobody  2025-10-07  5
late-5  bert    2025-10-08  4
"""
ROWS: Final = [line.split() for line in TABLE.strip().splitlines()]


def late(world: World) -> World:
    """The home after the run of March; what is open is late-1 to late-5, but for late-3, which began before bert's first day."""
    for name in ("anna", "bert"):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/plus", NUMBERS[name])
    world.take(Call(NUMBERS["anna"], "2025-10-04T10:00:00", 60, key="in time"))
    for date in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"):
        world.bill(date)
    calls = [Call(NUMBERS[name], f"{day}T10:00:00", int(minutes) * 60, key=record) for record, name, day, minutes in ROWS]
    arrive(world, "2026-02-10T12:00:00", *calls)
    world.bill("2026-03-01")
    return world


def who(world: World, person: tuple[str, int] = ANA) -> Who:
    world.catch_up()
    return Who(*person, world.tick())


def again(world: World, date: str) -> dict[str, int]:
    """Run a bill date with all open periods; what it left out, by reason."""
    world.catch_up()
    day = dt.date.fromisoformat(date)
    return cycle.run(world.home, day, world.begun(day), order=Order(everything=True)).left_out


def usage_cents(world: World, account: str) -> int:
    """The sum that all documents have billed an account for usage, in cents."""
    documents = [invoicing.get_invoice(world.home, each) for each in world.numbers(account)]
    return sum(line.amount_micros for each in documents for line in each.lines if line.kind == "usage") // CENT


def decide(
    world: World,
    kind: str,
    *records: str,
    account: str | None = None,
    month: str | None = None,
    person: tuple[str, int] = ANA,
    **more: object,
) -> Decided:
    """Decide on records. `amount_micros`, `on_date`, `text` and `dry_run` may be given."""
    reason = str(more.pop("reason", "the switch was down"))
    dry_run = bool(more.pop("dry_run", False))
    wanted = LateAct(kind, Choice(records, account, month), reason, **more)  # type: ignore[arg-type]  # tests know the fields
    return deciding.decide(world.home, wanted, who(world, person), dry_run=dry_run)


def take_back(world: World, decision_id: int) -> taking_back.TakenBack:
    return taking_back.take_back(world.home, decision_id, "by mistake", who(world))


def open_records(world: World) -> list[str]:
    return [each.record.record_id for each in listed(world.home, world.now_us).records]


def wrong(world: World) -> set[str]:
    """Books that do not balance."""
    return {each.name for each in books(world.home) if not each.ok}


def amounts(world: World, number: str) -> list[tuple[str, int]]:
    """Lines of an invoice as (text, cents)."""
    return [(line[0], line[-1]) for line in world.lines(number)]
