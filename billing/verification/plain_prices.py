"""Published catalogues, asked in plain code: the plan of a day, the rates of a tax class, the minor unit of a currency.

Nothing here is of `billing.runs.contracts`, which asks the same of its price list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.dates import day_after, midnight_us
from rating.money import minor_step_micros

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping

    from billing.accounts.kinds import TaxFact
    from rating.model import Catalogue, Plan, TaxClass

_MINOR_DIGITS = 2  # of a currency that no catalogue has
_EVERY_CLASS = "*"  # exempt


class PlainPrices:
    """Catalogues in force as of a commit (`billing.catalogue.in_force`)."""

    def __init__(self, catalogues: Iterable[Catalogue]) -> None:
        self._versions: dict[str, list[Catalogue]] = {}
        for each in sorted(catalogues, key=lambda each: (each.effective_from_us, each.version)):
            self._versions.setdefault(each.identity, []).append(each)

    def plan_on(self, name: str, day: dt.date, timezone: str) -> Plan | None:
        """The plan of a full name as a local day begins, else as it comes into force within the day; None where it is not for sale."""
        return self._plan_at(name, midnight_us(day, timezone)) or self._plan_at(name, midnight_us(day_after(day), timezone) - 1)

    def step_micros(self, currency: str) -> int:
        """The minor unit of a currency, in micro-units."""
        digits = [each.minor_digits for _, versions in sorted(self._versions.items()) for each in versions if each.currency == currency]
        return minor_step_micros(digits[-1] if digits else _MINOR_DIGITS)

    def step_of(self, identity: str) -> int:
        """The minor unit of the currency of a catalogue."""
        return self.step_micros(self._versions[identity][-1].currency)

    def holds_tax(self, identity: str) -> bool:
        """True where the prices of a catalogue hold their tax."""
        return self._versions[identity][-1].tax_inclusive

    def rates_ppm(self, code: int, day: dt.date, currency: str) -> set[int]:
        """The rates of the tax classes with a code on a day, as the catalogues of a currency state them: one, where they agree."""
        return {_rate_on(each, day) for classes in self._of_currency(currency) for each in classes.values() if each.code == code}

    def rates_as_agreed(self, code: int, day: dt.date, currency: str, status: TaxFact) -> Iterator[int]:
        """The rates on a day of lines that have a tax class (code) in the end, for a payer with this status: by catalogue and first class.

        A catalogue names its classes itself. One is replaced by another where the catalogue has both. It is exempt by either name.
        """
        for classes in self._of_currency(currency):
            for first in classes.values():
                last = _last(classes, first, status)
                if last.code == code:
                    yield _agreed_rate(first, last, day, status)

    def rates_of(self, identity: str, day: dt.date) -> set[int]:
        """The rates of all tax classes of a catalogue on a day, and none."""
        return {0, *(_rate_on(each, day) for each in _stated(self._versions[identity]).values())}

    def rate_as_agreed(self, identity: str, tax_class: str, day: dt.date, status: TaxFact | None) -> int:
        """The rate on a day of lines of a catalogue that begin with a tax class (name), for a payer with this status or none."""
        classes = _stated(self._versions[identity])
        first = classes[tax_class]
        return _rate_on(first, day) if status is None else _agreed_rate(first, _last(classes, first, status), day, status)

    def _plan_at(self, name: str, instant_us: int) -> Plan | None:
        identity, _, plan_name = name.partition("/")
        begun = [each for each in self._versions.get(identity, ()) if each.effective_from_us <= instant_us]
        return next((plan for plan in begun[-1].plans if plan.name == plan_name), None) if begun else None

    def _of_currency(self, currency: str) -> Iterator[dict[str, TaxClass]]:
        """The tax classes of each catalogue of a currency."""
        for versions in self._versions.values():
            if versions[-1].currency == currency:
                yield _stated(versions)


def _stated(versions: Iterable[Catalogue]) -> dict[str, TaxClass]:
    """The tax classes of a catalogue by name, as its newest version states each code."""
    return {each.name: each for each in {tax.code: tax for each in versions for tax in each.tax_classes}.values()}


def _last(classes: Mapping[str, TaxClass], first: TaxClass, status: TaxFact) -> TaxClass:
    """The class that lines have in the end."""
    return classes.get(status.classes.get(first.name, first.name), first)


def _agreed_rate(first: TaxClass, last: TaxClass, day: dt.date, status: TaxFact) -> int:
    return 0 if {_EVERY_CLASS, first.name, last.name} & set(status.exempt) else _rate_on(last, day)


def _rate_on(tax: TaxClass, day: dt.date) -> int:
    """Parts per million; 0 before the first rate."""
    rate_ppm = 0
    for each in tax.rates:
        if each.effective_from <= day:
            rate_ppm = each.rate_ppm
    return rate_ppm
