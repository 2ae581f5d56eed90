"""Alarms and fees in advance: whatever corrects one counts in the month that billed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from billing import catalogue
from billing.accounts.kinds import HoldFact
from billing.rerate.request import request
from rating.model import InvoiceDiscount
from tests.billing.documents.clerk import CENT, credit, tell, wrong
from tests.billing.documents.test_alarms_months import abnormal, bill
from tests.billing.rerate.test_rerate import apply
from tests.billing.runs.world import START_US, Call, instant_us, shop

if TYPE_CHECKING:
    from tests.billing.runs.world import World

RENT = 203
LINE = 30_000_000


def publish(world: World, version: int, rent_micros: int, line_micros: int = LINE, **more: Any) -> None:  # noqa: ANN401 -- fields of a plan
    """Plan rent: a rent in advance, and a fee for the line in arrears. Version 2 is the first that has it; later ones correct it."""
    basic, plus = shop().plans
    line = msgspec.structs.replace(plus.recurring[0], amount_micros=line_micros)
    rent = msgspec.structs.replace(plus.recurring[1], name="Big rent", amount_micros=rent_micros, price_id=RENT, charge_code=RENT)
    plans = (basic, plus, msgspec.structs.replace(plus, name="rent", recurring=(line, rent), **more))
    corrects = version - 1 if version > 2 else None
    catalogue.publish(world.home, shop(version, START_US + 1, plans=plans, corrects=corrects), world.tick())


def renting(world: World) -> World:
    """Anna pays 30.00 in arrears and 300.00 in advance: 349.80 a month with tax, and 667.80 with the first bill."""
    publish(world, 2, 300_000_000)
    world.account("anna", opened_on="2025-06-01")
    world.subscription("anna-1", "anna", "shop/rent", "1001", from_date="2025-06-01")
    return world


def premium(month: str, minutes: int) -> Call:
    """So many minutes of anna's in a month, at 2.005 each."""
    return Call("1001", f"{month}-05T10:00:00", minutes * 60, 8690000000001)


def re_rate(world: World, version: int, months: str, on: str) -> int:
    """Cents without tax."""
    return apply(world, request("shop/rent", version, months), on).figures.net_micros["CNY"] // CENT


CHEAPER = {"rent_micros": 30_000_000}
DISCOUNTED = {"rent_micros": 300_000_000, "invoice_discounts": (InvoiceDiscount(320, "Off", 320, 5000, 900_000, charge_codes=(RENT,)),)}


@pytest.mark.parametrize("correction", [CHEAPER, DISCOUNTED])
@pytest.mark.parametrize(("minutes", "month", "expected"), [(60, "2026-01", []), (160, "2025-11", [("anna", "2025-11-01", 40365, 31800)])])
def test_a_re_rating_of_a_fee_in_advance(
    world: World, correction: dict[str, Any], minutes: int, month: str, expected: list[tuple[str, str, int, int]]
) -> None:
    """The rent is 30.00 and not 300.00, and every month is 63.60 with tax: five times that is 318.00.

    The credit of 10 November is for June to November, and the rent of November was billed with October. 60 minutes make January 191.12
    (120.30 and 60.00, tax 10.82) and February is 63.60 again; 160 minutes make November 403.65 (320.80 and 60.00, tax 22.85).
    """
    renting(world)
    bill(world, "2025-07-01", "2025-08-01", "2025-09-01", "2025-10-01", "2025-11-01")
    world.now_us = instant_us("2025-11-10T12:00:00")
    publish(world, 3, **correction)
    assert re_rate(world, 3, "2025-06..2025-11", "2025-11-10") == -6 * 27000
    world.take(premium(month, minutes))
    bill(world, "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01")
    assert abnormal(world) == expected
    assert wrong(world) == []


def test_a_re_rating_takes_a_fee_in_advance_off_the_month_that_billed_it(world: World) -> None:
    """The rent of October and that of November are billed with October. Both are 30.00 and not 300.00: on 10 November 540.00 come off.

    So October is 30.00 and twice 30.00, 95.40 with tax, and the limit of November is five times that, 477.00. November has 240 minutes at
    2.005, 481.20, the line and the rent of December, 60.00: 541.20 and tax 32.47.
    """
    publish(world, 2, 300_000_000)
    world.account("anna", opened_on="2025-10-01")
    world.subscription("anna-1", "anna", "shop/rent", "1001", from_date="2025-10-01")
    bill(world, "2025-11-01")
    world.now_us = instant_us("2025-11-10T12:00:00")
    publish(world, 3, **CHEAPER)
    assert re_rate(world, 3, "2025-10..2025-11", "2025-11-10") == -2 * 27000
    world.take(premium("2025-11", 240))
    bill(world, "2025-12-01")
    assert abnormal(world) == [("anna", "2025-11-01", 57367, 47700)]


def test_a_re_rating_after_the_period_of_a_fee_in_advance(world: World) -> None:
    """The rent is 30.00, and the line 20.00: on 10 December June to November are corrected.

    Of each month 10.60 comes off it and 286.20 off the one before: September and October are 53.00. November billed the rent of December,
    which is not asked for: 349.80 less 10.60 is 339.20. Five times the mean is 742.00. December has 500 minutes, 1,002.50, and 50.00, less
    270.00 of its rent: 782.50 and tax 46.95.
    """
    renting(world)
    bill(world, "2025-07-01", "2025-08-01", "2025-09-01", "2025-10-01", "2025-11-01", "2025-12-01")
    world.now_us = instant_us("2025-12-10T12:00:00")
    publish(world, 3, 30_000_000, 20_000_000)
    assert re_rate(world, 3, "2025-06..2025-11", "2025-12-10") == -6 * 28000
    world.take(premium("2025-12", 500))
    bill(world, "2026-01-01")
    assert abnormal(world) == [("anna", "2025-12-01", 82945, 74200)]
    assert wrong(world) == []


def moving_in(world: World, rent_micros: int) -> World:
    """Anna pays 10.60 a month, and has a line with a rent since 1 November, which October bills."""
    publish(world, 2, rent_micros)
    world.account("anna", opened_on="2025-07-01")
    world.subscription("anna-1", "anna", "shop/basic", "1001", from_date="2025-07-01")
    world.subscription("anna-2", "anna", "shop/rent", "1002", from_date="2025-11-01")
    bill(world, "2025-08-01", "2025-09-01", "2025-10-01", "2025-11-01")
    world.now_us = instant_us("2025-11-10T12:00:00")
    return world


def test_a_re_rating_of_the_running_period_alone(world: World) -> None:
    """October was 10.00 and 300.00, 328.60 with tax, of which 286.20 come off. Five times the mean of 10.60, 10.60 and 42.40 is 106.00.

    November is 10.00, 30.00, the rent of December, 30.00, and 20 minutes, 40.10: 110.10 and tax 6.61.
    """
    moving_in(world, 300_000_000)
    assert abnormal(world) == [("anna", "2025-10-01", 32860, 5300)]
    publish(world, 3, 30_000_000)
    assert re_rate(world, 3, "2025-10..2025-11", "2025-11-10") == -27000
    world.take(premium("2025-11", 20))
    bill(world, "2025-12-01")
    assert abnormal(world)[1:] == [("anna", "2025-11-01", 11671, 10600)]
    assert wrong(world) == []


def test_a_credit_of_a_re_rating_comes_off_the_same_month(world: World) -> None:
    """The rent of November was 30.00, was re-rated to 300.00 by mistake, and 286.20 are given back: October is 42.40, the limit 106.00.

    November is 10.00, 30.00 and the rent of December, 300.00: 360.40 with tax.
    """
    moving_in(world, 30_000_000)
    publish(world, 3, 300_000_000)
    assert re_rate(world, 3, "2025-10..2025-11", "2025-11-10") == 27000
    assert credit(world, world.numbers("anna")[-1], None, None, on="2025-11-11").total_micros == -28620 * CENT
    bill(world, "2025-12-01")
    assert abnormal(world) == [("anna", "2025-11-01", 36040, 10600)]
    assert wrong(world) == []


def test_a_credit_of_a_fee_in_advance_comes_off_the_month_that_billed_it(world: World) -> None:
    """30.00 in arrears, 300.00 in advance. After a hold one invoice bills October, and November with a fee for December, which is credited.

    So November is 349.80 like the months after it. 772 minutes at 2.005 make February 1,990.53, above five times 349.80.
    """
    renting(world)
    bill(world, "2025-07-01", "2025-08-01", "2025-09-01", "2025-10-01")
    tell(world, "anna", "hold", HoldFact("dispute"), "2025-10-20", "2025-11-15")
    bill(world, "2025-11-01", "2025-12-01")
    number = world.numbers()[-1]
    ahead = [line for line, (_, begins, *_, amount) in enumerate(world.lines(number), start=1) if (begins, amount) == ("2025-12-01", 30000)]
    assert credit(world, number, ahead[0], None, on="2025-12-05").total_micros == -31800 * CENT
    bill(world, "2026-01-01", "2026-02-01")
    world.take(Call("1001", "2026-02-10T10:00:00", 772 * 60, 8690000000001))
    bill(world, "2026-03-01")
    assert abnormal(world)[-1] == ("anna", "2026-02-01", 199053, 174900)
