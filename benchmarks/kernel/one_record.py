"""A process that rates one record: loads the example tariff, compiles it, prints the charge in micro-units."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rating.engine import Buckets, RatingInput, rate
from rating.model import Service
from tariffs.compiling.compiler import compile_catalogues
from tariffs.reading.load import load

CATALOGUE = Path(__file__).parents[2] / "tariffs" / "catalogs" / "mobile"
START_US = 1_793_620_800_000_000  # 2026-11-02T12:00Z, a Monday
DURATION_US = 185_200_000


def main() -> None:
    """A call of 185.2 s from plan smart-s to Germany's neighbours."""
    tables = compile_catalogues([load(CATALOGUE)])
    batch = RatingInput(
        start_us=np.array([START_US]),
        quantity=np.array([DURATION_US]),
        service=np.array([Service.VOICE], np.int8),
        plan=np.array([tables.plan_index["mobile/smart-s"]], np.int32),
        number=np.array([33_145_678_901], np.uint64),
        number_digits=np.array([11], np.int8),
        holder=np.array([-1], np.int32),
        rating_unit=np.array([1]),
        event_key=np.zeros((1, 2), np.uint64),
    )
    rated = rate(tables, batch, Buckets.none())
    print(int(rated.charge_micros[0]))  # noqa: T201 - what the parent reads


if __name__ == "__main__":
    main()
