"""Answers of calls about suspense that were killed before they were answered, from what their commit has made."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

import sqlalchemy as sa

from billing.store import tables
from billing.suspense import proposals
from billing.suspense.deciding import Verdict

if TYPE_CHECKING:
    from billing.store.home import Home
    from billing.suspense.proposals import Proposal

DUPLICATE = "duplicate"


def proposal_of_commit(home: Home, commit_seq: int) -> Proposal | None:
    """The proposal that a commit has saved; None where it has saved none."""
    return next((each for each in proposals.proposals(home) if each.commit_seq == commit_seq), None)


def outcomes(home: Home, commit_seq: int) -> dict[str, int]:
    """Records that came back with a commit: `recycled`, and `duplicate` for those that were known already."""
    row = tables.suspense_decisions.c
    query = sa.select(row.kind, sa.func.count()).where(row.commit_seq == commit_seq).group_by(row.kind)
    with home.connect() as connection:
        found = collections.Counter[str]({str(kind): int(rows) for kind, rows in connection.execute(query)})
    return {name: rows for name, rows in ((Verdict.RECYCLED.value, found[Verdict.RECYCLED]), (DUPLICATE, found[Verdict.DROPPED])) if rows}


def waits_as(home: Home, commit_seq: int) -> int:
    """The record that waits since a commit took a choice back."""
    row = tables.suspense.c
    with home.connect() as connection:
        return int(connection.execute(sa.select(sa.func.max(row.suspense_id)).where(row.commit_seq == commit_seq)).scalar_one())
