"""The words of a plan in a tariff file: its rules, what it grants, and its fees, as docs/tariffs.md describes them."""

from __future__ import annotations

import msgspec

from rating.model import (
    ANY_ZONE,
    AtPlanChange,
    CommitmentCounts,
    Draw,
    FeeOccasion,
    FeeTiming,
    LateUsage,
    LimitAction,
    VolumeScope,
    WallClock,
    WhilePaused,
)
from tariffs.language.texts import Quantity
from tariffs.language.words import (
    Action,
    Amount,
    Clock,
    Counts,
    Date,
    DirectionName,
    DrawName,
    Entry,
    Grant,
    Instant,
    Late,
    LineKind,
    Measure,
    Occasion,
    Paused,
    Percent,
    PlanChange,
    Scope,
    ServiceName,
    SharedBy,
    Sharing,
    Timing,
    Window,
)


class RuleEntry(Entry, frozen=True, kw_only=True):
    """Usage of a service to a zone that meets every condition given has a price; `price: null` refuses it on purpose."""

    service: ServiceName
    zone: str
    price: str | None
    direction: DirectionName | None = None
    origin: str | None = None
    on_net: bool | None = None
    roaming: str | None = None
    rating_group: int | None = None
    customer_group: int | None = None


class RolloverEntry(Entry, frozen=True, kw_only=True):
    """The quantity left at the end of a period that stays for so many more, `maximum` of it at most."""

    periods: int
    maximum: Grant | None = None


class Served(Entry, frozen=True, kw_only=True):
    """Usage that an entry serves: `service` or `services`, and zones."""

    service: ServiceName | None = None
    services: tuple[ServiceName, ...] | None = None
    zones: tuple[str, ...] = (ANY_ZONE,)


class AllowanceEntry(Served, frozen=True, kw_only=True):
    """Free quantity, or money, in each bill period."""

    id: int
    name: str
    quantity: Measure | None = None
    money: Amount | None = None
    prorate: bool = True
    priority: int = 0
    draw: DrawName = Draw.EXACT
    connect_when_free: bool = False
    shared: SharedBy = Sharing.NO
    rollover: RolloverEntry | None = None
    at_plan_change: PlanChange = AtPlanChange.PRORATE
    title: dict[str, str] = msgspec.field(default_factory=dict)


class DayPassEntry(Served, frozen=True, kw_only=True):
    """A fee for a local day on which usage is used; then usage of that day is free, up to `quantity` where there is one."""

    id: int
    name: str
    fee: Amount
    quantity: Measure | None = None
    clock: Clock = WallClock.TARIFF
    priority: int = 0
    title: dict[str, str] = msgspec.field(default_factory=dict)


class CapEntry(Served, frozen=True, kw_only=True):
    """No more than `amount` is charged in a window; without services it serves all."""

    id: int
    name: str
    amount: Amount
    window: Window
    title: dict[str, str] = msgspec.field(default_factory=dict)


class DiscountEntry(Served, frozen=True, kw_only=True):
    """A percentage off; without services it serves all."""

    id: int
    name: str
    percent: Percent
    friends_only: bool = False
    from_: Instant | None = msgspec.field(name="from", default=None)
    to: Instant | None = None
    title: dict[str, str] = msgspec.field(default_factory=dict)


class TaxShareEntry(Entry, frozen=True, kw_only=True):
    """A part of a bundle's fee that is of a tax class of its own."""

    tax_class: str
    percent: Percent
    revenue_code: int


class RecurringEntry(Entry, frozen=True, kw_only=True):
    """A fee in each bill period."""

    id: int
    name: str
    charge_code: int
    revenue_code: int
    tax_class: str
    amount: Amount
    title: dict[str, str] = msgspec.field(default_factory=dict)
    timing: Timing = FeeTiming.ARREARS
    prorate: bool = True
    while_paused: Paused = WhilePaused.FREE
    outage_credit: bool = True
    shares: tuple[TaxShareEntry, ...] = ()


class OneOffEntry(Entry, frozen=True, kw_only=True):
    """A fee charged once: when the subscription begins, when it ends, ends too early, or changes to this plan."""

    id: int
    name: str
    charge_code: int
    revenue_code: int
    tax_class: str
    amount: Amount
    on: Occasion = msgspec.field(name="at", default=FeeOccasion.ACTIVATION)
    title: dict[str, str] = msgspec.field(default_factory=dict)
    per_remaining_month: bool = False


class CommitmentEntry(Entry, frozen=True, kw_only=True):
    """A least amount for each bill period; what is missing is charged."""

    id: int
    name: str
    charge_code: int
    revenue_code: int
    tax_class: str
    amount: Amount
    counts: Counts = CommitmentCounts.USAGE
    prorate: bool = True
    title: dict[str, str] = msgspec.field(default_factory=dict)


class VolumeStepEntry(Entry, frozen=True, kw_only=True):
    """From a period's quantity on, what all of it costs: `rate` per `per`, and `flat` once."""

    from_: Measure = msgspec.field(name="from", default=Quantity(0, None))
    rate: Amount | None = None
    per: Measure | None = None
    flat: Amount = 0


class VolumeTierEntry(Entry, frozen=True, kw_only=True):
    """A price of the whole quantity of a bill period, in place of what each use was charged."""

    id: int
    name: str
    charge_code: int
    revenue_code: int
    tax_class: str
    prices: tuple[str, ...]
    steps: tuple[VolumeStepEntry, ...]
    scope: Scope = VolumeScope.SUBSCRIPTION
    title: dict[str, str] = msgspec.field(default_factory=dict)


class InvoiceDiscountEntry(Entry, frozen=True, kw_only=True):
    """A percentage or an amount off the lines of a bill period, before tax."""

    id: int
    name: str
    charge_code: int
    revenue_code: int
    percent: Percent | None = None
    amount: Amount | None = None
    kinds: tuple[LineKind, ...] = ()
    charge_codes: tuple[int, ...] = ()
    months: int | None = None
    title: dict[str, str] = msgspec.field(default_factory=dict)


class BillThresholdEntry(Entry, frozen=True, kw_only=True):
    """An amount of unbilled usage at which it is billed at once."""

    id: int
    name: str
    amount: Amount
    title: dict[str, str] = msgspec.field(default_factory=dict)


class SpendLimitEntry(Served, frozen=True, kw_only=True):
    """An amount in a window at which the subscriber is notified, or barred; without services it serves all. It changes no bill."""

    id: int
    name: str
    amount: Amount
    window: Window
    action: Action = LimitAction.NOTIFY
    title: dict[str, str] = msgspec.field(default_factory=dict)


class TermsEntry(Entry, frozen=True, kw_only=True):
    """Promises beside prices."""

    activation_hours: int | None = None
    late_credit_percent: Percent = 0
    minimum_months: int = 0
    notice_days: int = 0


class AddOnEntry(Entry, frozen=True, kw_only=True):
    """An add-on, bought on top of the plans that name it: what it grants, and its fees."""

    name: str
    title: dict[str, str]
    excludes: tuple[str, ...] = ()
    allowances: tuple[AllowanceEntry, ...] = ()
    day_passes: tuple[DayPassEntry, ...] = ()
    caps: tuple[CapEntry, ...] = ()
    discounts: tuple[DiscountEntry, ...] = ()
    recurring: tuple[RecurringEntry, ...] = ()
    one_offs: tuple[OneOffEntry, ...] = ()


class PlanEntry(Entry, frozen=True, kw_only=True):
    """A plan: its rules (written out and from decks), the plans asked after it, what it grants, and fees."""

    name: str
    title: dict[str, str]
    rules: tuple[RuleEntry, ...] = ()
    decks: tuple[str, ...] = ()
    fallbacks: tuple[str, ...] = ()
    allowances: tuple[AllowanceEntry, ...] = ()
    day_passes: tuple[DayPassEntry, ...] = ()
    caps: tuple[CapEntry, ...] = ()
    discounts: tuple[DiscountEntry, ...] = ()
    recurring: tuple[RecurringEntry, ...] = ()
    one_offs: tuple[OneOffEntry, ...] = ()
    commitments: tuple[CommitmentEntry, ...] = ()
    spend_limits: tuple[SpendLimitEntry, ...] = ()
    add_ons: tuple[str, ...] = ()
    terms: TermsEntry | None = None
    sold_from: Date | None = None
    sold_to: Date | None = None
    late_usage: Late = LateUsage.ORIGIN_PERIOD
    late_after_days: int = 0
    late_usage_days_max: int | None = None
    volume_tiers: tuple[VolumeTierEntry, ...] = ()
    invoice_discounts: tuple[InvoiceDiscountEntry, ...] = ()
    bill_thresholds: tuple[BillThresholdEntry, ...] = ()
