"""A month of an operator with everything that makes a bill: shared minutes, tiers, caps, passes, incoming calls, changes of plan.

One function makes it in a fresh home, so that what a draft would do in one home can be compared with what a real run does in another, in
which the draft's terms are published.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import msgspec

from billing import catalogue
from rating.model import (
    ANY_ZONE,
    Allowance,
    AtPlanChange,
    CapWindow,
    ChargeCap,
    Counting,
    DayPass,
    Discount,
    FeeOccasion,
    OneOffFee,
    Plan,
    QuantityUnit,
    Rate,
    Service,
    Step,
    UsageRule,
)
from rating.schema import Direction
from tests.billing.runs.world import MINUTE_MS, START_US, Call, World, price_of, shop

if TYPE_CHECKING:
    from pathlib import Path

    from rating.model import Catalogue

MINUTES = Allowance(10, "family minutes", (Service.VOICE,), QuantityUnit.MILLISECOND, 50 * MINUTE_MS, (ANY_ZONE,), shared=True)
CREDIT = Allowance(11, "credit", (Service.VOICE, Service.DATA), QuantityUnit.MICRO, 1_000_000, (ANY_ZONE,), priority=2)
KEPT = Allowance(
    12, "kept minutes", (Service.VOICE,), QuantityUnit.MILLISECOND, 5 * MINUTE_MS, ("national",), priority=1, rollover_periods=2
)
ONCE = Allowance(
    14, "minutes once", (Service.VOICE,), QuantityUnit.MILLISECOND, 41 * MINUTE_MS, ("national",), priority=-1, shared=True,
    granted_once=True, at_plan_change=AtPlanChange.CARRY,
)  # fmt: skip
PASS = DayPass(13, "day pass", 300_000, (Service.DATA,), (ANY_ZONE,), QuantityUnit.BYTE, 1_500_000)
CAP = ChargeCap(1, "ceiling", 2_500_000, CapWindow.PERIOD, (Service.VOICE,), (ANY_ZONE,))
LOYAL = Discount(1, "loyal", 250_000, (Service.VOICE,), ("premium",))
TIERS = msgspec.structs.replace(
    price_of(102, "Data tiers", 12, 0),
    unit=QuantityUnit.BYTE,
    counting=Counting.GRADUATED,
    counter_id=1,
    rates=(Rate("any", (Step(0, 1_000_000, 1_000_000, 1000), Step(2_000_000, 100_000, 1_000_000, 1000)), 1000),),
)
RECEIVED = price_of(103, "Received calls", 13, 50_000)
VOICE = (UsageRule(Service.VOICE, "national", "National calls"), UsageRule(Service.VOICE, "premium", "Premium calls"))
DATA = UsageRule(Service.DATA, ANY_ZONE, "Data tiers")
INCOMING = UsageRule(Service.VOICE, ANY_ZONE, "Received calls", direction=int(Direction.TERMINATING))
NUMBERS = (8613900000001, 8613900000002, 8690100, 49301234)
SUBSCRIPTIONS = 24
CALLS = 700


def once(price_id: int, name: str, micros: int, on: FeeOccasion) -> OneOffFee:
    """A one-off fee."""
    return OneOffFee(price_id, name, price_id, 5001, "standard", micros, on)


CHANGE = once(211, "Change", 3_300_000, FeeOccasion.PLAN_CHANGE)
ENDING = once(212, "Farewell", 1_100_000, FeeOccasion.END)


def tariff(version: int = 1, effective_from_us: int = START_US, **changes: Any) -> Catalogue:  # noqa: ANN401 -- fields of a catalogue
    """The shop with plans that share, roll over, cap, pass, discount, and price what is received."""
    base = shop()
    basic = base.plans[0].recurring
    plans = (
        msgspec.structs.replace(base.plans[0], one_offs=(once(210, "Set-up", 7_000_000, FeeOccasion.ACTIVATION),)),
        base.plans[1],
        Plan("family", (*VOICE, DATA), {"en": "Family"}, (MINUTES, KEPT, ONCE), basic, discounts=(LOYAL,), one_offs=(CHANGE, ENDING)),
        Plan("roamer", (INCOMING, *VOICE, DATA), {"en": "Roamer"}, (CREDIT, ONCE), day_passes=(PASS,), caps=(CAP,)),
    )
    made = msgspec.structs.replace(
        base, version=version, effective_from_us=effective_from_us, plans=plans, prices=(*base.prices, TIERS, RECEIVED)
    )
    return msgspec.structs.replace(made, **changes)


def plain(version: int = 1, effective_from_us: int = START_US) -> Catalogue:
    """The same, but nothing is charged for what is received: then events are handled by runs."""
    return _without_received(tariff(version, effective_from_us))


def _without_received(made: Catalogue) -> Catalogue:
    plans = tuple(msgspec.structs.replace(plan, rules=tuple(each for each in plan.rules if each is not INCOMING)) for plan in made.plans)
    return msgspec.structs.replace(made, plans=plans)


def dearer(version: int = 2, effective_from_us: int = START_US, *, received: bool = True) -> Catalogue:
    """The same with other prices, fees and grants, without premium calls for roamers, and with received calls for families."""
    made = _dearer(version, effective_from_us)
    return made if received else _without_received(made)


def _dearer(version: int, effective_from_us: int) -> Catalogue:
    base = tariff()
    plans = {each.name: each for each in base.plans}
    fee = msgspec.structs.replace(base.plans[0].recurring[0], amount_micros=11_500_000)
    larger = msgspec.structs.replace(MINUTES, quantity=80 * MINUTE_MS)
    plans["basic"] = msgspec.structs.replace(plans["basic"], recurring=(fee,))
    plans["family"] = msgspec.structs.replace(plans["family"], allowances=(larger, KEPT, ONCE), rules=(INCOMING, *VOICE, DATA))
    refused = UsageRule(Service.VOICE, "premium", None)
    plans["roamer"] = msgspec.structs.replace(plans["roamer"], rules=(INCOMING, VOICE[0], refused, DATA))
    prices = tuple(price_of(100, "National calls", 10, 137_000) if each.price_id == 100 else each for each in base.prices)
    return tariff(version, effective_from_us, plans=tuple(plans.values()), prices=prices)


def month(folder: Path, published: Catalogue, seed: int = 1) -> World:
    """October 2025 under a tariff: accounts, members, changes of plan, ends, and calls of all kinds."""
    world = World(folder, fresh=False) if folder.exists() else _fresh(folder, published)
    rng = random.Random(seed)
    names = [plan.name for plan in published.plans]
    for index in range(SUBSCRIPTIONS // 2):
        opened = "2025-10-11" if index % 5 == 4 else "2025-10-01"  # none in September: what that left of minutes would roll over
        world.account(f"A{index:02}", opened_on=opened, timezone="Asia/Shanghai" if index % 3 else "Europe/Berlin")
    for index in range(SUBSCRIPTIONS):
        begins = ["2025-09-03", "2025-10-01", "2025-10-20"][index % 3]
        ends = "2025-10-25" if index % 7 == 6 else None
        world.subscription(f"S{index:02}", f"A{index // 2:02}", f"shop/{names[index % 4]}", _number(index), from_date=begins, to_date=ends)
        if index % 4 == 1:
            world.plan(f"S{index:02}", f"shop/{names[(index + 1) % 4]}", "2025-10-15")
    world.take(*(_call(rng, place) for place in range(CALLS)))
    return world


def _fresh(folder: Path, published: Catalogue) -> World:
    """A home with one tariff."""
    from billing.store.home import Home  # noqa: PLC0415 -- World publishes the shop into every home it makes

    home = Home.open(folder, create=True)
    catalogue.publish(home, published, START_US)
    home.close()
    return World(folder, fresh=False)


def _number(index: int) -> str:
    return str(8613800000000 + index)


def _call(rng: random.Random, place: int) -> Call:
    at = f"2025-{rng.choice(('09-30', *(f'10-{day:02}' for day in range(1, 32)), '11-01'))}T{rng.randrange(24):02}:{rng.randrange(60):02}"
    served, key = _number(rng.randrange(SUBSCRIPTIONS + 1)), f"{place}"
    kind = rng.random()
    if kind < 0.2:
        return Call(served, at, 0, key=key, service=Service.DATA, volume_bytes=rng.randrange(2_000_000))
    direction = Direction.TERMINATING if kind < 0.35 else Direction.ORIGINATING
    return Call(served, at, rng.randrange(900), number=rng.choice(NUMBERS), key=key, direction=direction, flags=int(kind > 0.97))
