"""The same jobs in numpy: the peer of those who stay in arrays, and the check of the stateful job over every record.

`rate_stateless` is written to be fast (chunks that fit into the cache; calls that cross a band are done again by the long formula).
`rate_stateful` is written to be seen through: an allowance is a running total of chargeable quantity, and so is a tier, because neither
changes how long an event is chargeable (the tiers of `tariff` keep their increments).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.work.deck import Intervals
from benchmarks.work.workload import HOUR_US, Records, Week, hour_of_week

CHUNK = 16_384
NO_EDGE_MS = 1 << 40
_I64 = NDArray[np.int64]
Rates = dict[str, _I64]


class Charges(NamedTuple):
    """Results in the order of the records."""

    key: _I64  # (plan x zones + zone) x 3 + band of the start
    chargeable_ms: _I64
    charge_micros: _I64
    free_ms: _I64


class Parts(NamedTuple):
    """Lengths of the four stretches of each call: first and second step, before the edge of the band and after it."""

    lengths: tuple[_I64, _I64, _I64, _I64]
    rates: tuple[_I64, _I64, _I64, _I64]


class Keys(NamedTuple):
    """Which rates a call may meet."""

    here: _I64  # key of the rate at the start
    after: _I64  # key of the next band's
    left_us: _I64  # until that begins


class Lookup(NamedTuple):
    """What a call is rated by: the deck, the rates, the hours of the week, and how many zones a plan has."""

    deck: Intervals
    rates: Rates
    hours: Week
    zones: int

    def keys(self, records: Records) -> Keys:
        """Which rates each call may meet."""
        zone = self.deck.zone[np.searchsorted(self.deck.low, records.numbers.place, side="right") - 1]
        hour = hour_of_week(records.start_us)
        base = (records.plan * self.zones + zone) * 3
        left_us = self.hours.hours_left[hour] * HOUR_US - records.start_us % HOUR_US
        return Keys(base + self.hours.band[hour], base + self.hours.next_band[hour], left_us)


def rate_stateless(lookup: Lookup, records: Records) -> Charges:
    """Every record, with no memory of the others."""
    count = len(records.start_us)
    made = Charges(*(np.zeros(count, np.int64) for _ in Charges._fields))
    for low in range(0, count, CHUNK):
        part = slice(low, low + CHUNK)
        _rate_chunk(lookup, records.take(part), Charges(*(column[part] for column in made)))
    return made


def rate_stateful(lookup: Lookup, grouped: Records, allowance_ms: int, serves: NDArray[np.bool_]) -> Charges:
    """Records grouped by account in event order; `serves`: by zone, whether the account's allowance does."""
    keys = lookup.keys(grouped)
    key = keys.here
    wanted = -(-grouped.duration_us // 1_000)
    tiered = lookup.rates["tiered"][key] > 0
    chargeable = sum(_walk(lookup.rates, keys, wanted, np.zeros_like(wanted)).lengths)
    begins = np.flatnonzero(np.diff(grouped.account, prepend=-1))
    base = np.where(tiered, _before(begins, chargeable * tiered), 0)
    parts = _walk(lookup.rates, keys, wanted, base)
    served = serves[key // 3 % lookup.zones]
    free = np.clip(allowance_ms - _before(begins, chargeable * served), 0, chargeable * served)
    charge = _charge(lookup.rates, key, parts, chargeable, free)
    return Charges(key, chargeable, charge, free)


def split_calls(lookup: Lookup, records: Records) -> int:
    """How many calls are charged in two bands, so that increments begin on both sides of the edge."""
    keys = lookup.keys(records)
    parts = _walk(lookup.rates, keys, -(-records.duration_us // 1_000), np.zeros_like(keys.here))
    return int((parts.lengths[2] + parts.lengths[3] > 0).sum())


def _before(begins: _I64, amounts: _I64) -> _I64:
    """Running total of `amounts` in each group, that of the row itself left out."""
    running = np.cumsum(amounts) - amounts
    sizes = np.diff(begins, append=len(amounts))
    return running - np.repeat(running[begins], sizes)


def _rate_chunk(lookup: Lookup, records: Records, made: Charges) -> None:
    keys = lookup.keys(records)
    key = keys.here
    rates = {name: column[key] for name, column in lookup.rates.items() if name not in {"split", "tiered"}}
    wanted = (records.duration_us + 999) // 1_000
    first, step_1, step_2 = rates["first_ms"], rates["increment_1"], rates["increment_2"]
    one = first + (np.maximum(np.minimum(wanted, rates["step_at"]) - first, 0) + step_1 - 1) // step_1 * step_1
    two = (np.maximum(wanted - one, 0) + step_2 - 1) // step_2 * step_2
    exact = np.maximum(one * rates["rate_1"] + two * rates["rate_2"] + rates["connect"], rates["minimum"])
    made.key[:] = key
    made.chargeable_ms[:] = one + two
    made.charge_micros[:] = _rounded(exact, rates)
    again = np.flatnonzero((records.duration_us > keys.left_us) | (records.duration_us <= 0))
    parts = _walk(lookup.rates, Keys(*(column[again] for column in keys)), wanted[again], np.zeros(len(again), np.int64))
    made.chargeable_ms[again] = sum(parts.lengths)
    made.charge_micros[again] = _charge(lookup.rates, key[again], parts, sum(parts.lengths), np.zeros(len(again), np.int64))


def _walk(rates: Rates, keys: Keys, wanted: _I64, base: _I64) -> Parts:
    """How far each step and band reaches. `base`: where the event begins on the line of its tier."""
    key, after, left_us = keys
    edge = np.where(rates["split"][key] > 0, -(-left_us // 1_000), NO_EDGE_MS)
    step_at, step_at_after = rates["step_at"][key] - base, rates["step_at"][after] - base
    first = np.where(wanted > 0, rates["first_ms"][key], 0)
    begins_low = step_at > 0
    one = begins_low * (first + _whole(np.minimum(np.minimum(wanted, step_at), edge) - first, rates["increment_1"][key]))
    two = ~begins_low * first
    two += _whole(np.minimum(wanted, edge) - one - two, rates["increment_2"][key])
    three = _whole(np.minimum(wanted, step_at_after) - one - two, rates["increment_1"][after])
    four = _whole(wanted - one - two - three, rates["increment_2"][after])
    return Parts((one, two, three, four), (rates["rate_1"][key], rates["rate_2"][key], rates["rate_1"][after], rates["rate_2"][after]))


def _whole(length: _I64, increment: _I64) -> _I64:
    """Whole increments that cover `length`, or nothing."""
    return -(-np.maximum(length, 0) // increment) * increment


def _charge(rates: Rates, key: _I64, parts: Parts, chargeable: _I64, free: _I64) -> _I64:
    """The charge of what is left when `free` is taken off the head."""
    exact, end = rates["connect"][key].copy(), np.zeros(len(key), np.int64)
    for length, rate in zip(parts.lengths, parts.rates, strict=True):
        end = end + length
        exact += np.clip(end - free, 0, length) * rate
    here = {name: rates[name][key] for name in ("added", "divisor", "half_even", "step_micros")}
    charge = _rounded(np.maximum(exact, rates["minimum"][key]), here)
    return np.where(chargeable > free, charge, 0)


def _rounded(exact: _I64, rates: Rates) -> _I64:
    """Rounded by adding and dividing; half-even is half-up, one less where an odd multiple was a tie."""
    numerator = exact + rates["added"]
    multiple = numerator // rates["divisor"]
    tie = rates["half_even"] * (multiple & 1) * (multiple * rates["divisor"] == numerator)
    return (multiple - tie) * rates["step_micros"]
