"""A home with calls joined from segments and sessions of running totals, on a plan with a rule about late usage.

A national call costs 0.10 a begun minute. Everything began on 5 October 2025; what came in time came on the 6th.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing import catalogue, invoicing
from billing.intake.arrivals import Arrival
from billing.intake.taking import Intake
from billing.store import tables
from billing.too_late.listing import listed
from billing.verification.rerate_sample import rerate
from mediation.decoded import Decoded
from mediation.sources.rules import Partials, ServiceRules, Services
from rating.model import LateUsage
from tests.billing.intake.test_assembling import HOUR_US, SOURCE
from tests.billing.intake.test_assembling import decide as kept
from tests.billing.runs.world import START_US, instant_us, shop
from tests.billing.too_late.late_world import CENT, NUMBERS, who, wrong
from tests.mediation.segment_rows import BEGIN_US, FIRST, LAST, SECOND_US, TOTALS, Segment, segment_table

if TYPE_CHECKING:
    from billing.too_late.listing import TooLate
    from mediation.sources.model import Source
    from tests.billing.runs.world import World

EACH: Final = msgspec.structs.replace(SOURCE, services=Services(voice=ServiceRules(partials=Partials.EACH, cumulative=True)))
BEGUN_S: Final = (instant_us("2025-10-05T10:00:00") - BEGIN_US) // SECOND_US
MONTHS: Final = ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01", "2026-06-01")
RULES: Final[dict[str, dict[str, Any]]] = {
    "none": {},
    "days": {"late_usage_days_max": 20},
    "waive": {"late_usage": LateUsage.WAIVE},
    "arrival": {"late_usage": LateUsage.ARRIVAL_PERIOD},
    "arrival after 10 days": {"late_usage": LateUsage.ARRIVAL_PERIOD, "late_after_days": 10},
    "both": {"late_usage": LateUsage.ARRIVAL_PERIOD, "late_usage_days_max": 20},
    "both, long": {"late_usage": LateUsage.ARRIVAL_PERIOD, "late_usage_days_max": 400},
}


class Arrived(NamedTuple):
    """Records of the session that came on a day."""

    day: str
    segments: tuple[Segment, ...]


def total(minutes: int, name: str = "session") -> Segment:
    """The record that says that a session has lasted so long by then."""
    return Segment(name, None, BEGUN_S, minutes * 60, TOTALS, NUMBERS["anna"], 8613900000001)


def piece(first_s: int, seconds: int, flags: int = 0, name: str = "call") -> Segment:
    """A segment of a joined call, so many seconds after its begin."""
    return Segment(name, None, BEGUN_S + first_s, seconds, flags, NUMBERS["anna"], 8613900000001)


def opening(seconds: int) -> Segment:
    return piece(0, seconds, FIRST)


def closing(first_s: int, seconds: int) -> Segment:
    return piece(first_s, seconds, LAST)


def begin(world: World, rule: str) -> None:
    """Anna, on a plan with a rule of RULES."""
    ruled(world, 2, RULES[rule])
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", NUMBERS["anna"])


def ruled(world: World, version: int, rule: dict[str, Any]) -> None:
    """From now on the plans have another rule about late usage."""
    if rule or version > 2:
        plans = tuple(msgspec.structs.replace(each, **rule) for each in shop().plans)
        world.catch_up()
        catalogue.publish(world.home, shop(version, START_US, plans=plans, corrects=version - 1), world.tick())


def arrive(world: World, day: str, *segments: Segment) -> None:
    """Records come on a day: running totals as parts, others to be joined."""
    world.catch_up()
    source: Source = EACH if segments[0].flags & TOTALS else SOURCE
    world.begun(dt.date.fromisoformat(day))
    decoded = Decoded(segment_table(segments), [], len(segments), b"", 0)
    Intake(world.home)._take([Arrival("msc1", decoded, None, source)], world.tick())  # noqa: SLF001 - as take_file does with a file


def live(world: World, *arrived: Arrived, months: tuple[str, ...] | None = None) -> None:
    """Records come on their days, and each month is billed on its date: by default up to the second one after the last arrival."""
    rest = list(arrived)
    if months is None:
        months = MONTHS[: sum(date <= rest[-1].day for date in MONTHS) + 2]
    for date in months:
        while rest and rest[0].day < date:
            each = rest.pop(0)
            arrive(world, each.day, *each.segments)
        world.bill(date)
    assert not rest, "each arrival lies before a bill date"


def opened(world: World) -> list[TooLate]:
    return list(listed(world.home, who(world).now_us).records)


def open_cents(world: World) -> int:
    """The worth of what is too late and open."""
    return sum(each.worth_micros for each in opened(world)) // CENT


def usage_lines(world: World) -> list[tuple[str, int]]:
    """Usage lines of all invoices that are not void: first day of the period, and cents."""
    standing = [each.number for each in invoicing.list_invoices(world.home, "anna") if not each.voided_on]
    documents = [invoicing.get_invoice(world.home, each) for each in standing]
    return [(line.period_from, line.amount_micros // CENT) for each in documents for line in each.lines if line.kind == "usage"]


def comes_to(world: World) -> tuple[int, int]:
    """Cents that bills charge for usage, without void ones, and cents that are too late and open."""
    return sum(cents for _, cents in usage_lines(world)), open_cents(world)


def keep_what_is_there(world: World) -> None:
    """The call waits until its time is up, and a person decides that what is there is all."""
    intake = Intake(world.home)
    intake.assemble(world.now_us + 11 * HOUR_US)
    world.now_us += 12 * HOUR_US
    kept(world.home, "kept", world.tick())
    intake.assemble(world.tick())


def agreed_by_all(world: World) -> None:
    """The books balance, and the plain reader says of the last runs what they charged."""
    assert wrong(world) == set()
    with world.home.connect() as connection:
        runs = connection.execute(sa.select(tables.bill_runs.c.run_id).order_by(tables.bill_runs.c.run_id.desc()).limit(2)).scalars().all()
    told = {run_id: rerate(world.home, run_id, 1000, 1) for run_id in runs}
    assert {run_id: each.examples for run_id, each in told.items() if each.disagreements} == {}
