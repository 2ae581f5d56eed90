"""The inputs of a document's run, read again, to recompute the amounts due.

A run of the cycle computed the open periods of the accounts that were due. An interim bill (`threshold`) computed the running period up to
its date, without usage that interim bills of other accounts had. A re-rating (`rerate`) computed everything from the months that it was
asked for up to the last bill. Its tariffs and bills were those as of its planning. All else was as known to the last run in which the
account took part. Usage that runs had left out for good by then was excluded (but for documents from before that rule). Of records on final
bills it priced the version that these have. The last two knew nothing of the commit that their documents are of.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pyarrow as pa

from billing.charges.rollover import Left
from billing.documents.run_inputs import AS_BILLED, LATE_RULE, LEAVES_LATE, RERATE, billed_seq, detail_of, job_of
from billing.intake import marks
from billing.late_decisions import Decided
from billing.left_out.for_good import RULE_OF_BEFORE, left_for_good
from billing.runs import states
from billing.runs.contracts import facts, price_list
from billing.runs.contracts.contracts import Contracts
from billing.runs.selection import billed_periods, changed_accounts, scope
from billing.runs.selection.interim_charges import LEAVES_OTHERS
from billing.runs.settlement import adjustments, unbilled
from billing.runs.settlement.left_to_others import left_to_other_bills
from billing.runs.usage import carried_allowances

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    import sqlalchemy as sa

    from billing.documents.finding import Document
    from billing.store.home import Home

_Days = tuple[dt.date, dt.date]


class Ground(NamedTuple):
    """The inputs of a computation, with usage as of `seq`. `through`: the running period is computed up to that day."""

    seq: int
    contracts: Contracts
    scope: scope.Scope
    stored: list[Left]
    adjustments: pa.Table
    through: dt.date | None = None
    left_alone: Decided | None = None  # usage that is not priced; None: what people had decided on
    instead: marks.Versions | None = None  # rows that were priced in the stead of all others of their events


def ground_of(home: Home, connection: sa.Connection, document: Document) -> Ground:
    """The inputs of the run of a document (of a kind that is WORKED_OUT), for the accounts that pay it and their rating units."""
    seq, only = billed_seq(connection, document), {document.account_id}
    if document.run_kind == states.THRESHOLD:
        through = dt.date.fromisoformat(document.bill_date)
        known = unbilled.read(home, connection, seq, through, through, only=only, before_run=document.run_id)
        leaves, window = detail_of(connection, document).get(LEAVES_OTHERS, False), known.scope.window
        others = left_to_other_bills(home, seq, window) if leaves and window is not None else None
        return Ground(seq, known.contracts, known.scope, known.stored, known.adjustments, through, others)
    if document.run_kind == RERATE:
        return _of_rerating(home, connection, document, seq, only)
    contracts = Contracts(facts.load(connection, seq), price_list.load(home, seq), facts.Midnights())
    covered, bill_date = scope.covered_through(connection, contracts.facts, document.run_id), dt.date.fromisoformat(document.bill_date)
    chosen = changed_accounts.scope_of(home, connection, contracts, covered, bill_date, seq, only=only, everything=True)
    stored = carried_allowances.stored(connection, contracts.facts, chosen, document.run_id)
    return Ground(seq, contracts, chosen, stored, adjustments.counting(connection, seq))


def _of_rerating(home: Home, connection: sa.Connection, document: Document, planned_seq: int, only: AbstractSet[str]) -> Ground:
    last = billed_periods.run_of(connection, document.account_id, planned_seq, document.run_id)
    seq = last.pinned_seq
    detail = detail_of(connection, document)
    is_of_before = detail.get(LATE_RULE, RULE_OF_BEFORE) == RULE_OF_BEFORE
    late_rules = None if is_of_before else price_list.load(home, seq)
    contracts = Contracts(facts.load(connection, seq), price_list.load(home, planned_seq), facts.Midnights(), late_rules)
    first_day, _ = msgspec.json.decode(job_of(connection, detail).periods, type=_Days)
    covered = scope.covered_through(connection, contracts.facts, document.run_id)
    chosen = billed_periods.billed_periods(contracts, covered, last, first_day, only)
    stored = carried_allowances.stored(connection, contracts.facts, chosen, document.run_id)
    left_alone = left_for_good(home, planned_seq, detail.get(LATE_RULE, RULE_OF_BEFORE)) if detail.get(LEAVES_LATE) else None
    adjusted, instead = adjustments.counting(connection, seq, planned_seq), marks.from_texts(detail.get(AS_BILLED, ()))
    return Ground(seq, contracts, chosen, stored, adjusted, left_alone=left_alone, instead=instead)
