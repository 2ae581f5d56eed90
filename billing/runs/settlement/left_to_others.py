"""Usage that interim bills leave to other bills: it is on one of a subscription that owned it before.

Its number moved for an earlier day since, or another version of its record is kept. A run of the cycle computes the period of the account
that was billed, and takes it off there. No interim bill has it before.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from billing import late_decisions
from billing.intake import marks
from billing.runs.contracts.counted_runs import looked
from billing.runs.selection.interim_charges import interim_looks
from billing.runs.selection.moved_since import moved_since
from billing.runs.selection.owners_now import owners_of
from billing.runs.selection.standing_charges import HomeAsOf, StandingCharges
from rating.dates import DAY_US, day_of

if TYPE_CHECKING:
    from billing.store.home import Home

_PERIOD_DAYS_MAX: Final = 62  # a period that is open may have begun so many days before usage


def left_to_other_bills(home: Home, seq: int, window_us: tuple[int, int]) -> late_decisions.Decided | None:
    """Such usage as of `seq`, of an open window, and what people have decided on; None where no bill of these days has any."""
    since = day_of(window_us[0] // DAY_US) - dt.timedelta(_PERIOD_DAYS_MAX)
    with home.connect() as connection:
        runs = [run for run in (*looked(connection, seq), *interim_looks(connection, seq)) if run.bill_date > since]
        if not runs:
            return None
        wanted = moved_since(connection, min(run.pinned_seq for run in runs), seq)._replace(first_day=since)
        if not wanted.is_any:
            return None
        charges = StandingCharges(HomeAsOf(home, connection, seq), wanted)
        standing = charges.standing(lambda _: True)
        now = owners_of(home, connection, seq, {charge.event_key for charge in standing})
        decided = late_decisions.decided(connection, seq)
    known = (charge for charge in standing if charge.event_key in now)
    moved = sorted({charge.event_key for charge in known if now[charge.event_key].subscription_key != charges.line(charge)[0]})
    if not moved:
        return None
    keys, none = pa.concat_arrays([decided.keys, marks.keys_array(moved)]), np.zeros(len(decided.keys) + len(moved), np.int64)
    return late_decisions.Decided(keys, none, none, none)
