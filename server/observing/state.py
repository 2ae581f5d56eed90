"""The state of a home for a scrape: operations and findings, as counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.controls import findings
from server.observing.prometheus import State, Work
from server.operations import rows
from server.operations.rows import State as OperationState

if TYPE_CHECKING:
    from billing.store.home import Home


def of(home: Home) -> State:
    """The state of a home now. Raises UserError and OSError where its store does not answer."""
    begun = rows.begun(home)
    work = [Work(each.kind, each.progress.stage, each.progress.done, each.progress.total) for each in begun if not each.is_done]
    interrupted = sum(each.state is OperationState.INTERRUPTED for each in begun)
    return State(work, interrupted, findings.count_open(home))
