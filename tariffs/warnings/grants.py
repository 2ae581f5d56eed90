"""Grants of a plan that no usage of it can reach; plans that charge without tax."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.dates import local_date
from rating.model import ANY_ZONE
from tariffs.documents.findings import BENEFITS
from tariffs.warnings.common import service_word, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.model import Catalogue, Plan, Price, Service
    from tariffs.documents.document import Place
    from tariffs.reach import Asked, Reach
    from tariffs.warnings.common import Warning  # noqa: A004 -- see there


def warn(asked: Asked) -> Iterator[Warning]:
    """All plans; of those made with add-ons what the add-ons bring."""
    catalogue, prices = asked.catalogue, asked.times.prices
    plans = {plan.name: plan for plan in catalogue.plans}
    add_ons = {add_on.name: index for index, add_on in enumerate(catalogue.add_ons)}
    told: set[tuple[str, str]] = set()
    for index, plan in enumerate(catalogue.plans):
        whose = plan.base or plan.name
        reached = asked.reachable(plans[whose])
        if plan.base is None:
            yield from _nothing(plan, reached, ("plans", index), plan.name)
            yield from _volume(plan, {each.rule.price for each in reached}, ("plans", index))
            yield from _untaxed(catalogue, plan, [prices[each.rule.price] for each in reached if each.rule.price is not None], index)
        elif len(plan.add_ons) == 1 and (plan.add_ons[0], whose) not in told:
            told.add((plan.add_ons[0], whose))
            add_on = catalogue.add_ons[add_ons[plan.add_ons[0]]]
            yield from _nothing(add_on, reached, ("add_ons", add_ons[add_on.name]), whose)


def _nothing(of: object, reached: list[Reach], place: Place, plan: str) -> Iterator[Warning]:
    """Entries of a plan, or of an add-on bought with it, that serve no priced rule."""
    served = {(each.service, zone) for each in reached if each.rule.price is not None for zone in (each.zone, each.rule.roaming) if zone}
    services = {service for service, _ in served}
    for section, what in BENEFITS.items():
        for number, entry in enumerate(getattr(of, section, ())):
            if not _serves(entry.services, entry.zones, served, services):
                words = " or ".join(service_word(service) for service in entry.services)
                message = f"{what} `{entry.name}` serves nothing: plan `{plan}` has no priced rule for {words} that it is for"
                yield warning("serves-nothing", (*place, section, number), message, "add the rule, or take the entry out")


def _volume(plan: Plan, reached: set[str | None], place: Place) -> Iterator[Warning]:
    """Prices whose quantity a tier adds up, and that no usage of the plan meets."""
    for number, tier in enumerate(plan.volume_tiers):
        for inner, name in enumerate(tier.prices):
            if name not in reached:
                message = f"volume tier `{tier.name}` adds up price `{name}`, which no usage of plan `{plan.name}` meets"
                yield warning("serves-nothing", (*place, "volume_tiers", number, "prices", inner), message, "add the rule, or take it out")


def _serves(services: tuple[Service, ...], zones: tuple[str, ...], served: set[tuple[Service, str]], priced: set[Service]) -> bool:
    if ANY_ZONE in zones:
        return not priced.isdisjoint(services)
    return any((service, zone) in served for service in services for zone in zones)


def _untaxed(catalogue: Catalogue, plan: Plan, prices: list[Price], index: int) -> Iterator[Warning]:
    """Tax classes of a plan that are zero on the day on which the version takes effect, and a plan that has none at all."""
    used = {price.tax_class: f"price `{price.name}`" for price in prices}
    used |= {tier.tax_class: f"volume tier `{tier.name}`" for tier in plan.volume_tiers}
    used |= {share.tax_class: f"fee `{fee.name}`" for fee in plan.recurring for share in fee.shares}
    used |= {fee.tax_class: f"fee `{fee.name}`" for fees in (plan.recurring, plan.one_offs, plan.commitments) for fee in fees}
    if not used:
        message = f"plan `{plan.name}` has no tax class, because nothing of it has a price"
        yield warning("untaxed", ("plans", index), message, "add rules with prices, or a fee")
    day = local_date(catalogue.effective_from_us, catalogue.timezone)
    for tax_class in catalogue.tax_classes:
        rates = [rate.rate_ppm for rate in tax_class.rates if rate.effective_from <= day]
        if tax_class.name in used and (not rates or rates[-1] == 0):
            message = (
                f"plan `{plan.name}` charges without tax: {used[tax_class.name]} is of tax class `{tax_class.name}`, 0 percent on {day}"
            )
            yield warning("untaxed", ("plans", index), message, "give it the class it is taxed by, if it is taxed")
