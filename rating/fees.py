"""The structs of what a bill charges beside usage: fees, commitments, prices of whole periods, discounts, thresholds, terms.

Part of `rating.model`, from which everybody imports them; what is said there of structs and units holds here. PPM is parts per million.
"""

from __future__ import annotations

import enum

import msgspec


class FeeTiming(enum.StrEnum):
    """The time at which a recurring fee is charged: in advance of its period or in arrears."""

    ADVANCE = "advance"
    ARREARS = "arrears"


class WhilePaused(enum.StrEnum):
    """The treatment of a recurring fee on the days on which its subscription is paused."""

    FREE = "free"
    CHARGED = "charged"
    ONLY = "only"  # it is charged for those days alone: what keeps a number


class TaxShare(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of a bundle's fee that is of a tax class of its own."""

    tax_class: str
    share_ppm: int  # the shares of a fee add up to PPM
    revenue_code: int


class RecurringFee(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fee for each bill period, prorated by exact day fractions when the period is cut."""

    price_id: int
    name: str
    charge_code: int
    revenue_code: int
    tax_class: str
    amount_micros: int
    timing: FeeTiming = FeeTiming.ARREARS
    prorate: bool = True
    title: dict[str, str] = {}
    while_paused: WhilePaused = WhilePaused.FREE
    outage_credit: bool = True  # days of an outage are not charged
    shares: tuple[TaxShare, ...] = ()  # of a bundle of several tax classes; none: all of it is of `tax_class`


class FeeOccasion(enum.StrEnum):
    """The occasion of a one-off fee."""

    ACTIVATION = "activation"  # the first day of the subscription
    END = "end"  # its last day
    PLAN_CHANGE = "plan_change"  # the first day on this plan after another one; add-ons come and go without it
    ADDED = "added"  # of an add-on: the first day with it
    REMOVED = "removed"  # of an add-on: the last day with it
    EARLY_END = "early_end"  # the last day, where the least time of the contract is not over by then


class OneOffFee(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fee charged once, whole, in the period of the local day of its occasion."""

    price_id: int
    name: str
    charge_code: int
    revenue_code: int
    tax_class: str
    amount_micros: int
    on: FeeOccasion = FeeOccasion.ACTIVATION
    title: dict[str, str] = {}
    per_remaining_month: bool = False  # of EARLY_END: the amount for each month of the least time that is left, a begun one counts whole


class CommitmentCounts(enum.StrEnum):
    """The charges that count toward a commitment."""

    USAGE = "usage"
    USAGE_AND_FEES = "usage_and_fees"


class Commitment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A least amount for each bill period: what is missing is charged under these codes."""

    price_id: int
    name: str
    charge_code: int
    revenue_code: int
    tax_class: str
    amount_micros: int
    counts: CommitmentCounts = CommitmentCounts.USAGE
    prorate: bool = True  # a part period commits to the exact day fraction
    title: dict[str, str] = {}


class VolumeScope(enum.StrEnum):
    """The owner whose quantity is added up."""

    SUBSCRIPTION = "subscription"
    ACCOUNT = "account"


class VolumeStep(msgspec.Struct, frozen=True, omit_defaults=True):
    """From this quantity on, *all* units of the period cost `rate_micros` per `per`, plus `flat_micros` once."""

    from_qty: int
    rate_micros: int
    per: int = 1
    flat_micros: int = 0


class VolumeTier(msgspec.Struct, frozen=True, omit_defaults=True):
    """A price of the whole quantity of a bill period: the line is that price less what the events were charged, of either sign.

    The step is the last with `from_qty` <= the period's chargeable quantity of `prices` (names of prices of one unit), less what was free.
    """

    price_id: int
    name: str
    charge_code: int
    revenue_code: int
    tax_class: str
    prices: tuple[str, ...]
    steps: tuple[VolumeStep, ...]  # sorted; the first begins at 0
    scope: VolumeScope = VolumeScope.SUBSCRIPTION
    title: dict[str, str] = {}


class InvoiceDiscount(msgspec.Struct, frozen=True, omit_defaults=True):
    """Off the period's lines, before tax: a percentage or a fixed amount (one of them). Percentages come before fixed amounts.

    It applies to lines of these kinds and charge codes (none named: recurring, one-off, usage and volume lines of the subscription).
    """

    price_id: int
    name: str
    charge_code: int
    revenue_code: int
    percent_ppm: int = 0
    amount_micros: int = 0
    kinds: tuple[str, ...] = ()
    charge_codes: tuple[int, ...] = ()
    months: int | None = None  # only the first so many bill periods of the plan
    title: dict[str, str] = {}


class BillThreshold(msgspec.Struct, frozen=True, omit_defaults=True):
    """An amount of unbilled usage of a subscription's running period at which it is billed at once; each once a period."""

    threshold_id: int
    name: str
    amount_micros: int
    title: dict[str, str] = {}


class ServiceTerms(msgspec.Struct, frozen=True, omit_defaults=True):
    """Promises beside prices, for the tariff sheet."""

    activation_hours: int | None = None  # the service works so many hours after the order
    late_credit_ppm: int = 0  # of the recurring fees of a period, for each day that activation is late
    minimum_months: int = 0  # the least time that a contract runs
    notice_days: int = 0  # a customer ends the contract so many days ahead
