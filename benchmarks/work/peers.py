"""The stateless job in Polars, in pandas and as a loop over Decimal: what people would write who have one of these at hand.

Longest prefix is a binary search of intervals; join_asof between sorted frames takes as long (M records a second: Polars 19 and 20, pandas
13 and 13). Rates are rows taken by position, not a join on the key. Calls that cross a band are one in a hundred: both frames leave them to
the long formula of `plain`. The Decimal loop shares nothing with the others and walks each call step by step.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl

from benchmarks.work import plain
from rating.money import RoundingMode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.work.plain import Lookup
    from benchmarks.work.workload import Records
    from rating.model import Catalogue, Price, Rate

HOUR_US = 3_600_000_000
_DECIMAL_MODES = {RoundingMode.HALF_UP: ROUND_HALF_UP, RoundingMode.HALF_EVEN: ROUND_HALF_EVEN, RoundingMode.UP: ROUND_UP}
_RATE_COLUMNS = (
    "first_ms", "increment_1", "increment_2", "step_at", "rate_1", "rate_2", "connect", "minimum", "divisor", "added", "half_even",
    "step_micros",
)  # fmt: skip


class Polars:
    """The job as Polars expressions."""

    def __init__(self, lookup: Lookup, records: Records) -> None:
        self.lookup, self.records = lookup, records
        self.calls = pl.DataFrame(_columns(records))
        self.rates = pl.DataFrame({name: lookup.rates[name] for name in _RATE_COLUMNS})
        self.low, self.zone = pl.Series(lookup.deck.low), pl.Series(lookup.deck.zone)
        self.band, self.hours_left = pl.Series(lookup.hours.band), pl.Series(lookup.hours.hours_left)

    def rate(self) -> NDArray[np.int64]:
        """Charges in the order of the records."""
        c = pl.col
        hour = (c("start_us") // HOUR_US + 72) % 168
        zone = pl.lit(self.zone).gather(pl.lit(self.low).search_sorted(c("number") * c("scale"), side="right") - 1)
        here = self.calls.select(
            ((c("plan") * self.lookup.zones + zone) * 3 + pl.lit(self.band).gather(hour)).alias("key"),
            (pl.lit(self.hours_left).gather(hour) * HOUR_US - c("start_us") % HOUR_US < c("duration_us")).alias("crosses"),
            ((c("duration_us") + 999) // 1_000).alias("wanted"),
        )
        one = c("first_ms") + _whole_polars(pl.min_horizontal("wanted", "step_at") - c("first_ms"), c("increment_1"))
        multiple = c("numerator") // c("divisor")
        tie = c("half_even") * (multiple % 2) * (multiple * c("divisor") == c("numerator"))
        charge = (
            self.rates[here["key"]].hstack([here["wanted"]])
            .with_columns(one.alias("one"))
            .with_columns(_whole_polars(c("wanted") - c("one"), c("increment_2")).alias("two"))
            .select(
                (pl.max_horizontal(c("one") * c("rate_1") + c("two") * c("rate_2") + c("connect"), "minimum") + c("added"))
                .alias("numerator"), "divisor", "half_even", "step_micros",
            )
            .select(((multiple - tie) * c("step_micros")).alias("charge"))["charge"].to_numpy()
        )  # fmt: skip
        return _with_crossing(self.lookup, self.records, charge, here["crosses"].to_numpy())


class Pandas:
    """The job as pandas columns."""

    def __init__(self, lookup: Lookup, records: Records) -> None:
        self.lookup, self.records = lookup, records
        self.calls = pd.DataFrame(_columns(records))
        self.rates = pd.DataFrame({name: lookup.rates[name] for name in _RATE_COLUMNS})
        self.low, self.zone = pd.Series(lookup.deck.low), pd.Series(lookup.deck.zone)
        self.hours = pd.DataFrame({"band": lookup.hours.band, "left_us": lookup.hours.hours_left * HOUR_US})

    def rate(self) -> NDArray[np.int64]:
        """Charges in the order of the records."""
        calls = self.calls
        zone = self.zone.take(self.low.searchsorted(calls["number"] * calls["scale"], side="right") - 1).to_numpy()
        hour = self.hours.take((calls["start_us"] // HOUR_US + 72) % 168).set_index(calls.index)
        row = self.rates.take((calls["plan"] * self.lookup.zones + zone) * 3 + hour["band"]).set_index(calls.index)
        wanted = (calls["duration_us"] + 999) // 1_000
        one = row["first_ms"] + _whole_pandas(np.minimum(wanted, row["step_at"]) - row["first_ms"], row["increment_1"])
        two = _whole_pandas(wanted - one, row["increment_2"])
        exact = np.maximum(one * row["rate_1"] + two * row["rate_2"] + row["connect"], row["minimum"])
        numerator = exact + row["added"]
        multiple = numerator // row["divisor"]
        tie = row["half_even"] * (multiple % 2) * (multiple * row["divisor"] == numerator)
        charge = ((multiple - tie) * row["step_micros"]).to_numpy()
        crosses = calls["duration_us"] > hour["left_us"] - calls["start_us"] % HOUR_US
        return _with_crossing(self.lookup, self.records, charge, crosses.to_numpy())


def rate_decimal(catalogue: Catalogue, records: Records, zone_of: dict[str, int]) -> list[Decimal]:
    """Charges in currency units, one record at a time, straight from the catalogue's prices: what a billing script does."""
    by_place = list(catalogue.prices)
    rates = [{rate.band: rate for rate in price.rates} for price in by_place]
    zones, charges = len(catalogue.zones), []
    numbers = zip(records.numbers.number.tolist(), records.plan.tolist(), strict=True)
    for (number, plan), start_us, duration_us in zip(numbers, records.start_us.tolist(), records.duration_us.tolist(), strict=True):
        text = str(number)
        zone = next(zone_of[text[:digits]] for digits in range(min(len(text), 11), 0, -1) if text[:digits] in zone_of)
        place = plan * zones + zone
        charges.append(_charge_decimal(by_place[place], rates[place], start_us, duration_us))
    return charges


def _charge_decimal(price: Price, rates: dict[str, Rate], start_us: int, duration_us: int) -> Decimal:
    """One call, increment by increment as far as steps and bands could change, then the rest at once."""
    if duration_us == 0:
        return Decimal(0)
    wanted, position, exact = -(-duration_us // 1_000), 0, Decimal(0)
    band, left_us = _band(start_us)
    rate = rates[band]
    connect, increment = rate.connect_fee_micros, rate.first_increment_qty
    edge = -(-left_us // 1_000) if price.band_policy == "split" else wanted
    while position < wanted:
        if position >= edge:
            rate, edge = rates[_band(start_us + edge * 1_000)[0]], wanted
        step = rate.steps[-1] if position >= rate.steps[-1].from_qty else rate.steps[0]
        later = rate.steps[-1].from_qty
        until = min(wanted, edge, later if position < later else wanted)
        if position:
            increment = step.increment_qty
            count = -(-(until - position) // increment)
        else:
            count = 1
        exact += Decimal(count * increment) * step.rate_micros / step.per_qty
        position += count * increment
    rounding = Decimal(price.rounding_step_micros)
    amount = max(exact + connect, Decimal(price.minimum_micros))
    return (amount / rounding).quantize(Decimal(1), _DECIMAL_MODES[price.rounding_mode]) * rounding / 1_000_000


def _band(instant_us: int) -> tuple[str, int]:
    """Band in force, and the microseconds that it lasts."""
    week_us = (instant_us + 72 * HOUR_US) % (168 * HOUR_US)
    day, of_day_us = divmod(week_us, 24 * HOUR_US)
    if day >= 5:
        return "weekend", 168 * HOUR_US - week_us
    if of_day_us < 8 * HOUR_US:
        return "other", 8 * HOUR_US - of_day_us
    if of_day_us < 20 * HOUR_US:
        return "peak", 20 * HOUR_US - of_day_us
    return "other", (24 if day == 4 else 32) * HOUR_US - of_day_us


def _columns(records: Records) -> dict[str, NDArray[np.int64]]:
    return {
        "start_us": records.start_us,
        "duration_us": records.duration_us,
        "plan": records.plan,
        "number": records.numbers.number,
        "scale": 10 ** (15 - records.numbers.digits),
    }


def _whole_polars(length: pl.Expr, increment: pl.Expr) -> pl.Expr:
    return (pl.max_horizontal(length, 0) + increment - 1) // increment * increment


def _whole_pandas(length: Any, increment: Any) -> Any:  # noqa: ANN401 - pandas' own types
    return (np.maximum(length, 0) + increment - 1) // increment * increment


def _with_crossing(lookup: Lookup, records: Records, charge: NDArray[np.int64], crosses: NDArray[np.bool_]) -> NDArray[np.int64]:
    rows = np.flatnonzero(crosses | (records.duration_us <= 0))
    charge = charge.copy()
    charge[rows] = plain.rate_stateless(lookup, records.take(rows)).charge_micros
    return charge
