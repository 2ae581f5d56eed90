"""Many translated cases as a few catalogues, one a time zone, so that decks and calendars are compiled once.

Names of a case's plans and prices get the case's number in front; equal calendars are one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from rating.model import ANY_ZONE, Band, Calendar, Catalogue, Plan, Price, TaxClass, Zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rating.outcome import Event
    from tests.vectors.cases import Case
    from tests.vectors.translation import PlanWords, Translation

_FROM_US: Final = 946_684_800_000_000  # 2000-01-01
LARGE_MAX: Final = 100  # calendars and decks compiled together
_NO_TAX: Final = TaxClass("none", 1, ())


def batches(cases: Sequence[tuple[Case, Translation]]) -> Iterator[list[tuple[Case, Translation]]]:
    """`cases` in order, cut so that calendars and decks of each batch, which take megabytes when compiled, stay few."""
    batch: list[tuple[Case, Translation]] = []
    large: set[object] = set()
    for case, said in cases:
        own = {(said.timezone, words.bands) for words in said.prices} | {_deck(plan) for plan in said.plans}
        if batch and len(large | own) > LARGE_MAX:
            yield batch
            batch, large = [], set()
        batch.append((case, said))
        large |= own
    if batch:
        yield batch


def join(cases: Sequence[Translation]) -> tuple[list[Catalogue], list[Event]]:
    """Catalogues that hold every case, and each one's event."""
    by_timezone: dict[str, _Gathered] = {}
    events = []
    for number, case in enumerate(cases):
        gathered = by_timezone.setdefault(case.timezone, _Gathered(f"vectors-{1 + len(by_timezone)}"))
        gathered.add(case, number)
        plan = None if case.event.plan is None else f"{gathered.identity}/{number} {case.event.plan}"
        events.append(msgspec.structs.replace(case.event, plan=plan, event_key=number.to_bytes(16)))
    return [gathered.catalogue(timezone) for timezone, gathered in by_timezone.items()], events


def _deck(plan: PlanWords) -> frozenset[str]:
    return frozenset(rule.zone for rule in plan.rules)


class _Gathered:
    """What the cases of one time zone need."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.calendars: dict[tuple[Band, ...], str] = {}
        self.prices: list[Price] = []
        self.plans: list[Plan] = []
        self.zones: dict[str, None] = {}

    def add(self, case: Translation, number: int) -> None:
        for words in case.prices:
            calendar = self.calendars.setdefault(words.bands, f"calendar {len(self.calendars)}") if words.bands else None
            self.prices.append(
                msgspec.structs.replace(words.price, price_id=len(self.prices) + 1, name=f"{number} {words.price.name}", calendar=calendar)
            )
        self.plans += [self._plan(plan, number) for plan in case.plans]

    def catalogue(self, timezone: str) -> Catalogue:
        zones = tuple(Zone(place, digits, (digits,)) for place, digits in enumerate(self.zones, start=1))
        calendars = tuple(Calendar(name, bands) for bands, name in self.calendars.items())
        return Catalogue(
            self.identity, 1, "EUR", 2, timezone, _FROM_US, zones, calendars, tuple(self.prices), tuple(self.plans), (_NO_TAX,), {}
        )

    def _plan(self, plan: PlanWords, number: int) -> Plan:
        self.zones |= dict.fromkeys(rule.zone for rule in plan.rules if rule.zone != ANY_ZONE)
        rules = tuple(msgspec.structs.replace(rule, price=f"{number} {rule.price}") for rule in plan.rules)
        return Plan(f"{number} {plan.name}", rules, {}, fallbacks=tuple(f"{number} {name}" for name in plan.fallbacks))
