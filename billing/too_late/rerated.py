"""Months that were re-rated when a re-rating still billed what runs had left out for good: late usage of them may be billed already.

A re-rating says of its documents that it leaves late usage alone (`grounds.LEAVES_LATE`). One of before does not. What it billed of its
months is credited by a new one of the same plan and months, since that leaves it out.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.documents.run_inputs import LEAVES_LATE, RERATE
from billing.store import tables
from billing.too_late.choosing import local_start

if TYPE_CHECKING:
    from billing.too_late.listing import TooLate


class _Job(NamedTuple):
    """A re-rating that made documents. `accounts` None: all; `at_us`: what came later is not in it."""

    job_id: int
    plan: str
    first_day: dt.date
    after_day: dt.date
    accounts: tuple[str, ...] | None
    at_us: int
    leaves_late: bool

    def is_about(self, each: TooLate) -> bool:
        """Whether a record may be among what it rated."""
        named = self.accounts is None or each.record.account_id in self.accounts
        of_months = self.first_day <= local_start(each).date() < self.after_day
        return named and of_months and self.plan.partition("/")[0] == each.catalogue and each.record.came_us <= self.at_us


class Rerated:
    """Looks up whether a re-rating of before may have billed a record."""

    def __init__(self, connection: sa.Connection) -> None:
        self._jobs = _jobs(connection)

    def why(self, each: TooLate) -> str:
        """Why a record cannot be billed by hand; empty where no such re-rating is about it, or another one has put it right since."""
        newest = {job.plan: job for job in self._jobs if job.is_about(each)}
        old = next((job for job in newest.values() if not job.leaves_late), None)
        if old is None:
            return ""
        months = f"{old.first_day} to {old.after_day - dt.timedelta(days=1)}"
        return f"re-rating {old.job_id} of {old.plan}, {months}, may have billed it: the same re-rating anew credits what it billed so"


def _jobs(connection: sa.Connection) -> list[_Job]:
    run, job = tables.bill_runs.c, tables.rerate_jobs.c
    details = connection.execute(sa.select(run.detail).where(run.kind == RERATE).order_by(run.run_id)).scalars()
    leaves = {int(told["job"]): bool(told.get(LEAVES_LATE)) for told in (msgspec.json.decode(detail or "{}") for detail in details) if told}
    rows = connection.execute(sa.select(tables.rerate_jobs).where(job.job_id.in_(list(leaves))).order_by(job.job_id)).all()
    return [
        _Job(
            int(row.job_id),
            row.plan,
            *msgspec.json.decode(row.periods, type=tuple[dt.date, dt.date]),
            msgspec.json.decode(row.accounts, type=tuple[str, ...] | None),
            int(row.at_us),
            leaves[int(row.job_id)],
        )
        for row in rows
    ]
