"""The commit whose state of billing the run of a document knew, to recompute the amounts due.

A run of the cycle knew its pinned commit. An interim bill and a re-rating did not know the commit of their documents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import sqlalchemy as sa

from billing.accounts import covering
from billing.runs import states
from billing.store import tables

if TYPE_CHECKING:
    from billing.documents.finding import Document

RERATE: Final = covering.RERATE
LEAVES_LATE: Final = "leaves_late"  # in the detail of a re-rating: what runs had left out for good is not in it
LATE_RULE: Final = "late_rule"  # beside it: what counts as that (`left_out.for_good`); none: as it was before there were two
AS_BILLED: Final = (
    "as_billed"  # beside both: records on final bills, by key and commit of the version priced; none: the one that counted was
)
WORKED_OUT: Final = (states.CYCLE, states.THRESHOLD, RERATE)  # kinds of run whose lines are what is due less what was billed


def billed_seq(connection: sa.Connection, document: Document) -> int:
    """The commit whose state of billing the run of a document knew."""
    if document.run_kind == states.CYCLE:
        return document.pinned_seq
    detail = detail_of(connection, document)
    if document.run_kind == RERATE:
        return int(job_of(connection, detail).pinned_seq)  # what was approved then is what was made
    return int(detail.get("seq", document.pinned_seq - 1))


def detail_of(connection: sa.Connection, document: Document) -> dict[str, Any]:
    """The details that the run of a document was stored with."""
    run = tables.bill_runs.c
    told = connection.execute(sa.select(run.detail).where(run.run_id == document.run_id)).scalar_one()
    found: dict[str, Any] = msgspec.json.decode(told or "{}")
    return found


def job_of(connection: sa.Connection, detail: dict[str, Any]) -> Any:  # noqa: ANN401 -- a row of rerate_jobs
    """The re-rating job of a run with these details."""
    job = tables.rerate_jobs
    return connection.execute(sa.select(job).where(job.c.job_id == detail["job"])).one()
