"""Frozen lists of invoices that wait for their numbers, across schema 0013: since then a list has the periods to be computed again.

A run leaves out usage which is on another bill, and stores that its next one has to compute the period again (`pending_periods`). A list
that was computed by a version before may bill such usage a second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from billing.store import schema
from rating.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa

_SINCE: Final = "0013"
_WAITING: Final = (
    "SELECT run_drafts.run_id, bill_runs.bill_date, run_drafts.path FROM run_drafts"
    " JOIN bill_runs ON bill_runs.run_id = run_drafts.run_id WHERE bill_runs.state = 'computed' ORDER BY run_drafts.run_id"
)


class _Index(msgspec.Struct):
    """The part of a list's index that schemas differ in (`billing.runs.frozen_list`)."""

    pending: list[Any] | None = None


class _Waiting(NamedTuple):
    """A list. `pending`: the number of its periods to be computed again; None: it was computed by a version that knew none."""

    run_id: int
    bill_date: str
    pending: int | None


def of_before(run_id: int, bill_date: str) -> UserError:
    """The refusal to number a list that was computed by a version before."""
    return UserError(
        f"the list of bill run {run_id} of {bill_date} was computed by a version before schema {_SINCE}: where a number or record changed"
        " after it was billed, it may bill usage a second time",
        f"reject it (ratewright bill reject --run {run_id} --note ...) or give it up (ratewright bill abandon --date {bill_date}), "
        f"then run the date again: ratewright bill run --date {bill_date}",
    )


def notes(connection: sa.Connection, folder: Path, found: str, to: str) -> list[str]:
    """The remedies that are needed after a migration, for lists that were computed by a version before."""
    if not found < _SINCE <= to:
        return []
    errors = [of_before(each.run_id, each.bill_date) for each in _waiting(connection, folder) if each.pending is None]
    return [f"{each.message}; remedy: {each.remedy}" for each in errors]


def require_nothing_pending(connection: sa.Connection, folder: Path, found: str, to: str) -> None:
    """Raise UserError where a migration goes back to a schema that has no place for periods which a list has yet to store."""
    if not to < _SINCE <= found:
        return
    for each in _waiting(connection, folder):
        if each.pending:
            run = f"bill run {each.run_id} of {each.bill_date}"
            raise UserError(
                f"the database cannot go back to schema {to}: the list of {run} has periods of accounts"
                " that the next run has to compute again, and an older version would not store them",
                f"number it, reject it (ratewright bill reject --run {each.run_id} --note ...) or give it up (ratewright bill abandon"
                f" --date {each.bill_date}) first",
            )


def _waiting(connection: sa.Connection, folder: Path) -> list[_Waiting]:
    """The lists of runs that are computed; without those whose index is gone, which `db check` reports."""
    if not {"run_drafts", "bill_runs"} <= schema.table_names(connection):
        return []
    found = []
    for run_id, bill_date, path in connection.exec_driver_sql(_WAITING).all():
        try:
            index = msgspec.json.decode((folder / path).read_bytes(), type=_Index)
        except (OSError, msgspec.DecodeError):
            continue
        found.append(_Waiting(int(run_id), str(bill_date), None if index.pending is None else len(index.pending)))
    return found
