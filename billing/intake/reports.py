"""What intake says about each file or batch it took."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

import msgspec

from billing.intake.columns import quantities
from billing.intake.settle import OUTCOME_NAMES, Outcome

if TYPE_CHECKING:
    from billing.intake.records import Batch


class IntakeReport(msgspec.Struct, frozen=True):
    """What became of one file or batch. `rows` maps each outcome's name to its rows; together they are `received`."""

    name: str
    source: str
    received: int
    rows: dict[str, int]
    rejected_by_reason: dict[str, int]
    answered_duration_us: int
    taken_back: int  # rows of earlier batches that counted until now and wait in suspense with this batch's version of them
    absorbed_later: int  # rows of earlier files that counted until now and whose calls legs of this file bill
    already_taken: bool  # this very file was taken before; nothing was stored
    commit_seq: int


def reports(batch: Batch, commit_seq: int) -> list[IntakeReport]:
    """One report an arrival. Rows taken back are told with the first arrival that conflicts."""
    made = []
    taken_back = batch.taken_back.num_rows
    row_from = 0
    for arrival in batch.arrivals:
        row_to = row_from + arrival.decoded.usage.num_rows
        outcome = batch.outcome[row_from:row_to]
        sums = quantities(arrival.decoded.usage, outcome, len(Outcome))
        rows = {name: sums[i].rows for i, name in enumerate(OUTCOME_NAMES)}
        rows[OUTCOME_NAMES[Outcome.REJECTED]] = len(arrival.decoded.rejects)
        told = taken_back if rows[OUTCOME_NAMES[Outcome.CONFLICTING]] else 0
        taken_back -= told
        made.append(
            IntakeReport(
                name=arrival.name,
                source=arrival.source,
                received=arrival.decoded.rows,
                rows=rows,
                rejected_by_reason=dict(collections.Counter(str(reject.reason) for reject in arrival.decoded.rejects)),
                answered_duration_us=sums[Outcome.ANSWERED].duration_us,
                taken_back=told,
                absorbed_later=batch.absorbed_later.num_rows,
                already_taken=False,
                commit_seq=commit_seq,
            )
        )
        row_from = row_to
    return made


def already_taken(name: str, source: str, commit_seq: int) -> IntakeReport:
    """The report of a file whose bytes were taken before, in the commit `commit_seq`."""
    return IntakeReport(
        name=name,
        source=source,
        received=0,
        rows=dict.fromkeys(OUTCOME_NAMES, 0),
        rejected_by_reason={},
        answered_duration_us=0,
        taken_back=0,
        absorbed_later=0,
        already_taken=True,
        commit_seq=commit_seq,
    )
