"""The tariff of the benchmark of closing a month: three plans with a fee, calls at home and abroad, messages and data, and taxes.

Plan S has no allowance; M and L have minutes and data. Seconds count singly and amounts are rounded half up to a hundredth of a cent, so
that SQL can say what an event costs in one expression.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from rating.model import (
    ANY_ZONE,
    Allowance,
    Catalogue,
    FeeTiming,
    Plan,
    Price,
    QuantityUnit,
    Rate,
    RecurringFee,
    Service,
    Step,
    TaxClass,
    TaxRate,
    UsageRule,
    Zone,
)
from rating.money import RoundingMode

IDENTITY: Final = "close"
CURRENCY: Final = "EUR"
FROM_US: Final = 1_764_547_200_000_000  # 2025-12-01T00:00Z
PLANS: Final = ("s", "m", "l")
FEES_MICROS: Final = (4_990_000, 14_990_000, 29_990_000)
FREE_MS: Final = (0, 60 * 60_000, 300 * 60_000)
FREE_BYTES: Final = (0, 10**8, 10**9)
HOME, ABROAD, MESSAGE, DATA = 10, 11, 12, 13  # charge codes, and price ids
VOICE_STEP_MS: Final = 1_000
A_MINUTE: Final = 60_000
MICROS: Final = {HOME: 90_000, ABROAD: 390_000, MESSAGE: 70_000, DATA: 20_000}  # a minute, a minute, a message, a million bytes
DATA_STEP: Final = 1_000
ROUNDING_STEP_MICROS: Final = 100
TAX_PPM: Final = 190_000
HOME_PREFIX: Final = "49"


def catalogue(version: int = 1, message_micros: int = MICROS[MESSAGE]) -> Catalogue:
    """A version, which corrects the one before it from the beginning; messages may cost something else in it."""
    minute, message, data = QuantityUnit.MILLISECOND, QuantityUnit.MESSAGE, QuantityUnit.BYTE
    prices = (
        _price(HOME, "Calls at home", minute, VOICE_STEP_MS, A_MINUTE, MICROS[HOME]),
        _price(ABROAD, "Calls abroad", minute, VOICE_STEP_MS, A_MINUTE, MICROS[ABROAD]),
        _price(MESSAGE, "Messages", message, 1, 1, message_micros),
        _price(DATA, "Data", data, DATA_STEP, 1_000_000, MICROS[DATA]),
    )
    rules = (
        UsageRule(Service.VOICE, "home", "Calls at home"),
        UsageRule(Service.VOICE, ANY_ZONE, "Calls abroad"),
        UsageRule(Service.SMS, ANY_ZONE, "Messages"),
        UsageRule(Service.DATA, ANY_ZONE, "Data"),
    )
    return Catalogue(
        IDENTITY, version, CURRENCY, 2, "UTC", FROM_US, (Zone(1, "home", (HOME_PREFIX,)),), (), prices,
        tuple(_plan(number, rules) for number in range(len(PLANS))),
        (TaxClass("standard", 1, (TaxRate(dt.date(2020, 1, 1), TAX_PPM),)),), {},
        corrects=version - 1 or None,
    )  # fmt: skip


def _plan(number: int, rules: tuple[UsageRule, ...]) -> Plan:
    allowances = (
        Allowance(1, "minutes", (Service.VOICE,), QuantityUnit.MILLISECOND, FREE_MS[number], ("home",)),
        Allowance(2, "data", (Service.DATA,), QuantityUnit.BYTE, FREE_BYTES[number], (ANY_ZONE,)),
    )
    fee = RecurringFee(20 + number, f"Plan {PLANS[number].upper()}", 20 + number, 5000, "standard", FEES_MICROS[number], FeeTiming.ARREARS)
    return Plan(PLANS[number], rules, {"en": PLANS[number].upper()}, allowances if FREE_MS[number] else (), (fee,))


def _price(code: int, name: str, unit: QuantityUnit, increment: int, per: int, micros: int) -> Price:  # noqa: PLR0913, PLR0917 -- the fields of a price
    rate = Rate("any", (Step(0, micros, per, increment),), increment)
    rounding = {"rounding_mode": RoundingMode.HALF_UP, "rounding_step_micros": ROUNDING_STEP_MICROS}
    return Price(code, name, code, 4000 + code, "standard", unit, (rate,), **rounding)  # type: ignore[arg-type]  # checked by the model's users
