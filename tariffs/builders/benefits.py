"""Grants and fees of plans and add-ons alike: allowances, day passes, caps, discounts, and fees.

`tariffs.check` looks at whether the parts fit each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rating.model import (
    UNIT_OF_SERVICE,
    Allowance,
    ChargeCap,
    DayPass,
    Discount,
    OneOffFee,
    QuantityUnit,
    RecurringFee,
    Service,
    TaxShare,
)
from tariffs.documents.document import Finding
from tariffs.language.texts import UNIT_WORDS
from tariffs.language.words import Sharing

if TYPE_CHECKING:
    from tariffs.documents.document import Place
    from tariffs.language.plans import (
        AddOnEntry,
        AllowanceEntry,
        CapEntry,
        DayPassEntry,
        DiscountEntry,
        OneOffEntry,
        PlanEntry,
        RecurringEntry,
        RolloverEntry,
        SpendLimitEntry,
    )


class Benefits(NamedTuple):
    """In the order of the file."""

    allowances: tuple[Allowance, ...]
    day_passes: tuple[DayPass, ...]
    caps: tuple[ChargeCap, ...]
    discounts: tuple[Discount, ...]
    recurring: tuple[RecurringFee, ...]
    one_offs: tuple[OneOffFee, ...]


def benefits(entry: PlanEntry | AddOnEntry, place: Place, findings: list[Finding]) -> Benefits:
    """Those of a plan or add-on; mistakes are added to `findings`."""
    return Benefits(
        allowances=tuple(_allowance(each, (*place, "allowances", i), findings) for i, each in enumerate(entry.allowances)),
        day_passes=tuple(_day_pass(each, (*place, "day_passes", i), findings) for i, each in enumerate(entry.day_passes)),
        caps=tuple(_cap(each, (*place, "caps", i), findings) for i, each in enumerate(entry.caps)),
        discounts=tuple(_discount(each, (*place, "discounts", i), findings) for i, each in enumerate(entry.discounts)),
        recurring=tuple(_recurring(each) for each in entry.recurring),
        one_offs=tuple(_one_off(each) for each in entry.one_offs),
    )


def _allowance(entry: AllowanceEntry, place: Place, findings: list[Finding]) -> Allowance:
    services = _services(entry, place, findings) if entry.money is None else services_or_all(entry, place, findings)
    if (entry.quantity is None) is (entry.money is None):
        both = entry.quantity is not None
        message = f"allowance `{entry.name}` has {'both `quantity` and `money`' if both else 'no `quantity`'}"
        findings.append(Finding(place, message, "keep one of them" if both else 'write such as `quantity: 100min`, or `money: "10.00"`'))
    unit, amount = UNIT_OF_SERVICE[services[0]], 1
    if entry.money is not None:
        unit, amount = QuantityUnit.MICRO, entry.money
    elif entry.quantity is not None:
        unit, amount = entry.quantity.unit or unit, entry.quantity.value
    _note_rollover(entry.rollover, unit, (*place, "rollover"), findings)
    maximum = entry.rollover.maximum if entry.rollover is not None else None
    return Allowance(
        allowance_id=entry.id,
        name=entry.name,
        services=services,
        unit=unit,
        quantity=amount,
        zones=entry.zones,
        prorate=entry.prorate,
        priority=entry.priority,
        draw=entry.draw,
        connect_when_free=entry.connect_when_free,
        shared=entry.shared is not Sharing.NO,
        granted_once=entry.shared is Sharing.ONE,
        rollover_periods=entry.rollover.periods if entry.rollover is not None else 0,
        rollover_max=maximum.value if maximum is not None else None,
        at_plan_change=entry.at_plan_change,
        title=entry.title,
    )


def _note_rollover(entry: RolloverEntry | None, unit: QuantityUnit, place: Place, findings: list[Finding]) -> None:
    """Note what the model can no longer show: a roll-over of no period, and the kind of its maximum."""
    if entry is not None and entry.periods < 1:
        findings.append(Finding((*place, "periods"), "a roll-over of no period", "write 1 or more, or leave `rollover` out"))
    if entry is not None and entry.maximum is not None and entry.maximum.unit not in (None, unit):
        message = f"the maximum of the roll-over is not in {UNIT_WORDS[unit]}"
        findings.append(Finding((*place, "maximum"), message, 'write it as the allowance is, such as 500MB, or "5.00" for money'))


def _day_pass(entry: DayPassEntry, place: Place, findings: list[Finding]) -> DayPass:
    services = _services(entry, place, findings)
    unit = UNIT_OF_SERVICE[services[0]]
    return DayPass(
        pass_id=entry.id,
        name=entry.name,
        fee_micros=entry.fee,
        services=services,
        zones=entry.zones,
        unit=unit if entry.quantity is None else entry.quantity.unit or unit,
        quantity=None if entry.quantity is None else entry.quantity.value,
        clock=entry.clock,
        priority=entry.priority,
        title=entry.title,
    )


def _cap(entry: CapEntry, place: Place, findings: list[Finding]) -> ChargeCap:
    services = services_or_all(entry, place, findings)
    return ChargeCap(entry.id, entry.name, entry.amount, entry.window, services, entry.zones, entry.title)


def _discount(entry: DiscountEntry, place: Place, findings: list[Finding]) -> Discount:
    return Discount(
        discount_id=entry.id,
        name=entry.name,
        percent_ppm=entry.percent,
        services=services_or_all(entry, place, findings),
        zones=entry.zones,
        friends_only=entry.friends_only,
        from_us=entry.from_,
        to_us=entry.to,
        title=entry.title,
    )


def _recurring(entry: RecurringEntry) -> RecurringFee:
    return RecurringFee(
        price_id=entry.id,
        name=entry.name,
        charge_code=entry.charge_code,
        revenue_code=entry.revenue_code,
        tax_class=entry.tax_class,
        amount_micros=entry.amount,
        timing=entry.timing,
        prorate=entry.prorate,
        title=entry.title,
        while_paused=entry.while_paused,
        outage_credit=entry.outage_credit,
        shares=tuple(TaxShare(share.tax_class, share.percent, share.revenue_code) for share in entry.shares),
    )


def _one_off(entry: OneOffEntry) -> OneOffFee:
    return OneOffFee(
        price_id=entry.id,
        name=entry.name,
        charge_code=entry.charge_code,
        revenue_code=entry.revenue_code,
        tax_class=entry.tax_class,
        amount_micros=entry.amount,
        on=entry.on,
        title=entry.title,
        per_remaining_month=entry.per_remaining_month,
    )


def _services(entry: AllowanceEntry | DayPassEntry, place: Place, findings: list[Finding]) -> tuple[Service, ...]:
    """The services an entry serves, which it must name. Where it does not, those that its quantity fits stand in."""
    named = _named_services(entry, place, findings)
    if named:
        return named
    findings.append(Finding(place, f"`{entry.name}` serves no service", "add `service: voice`, or `services: [sms, mms]`"))
    unit = entry.quantity.unit if entry.quantity is not None else None
    return tuple(service for service in Service if UNIT_OF_SERVICE[service] is unit) or (Service.VOICE,)


def services_or_all(
    entry: AllowanceEntry | CapEntry | DiscountEntry | SpendLimitEntry, place: Place, findings: list[Finding]
) -> tuple[Service, ...]:
    """The services an entry serves; all where it names none."""
    if entry.services == ():
        findings.append(Finding((*place, "services"), f"`{entry.name}` serves no service", "name some, or leave `services` out for all"))
    return _named_services(entry, place, findings) or tuple(Service)


def _named_services(
    entry: AllowanceEntry | DayPassEntry | CapEntry | DiscountEntry | SpendLimitEntry, place: Place, findings: list[Finding]
) -> tuple[Service, ...]:
    """Services of `service` or `services`, sorted: their order says nothing."""
    if entry.service is not None and entry.services is not None:
        findings.append(Finding(place, "both `service` and `services`", "keep one of them"))
    return tuple(sorted({*(entry.services or ()), *(() if entry.service is None else (entry.service,))}))
