"""The rate of tax that is in force on a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from rating.model import TaxRate


def rate_on(rates: Sequence[TaxRate], day: dt.date) -> int:
    """Parts per million in force on a day; 0 before the first rate. `rates` are sorted by date."""
    in_force = [rate.rate_ppm for rate in rates if rate.effective_from <= day]
    return in_force[-1] if in_force else 0
