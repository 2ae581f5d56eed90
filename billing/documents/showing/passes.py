"""Day passes in the lines of a bill: the fee of a pass is part of the charge of the event that opens it, so that a line of usage holds it.

Known of lines that a run of the cycle billed for the first time. Their events are priced once more by the plain twin, and only where a plan
of the line's subscription has a day pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from billing.documents.showing.names import day_of, names_of
from billing.runs import states
from rating.model import BucketKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.documents.finding import Document
    from billing.documents.showing.names import Names
    from billing.store.home import Home


class Passes(msgspec.Struct, frozen=True):
    """How often a day pass was opened by events of a line, and what the fees come to, before money and caps."""

    name: str
    times: int
    fees_micros: int


def passes_by_line(home: Home, document: Document, rows: Sequence[Any], language: str) -> dict[int, tuple[Passes, ...]]:
    """The day passes in some stored lines of a document, by line number."""
    with home.connect() as connection:
        names = names_of(home, connection, document, rows, language)
    return {row.line_no: passes_of(home, document, row, names) for row in rows}


def passes_of(home: Home, document: Document, row: Any, names: Names) -> tuple[Passes, ...]:  # noqa: ANN401 -- a row of the database
    """The day passes in a stored line."""
    known = row.kind == "usage" and document.run_kind == states.CYCLE and row.corrects_invoice_key is None and row.exact_micros
    titles = _titles(row, names) if known else {}
    if not titles:
        return ()
    from billing.explain_line import explain_line  # noqa: PLC0415 -- with the kernels of a run; few lines hold a day pass

    found: dict[int, tuple[int, int]] = {}
    for outcome in explain_line(home, document.number, row.line_no).outcomes:
        for taken in outcome.taken:
            if taken.kind is BucketKind.DAY_PASS and taken.fee_micros:
                times, fees = found.get(taken.definition_id, (0, 0))
                found[taken.definition_id] = times + 1, fees + taken.fee_micros
    return tuple(Passes(titles[pass_id], *sums) for pass_id, sums in sorted(found.items()))


def _titles(row: Any, names: Names) -> dict[int, str]:  # noqa: ANN401 -- a row of the database
    """What the day passes of a line's subscription in its period are called."""
    life = names.lives.get(row.subscription_key)
    end = day_of(row.period_to)
    plans = [each.plan for each in life.spans if each.span.start < end] if life is not None else []
    found: dict[int, str] = {}
    for version in (version for name in plans for version in names.price_list.plan_versions(name)):
        for each in version.plan.day_passes:
            found[each.pass_id] = each.title.get(names.language) or each.title.get("en") or each.name
    return found
