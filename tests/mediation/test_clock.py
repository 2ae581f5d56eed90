"""Local times to instants, against zoneinfo one by one around every kind of clock change."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from mediation.values import clock

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
CASES = [
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-05"),  # half an hour
    ("Africa/Casablanca", "2026-02-15"),  # twice within weeks
    ("Pacific/Apia", "2011-12-30"),  # a whole day that never was
    ("Asia/Shanghai", "2026-03-02"),
    ("America/Sao_Paulo", "2026-01-01"),
]


def twin(local: dt.datetime, zone: str) -> tuple[int, int, int]:
    """The same by zoneinfo: both folds, and whether they come back to the local time."""
    instants = [local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(dt.UTC) for fold in (0, 1)]
    exists = instants[0].astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local
    state = clock.UNIQUE if instants[0] == instants[1] else clock.AMBIGUOUS if exists else clock.NONEXISTENT
    first, last = sorted((instant - EPOCH) // MICROSECOND for instant in instants)
    return first, last, state


@pytest.mark.parametrize(("zone", "day"), CASES)
def test_around_a_change(zone: str, day: str) -> None:
    begin = dt.datetime.fromisoformat(day) - dt.timedelta(days=1)
    locals_ = [begin + dt.timedelta(minutes=7 * step, microseconds=1) for step in range(3 * 24 * 60 // 7)]
    local_us = np.array([(moment.replace(tzinfo=dt.UTC) - EPOCH) // MICROSECOND for moment in locals_])
    found = clock.to_utc(local_us, zone)
    columns = (found.earliest_us.tolist(), found.latest_us.tolist(), found.state.tolist())
    assert list(zip(*columns, strict=True)) == [twin(moment, zone) for moment in locals_]


def test_edges_of_an_ambiguous_hour() -> None:
    edges = ["2026-10-25T01:59:59.999999", "2026-10-25T02:00:00", "2026-10-25T02:59:59.999999", "2026-10-25T03:00:00"]
    local_us = np.array([(dt.datetime.fromisoformat(edge).replace(tzinfo=dt.UTC) - EPOCH) // MICROSECOND for edge in edges])
    assert clock.to_utc(local_us, "Europe/Berlin").state.tolist() == [0, 1, 1, 0]


def test_no_times() -> None:
    assert clock.to_utc(np.zeros(0, np.int64), "Europe/Berlin").state.size == 0
