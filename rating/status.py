"""Status codes of a rated usage event, in their order of precedence.

A refused event gets the *first* refusal of this list that applies. Kernel and twin test in this order. Numbers are written
to disk and to the API: one is never given another meaning.
"""

from __future__ import annotations

import enum


class Status(enum.IntEnum):
    """Result of rating one event. 0 and 1 carry a charge; every higher code refuses and leaves the charge null."""

    RATED = 0  # priced, charge above zero
    ZERO_RATED = 1  # priced, charge of zero: free quantity, zero usage or a zero price
    UNKNOWN_SUBSCRIPTION = 10  # no subscription owns the served number at the start of the event
    UNKNOWN_PLAN = 11  # the subscription's plan is in no published catalogue
    NEGATIVE_QUANTITY = 12  # quantity must be zero or more
    TIME_OUT_OF_RANGE = 13  # start must lie in 2000-01-01 .. 2070-01-01 UTC
    INVALID_NUMBER = 14  # a destination, where there is one, must have 1 to 15 digits
    NO_VERSION = 15  # a version of the plan's catalogue must be in force at the start of the event
    NO_ZONE = 16  # a rule of the plan must hold for the event, with a price that is active at its start
    NOT_SOLD = 17  # the matching rule must have a price: this one is deliberately without
    QUANTITY_TOO_LARGE = 18  # quantity and content amount must stay within the bounds proved for the price, so that no product can wrap
    CONTENT_AMOUNT_MISSING = 19  # a price that charges a share of the content amount needs one, in the catalogue's currency


REFUSALS_FROM = Status.UNKNOWN_SUBSCRIPTION
