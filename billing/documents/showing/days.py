"""The days of its period for which a fee or a commitment that is divided by days is charged, of stored lines.

They are known of lines that bill a charge for the first time: a line that corrects is a difference, and names its period.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from billing.charges import own_days as charged
from billing.charges.charge_keys import Kind
from billing.charges.periods import Period
from billing.runs.contracts.midnights import Midnights

if TYPE_CHECKING:
    from billing.charges.proration import Span
    from billing.documents.showing.names import Names
    from rating.model import Plan


def own_days(row: Any, names: Names) -> tuple[Span, ...]:  # noqa: ANN401 -- a row of the database
    """The days of a stored line; none where they are all of its period, where it is not divided by days, or not known."""
    life = names.lives.get(row.subscription_key)
    kind = Kind[row.kind.upper()]
    if life is None or kind not in charged.DIVIDED or row.corrects_invoice_key is not None:
        return ()
    midnights = Midnights()

    def plan_at(name: str, day: dt.date) -> Plan | None:
        version = names.price_list.plan_on(name, *midnights.day_us(life.zone, day))
        return version.plan if version is not None else None

    charge = charged.Charge(kind, names.identity(row), row.price_id)
    period = Period(dt.date.fromisoformat(row.period_from), dt.date.fromisoformat(row.period_to), dt.date.fromisoformat(row.period_from))
    return charged.own_days(charge, life.spans, life.breaks, period, plan_at)
