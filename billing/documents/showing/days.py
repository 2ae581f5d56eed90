"""The days of its period for which a fee or a commitment that is divided by days is charged.

They are known of lines that bill a charge for the first time: a line that corrects is a difference, and says of which period. Spans are
half open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from billing.charges.pauses import charged_spans, without
from billing.charges.periods import Period
from billing.charges.proration import Span, clip
from billing.documents.showing.names import day_of
from billing.runs.agreed import merged
from billing.runs.facts import Midnights

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.documents.showing.lives import Life
    from billing.documents.showing.names import Names
    from rating.model import Plan

_DIVIDED: Final = ("recurring", "commitment")


def own_days(row: Any, names: Names) -> tuple[Span, ...]:  # noqa: ANN401 -- a row of the database
    """The days of a stored line; none where they are all of its period, where it is not divided by days, or not known."""
    life = names.lives.get(row.subscription_key)
    if row.kind not in _DIVIDED or life is None or row.corrects_invoice_key is not None:
        return ()
    identity, period = names.identity(row), Period(day_of(row.period_from), day_of(row.period_to), day_of(row.period_from))
    midnights = Midnights()
    found: list[Span] = []
    for each in life.spans:
        part = clip(each.span, period) if each.plan.partition("/")[0] == identity else None
        version = names.price_list.plan_on(each.plan, *midnights.day_us(life.zone, part.start)) if part is not None else None
        if part is not None and version is not None:
            found += _charged(row, version.plan, part, life)
    days = merged(found)
    return () if days == (Span(period.start, period.end),) else days


def _charged(row: Any, plan: Plan, part: Span, life: Life) -> Iterator[Span]:  # noqa: ANN401 -- a row of the database
    if row.kind == "recurring":
        for fee in plan.recurring:
            if fee.price_id == row.price_id and fee.prorate:
                yield from charged_spans(fee, part, life.breaks)
    for commitment in plan.commitments if row.kind == "commitment" else ():
        if commitment.price_id == row.price_id and commitment.prorate:
            yield from without(part, life.breaks.pauses)
