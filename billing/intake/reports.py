"""Reports of intake: on each file or batch that it took, and on what it sealed."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from billing.intake import marks
from billing.intake.columns import quantities
from billing.intake.settle import OUTCOME_NAMES, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from billing.intake.batch import Batch
    from billing.intake.resent import Earlier


class SealReport(NamedTuple):
    """Result of one call of `seal`."""

    rows: int
    ranges: int
    files: int
    sealed_bytes: int


class IntakeReport(msgspec.Struct, frozen=True):
    """Result for one file or batch. `rows` maps each outcome's name to its rows; together they are `received`."""

    name: str
    source: str
    received: int
    rows: dict[str, int]
    rejected_by_reason: dict[str, int]
    answered_duration_us: int
    taken_back: int  # rows of earlier batches that counted until now and wait in suspense with this batch's version of them
    absorbed_later: int  # rows of earlier files that counted until now and whose calls legs of this file bill
    already_taken: bool  # a file with these records was taken before; nothing was stored
    commit_seq: int
    same_as: str = ""  # that earlier file
    suspended_by_reason: dict[str, int] = {}
    told_twice: dict[str, int] = {}  # other sources, and how many of the file's calls count from them as well, of a thousand at most
    assembled: int = 0  # rows that the commit put together from segments, of this file and of earlier ones


def reports(batch: Batch, commit_seq: int) -> list[IntakeReport]:
    """One report an arrival. Rows taken back are reported with the first arrival that conflicts."""
    made = []
    taken_back = batch.changed(marks.CONFLICTING)
    row_from = 0
    for arrival, rejects in zip(batch.arrivals, batch.rejects, strict=True):
        row_to = row_from + arrival.decoded.usage.num_rows
        outcome = batch.outcome[row_from:row_to]
        sums = quantities(arrival.decoded.usage, outcome, len(Outcome))
        rows = {name: sums[i].rows for i, name in enumerate(OUTCOME_NAMES)}
        rows[OUTCOME_NAMES[Outcome.REJECTED]] = len(rejects.new)
        rows[OUTCOME_NAMES[Outcome.DUPLICATE]] += len(arrival.decoded.rejects) - len(rejects.new)
        told = taken_back if rows[OUTCOME_NAMES[Outcome.CONFLICTING]] else 0
        taken_back -= told
        made.append(
            IntakeReport(
                name=arrival.name,
                source=arrival.source,
                received=arrival.decoded.rows,
                rows=rows,
                rejected_by_reason=_sorted(collections.Counter(str(each.reject.reason) for each in rejects.new)),
                answered_duration_us=sums[Outcome.ANSWERED].duration_us,
                taken_back=told,
                absorbed_later=batch.changed(marks.ABSORBED_LATER),
                already_taken=False,
                commit_seq=commit_seq,
                suspended_by_reason=_held(batch, slice(row_from, row_to)),
                assembled=0 if batch.assembly is None else batch.assembly.made.num_rows,
            )
        )
        row_from = row_to
    return made


def together(reports: Sequence[IntakeReport]) -> IntakeReport:
    """The report of a file that was taken in several commits."""
    summed = {
        name: sum(getattr(report, name) for report in reports)
        for name in ("received", "answered_duration_us", "taken_back", "absorbed_later", "assembled")
    }
    counted = {
        name: _sorted(sum((collections.Counter(getattr(report, name)) for report in reports), collections.Counter[str]()))
        for name in ("rejected_by_reason", "suspended_by_reason")
    }
    rows = {name: sum(report.rows[name] for report in reports) for name in OUTCOME_NAMES}
    return msgspec.structs.replace(reports[-1], rows=rows, **summed, **counted)


def already_taken(name: str, source: str, earlier: Earlier) -> IntakeReport:
    """The report of a file that was taken before."""
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
        commit_seq=earlier.commit_seq,
        same_as=earlier.path,
    )


def _held(batch: Batch, rows: slice) -> dict[str, int]:
    """Rows that wait whole, by reason, without those that conflict."""
    counts = {reason: int(mask[rows].sum()) for reason, mask in batch.marked.items() if reason != marks.CONFLICTING}
    return _sorted({reason: count for reason, count in counts.items() if count})


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))
