"""The head of a catalogue: identity, currency, clocks and tax classes."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from rating.dates import utc_time
from rating.model import PPM
from tariffs.currencies import MINOR_DIGITS
from tariffs.documents.document import Finding
from tariffs.documents.findings import CODE_MAX, ID_MAX, IDENTITY, IDENTITY_REMEDY, known_time_zone, time_zone, twice, twice_at
from tariffs.language.words import UNREAD_INSTANT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.model import Catalogue, TaxClass
    from tariffs.documents.document import Place

NOTICE_DAYS_MAX: Final = 3_650
EFFECTIVE_US_MIN: Final = 0
EFFECTIVE_US_LIMIT: Final = 3_155_760_000_000_000  # 2070, up to which usage is rated
MINOR_DIGITS_MAX: Final = 6


def header(catalogue: Catalogue) -> Iterator[Finding]:
    """Identity, version, currency, instant and clocks."""
    if catalogue.identity and not IDENTITY.fullmatch(catalogue.identity):
        yield Finding(("identity",), f'"{catalogue.identity}" cannot be an identity', IDENTITY_REMEDY)
    if not 1 <= catalogue.version <= ID_MAX:
        yield Finding(("version",), f"version {catalogue.version} is not above zero", "count versions from 1")
    if catalogue.currency and catalogue.currency not in MINOR_DIGITS:
        yield Finding(("currency",), f'"{catalogue.currency}" is not a currency', "write its ISO 4217 code, such as EUR or CNY")
    if not 0 <= catalogue.minor_digits <= MINOR_DIGITS_MAX:
        yield Finding(("minor_digits",), f"{catalogue.minor_digits} decimal places", f"write 0 to {MINOR_DIGITS_MAX}, or leave it out")
    if not EFFECTIVE_US_MIN <= catalogue.effective_from_us < EFFECTIVE_US_LIMIT:
        yield Finding(("effective_from",), "effective_from is not between 1970 and 2070", "write the instant from which on it prices")
    yield from _validity(catalogue)
    yield from known_time_zone(catalogue.timezone, ("timezone",))
    yield from twice_at(("home_timezones",), "time zone", catalogue.home_timezones)
    for name in catalogue.home_timezones:
        yield from known_time_zone(name, ("home_timezones",))
    if not catalogue.plans:
        yield Finding(("plans",), "there is no plan", "add one: without it nothing can be rated")


def _validity(catalogue: Catalogue) -> Iterator[Finding]:
    """Check the validity of a version, what it corrects, and the notice that customers get."""
    unread = UNREAD_INSTANT in {catalogue.effective_from_us, catalogue.effective_to_us}
    if catalogue.effective_to_us is not None and catalogue.effective_to_us <= catalogue.effective_from_us and not unread:
        yield Finding(("effective_to",), "effective_to is not after effective_from", "write the instant from which on it prices nothing")
    if catalogue.effective_to_us is not None and catalogue.effective_to_us > EFFECTIVE_US_LIMIT:
        yield Finding(("effective_to",), "effective_to is after 2069", "leave it out: nothing is priced after that year anyway")
    if catalogue.corrects is not None and not 1 <= catalogue.corrects < catalogue.version:
        message = f"version {catalogue.version} cannot correct version {catalogue.corrects}"
        yield Finding(("corrects",), message, "name an earlier version of this catalogue, or leave it out")
    if not 0 <= catalogue.notice_days <= NOTICE_DAYS_MAX:
        yield Finding(("notice_days",), f"a notice of {catalogue.notice_days} days", f"write 0 to {NOTICE_DAYS_MAX}")


def tax_classes(catalogue: Catalogue) -> Iterator[Finding]:
    """Names, codes and dated percentages."""
    day = first_day(catalogue)
    yield from twice("tax_classes", "tax class", [tax.name for tax in catalogue.tax_classes])
    yield from twice("tax_classes", "tax class code", [tax.code for tax in catalogue.tax_classes], "code")
    for index, tax in enumerate(catalogue.tax_classes):
        yield from _tax_class(tax, day, ("tax_classes", index))


def first_day(catalogue: Catalogue) -> dt.date:
    """The local day on which the catalogue takes effect."""
    effective_us = min(max(catalogue.effective_from_us, EFFECTIVE_US_MIN), EFFECTIVE_US_LIMIT)
    moment = utc_time(effective_us)
    return moment.astimezone(time_zone(catalogue.timezone) or dt.UTC).date()


def _tax_class(tax: TaxClass, day: dt.date, place: Place) -> Iterator[Finding]:
    dates = [rate.effective_from for rate in tax.rates]
    if not 1 <= tax.code <= CODE_MAX:
        yield Finding((*place, "code"), f"code {tax.code} is out of range", f"write 1 to {CODE_MAX}")
    if len(set(dates)) < len(dates):
        yield Finding((*place, "rates"), f"tax class `{tax.name}` has two rates from one date", "keep one a date")
    if not dates or min(dates) > day:
        yield Finding((*place, "rates"), f"tax class `{tax.name}` has no rate on {day}", "add the rate in force when the catalogue begins")
    if any(rate.rate_ppm > PPM for rate in tax.rates):
        yield Finding((*place, "rates"), f"tax class `{tax.name}` has more than 100 percent", "write a percentage of 0 to 100")
