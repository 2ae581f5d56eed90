"""Charge keys: the fields that distinguish sums of charges, and the kinds of line. Nothing here needs columns."""

from __future__ import annotations

import enum
from typing import Final

KEY_FIELDS: Final = (
    "account_key", "period_from", "period_to", "kind", "subscription_key", "charge_code", "price_id", "tax_class", "revenue_code",
)  # fmt: skip


class Kind(enum.IntEnum):
    """Kinds of line, in the order of the invoice."""

    RECURRING = 1
    ONE_OFF = 2
    USAGE = 3
    VOLUME = 4  # the price of a period's whole quantity, less what its events were charged
    COMMITMENT = 5  # what is missing to a least amount
    ADJUSTMENT = 6  # by hand, with a reason
    DISCOUNT = 7
    TAX = 9


USUAL_KINDS: Final = (Kind.RECURRING, Kind.ONE_OFF, Kind.USAGE, Kind.VOLUME)  # of a discount that names none
