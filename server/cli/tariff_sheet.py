"""A catalogue as plain text for a terminal: versions, plans with fees and allowances, prices with bands and steps."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from rating.model import ANY_BAND, UNIT_OF_SERVICE, QuantityUnit
from rating.money import format_micros
from server.cli.output import plain_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.model import Catalogue, Plan, Price, Rate, Step

PRICES_SHOWN: Final = 40
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def lines(catalogue: Catalogue, versions: Sequence[Catalogue]) -> list[str]:
    """The sheet of `catalogue`; `versions` are all published ones of its identity."""
    sheet = [
        f"{catalogue.identity} version {catalogue.version}, {catalogue.currency}, {catalogue.timezone}",
        f"content hash {catalogue.content_hash.hex()}",
        "versions: " + ", ".join(f"{each.version} from {_instant(each)}" for each in versions),
    ]
    for plan in catalogue.plans:
        sheet += ["", *_plan_lines(catalogue, plan)]
    sheet += ["", "prices:", *_price_table(catalogue)]
    if len(catalogue.prices) > PRICES_SHOWN:
        sheet.append(f"  and {len(catalogue.prices) - PRICES_SHOWN} more; --json has them all")
    return [*sheet, "", *(f"{language}: {text}" for language, text in catalogue.disclosure.items())]


def quantity(amount: int, unit: QuantityUnit) -> str:
    """A quantity of a price, such as 60 s, 1,000,000 B or 1 message."""
    if unit is QuantityUnit.MILLISECOND:
        return f"{format_micros(amount * 1000, 0)} s"
    if unit is QuantityUnit.BYTE:
        return f"{amount:,} B"
    return f"{amount} message" if amount == 1 else f"{amount} messages"


def _instant(catalogue: Catalogue) -> str:
    moment = (_EPOCH + dt.timedelta(microseconds=catalogue.effective_from_us)).astimezone(ZoneInfo(catalogue.timezone))
    return moment.isoformat(sep=" ")


def _plan_lines(catalogue: Catalogue, plan: Plan) -> list[str]:
    titles = " / ".join(plan.title.values())
    found = [f"plan {catalogue.identity}/{plan.name} ({titles}): {len(plan.rules)} rules"]
    found += [f"  fee {fee.name}: {format_micros(fee.amount_micros)} {catalogue.currency} in {fee.timing.value}" for fee in plan.recurring]
    for allowance in plan.allowances:
        granted = quantity(allowance.quantity, UNIT_OF_SERVICE[allowance.service])
        found.append(f"  allowance {allowance.name}: {granted} of {allowance.service.name.lower()} to {', '.join(allowance.zones)}")
    return found


def _price_table(catalogue: Catalogue) -> list[str]:
    rows = [row for price in catalogue.prices[:PRICES_SHOWN] for row in _price_rows(price)]
    columns = ("  id", "price", "band", "from", "rate", "per", "increments", "connect", "minimum", "maximum", "rounding")
    return plain_table(columns, rows, right=("  id", "rate"))


def _price_rows(price: Price) -> list[list[str]]:
    return [_row(price, rate, step) for rate in price.rates for step in rate.steps]


def _row(price: Price, rate: Rate, step: Step) -> list[str]:
    return [
        str(price.price_id),
        price.name,
        "" if rate.band == ANY_BAND else rate.band,
        quantity(step.from_qty, price.unit) if step.from_qty else "",
        format_micros(step.rate_micros),
        quantity(step.per_qty, price.unit),
        f"{quantity(rate.first_increment_qty, price.unit)} / {quantity(step.increment_qty, price.unit)}",
        format_micros(rate.connect_fee_micros) if rate.connect_fee_micros else "",
        format_micros(price.minimum_micros) if price.minimum_micros else "",
        format_micros(price.maximum_micros) if price.maximum_micros is not None else "",
        f"{price.rounding_mode.value} {format_micros(price.rounding_step_micros)}",
    ]
