"""A tariff plan folder as documents of ours: one version for each activation time.

A rating plan becomes a plan of rules (`rates-...`) for each service that it is asked for; a subject of a tenant and category becomes a
plan that falls back to the plans it asks, in their order. Ids of zones and prices are the same in all versions.
What the folder does not say, and a catalogue must, is assumed and listed: tax, charge codes, which service a category is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.errors import UserError
from rating.model import Service
from tariffs.cgrates.carried import Ledger, Listed
from tariffs.cgrates.destinations import Destinations, unique, zones_by_tag
from tariffs.cgrates.plans import Bound, RatingPlans, Sources
from tariffs.cgrates.prices import REVENUE_CODE, TAX_CLASS, PriceBook
from tariffs.cgrates.profiles import FALLBACK_DEPTH, Key, Profiles, instant_text
from tariffs.cgrates.rates import Rates, destination_rates
from tariffs.cgrates.reading import ANY, DESTINATION_RATES, DESTINATIONS, RATES, RATING_PLANS, RATING_PROFILES, TIMINGS
from tariffs.cgrates.timings import Timings
from tariffs.checks.readable import harmful
from tariffs.documents.findings import IDENTITY, IDENTITY_REMEDY
from tariffs.documents.limits import PLANS_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tariffs.cgrates.destinations import Zone
    from tariffs.cgrates.reading import Folder

VERSIONS_MAX: Final = 200
MERGED_FROM: Final = 20_000  # zones; more would not fit into the files of a catalogue
SERVICE_OF_CATEGORY: Final = {
    "call": Service.VOICE,
    "voice": Service.VOICE,
    "sms": Service.SMS,
    "mms": Service.MMS,
    "data": Service.DATA,
    "content": Service.CONTENT,
}
_NAME_MAX: Final = 60
_DISCLOSURE: Final = {
    "en": "Prices of the tariff plan that was imported. To be replaced by a text for customers.",
    "zh": "价格沿用所导入资费方案的内容。请替换为面向用户的说明。",
}


class Settings(NamedTuple):
    """Settings that the folder does not hold."""

    currency: str
    timezone: str
    identity: str = "cgrates"
    services: Mapping[str, Service] = SERVICE_OF_CATEGORY  # by category; others as the lengths of their rates tell
    fallback_depth: int = FALLBACK_DEPTH


class Translated(NamedTuple):
    """Documents in the order of their versions, and everything that was changed or left out."""

    documents: list[dict[str, object]]
    plans: dict[Key, str]  # whose plan is called what
    not_carried: list[Listed]
    assumed: list[str]


def translate(folder: Folder, settings: Settings) -> Translated:
    """The documents of `folder`. Raises UserError where it holds no profile, or more than catalogues can."""
    if not IDENTITY.fullmatch(settings.identity):
        raise UserError(f'"{settings.identity}" cannot be an identity', IDENTITY_REMEDY)
    return _Translation(folder, settings).made()


class _Translation:
    def __init__(self, folder: Folder, settings: Settings) -> None:
        rows, self._ledger = folder.rows, Ledger(folder.listed)
        self._settings = settings
        self._timings = Timings(rows[TIMINGS], self._ledger)
        self._destinations = Destinations(rows[DESTINATIONS], self._ledger)
        self._rates = Rates(rows[RATES], self._ledger)
        self._destination_rates = destination_rates(rows[DESTINATION_RATES], self._rates, self._ledger)
        self._rating_plans = RatingPlans(rows[RATING_PLANS])
        self._profiles = Profiles(rows[RATING_PROFILES], self._ledger, settings.fallback_depth)
        self._prices = PriceBook(self._ledger)
        self._names: set[str] = set()
        self._rules: dict[tuple[str, Service | None], dict[str, object]] = {}  # plans of rules, by rating plan and service
        self._bound: dict[str, Bound] = {}
        self._zones: list[Zone] = []

    def made(self) -> Translated:
        starts = sorted({profile.from_us for profile in self._profiles.all()})
        if not starts:
            raise UserError(f"{RATING_PROFILES} gives no subject a plan", "add a line for each subject, or for *any")
        if len(starts) > VERSIONS_MAX:
            raise UserError(
                f"{len(starts):,} different activation times, and each is a version", f"import {VERSIONS_MAX} of them at a time"
            )
        used = self._used_plans()
        self._note_unused(used)
        self._zones = self._destinations.zones(self._standing_for(used))
        by_tag = zones_by_tag(self._zones)
        self._tell_assumptions()
        plans = self._subject_plans()
        documents = [self._document(number, at_us, plans, by_tag) for number, at_us in enumerate(starts, start=1)]
        return Translated(documents, plans, self._ledger.listed, self._ledger.assumed)

    def _used_plans(self) -> list[str]:
        """The rating plans that profiles name, and that there are."""
        found: dict[str, None] = {}
        for profile in self._profiles.all():
            if profile.plan in self._rating_plans:
                found.setdefault(profile.plan)
            else:
                who = f"{profile.key.subject} has no rates of its own from then on"
                self._ledger.add(profile.place, profile.plan, who, f"there is no rating plan {profile.plan}")
        return list(found)

    def _standing_for(self, used: Sequence[str]) -> dict[str, str]:
        """By destination: the one that stands for it: itself, but where there are very many the first one with the same rates."""
        said: dict[str, list[object]] = {}
        for plan in used:
            for row in self._rating_plans.rows[plan]:
                for rate in self._destination_rates.get(row.cells[1], ()):
                    terms = rate._replace(destination="", place=("", 0)) if rate.rate is not None else rate
                    said.setdefault(rate.destination, []).append((plan, terms, *row.cells[2:]))
        if self._destinations.count(said) <= MERGED_FROM:
            return {tag: tag for tag in said}
        self._ledger.assume("destinations with the same rates are one zone, named after the first of them")
        first: dict[str, str] = {}
        return {tag: first.setdefault(str(terms), tag) for tag, terms in said.items()}

    def _note_unused(self, used: Sequence[str]) -> None:
        """Note everything that no profile leads to: it is not carried over."""
        plans = {tag: rows[0].place for tag, rows in self._rating_plans.rows.items()}
        self._note("rating plan", plans, used, "no profile names it")
        rate_rows = {tag: rates[0].place for tag, rates in self._destination_rates.items()}
        named = [tag for tag in self._rating_plans.named(used, 1) if tag in rate_rows]
        self._note("destination rate", rate_rows, named, "no plan that is carried over names it")
        self._note("timing", self._timings.places, self._rating_plans.named(used, 2), "no plan that is carried over names it")
        rows = [rate for tag in named for rate in self._destination_rates[tag]]
        reason = "no destination rate that is carried over names it"
        self._note("rate", self._rates.places, [rate.rate_tag for rate in rows], reason)
        self._note("destination", self._destinations.places, [rate.destination for rate in rows], reason)

    def _note(self, what: str, places: Mapping[str, tuple[str, int]], used: Iterable[str], why: str) -> None:
        kept = frozenset(used)
        for tag, place in places.items():
            if tag not in kept:
                self._ledger.add(place, tag, f"the {what} is left out", why)

    def _tell_assumptions(self) -> None:
        ledger, settings = self._ledger, self._settings
        ledger.assume(f"amounts are in {settings.currency}, and times of day those of {settings.timezone}")
        ledger.assume(f"tax class `{TAX_CLASS}` of 0 percent, revenue code {REVENUE_CODE}, and the number of the service as charge code")
        for category in dict.fromkeys(key.category for key in self._profiles.keys()):  # noqa: SIM118 - a method, not a mapping
            service = settings.services.get(category)
            if service is None:
                ledger.assume(f"category {category}: rates with lengths of time are for voice, those of bare numbers for data")
            else:
                ledger.assume(f"category {category}: {service.name.lower()}")

    def _subject_plans(self) -> dict[Key, str]:
        keys = self._profiles.keys()
        several = len({key.tenant for key in keys}) > 1
        return {key: self._named("-".join(key if several else key[1:])) for key in keys}

    def _named(self, text: str) -> str:
        return unique(slug(text), self._names)

    def _document(self, number: int, at_us: int, plans: Mapping[Key, str], by_tag: Mapping[str, list[Zone]]) -> dict[str, object]:
        """The version from one activation time on."""
        rule_plans: dict[str, dict[str, object]] = {}
        subjects: list[dict[str, object]] = []
        for key, name in plans.items():
            asked = self._profiles.plans(key, at_us)
            if asked is None:
                continue
            service = self._settings.services.get(key.category)
            made = [self._rule_plan(tag, service, by_tag) for tag in asked if tag in self._rating_plans]
            rule_plans |= {str(plan["name"]): plan for plan in made}
            subjects.append({"name": name, "title": _title(key), "fallbacks": [plan["name"] for plan in made]})
        entries = [*subjects, *rule_plans.values()]
        if len(entries) > PLANS_MAX:
            raise UserError(f"{len(entries):,} plans, and a catalogue holds {PLANS_MAX:,}", "split the folder by tenant or category")
        return {
            "identity": self._settings.identity,
            "version": number,
            "currency": self._settings.currency,
            "timezone": self._settings.timezone,
            "effective_from": instant_text(at_us),
            "tax_classes": [{"name": TAX_CLASS, "code": 1, "rates": [{"from": "2000-01-01", "percent": "0"}]}],
            "disclosure": _DISCLOSURE,
            **self._named_parts(list(rule_plans.values())),
            "plans": entries,
        }

    def _rule_plan(self, tag: str, service: Service | None, by_tag: Mapping[str, list[Zone]]) -> dict[str, object]:
        """The plan of the rules of a rating plan."""
        if (tag, service) not in self._rules:
            if tag not in self._bound:
                sources = Sources(self._destination_rates, self._destinations, self._timings, self._ledger)
                self._bound[tag] = Bound(self._rating_plans.rows[tag], sources)
            rules = self._bound[tag].rules(by_tag, service, self._prices)
            name = self._named(f"rates-{tag}" if service in {None, Service.VOICE} else f"rates-{tag}-{service.name}")
            self._rules[tag, service] = {"name": name, "title": _titles("Rates", "费率", tag), "rules": rules}
        return self._rules[tag, service]

    def _named_parts(self, plans: Iterable[Mapping[str, object]]) -> dict[str, object]:
        """The zones, prices and calendars that rules of `plans` name."""
        rules = [rule for plan in plans for rule in _list(plan["rules"])]
        zone_names = {rule["zone"] for rule in rules}
        price_names = {rule["price"] for rule in rules}
        prices = [price for name, price in self._prices.prices.items() if name in price_names]
        calendar_names = {price.get("calendar") for price in prices}
        return {
            "calendars": [calendar for name, calendar in self._prices.calendars.items() if name in calendar_names],
            "zones": [_zone(zone) for zone in self._zones if zone.name in zone_names],
            "prices": prices,
        }


def slug(text: str) -> str:
    """A name that a plan may have: small letters, digits and hyphens."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower().replace(ANY, "any")).strip("-")
    return words[:_NAME_MAX].strip("-") or "plan"


def _zone(zone: Zone) -> dict[str, object]:
    return {"id": zone.zone_id, "name": zone.name, "prefixes": sorted(zone.prefixes)}


def _title(key: Key) -> dict[str, str]:
    return _titles("Subject", "用户", " ".join(part for part in key if part))


def _titles(english: str, chinese: str, called: str) -> dict[str, str]:
    """Titles of what CGRateS calls so. Characters that no text for people may have are shown by their codes."""
    shown = called if harmful(called) is None else "".join(mark if harmful(mark) is None else ascii(mark)[1:-1] for mark in called)
    return {"en": f"{english} {shown}", "zh": f"{chinese} {shown}"}


def _list(value: object) -> list[dict[str, object]]:
    assert isinstance(value, list), "rules are a list"
    return value
