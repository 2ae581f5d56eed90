"""Check that the code of a tax class means one tax in all catalogues of a currency.

A payer may have plans of several catalogues, and bills add up, name and credit tax by its code. Two rates under one code would be on
one line, and the part of it that goes with a charge would be unknown. So a code that is new to a catalogue has its rates of
other catalogues, from the day on which both are in use. One that its published versions have stays as it is: numbers stay for ever, and
a change of the law reaches one catalogue after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.dates import local_date
from rating.explain.figures import percent
from tariffs.documents.document import Finding

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from rating.model import Catalogue, TaxClass


def check_tax_codes(catalogue: Catalogue, others: Sequence[Catalogue]) -> list[Finding]:
    """The tax classes of `catalogue` whose code has another rate in another catalogue of its currency, as last stated there."""
    own = [each for each in others if each.identity == catalogue.identity and each.version != catalogue.version]
    kept = {tax.code for each in own for tax in each.tax_classes}
    findings = []
    for identity in sorted({each.identity for each in others if each.currency == catalogue.currency} - {catalogue.identity}):
        versions = sorted((each for each in others if each.identity == identity), key=lambda each: (each.effective_from_us, each.version))
        since = max(_first_day(catalogue), _first_day(versions[0]))
        theirs = {tax.code: tax for each in versions for tax in each.tax_classes}
        for index, tax in enumerate(catalogue.tax_classes):
            day = _differs_from(tax, theirs[tax.code], since) if tax.code in theirs and tax.code not in kept else None
            if day is not None:
                here, there = (f"`{each.name}` at {_percent_on(each, day)}" for each in (tax, theirs[tax.code]))
                message = f"code {tax.code} is {here} here, and {there} in catalogue {identity}, from {day} on"
                remedy = "bills distinguish taxes by this number: give the class another code, or the rates that it has there"
                findings.append(Finding(("tax_classes", index, "code"), message, remedy))
    return findings


def _first_day(catalogue: Catalogue) -> dt.date:
    return local_date(catalogue.effective_from_us, catalogue.timezone)


def _differs_from(one: TaxClass, other: TaxClass, since: dt.date) -> dt.date | None:
    """The first day from `since` on with two rates."""
    days = sorted({since, *(rate.effective_from for rate in (*one.rates, *other.rates) if rate.effective_from > since)})
    return next((day for day in days if _rate_on(one, day) != _rate_on(other, day)), None)


def _rate_on(tax: TaxClass, day: dt.date) -> int:
    return max(((rate.effective_from, rate.rate_ppm) for rate in tax.rates if rate.effective_from <= day), default=(day, 0))[1]


def _percent_on(tax: TaxClass, day: dt.date) -> str:
    return f"{percent(_rate_on(tax, day))} %"
