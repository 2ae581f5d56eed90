"""Size limits of a catalogue, checked before and after it is built.

A few lines of YAML can ask for any amount of work: plans repeat the rules of the decks they name, and ask each other in turn. A CSV
file may have more rows than rating has room for zones. Findings of this module are reported alone: nothing else is checked then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tariffs.documents import limits
from tariffs.documents.document import Finding
from tariffs.documents.findings import ZONE_ID_MAX
from tariffs.reach import Asked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rating.model import Catalogue
    from tariffs.documents.csvfiles import Files
    from tariffs.language.entries import CalendarEntry, Document
    from tariffs.language.plans import PlanEntry

KINDS_MAX: Final = ZONE_ID_MAX  # of destination, that a plan may tell apart for a service


def before_building(document: Document, files: Files) -> list[Finding]:
    """Findings on entries and files that ask for what cannot be built in bounded time and memory."""
    return [*_zones(document, files), *_rules(document, files), *_fallbacks(document), *_bands(document)]


def of_catalogue(catalogue: Catalogue) -> Iterator[Finding]:
    """Findings on what is too much in a catalogue that is right in every other way."""
    if len(catalogue.plans) > limits.PLANS_MAX:
        message = f"{len(catalogue.plans):,} plans, those with add-ons included; at most {limits.PLANS_MAX:,} can be"
        yield Finding(("plans",), message, "let fewer plans have add-ons, or split the catalogue")
    if sum(len(zone.prefixes) for zone in catalogue.zones) > KINDS_MAX:  # else there cannot be so many kinds
        yield from _kinds(catalogue)


def _zones(document: Document, files: Files) -> Iterator[Finding]:
    count = len(document.zones) + sum(len(rows) for rows in files.decks.values())
    if count > ZONE_ID_MAX:
        message = f"{count:,} zones, those of decks included; at most {ZONE_ID_MAX:,} can be"
        place = max(files.decks, key=lambda deck: len(files.decks[deck]), default=("zones",))
        yield Finding(place, message, "join rows that have the same price into one zone with all their prefixes")


def _rules(document: Document, files: Files) -> Iterator[Finding]:
    rows = {entry.name: len(files.decks.get(("decks", index), ())) for index, entry in enumerate(document.decks)}
    count = sum(len(plan.rules) + sum(rows.get(name, 0) for name in plan.decks) for plan in document.plans)
    if count > limits.RULES_MAX:
        message = f"{count:,} rules in all plans together; at most {limits.RULES_MAX:,} can be"
        yield Finding(("plans",), message, "name a deck in one plan, and that plan as `fallbacks` of the others")


def _fallbacks(document: Document) -> Iterator[Finding]:
    by_name = {plan.name: plan for plan in document.plans}
    for index, plan in enumerate(document.plans):
        if _asked_count(plan, by_name) > limits.FALLBACKS_MAX:
            message = f"plan `{plan.name}` falls back to more than {limits.FALLBACKS_MAX} plans, one after the other"
            yield Finding(("plans", index, "fallbacks"), message, "write rules that several plans share into one plan")


def _asked_count(plan: PlanEntry, by_name: Mapping[str, PlanEntry]) -> int:
    """Return how many plans may be asked after `plan`; no more are counted than decide."""
    seen = {plan.name}
    waiting = list(plan.fallbacks)
    while waiting and len(seen) <= limits.FALLBACKS_MAX + 1:
        name = waiting.pop()
        if name in by_name and name not in seen:
            seen.add(name)
            waiting += by_name[name].fallbacks
    return len(seen) - 1


def _bands(document: Document) -> Iterator[Finding]:
    for index, calendar in enumerate(document.calendars):
        if _claims(calendar) > limits.CLAIMS_MAX:
            message = f"calendar `{calendar.name}` has too many bands that begin at one time with one weight"
            remedy = "give them different weights, or one name where they are one band"
            yield Finding(("calendars", index, "bands"), message, remedy)


def _claims(calendar: CalendarEntry) -> int:
    """Pairs of bands that begin at one time with one weight: each is searched for a common day."""
    starts: dict[tuple[int, int], list[str]] = {}
    for band in calendar.bands:
        starts.setdefault((band.from_, band.weight), []).append(band.name)
    return sum(len(names) * (len(names) - 1) // 2 for names in starts.values() if len(set(names)) > 1)


def _kinds(catalogue: Catalogue) -> Iterator[Finding]:
    """Plans that distinguish more kinds of destination than their table has room for."""
    asked = Asked(catalogue)
    for index, plan in enumerate(catalogue.plans):
        for service in asked.services(plan) if plan.base is None else ():
            count = len(asked.classes(plan, service).candidates)
            if count > KINDS_MAX:
                message = f"plan `{plan.name}` distinguishes {count:,} kinds of destination; at most {KINDS_MAX:,} are possible"
                yield Finding(("plans", index), message, "let fewer zones with rules of their own lie inside each other")
