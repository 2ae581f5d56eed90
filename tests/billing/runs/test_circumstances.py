"""What rules ask of an event besides its destination, from a row of usage to the invoice, and confirmed by the twin.

Every price charges another amount a begun minute (or once a message), so that a charge tells which rule was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from billing import catalogue
from billing.controls import books
from billing.guiding import Guide
from billing.runs.contracts.rule_inputs import asked
from billing.verification.rerate_sample import rerate
from rating.model import (
    ANY_ZONE,
    HOME_NETWORK,
    Band,
    Calendar,
    Plan,
    QuantityUnit,
    Rate,
    RoamingZone,
    Service,
    Step,
    UsageRule,
    WallClock,
    Zone,
)
from rating.schema import Direction
from tests.billing.runs.world import START_US, Call, price_of, shop, usage_table

if TYPE_CHECKING:
    from rating.model import Catalogue, Price
    from tests.billing.runs.world import World

PRICES = {"from abroad": 200, "on-net": 1, "roaming": 50, "incoming abroad": 30, "else": 10, "zero-rated data": 2, "data": 20, "hotline": 4}
BERLIN_NIGHT = Calendar("night", (Band("night", (), 0, 6 * 3600),))


def priced(number: int, name: str, cents: int, unit: QuantityUnit = QuantityUnit.MILLISECOND, **terms: object) -> Price:
    base = price_of(number, name, number, cents * 10_000)
    if unit is not QuantityUnit.MILLISECOND:
        base = msgspec.structs.replace(base, unit=unit, rates=(Rate("any", (Step(0, cents * 10_000, 1, 1),), 1),))
    return msgspec.structs.replace(base, **terms)


def open_shop() -> Catalogue:
    voice, data = Service.VOICE, Service.DATA
    rules = (
        UsageRule(voice, ANY_ZONE, "incoming abroad", direction=Direction.TERMINATING, roaming="neighbours"),
        UsageRule(voice, ANY_ZONE, "else", direction=Direction.TERMINATING, roaming="far away"),
        UsageRule(voice, ANY_ZONE, "roaming", roaming="neighbours", direction=Direction.ORIGINATING),
        UsageRule(voice, ANY_ZONE, "on-net", on_net=True, roaming=HOME_NETWORK, direction=Direction.ORIGINATING),
        UsageRule(voice, "hotline", "hotline", direction=Direction.ORIGINATING),
        UsageRule(voice, ANY_ZONE, "from abroad", origin="foreign", direction=Direction.ORIGINATING),
        UsageRule(voice, ANY_ZONE, "else", direction=Direction.ORIGINATING),
        UsageRule(data, ANY_ZONE, "zero-rated data", rating_group=100),
        UsageRule(data, ANY_ZONE, "data"),
        UsageRule(Service.CONTENT, ANY_ZONE, "content"),
        UsageRule(Service.SMS, ANY_ZONE, "message"),
    )
    bytes_ = ("data", "zero-rated data")  # a begun "minute" is 60,000 bytes
    prices = [priced(300 + place, name, cents) for place, (name, cents) in enumerate(PRICES.items()) if name not in bytes_]
    prices += [
        msgspec.structs.replace(priced(310 + place, name, PRICES[name]), unit=QuantityUnit.BYTE) for place, name in enumerate(bytes_)
    ]
    prices.append(priced(320, "content", 5, QuantityUnit.MESSAGE, content_ppm=300_000))
    night = Rate("night", (Step(0, 10_000, 1, 1),), 1)
    day = Rate("other", (Step(0, 70_000, 1, 1),), 1)
    prices.append(priced(321, "message", 5, QuantityUnit.MESSAGE, calendar="night", clock=WallClock.HOME, rates=(night, day)))
    base = shop()
    return shop(
        2,
        START_US + 1,
        zones=(*base.zones, Zone(3, "foreign", ("49",)), Zone(4, "hotline", (), ("1008611",))),
        roaming_zones=(RoamingZone(1, "neighbours", (262_001,)), RoamingZone(2, "far away", (310_410,))),
        calendars=(BERLIN_NIGHT,),
        home_timezones=("Asia/Shanghai", "Europe/Berlin"),
        prices=(*base.prices, *prices),
        plans=(
            *base.plans,
            Plan("asks", rules, {"en": "Asks"}),
            Plan("abroad", (rules[0], UsageRule(voice, ANY_ZONE, "else")), {"en": "Abroad"}),
        ),
    )


def incoming(served: str, at: str, number: int, plmn: int | None = None) -> Call:
    return Call(served, at, 30, number, direction=Direction.TERMINATING, plmn=plmn)


WITHOUT_SUCH_RULES = "8613900000003"
ABROAD_ALONE = "8613900000004"  # received calls have a price abroad; of the rule for everything else they are no part
NEVER = -1
# usage -> charge in cents, None where it is refused, NEVER where it does not bill at all
ROWS = [
    (Call("8613900000001", "2025-10-05T10:00:00", 30, 8613900000999), 10),
    (Call("8613900000001", "2025-10-05T10:01:00", 30, 8613900000002), 1),  # the other side is a subscriber
    (Call("8613900000001", "2025-10-05T10:02:00", 30, 8613900000002, plmn=262_001), 50),
    (Call("8613900000001", "2025-10-05T10:03:00", 30, 8613900000999, plmn=310_410), 10),
    (Call("4930123456", "2025-10-05T10:04:00", 30, 8613900000999), 200),  # a foreign number calls
    (incoming("8613900000001", "2025-10-05T10:05:00", 8613900000999, 262_001), 30),
    (incoming("8613900000001", "2025-10-05T10:06:00", 8613900000999, 310_410), 10),
    (incoming("8613900000001", "2025-10-05T10:07:00", 8613900000999), NEVER),  # at home: no rule names it
    (incoming(WITHOUT_SUCH_RULES, "2025-10-05T10:08:00", 8613900000999, 262_001), NEVER),
    (incoming("8613900000001", "2025-10-05T10:08:30", 4930999999, 262_001), 30),
    (incoming(ABROAD_ALONE, "2025-10-05T10:15:00", 8613900000999, 262_001), 30),
    (incoming(ABROAD_ALONE, "2025-10-05T10:16:00", 8613900000999), NEVER),
    (Call(ABROAD_ALONE, "2025-10-05T10:17:00", 30, 8613900000999), 10),
    (Call("8613900000001", "2025-10-05T10:08:40", 30, 0, dialled="1008611"), 4),  # a short code of seven digits
    (Call("8613900000001", "2025-10-05T10:08:50", 30, 0, dialled="853"), 10),  # an extension: no destination
    (Call(WITHOUT_SUCH_RULES, "2025-10-05T10:08:55", 30, 0, dialled="1008611"), None),  # a plan that does not know the code
    (Call("8613900000001", "2025-10-05T10:08:58", 0, 0, service=Service.SMS, dialled="1008611"), 7),  # rules of messages do not, either
    (Call("8613900000001", "2025-10-05T10:09:00", 0, 0, service=Service.CONTENT, amount_micros=2_000_000, currency="CNY"), 65),
    (Call("8613900000001", "2025-10-05T10:10:00", 0, 0, service=Service.CONTENT, amount_micros=2_000_000, currency="EUR"), None),
    (Call("8613900000001", "2025-10-05T10:11:00", 0, 0, service=Service.CONTENT), None),  # CONTENT_AMOUNT_MISSING
    (Call("8613900000001", "2025-10-05T05:00:00", 0, service=Service.SMS), 1),  # five in the morning in Shanghai
    (Call("8613900000002", "2025-10-05T05:00:00", 0, service=Service.SMS), 7),  # eleven in the evening in Berlin
    (Call("8613900000002", "2025-10-05T10:00:00", 0, service=Service.SMS), 1),  # four in the morning in Berlin
    (Call("8613900000001", "2025-10-05T10:12:00", 0, service=Service.DATA, volume_bytes=60_000, rating_group=100), 2),
    (Call("8613900000001", "2025-10-05T10:13:00", 0, service=Service.DATA, volume_bytes=60_000, rating_group=7), 20),
    (Call("8613900000001", "2025-10-05T10:14:00", 0, service=Service.DATA, volume_bytes=60_000), 20),
]


@pytest.fixture
def asking(world: World) -> World:
    catalogue.publish(world.home, open_shop(), world.tick())
    world.account("anna")
    world.account("ben", timezone="Europe/Berlin")
    world.subscription("a1", "anna", "shop/asks", "8613900000001")
    world.own("4930123456", "a1")
    world.subscription("b1", "ben", "shop/asks", "8613900000002")
    world.subscription("a3", "anna", "shop/plus", WITHOUT_SUCH_RULES)
    world.subscription("a4", "anna", "shop/abroad", ABROAD_ALONE)
    return world


def test_every_circumstance_finds_its_price(asking: World) -> None:
    asking.take(*(call for call, _ in ROWS))
    asking.bill("2025-11-01")
    table = pq.read_table(next(asking.home.charges_folder.glob("run=1/*.parquet")), partitioning=None)
    charged = {row["event_key"]: None if row["charge_micros"] is None else int(row["charge_micros"] * 100) for row in table.to_pylist()}
    expected = {usage_table((call,))["event_key"][0].as_py(): cents for call, cents in ROWS if cents != NEVER}
    assert charged == expected
    assert [book for book in books(asking.home) if not book.ok] == []
    assert rerate(asking.home, None, 1000, 1).disagreements == 0


def test_nothing_is_asked_by_plain_tariffs() -> None:
    assert not any(asked([shop()]))
    assert asked([shop()]).columns == ()
    assert all(asked([open_shop()]))
    assert asked([open_shop()]).columns == ("source_amount_micros", "source_currency", "serving_plmn", "rating_group", "other_raw")


def test_a_number_is_of_this_network_while_somebody_has_it(asking: World) -> None:
    asking.own("0049301", "a1")  # an id that is no number
    with asking.home.connect() as connection:
        seq = asking.home.head_seq(connection)
    guide = Guide(asking.home, seq)
    numbers = np.array([8613900000001, 8613900000001, 49301, 4930123456, 7], np.int64)
    starts = np.array([START_US, START_US - 1, START_US, START_US, START_US], np.int64)
    assert guide.knows_number(numbers, starts).tolist() == [True, False, False, True, False]
