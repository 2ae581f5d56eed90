"""The records of the benchmarks: a month of calls, ten an account, as columns for the engine and as columns for its peers.

Records come in order of arrival: by start, but for a delay of some minutes on the way, so that neighbours belong to different accounts.
Destinations follow the popularity of zones (`deck.draw_numbers`); accounts and plans are even; starts follow the hours of a day; durations
are exponential with a mean of two minutes, at most two hours, in microseconds. One call in a hundred runs over the edge of a band, several
times what such a week brings about by itself; in the job with everything on it is three in ten, since that is what the figure is about.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.work.deck import Deck, Numbers, draw_numbers, make_deck
from benchmarks.work.tariff import FROM_US, PLANS

PREFIXES = 30_000
RECORDS_PER_ACCOUNT = 10
DAYS = 31
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
WEEK_HOURS = 168
EPOCH_HOURS = 72  # the week of `band_of_hour` begins on a Monday, the epoch was a Thursday
DURATION_MEAN_US = 120_000_000
DURATION_MAX_US = 2 * HOUR_US
DELAY_MEAN_US = 300_000_000


class Records(NamedTuple):
    """Columns of n calls in order of arrival."""

    start_us: NDArray[np.int64]
    duration_us: NDArray[np.int64]
    account: NDArray[np.int64]
    plan: NDArray[np.int64]
    numbers: Numbers
    event_key: NDArray[np.uint64]  # (n, 2)

    def take(self, rows: NDArray[np.int64] | slice) -> Records:
        """These rows, in this order."""
        numbers = Numbers(self.numbers.number[rows], self.numbers.digits[rows])
        return Records(self.start_us[rows], self.duration_us[rows], self.account[rows], self.plan[rows], numbers, self.event_key[rows])

    def grouped_order(self) -> NDArray[np.int64]:
        """Rows account by account, each one's by start and key."""
        return np.lexsort((self.event_key[:, 1], self.event_key[:, 0], self.start_us, self.account))


class Week(NamedTuple):
    """The calendar of `tariff.WEEK` by the hour, for peers: all its edges lie on whole hours of UTC."""

    band: NDArray[np.int64]  # by hour of the week: position in tariff.BANDS
    hours_left: NDArray[np.int64]  # until the band changes, this hour included
    next_band: NDArray[np.int64]


def deck() -> Deck:
    """The deck that all jobs but the one of compiling are about."""
    return make_deck(PREFIXES, seed=1)


def week() -> Week:
    """Bands of the week, hour by hour from Monday."""
    hour = np.arange(WEEK_HOURS)
    day, of_day = hour // 24, hour % 24
    band = np.where(day >= 5, 1, np.where((of_day >= 8) & (of_day < 20), 0, 2))
    ahead = band[(hour[:, None] + np.arange(1, 49)) % WEEK_HOURS]
    hours_left = 1 + np.argmax(ahead != band[:, None], axis=1)
    return Week(band, hours_left, band[(hour + hours_left) % WEEK_HOURS])


def draw_records(deck: Deck, count: int, *, seed: int = 3, crossing: float = 0.01) -> Records:
    """`count` calls of January 2026. `crossing`: the share of calls that are moved so that they run over the edge of a band."""
    rng = np.random.default_rng(seed)
    accounts = accounts_of(count)
    numbers = draw_numbers(rng, deck, count)
    account = rng.integers(0, accounts, count)
    duration_us = np.minimum(rng.exponential(DURATION_MEAN_US, count).astype(np.int64), DURATION_MAX_US)
    day_us = rng.integers(0, DAYS, count) * DAY_US
    start_us = FROM_US + day_us + (rng.triangular(0, 15, 24, count) * HOUR_US).astype(np.int64)
    start_us = _moved_to_edges(rng, start_us, duration_us, crossing)
    order = np.argsort(start_us + rng.exponential(DELAY_MEAN_US, count).astype(np.int64))
    key = rng.integers(0, 2**63, (count, 2)).astype(np.uint64)
    return Records(start_us[order], duration_us[order], account, plan_of(account), numbers, key)


def accounts_of(records: int) -> int:
    """How many accounts there are."""
    return max(records // RECORDS_PER_ACCOUNT, 1)


def plan_of(account: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each account's plan number: spread evenly, and not in the order of accounts."""
    return account * 7_919 // 13 % PLANS


def hour_of_week(start_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """Hours since Monday 00:00 UTC."""
    return (start_us // HOUR_US + EPOCH_HOURS) % WEEK_HOURS


def until_edge_us(start_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """How long the band in which a call begins still lasts."""
    return week().hours_left[hour_of_week(start_us)] * HOUR_US - start_us % HOUR_US


def crosses(records: Records) -> NDArray[np.bool_]:
    """Which calls are still on when the band changes. Increments may run on over the edge without the call: that is no crossing."""
    return records.duration_us > until_edge_us(records.start_us)


def _moved_to_edges(
    rng: np.random.Generator, start_us: NDArray[np.int64], duration_us: NDArray[np.int64], share: float
) -> NDArray[np.int64]:
    """Move the starts of that share of calls to somewhere before the next edge that the call then runs over."""
    edge_us = start_us + until_edge_us(start_us)
    moved = np.minimum(edge_us - (rng.random(len(start_us)) * duration_us).astype(np.int64), FROM_US + DAYS * DAY_US - 1)
    return np.where(rng.random(len(start_us)) < share, moved, start_us)
