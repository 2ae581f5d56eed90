"""Every topic with its shapes. Of a topic's shapes the first that fits is asked; shapes that list come with their reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.vectors.billing import (
    caps,
    clocks,
    commitment,
    cycle_dates,
    dunning,
    ledgers,
    lives,
    money,
    others,
    proration,
    rounding,
    tax_discount,
    usage_pricing,
    voiding,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.vectors.billing.form import Shape

TOPICS: Final[Mapping[str, Sequence[Shape]]] = {
    "bill_hold": others.HOLDS,
    "caps": caps.SHAPES,
    "credit_note": money.CREDIT_NOTES,
    "credits": money.CREDITS,
    "cycle_dates": cycle_dates.SHAPES,
    "dunning": dunning.SHAPES,
    "hierarchy": others.HIERARCHY,
    "idempotency": lives.REPEATS,
    "invoice_recurring": lives.RECURRING,
    "ledger": ledgers.SHAPES,
    "limits": clocks.LIMITS,
    "minimum_commitment": commitment.SHAPES,
    "numbering": others.NUMBERING,
    "payments": money.PAYMENTS,
    "plan_change": lives.CHANGES,
    "prepaid": others.BALANCES,
    "proration": proration.SHAPES,
    "rounding": rounding.SHAPES,
    "tax_discount": tax_discount.SHAPES,
    "threshold_billing": others.THRESHOLDS,
    "timezone": clocks.ZONES,
    "usage_pricing": usage_pricing.SHAPES,
    "void_reissue": voiding.SHAPES,
}
