"""Check of the writer's clock against the last commits: one that was set back would date things before what they are about.

A command that works long commits under the time at which it looked at the clock, behind commits of others that looked later. So the
latest of the last few commits counts, as of the opening of the home (`Home.next_commit_seq`). Settings do not
count, and one of them is taken at any time: it is the way out where the clock was ahead.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import sqlalchemy as sa

from billing.store import settings, tables
from rating.dates import utc_time
from rating.errors import StoreError

CLOCK_SLACK_US: Final = 1_000_000  # clocks that are set by the network step back by less
PRACTICE: Final = "practice"  # the row of `settings` that a practice home has
NOT_HELD: Final = "setting"  # the kind of commit that is not held here: `setting_changes.put` asks the clock for all but one
_LOOKED_AT: Final = 64  # the last commits, found by their key


class Latest(NamedTuple):
    """The commit that was at the latest time."""

    at_us: int
    commit_seq: int


def latest(connection: sa.Connection) -> Latest | None:
    """The latest by time of the last commits, without those that a setting says were made while the clock was ahead."""
    commit = tables.commits.c
    query = sa.select(commit.at_us, commit.commit_seq).order_by(commit.commit_seq.desc()).limit(_LOOKED_AT)
    ahead_through = settings.integer(connection, settings.CLOCK_AHEAD)
    rows = connection.execute(query.where(commit.kind != NOT_HELD, commit.commit_seq > ahead_through))
    return max((Latest(*row) for row in rows), default=None)


def require(connection: sa.Connection, now_us: int) -> None:
    """Raises StoreError where `now_us` is before the last commits."""
    last = latest(connection)
    if last is not None and is_set_back(now_us, last.at_us):
        then, now = (f"{utc_time(instant_us):%Y-%m-%d %H:%M:%S}" for instant_us in (last.at_us, now_us))
        remedy = (
            "set the clock of this machine right, then run again; nothing was stored. If it is right and was ahead then: "
            f"ratewright settings set {settings.CLOCK_AHEAD} {last.commit_seq} --reason ..."
        )
        if _is_practice(connection):
            remedy = f"this is a practice home: set RATEWRIGHT_TODAY to {then[:10]} or a later day; nothing was stored"
        raise StoreError(f"the clock says {now} UTC, and the last commit was at {then} UTC: it was set back", remedy)


def _is_practice(connection: sa.Connection) -> bool:
    row = tables.settings.c
    return connection.execute(sa.select(row.value).where(row.name == PRACTICE)).first() is not None


def is_set_back(now_us: int, last_us: int) -> bool:
    """Return whether a clock that showed `last_us` was set back since."""
    return now_us < last_us - CLOCK_SLACK_US
