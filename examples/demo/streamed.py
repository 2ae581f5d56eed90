"""The records that a switch streams in November: calls, messages and data sessions, as one CSV that examples/switch_stream.py reads."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import calls as calls_module
import numpy as np
import population
import rowtext

if TYPE_CHECKING:
    from pathlib import Path

    from population import Population

US = calls_module.US
VOICE, SMS, DATA = 1, 2, 4
SHARES = ((VOICE, 0.45), (SMS, 0.35), (DATA, 0.20))
DAYS = 20  # from 1 November on
MEDIAN_VOLUME_BYTES = 5_000_000
VOLUME_SPREAD = 1.5
LONGEST_VOLUME_BYTES = 5_000_000_000
HEADER = b"record_id,service,served,other,start_us,duration_us,volume_bytes,units\n"


def write(rng: np.random.Generator, people: Population, path: Path, count: int) -> dict[str, Any]:
    """Write `count` records, in order of time; return what is in them, by service."""
    lines = np.flatnonzero(~people.is_company & (people.to_us > calls_module.local_us(dt.date(2026, 12, 1))))
    line = rng.choice(lines, count)
    service = rng.choice([each for each, _ in SHARES], count, p=[share for _, share in SHARES])
    first_us = calls_module.local_us(population.MONTH[1])
    start_us = np.sort(first_us + rng.integers(0, DAYS * 86_400 * US, count))
    duration_us = (np.exp(rng.normal(np.log(calls_module.MEDIAN_TALK_S), calls_module.TALK_SPREAD, count)) * US).astype(np.int64)
    duration_us = duration_us.clip(1, calls_module.LONGEST_TALK_US)
    volume = np.exp(rng.normal(np.log(MEDIAN_VOLUME_BYTES), VOLUME_SPREAD, count)).astype(np.int64).clip(1, LONGEST_VOLUME_BYTES)
    other = population.numbers_below(rng, population.PERSON.home_prefixes, count)
    with path.open("wb") as file:
        file.write(HEADER)
        file.write(
            rowtext.rows(
                "n",
                rowtext.digits(np.arange(count), 9),
                ",",
                rowtext.number(service, 1),
                ",",
                rowtext.number(people.number[line], 15),
                ",",
                rowtext.blank_where(rowtext.number(other, 15), service == DATA),
                ",",
                rowtext.stamp(start_us // US),
                ".",
                rowtext.digits(start_us % US, 6),
                "Z,",
                rowtext.blank_where(rowtext.number(duration_us, 12), service != VOICE),
                ",",
                rowtext.blank_where(rowtext.number(volume, 12), service != DATA),
                ",",
                rowtext.blank_where(rowtext.number(np.ones(count, dtype=np.int64), 1), service != SMS),
                "\n",
            )
        )
    return {
        "path": "stream/records.csv",
        "source": "stream",
        "records": count,
        "voice": {"rows": int((service == VOICE).sum()), "duration_us": int(duration_us[service == VOICE].sum())},
        "sms": {"rows": int((service == SMS).sum()), "units": int((service == SMS).sum())},
        "data": {"rows": int((service == DATA).sum()), "volume_bytes": int(volume[service == DATA].sum())},
    }
