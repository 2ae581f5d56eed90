"""Answers of calls about suspense that were killed before they were answered, from what their commit has made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from billing.persons import is_of
from billing.store import tables
from billing.suspense import proposals
from billing.suspense.deciding import Verdict
from billing.suspense.recycling import Recycled

if TYPE_CHECKING:
    from billing.store.home import Home
    from billing.suspense.proposals import Proposal

DUPLICATE: Final = "duplicate"


def proposal_of_commit(home: Home, commit_seq: int) -> Proposal | None:
    """The proposal that a commit has saved, as of then; None where it has saved none."""
    return proposals.saved_by(home, commit_seq)


def recycled(home: Home, commit_seq: int, number: int, request_id: str) -> Recycled:
    """The records that came back with the commits of a request: `recycled`, and `duplicate` for those that were known already.

    `number`: of the operator; `commit_seq`: of the first commit.
    """
    row, commit = tables.suspense_decisions.c, tables.commits.c
    of_request = is_of(commit.by_uid, number) & (commit.request_id == request_id) & (commit.commit_seq >= commit_seq)
    query = sa.select(row.kind, sa.func.count(), sa.func.max(row.commit_seq))
    query = query.where(row.commit_seq.in_(sa.select(commit.commit_seq).where(of_request))).group_by(row.kind)
    with home.connect() as connection:
        found = connection.execute(query).all()
    names = {Verdict.RECYCLED.value: Verdict.RECYCLED.value, Verdict.DROPPED.value: DUPLICATE}
    outcomes = {names[kind]: int(rows) for kind, rows, _ in found if kind in names}
    return Recycled(max((int(last) for *_, last in found), default=0), sum(outcomes.values()), outcomes, {})


def waits_as(home: Home, commit_seq: int) -> int:
    """The record that waits since a commit took a choice back."""
    row = tables.suspense.c
    with home.connect() as connection:
        return int(connection.execute(sa.select(sa.func.max(row.suspense_id)).where(row.commit_seq == commit_seq)).scalar_one())
