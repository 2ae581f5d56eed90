"""Plans: rules of their own and of decks, what they grant, and fees. `tariffs.check` looks at whether the parts fit each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.model import Commitment, Plan, ServiceTerms, SpendLimit, UsageRule
from tariffs.builders.benefits import benefits, services_or_all
from tariffs.builders.bill_terms import bill_threshold, invoice_discount, volume_tier
from tariffs.documents.document import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tariffs.documents.document import Place
    from tariffs.language.plans import CommitmentEntry, PlanEntry, RuleEntry, SpendLimitEntry, TermsEntry


def plan(entry: PlanEntry, place: Place, decks: Mapping[str, Sequence[UsageRule]], findings: list[Finding]) -> Plan:
    """A plan; the decks it names add a rule for each of their zones. `decks`: rules by the deck's name."""
    rules = [_rule(rule) for rule in entry.rules]
    for number, name in enumerate(entry.decks):
        if name in decks:
            rules += decks[name]
        else:
            remedy = f"known decks: {', '.join(decks)}" if decks else "add it under `decks`"
            findings.append(Finding((*place, "decks", number), f"unknown deck `{name}`", remedy))
    granted = benefits(entry, place, findings)
    return Plan(
        name=entry.name,
        rules=tuple(rules),
        title=entry.title,
        allowances=granted.allowances,
        recurring=granted.recurring,
        late_usage=entry.late_usage,
        fallbacks=entry.fallbacks,
        day_passes=granted.day_passes,
        caps=granted.caps,
        discounts=granted.discounts,
        one_offs=granted.one_offs,
        commitments=tuple(_commitment(each) for each in entry.commitments),
        spend_limits=tuple(_spend_limit(each, (*place, "spend_limits", i), findings) for i, each in enumerate(entry.spend_limits)),
        terms=_terms(entry.terms) if entry.terms is not None else None,
        sold_from=entry.sold_from,
        sold_to=entry.sold_to,
        volume_tiers=tuple(volume_tier(each, (*place, "volume_tiers", i), findings) for i, each in enumerate(entry.volume_tiers)),
        invoice_discounts=tuple(
            invoice_discount(each, (*place, "invoice_discounts", i), findings) for i, each in enumerate(entry.invoice_discounts)
        ),
        bill_thresholds=tuple(bill_threshold(each) for each in entry.bill_thresholds),
        late_after_days=entry.late_after_days,
        late_usage_days_max=entry.late_usage_days_max,
    )


def _rule(entry: RuleEntry) -> UsageRule:
    return UsageRule(
        service=entry.service,
        zone=entry.zone,
        price=entry.price,
        direction=entry.direction,
        origin=entry.origin,
        on_net=entry.on_net,
        roaming=entry.roaming,
        rating_group=entry.rating_group,
        customer_group=entry.customer_group,
    )


def _commitment(entry: CommitmentEntry) -> Commitment:
    return Commitment(
        price_id=entry.id,
        name=entry.name,
        charge_code=entry.charge_code,
        revenue_code=entry.revenue_code,
        tax_class=entry.tax_class,
        amount_micros=entry.amount,
        counts=entry.counts,
        prorate=entry.prorate,
        title=entry.title,
    )


def _spend_limit(entry: SpendLimitEntry, place: Place, findings: list[Finding]) -> SpendLimit:
    services = services_or_all(entry, place, findings)
    return SpendLimit(entry.id, entry.name, entry.amount, entry.window, entry.action, services, entry.zones, entry.title)


def _terms(entry: TermsEntry) -> ServiceTerms:
    return ServiceTerms(entry.activation_hours, entry.late_credit_percent, entry.minimum_months, entry.notice_days)
