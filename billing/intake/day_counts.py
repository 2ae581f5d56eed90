"""Sums of rows by day and outcome, and the place at which each is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow as pa

from billing.intake.columns import Quantities, quantities
from billing.intake.settle import Outcome
from rating.dates import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

NO_DAY: Final = ""


class CountPlace(NamedTuple):
    """Place at which something is counted."""

    source: str
    raw_file_id: int
    day: str
    outcome: str


def by_day(table: pa.Table, outcome: NDArray[np.int8]) -> Iterator[tuple[str, int, Quantities]]:
    """Day, outcome and sums of the rows that are in a book."""
    if table.num_rows == 0:
        return
    day = table.column("start_us").cast(pa.int64()).to_numpy() // DAY_US
    days, day_place = np.unique(day, return_inverse=True) if day.min() != day.max() else (day[:1], np.zeros(len(day), np.int64))
    group = day_place * len(Outcome) + outcome
    for place, each in enumerate(quantities(table, group, len(days) * len(Outcome))):
        at, code = divmod(place, len(Outcome))
        if each.rows and code != Outcome.GONE:
            yield str(np.datetime64(int(days[at]), "D")), code, each
