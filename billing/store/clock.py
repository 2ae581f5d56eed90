"""The clock of whoever writes, held against the last commit: one that was set back would date things before what they are about."""

from __future__ import annotations

import datetime as dt
from typing import Final

import sqlalchemy as sa

from billing.store import tables
from rating.errors import UserError

CLOCK_SLACK_US: Final = 1_000_000  # clocks that are set by the network step back by less

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def require(connection: sa.Connection, now_us: int) -> None:
    """Raises UserError where `now_us` is before the last commit."""
    commit = tables.commits.c
    last_us = connection.execute(sa.select(commit.at_us).order_by(commit.commit_seq.desc()).limit(1)).scalar_one_or_none()
    if last_us is not None and now_us < last_us - CLOCK_SLACK_US:
        then, now = (f"{_EPOCH + dt.timedelta(microseconds=instant_us):%Y-%m-%d %H:%M:%S}" for instant_us in (last_us, now_us))
        raise UserError(
            f"the clock says {now} UTC, and the last commit was at {then} UTC: it was set back",
            "set the clock of this machine right, then run again; nothing was stored",
        )
