"""Changes between two plans of one name, or two add-ons: title and terms, what they grant, and fees; each grant by its id."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rating.model import AddOn, Catalogue, Plan, QuantityUnit, ServiceTerms, WhilePaused
from tariffs.changes import fields, words
from tariffs.changes.change import Change, Effect, Found, Where, came_or_went
from tariffs.changes.fields import Field, Telling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.model import (
        Allowance,
        BillThreshold,
        ChargeCap,
        Commitment,
        DayPass,
        Discount,
        InvoiceDiscount,
        OneOffFee,
        RecurringFee,
        SpendLimit,
        VolumeTier,
    )

_Plan = Plan | AddOn


class Grants(NamedTuple):
    """A list of a plan: the kind of its entries, their id, the text of a whole one, and the effect of adding or losing one."""

    kind: str
    list_name: str
    id_name: str
    fields: Mapping[str, Field]
    summary: Callable[[Any, Catalogue], str]
    added: Effect
    removed: Effect


def compare(old: _Plan, new: _Plan, where: Where, catalogues: tuple[Catalogue, Catalogue]) -> Iterator[Change]:
    """Differences between two plans, but for rules."""
    tellings = (Telling(catalogues[0], old), Telling(catalogues[1], new))
    yield from map(where.change, fields.compare(old, new, fields.PLAN, tellings, _COMPARED_HERE))
    if isinstance(old, Plan) and isinstance(new, Plan):
        terms = (old.terms or ServiceTerms(), new.terms or ServiceTerms())
        tellings = (Telling(catalogues[0], terms[0]), Telling(catalogues[1], terms[1]))
        yield from map(where.change, fields.compare(*terms, fields.TERMS, tellings, frozenset()))
    for grants in GRANTS:
        if hasattr(new, grants.list_name):
            yield from _in_list(grants, old, new, where, catalogues)


def summary(plan: _Plan, catalogue: Catalogue) -> str:
    """Grants and fees of a whole plan, in one line."""
    told = [
        f"{grants.kind} {each.name}: {grants.summary(each, catalogue)}" for grants in GRANTS for each in getattr(plan, grants.list_name, ())
    ]
    return "; ".join([words.titles(plan.title), *told])


def serving(catalogue: Catalogue) -> dict[str, dict[str, set[tuple[str, int]]]]:
    """By plan without add-ons and by zone: what it grants or limits there, alone or with add-ons; what serves all zones has ANY_ZONE."""
    found: dict[str, dict[str, set[tuple[str, int]]]] = {}
    for plan in catalogue.plans:
        by_zone = found.setdefault(plan.base or plan.name, {})
        for grants in GRANTS:
            for each in getattr(plan, grants.list_name):
                for zone in getattr(each, "zones", ()):
                    by_zone.setdefault(zone, set()).add((grants.kind, getattr(each, grants.id_name)))
    return found


def _in_list(grants: Grants, old: _Plan, new: _Plan, where: Where, catalogues: tuple[Catalogue, Catalogue]) -> Iterator[Change]:
    befores, afters = ({getattr(each, grants.id_name): each for each in getattr(plan, grants.list_name)} for plan in (old, new))
    for number in dict.fromkeys([*afters, *befores]):
        before, after = befores.get(number), afters.get(number)
        if before == after:
            continue
        here = _inside(where, grants, after or before, number)
        if before is None or after is None:
            sides = [None if e is None else grants.summary(e, c) for e, c in zip((before, after), catalogues, strict=True)]
            yield here.change(came_or_went(sides[0], sides[1], added=grants.added, removed=grants.removed))
            continue
        tellings = (Telling(catalogues[0], before), Telling(catalogues[1], after))
        yield from map(here.change, fields.compare(before, after, grants.fields, tellings, frozenset({grants.id_name})))
    shared = [[number for number in side if number in befores and number in afters] for side in (befores, afters)]
    if grants.list_name == "caps" and shared[0] != shared[1]:  # the only list whose order does anything
        old_order, new_order = (
            words.names(side[number].name for number in order) for side, order in ((befores, shared[0]), (afters, shared[1]))
        )
        yield where.change(Found("order of caps", old_order, new_order, Effect.MAY))


def _inside(where: Where, grants: Grants, entry: Any, number: int) -> Where:  # noqa: ANN401 - an entry of one of the lists
    priced = grants.id_name == "price_id"
    place = f"{where.place}, {grants.kind} {entry.name} ({number})"
    return where._replace(kind=grants.kind.replace(" ", "-"), place=place, price_id=number if priced else None)


def _allowance(each: Allowance, catalogue: Catalogue) -> str:
    what = words.grant(each.quantity, each.unit, catalogue.currency)
    served = "" if each.unit is QuantityUnit.MICRO and len(each.services) > 1 else f" of {words.services(each.services)}"
    return f"{what}{served} to {words.zones(each.zones)}" if words.zones(each.zones) != "anywhere" else f"{what}{served}"


def _day_pass(each: DayPass, catalogue: Catalogue) -> str:
    free = "all" if each.quantity is None else words.length(each.quantity, each.unit)
    return f"{words.money(each.fee_micros, catalogue.currency)} a day for {free} of {_served(each)}"


def _cap(each: ChargeCap, catalogue: Catalogue) -> str:
    return f"at most {words.money(each.amount_micros, catalogue.currency)} a {each.window.value} for {_served(each)}"


def _discount(each: Discount, _: Catalogue) -> str:
    return f"{words.percent(each.percent_ppm)} off {_served(each)}{' with friends' if each.friends_only else ''}"


def _recurring(each: RecurringFee, catalogue: Catalogue) -> str:
    paused = "" if each.while_paused is WhilePaused.FREE else f", while paused {each.while_paused.value}"
    return f"{words.money(each.amount_micros, catalogue.currency)} a period, in {each.timing.value}{paused}"


def _one_off(each: OneOffFee, catalogue: Catalogue) -> str:
    how_often = "for each month that is left" if each.per_remaining_month else "once"
    return f"{words.money(each.amount_micros, catalogue.currency)} {how_often}, {words.occasion(each.on)}"


def _commitment(each: Commitment, catalogue: Catalogue) -> str:
    return f"at least {words.money(each.amount_micros, catalogue.currency)} a period, of {each.counts.value.replace('_', ' ')}"


def _volume_tier(each: VolumeTier, catalogue: Catalogue) -> str:
    unit = next((price.unit for price in catalogue.prices if price.name in each.prices), None)
    return f"all {words.names(each.prices)} of the {each.scope.value}: {words.volume_steps(each.steps, unit, catalogue.currency)}"


def _invoice_discount(each: InvoiceDiscount, catalogue: Catalogue) -> str:
    figure = words.percent(each.percent_ppm) if each.percent_ppm else words.money(each.amount_micros, catalogue.currency)
    return f"{figure} off {words.line_kinds(each.kinds)}{f' for {each.months} months' if each.months else ''}"


def _bill_threshold(each: BillThreshold, catalogue: Catalogue) -> str:
    return f"billed at once from {words.money(each.amount_micros, catalogue.currency)} on"


def _spend_limit(each: SpendLimit, catalogue: Catalogue) -> str:
    return f"{each.action.value} at {words.money(each.amount_micros, catalogue.currency)} a {each.window.value} for {_served(each)}"


def _served(each: Allowance | DayPass | ChargeCap | Discount | SpendLimit) -> str:
    return f"{words.services(each.services)} to {words.zones(each.zones)}"


GRANTS: Final = (
    Grants("fee", "recurring", "price_id", fields.RECURRING, _recurring, Effect.DEARER, Effect.CHEAPER),
    Grants("one-off fee", "one_offs", "price_id", fields.ONE_OFF, _one_off, Effect.DEARER, Effect.CHEAPER),
    Grants("commitment", "commitments", "price_id", fields.COMMITMENT, _commitment, Effect.DEARER, Effect.CHEAPER),
    Grants("volume tier", "volume_tiers", "price_id", fields.VOLUME_TIER, _volume_tier, Effect.MAY, Effect.MAY),
    Grants(
        "invoice discount",
        "invoice_discounts",
        "price_id",
        fields.INVOICE_DISCOUNT,
        _invoice_discount,
        Effect.CHEAPER,
        Effect.DEARER,
    ),
    Grants("bill threshold", "bill_thresholds", "threshold_id", fields.BILL_THRESHOLD, _bill_threshold, Effect.NONE, Effect.NONE),
    Grants("allowance", "allowances", "allowance_id", fields.ALLOWANCE, _allowance, Effect.CHEAPER, Effect.DEARER),
    Grants("day pass", "day_passes", "pass_id", fields.DAY_PASS, _day_pass, Effect.MAY, Effect.MAY),
    Grants("cap", "caps", "cap_id", fields.CAP, _cap, Effect.CHEAPER, Effect.DEARER),
    Grants("discount", "discounts", "discount_id", fields.DISCOUNT, _discount, Effect.CHEAPER, Effect.DEARER),
    Grants("spend limit", "spend_limits", "limit_id", fields.SPEND_LIMIT, _spend_limit, Effect.NONE, Effect.NONE),
)
_COMPARED_HERE: Final = frozenset({"name", "rules", "base", "add_ons", "terms", *(grants.list_name for grants in GRANTS)})
