"""The explanation for programs: the list of stages, and under the name of each what it did, null where it did not take place.

Amounts in micro-units, exact ones as [numerator, denominator]; quantities in units of the price; that of the event as it came in.
Enumerations by their names in lower case, the status by its own, bytes in hex.
"""

from __future__ import annotations

import enum
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import msgspec

from rating.explain.figures import local_start
from rating.explain.stages import COMPOSITION, Stage, counted_qty, refused_in, stages_of
from rating.model import QuantityUnit

if TYPE_CHECKING:
    from collections.abc import Callable

    from rating.outcome import Outcome

Object = dict[str, object]


def object_of(outcome: Outcome) -> Object:
    """The object of an outcome whose parts have been checked."""
    took_place = stages_of(outcome)
    refusing = refused_in(outcome)
    return {
        "composition": [stage.value for stage in COMPOSITION],
        "event": _event(outcome),
        "status": outcome.status.name,
        "refused_in": refusing.value if refusing is not None else None,
        "currency": outcome.currency,
        "charge_micros": outcome.charge_micros,
        "gross_micros": outcome.gross_micros,
        "chargeable_qty": outcome.chargeable_qty,
        "free_qty": outcome.free_qty,
        **{stage.value: _OBJECT[stage](outcome) if stage in took_place else None for stage in COMPOSITION},
        "buckets_after": _plain(outcome.buckets),
    }


def _plain(value: object) -> object:
    """`value` in what JSON has."""
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Fraction):
        return [value.numerator, value.denominator]
    if isinstance(value, bytes):
        return value.hex()
    return value.name.lower() if isinstance(value, enum.Enum) else value


def _event(outcome: Outcome) -> Object:
    """The event as it came in (service and direction by their numbers), and what the catalogue makes of it for the conditions of rules."""
    seen: Object = {
        "service": int(outcome.event.service),
        "direction": int(outcome.event.direction),
        "start_local": local_start(outcome.event, outcome.timezone).isoformat(),
        "timezone": outcome.timezone,
        "origin_zone": outcome.origin_zone,
        "origin_zone_title": outcome.origin_zone_title,
        "roaming_zone": outcome.roaming_zone,
        "roaming_zone_title": outcome.roaming_zone_title,
    }
    return {name: _plain(getattr(outcome.event, name)) for name in outcome.event.__struct_fields__} | seen


def _tariff(outcome: Outcome) -> Object:
    return {"identity": outcome.identity, "version": outcome.version, "content_hash": outcome.content_hash.hex()}


def _number(outcome: Outcome) -> Object:
    return {"destination": outcome.event.destination, "routed": outcome.routed}


def _rule(outcome: Outcome) -> Object:
    return {
        "plan": outcome.rule_plan,
        "index": outcome.rule_index,
        "zone_id": outcome.zone_id,
        "zone": outcome.zone,
        "zone_title": outcome.zone_title,
        "prefix": outcome.prefix,
        "short_code": outcome.short_code,
        "price_id": outcome.price_id,
        "price": outcome.price,
        "price_title": outcome.price_title,
        "unit": _plain(outcome.unit),
    }


def _bounds(_: Outcome) -> Object:
    raise AssertionError("bounds only ever refuse")


def _quantity(outcome: Outcome) -> Object:
    return {
        "counted_qty": counted_qty(outcome),
        "minimum_qty": outcome.minimum_qty,
        "minimum_applied": outcome.minimum_qty_applied,
    }


def _counter(outcome: Outcome) -> Object:
    return {
        "counting": _plain(outcome.counting),
        "counter_id": outcome.counter_id,
        "before": outcome.counter_before,
        "after": outcome.counter_after,
        "paid_before": outcome.paid_before,
        "paid_after": outcome.paid_after,
    }


def _increments(outcome: Outcome) -> Object:
    return {
        "clock": _plain(outcome.clock),
        "clock_timezone": outcome.clock_timezone,
        "band_policy": _plain(outcome.band_policy),
        "pieces": _plain(outcome.pieces),
    }


def _exact_charge(outcome: Outcome) -> Object:
    return {
        "increments_micros": _plain(sum((piece.amount_micros for piece in outcome.pieces), Fraction(0))),
        "connect_fee_micros": outcome.connect_fee_micros,
        "content_share_ppm": outcome.content_ppm,
        "content_share_micros": _plain(outcome.content_share_micros),
        "exact_micros": _plain(outcome.exact_micros),
        "minimum": {"micros": outcome.minimum_micros, "applied": outcome.minimum_applied},
        "maximum": {"micros": outcome.maximum_micros, "applied": outcome.maximum_applied},
        "bounded_micros": _plain(outcome.bounded_micros),
    }


def _discount(outcome: Outcome) -> Object:
    return {
        "discount_id": outcome.discount_id,
        "name": outcome.discount,
        "ppm": outcome.discount_ppm,
        "before_micros": _plain(outcome.bounded_micros),
        "after_micros": _plain(outcome.unrounded_micros),
    }


def _rounding(outcome: Outcome) -> Object:
    return {
        "mode": _plain(outcome.rounding_mode),
        "step_micros": outcome.rounding_step_micros,
        "before_micros": _plain(outcome.unrounded_micros),
        "after_micros": outcome.rounded_micros,
    }


def _drawn(outcome: Outcome, *, money: bool) -> list[object]:
    return [_plain(each) for each in outcome.taken if (each.unit is QuantityUnit.MICRO) is money]


_OBJECT: Final[dict[Stage, Callable[[Outcome], object]]] = {
    Stage.TARIFF: _tariff,
    Stage.NUMBER: _number,
    Stage.RULE: _rule,
    Stage.BOUNDS: _bounds,
    Stage.QUANTITY: _quantity,
    Stage.COUNTER: _counter,
    Stage.INCREMENTS: _increments,
    Stage.FREE_HEAD: lambda outcome: {"free_qty": outcome.free_qty, "drawn": _drawn(outcome, money=False)},
    Stage.EXACT_CHARGE: _exact_charge,
    Stage.DISCOUNT: _discount,
    Stage.ROUNDING: _rounding,
    Stage.PASS_FEES: lambda outcome: {"pass_fees_micros": outcome.pass_fees_micros},
    Stage.MONEY_ALLOWANCES: lambda outcome: {"drawn": _drawn(outcome, money=True)},
    Stage.CAPS: lambda outcome: _plain(outcome.caps),
    Stage.CHARGE: lambda outcome: {"charge_micros": outcome.charge_micros, "gross_micros": outcome.gross_micros},
}
