"""The catalogues in force as of a sequence number: plans, fees, grants and tax rates by date, and the names of prices.

A version holds from its instant until the next one of its catalogue, or until it ends: then none of its plans is available. Texts are those
of the newest version, and so are tax rates. A class that it lacks is taken from the last version that had it.
"""

from __future__ import annotations

import bisect
import functools
import threading
import weakref
from typing import TYPE_CHECKING, Final

from billing import catalogue as published_catalogues
from billing.charges.taxes.rates import rate_on
from billing.runs.contracts.plan_counters import PlanVersion
from rating.model import Price, Service

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    import sqlalchemy as sa

    from billing.store.home import Home
    from rating.model import Catalogue, Commitment, InvoiceDiscount, OneOffFee, Plan, RecurringFee, TaxClass, VolumeTier
    from rating.tables import Tables

    Sold = Price | RecurringFee | OneOffFee | Commitment | VolumeTier | InvoiceDiscount


KEPT_MAX: Final = 4  # price lists of an open home: documents are mostly of the newest
_KEPT: Final[weakref.WeakKeyDictionary[Home, dict[int, PriceList]]] = weakref.WeakKeyDictionary()
_LOCK: Final = threading.Lock()


class PriceList:
    """Answers questions about catalogues."""

    def __init__(self, catalogues: Sequence[Catalogue]) -> None:
        self.catalogues = sorted(catalogues, key=lambda each: (each.identity, each.effective_from_us, each.version))
        self.identities = sorted({each.identity for each in self.catalogues})
        self._versions: dict[str, list[Catalogue]] = {}
        for each in self.catalogues:
            self._versions.setdefault(each.identity, []).append(each)
        self._plans = {(each.identity, each.version, plan.name): plan for each in self.catalogues for plan in each.plans}
        self._sold: dict[tuple[str, int], Sold] = {}
        for each in self.catalogues:
            self._sold.update(((each.identity, price.price_id), price) for price in each.prices)
            self._sold.update(((each.identity, sold.price_id), sold) for plan in each.plans for sold in _sold_by(plan))

    @functools.cached_property
    def tables(self) -> Tables:
        """The tables that the kernel reads. They are compiled on the first pricing, since looking up a name needs none."""
        from tariffs.compiling.compiler import compile_catalogues  # noqa: PLC0415 -- with its kernels; most who ask for prices need none

        return compile_catalogues(self.catalogues)

    def plan_at(self, name: str, instant_us: int) -> PlanVersion | None:
        """Plan `identity/plan` in the version in force at an instant; None when nothing is in force or the version lacks the plan."""
        identity, _, plan_name = name.partition("/")
        versions = self._versions.get(identity, [])
        place = bisect.bisect_right([each.effective_from_us for each in versions], instant_us) - 1
        if place < 0:
            return None
        plan = self._plans.get((identity, versions[place].version, plan_name))
        return PlanVersion(versions[place], plan) if plan is not None else None

    def plan_on(self, name: str, from_us: int, to_us: int) -> PlanVersion | None:
        """The plan as a day begins; if it is not yet available then, as it comes into force within the day [from_us, to_us).

        A catalogue that starts at midnight of its own zone starts in the middle of a day elsewhere: that day is not free of charge.
        """
        return self.plan_at(name, from_us) or self.plan_at(name, to_us - 1)

    def plans_during(self, name: str, from_us: int, to_us: int) -> list[tuple[int, PlanVersion]]:
        """The plan in every version in force at some instant of [from_us, to_us), each with the first such instant, in order of time."""
        identity, _, plan_name = name.partition("/")
        versions = self._versions.get(identity, [])
        starts = [each.effective_from_us for each in versions]
        first = max(bisect.bisect_right(starts, from_us) - 1, 0)
        found = []
        for each in versions[first : bisect.bisect_left(starts, to_us)]:
            plan = self._plans.get((identity, each.version, plan_name))
            if plan is not None:
                found.append((max(from_us, each.effective_from_us), PlanVersion(each, plan)))
        return found

    def plan_versions(self, name: str) -> list[PlanVersion]:
        """The plan in every version that has it, in order of time."""
        identity, _, plan_name = name.partition("/")
        plans = [(each, self._plans.get((identity, each.version, plan_name))) for each in self._versions.get(identity, [])]
        return [PlanVersion(each, plan) for each, plan in plans if plan is not None]

    def shares(self, name: str) -> bool:
        """Return whether any version of the plan has an allowance that the rating unit shares."""
        return any(allowance.shared for _, plan in self.plan_versions(name) for allowance in plan.allowances)

    def rolls_over(self, name: str) -> bool:
        """Return whether any version of the plan has an allowance that outlives its period."""
        return any(allowance.rollover_periods for _, plan in self.plan_versions(name) for allowance in plan.allowances)

    def identity_index(self, identity: str) -> int:
        """Place of a catalogue identity in `identities`."""
        return bisect.bisect_left(self.identities, identity)

    def identity_of(self, likely: int, price_id: int, tax_code: int) -> str:
        """A catalogue that has the price (any price for 0) and the tax class: the `likely` one (an index) if it does, else any."""
        for identity in [*self.identities[likely : likely + 1], *self.identities]:
            if (price_id == 0 or (identity, price_id) in self._sold) and self.tax_class(identity, tax_code) is not None:
                return identity
        return self.identities[0]

    def tax_class(self, identity: str, code: int) -> TaxClass | None:
        """The newest statement of a tax class by its code; bills of earlier periods need classes that are no longer used."""
        return next((each for each in self._tax_classes(identity) if each.code == code), None)

    def tax_class_names(self, identity: str) -> frozenset[str]:
        """The tax classes that a catalogue has or had."""
        return frozenset(each.name for each in self._tax_classes(identity))

    def tax_code(self, identity: str, name: str) -> int:
        """The code of a tax class by its name."""
        return next(each.code for each in self._tax_classes(identity) if each.name == name)

    def rate_ppm(self, identity: str, code: int, day: dt.date) -> int:
        """Rate of a tax class on a day, in parts per million."""
        found = self.tax_class(identity, code)
        return rate_on(found.rates, day) if found is not None else 0

    def price_text(self, identity: str, price_id: int, language: str) -> str:
        """The text of a price or fee on an invoice line, in a language."""
        sold = self._sold.get((identity, price_id))
        return _called(sold.title, sold.name, language) if sold is not None else f"price {price_id}"

    def price(self, identity: str, price_id: int) -> Price | None:
        """The newest statement of a price of usage; None where the id is that of a fee or another thing, or of nothing."""
        sold = self._sold.get((identity, price_id))
        return sold if isinstance(sold, Price) else None

    def prices_content(self, identity: str, name: str) -> bool:
        """Return whether a price is that of purchases of content: its quantity is counted in purchases then, not in messages."""
        plans = (plan for each in self._versions[identity] for plan in each.plans)
        return any(rule.price == name and rule.service is Service.CONTENT for plan in plans for rule in plan.rules)

    def name(self, identity: str, price_id: int) -> str:
        """The catalogue's own name for a price, fee or other thing with a line of its own."""
        return self._sold[identity, price_id].name

    def tax_text(self, identity: str, code: int, language: str) -> str:
        """The text of a tax class on an invoice line."""
        found = self.tax_class(identity, code)
        return _called(found.title, f"Tax {found.name}", language) if found is not None else f"Tax {code}"

    def currency(self, identity: str) -> str:
        """The currency of a catalogue."""
        return self._versions[identity][-1].currency

    def inclusive(self, identity: str) -> bool:
        """Return whether the prices of a catalogue include their tax. All versions of a catalogue agree."""
        return self._versions[identity][-1].tax_inclusive

    def minor_digits(self, currency: str) -> int:
        """Decimal places of a currency, from the newest catalogue in it; two where no catalogue has it."""
        return next((each.minor_digits for each in reversed(self.catalogues) if each.currency == currency), 2)

    def _tax_classes(self, identity: str) -> Iterator[TaxClass]:
        """Every statement of a catalogue about a tax class, the newest first."""
        return (each for version in reversed(self._versions[identity]) for each in version.tax_classes)


def _sold_by(plan: Plan) -> Iterator[Sold]:
    """Everything of a plan that has a line of its own on a bill."""
    yield from plan.recurring
    yield from plan.one_offs
    yield from plan.volume_tiers
    yield from plan.commitments
    yield from plan.invoice_discounts


def _called(title: dict[str, str], name: str, language: str) -> str:
    """The title in a language, else in English, else the name."""
    return title.get(language) or title.get("en") or name


def load(home: Home, seq: int) -> PriceList:
    """The price list of what was in force as of `seq`: published, corrected and repealed at or before it."""
    return PriceList(published_catalogues.in_force(home, seq))


def load_kept(home: Home, connection: sa.Connection, seq: int) -> PriceList:
    """The same for the names on documents, kept as long as the home is open: a service shows many, and nothing published ever changes.

    Prices and runs use `load`, which reads and checks what is stored each time.
    """
    last = published_catalogues.published_by(connection, seq)
    with _LOCK:
        kept = _KEPT.setdefault(home, {})
        found = kept.get(last)
    if found is None:
        found = load(home, seq)
        with _LOCK:
            kept[last] = found
            while len(kept) > KEPT_MAX:
                del kept[next(iter(kept))]
    return found
