"""Fees of plans and add-ons, and what is promised beside them: ids that are one thing for ever, codes, amounts and terms in range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rating.explain.figures import percent
from rating.model import PPM, FeeOccasion
from tariffs.documents.document import Finding
from tariffs.documents.findings import codes, id_range, twice_at, written_plans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.model import AddOn, Catalogue, Commitment, InvoiceDiscount, OneOffFee, Plan, RecurringFee, ServiceTerms, VolumeTier
    from tariffs.documents.document import Place

    _Charged = RecurringFee | OneOffFee | Commitment | VolumeTier | InvoiceDiscount

_OF_PLANS: Final = ("recurring", "one_offs", "commitments", "volume_tiers", "invoice_discounts")
_OF_ADD_ONS: Final = ("recurring", "one_offs")
_HOURS_MAX: Final = 8_760
_MONTHS_MAX: Final = 120
_DAYS_MAX: Final = 3_650


def fees(catalogue: Catalogue) -> Iterator[Finding]:
    """The fees and terms of all plans and add-ons."""
    tax_classes = frozenset(tax.name for tax in catalogue.tax_classes)
    for place, holder, sections in _holders(catalogue):
        names: list[str] = []
        for section in sections:
            charged: tuple[_Charged, ...] = getattr(holder, section)
            for number, fee in enumerate(charged):
                tax_class = getattr(fee, "tax_class", "")  # a discount has that of the lines it is off
                yield from codes(tax_classes, (fee.charge_code, fee.revenue_code, tax_class), (*place, section, number))
            yield from twice_at((*place, section), "fee", [fee.name for fee in charged])
            both = [number for number, fee in enumerate(charged) if fee.name and fee.name in names]
            for number in both:
                message = f"fee `{charged[number].name}` is listed as another fee already"
                yield Finding((*place, section, number, "name"), message, "give each a name of its own")
            names += [fee.name for fee in charged]
        yield from _shares(holder, tax_classes, (*place, "recurring"))
    for index, plan in enumerate(written_plans(catalogue)):
        yield from _commitments(plan, ("plans", index, "commitments"))
        yield from _early_end(plan, ("plans", index, "one_offs"))
        if plan.terms is not None:
            yield from _terms(plan.terms, ("plans", index, "terms"))


def price_ids(catalogue: Catalogue) -> Iterator[Finding]:
    """Prices and fees have an id of their own each: bills are compared by it."""
    places: list[tuple[Place, int]] = [(("prices", i), price.price_id) for i, price in enumerate(catalogue.prices)]
    for place, holder, sections in _holders(catalogue):
        for section in sections:
            places += [((*place, section, i), fee.price_id) for i, fee in enumerate(getattr(holder, section))]
    seen: set[int] = set()
    for place, number in places:
        if number in seen:
            yield Finding((*place, "id"), f"id {number} belongs to another price or fee already", "give each an id of its own, for ever")
        yield from id_range(number, place)
        seen.add(number)


def _holders(catalogue: Catalogue) -> Iterator[tuple[Place, Plan | AddOn, tuple[str, ...]]]:
    """Plans as they are in the file, and add-ons, with the sections of their fees."""
    for index, plan in enumerate(written_plans(catalogue)):
        yield ("plans", index), plan, _OF_PLANS
    for index, add_on in enumerate(catalogue.add_ons):
        yield ("add_ons", index), add_on, _OF_ADD_ONS


def _commitments(plan: Plan, place: Place) -> Iterator[Finding]:
    for number, commitment in enumerate(plan.commitments):
        if commitment.amount_micros <= 0:
            message = f"commitment `{commitment.name}` commits to nothing"
            yield Finding((*place, number, "amount"), message, "write an amount above zero, or leave it out")


def _shares(holder: Plan | AddOn, tax_classes: frozenset[str], place: Place) -> Iterator[Finding]:
    """Parts of a fee that are of other tax classes: classes that there are, each once, and all of the fee together."""
    for index, fee in enumerate(holder.recurring):
        here: Place = (*place, index, "shares")
        classes = [share.tax_class for share in fee.shares]
        for number, share in enumerate(fee.shares):
            yield from codes(tax_classes, (1, share.revenue_code, share.tax_class), (*here, number))
            if share.share_ppm <= 0:
                yield Finding((*here, number, "percent"), f"a share of nothing of fee `{fee.name}`", "leave it out")
        yield from twice_at(here, "tax class", classes, "tax_class")
        total = sum(share.share_ppm for share in fee.shares)
        if fee.shares and total != PPM:
            message = f"the shares of fee `{fee.name}` add up to {percent(total)} percent"
            yield Finding(here, message, "let them add up to 100")
        elif fee.shares and fee.tax_class and fee.tax_class not in classes:
            message = f"fee `{fee.name}` is of tax class `{fee.tax_class}`, and none of its shares is"
            yield Finding((*place, index, "tax_class"), message, "name the class of the main share here")


def _early_end(plan: Plan, place: Place) -> Iterator[Finding]:
    """Fees for leaving a contract before its least time is over."""
    least = plan.terms.minimum_months if plan.terms is not None else 0
    for number, fee in enumerate(plan.one_offs):
        early = fee.on is FeeOccasion.EARLY_END
        if early and least <= 0:
            message = f"fee `{fee.name}` is for leaving early, and plan `{plan.name}` has no least time"
            yield Finding((*place, number, "at"), message, "add such as `terms: {minimum_months: 12}`")
        if fee.per_remaining_month and not early:
            message = f"fee `{fee.name}` is for each month that is left, and not for leaving early"
            yield Finding((*place, number, "per_remaining_month"), message, "write `at: early_end` too, or leave it out")


def _terms(terms: ServiceTerms, place: Place) -> Iterator[Finding]:
    if terms.activation_hours is not None and not 1 <= terms.activation_hours <= _HOURS_MAX:
        yield Finding((*place, "activation_hours"), f"activation within {terms.activation_hours} hours", f"write 1 to {_HOURS_MAX}")
    if terms.late_credit_ppm > PPM:
        yield Finding((*place, "late_credit_percent"), "a credit of more than 100 percent a day", "write a percentage of 0 to 100")
    if terms.late_credit_ppm and terms.activation_hours is None:
        message = "a credit for late activation, and no time for activation"
        yield Finding((*place, "late_credit_percent"), message, "add `activation_hours`")
    if not 0 <= terms.minimum_months <= _MONTHS_MAX:
        yield Finding((*place, "minimum_months"), f"a least term of {terms.minimum_months} months", f"write 0 to {_MONTHS_MAX}")
    if not 0 <= terms.notice_days <= _DAYS_MAX:
        yield Finding((*place, "notice_days"), f"a notice of {terms.notice_days} days", f"write 0 to {_DAYS_MAX}")
