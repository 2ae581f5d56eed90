"""Ranges of time that overlap or leave a hole: of versions, of what a plan is sold for, and of discounts.

A version prices until the next one of its identity takes effect, or until its `effective_to`. Instants are shown as local dates of the
catalogue's time zone.
"""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING

from rating.dates import NEVER, local_date, local_time
from tariffs.warnings.common import warning, written_plans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rating.model import Catalogue, Discount, Plan
    from tariffs.documents.document import Place
    from tariffs.warnings.common import Warning  # noqa: A004 -- see there


def warn(catalogue: Catalogue, others: Sequence[Catalogue]) -> Iterator[Warning]:
    """Ranges of the version among `others` of its identity, then those of its plans."""
    yield from _versions(catalogue, others)
    for index, plan in written_plans(catalogue):
        yield from _sold(catalogue, plan, ("plans", index))
        yield from _discounts(catalogue, plan, ("plans", index, "discounts"))


def _versions(catalogue: Catalogue, others: Sequence[Catalogue]) -> Iterator[Warning]:
    of_identity = [each for each in others if each.identity == catalogue.identity]
    replaced = {catalogue.version, catalogue.corrects, *(each.corrects for each in of_identity)}
    alike = [each for each in of_identity if each.version not in replaced]
    earlier = [each for each in alike if each.effective_from_us < catalogue.effective_from_us]
    later = [each for each in alike if each.effective_from_us > catalogue.effective_from_us]
    if earlier:
        before = max(earlier, key=lambda each: (each.effective_from_us, each.version))
        yield from _join(before, catalogue, catalogue, ("effective_from",))
    if later:
        yield from _join(catalogue, min(later, key=lambda each: (each.effective_from_us, each.version)), catalogue, ("effective_to",))


def _join(former: Catalogue, latter: Catalogue, about: Catalogue, place: Place) -> Iterator[Warning]:
    """Warn where the end of one version and the start of the next do not meet."""
    end_us, start_us = former.effective_to_us, latter.effective_from_us
    if end_us is None or end_us == start_us:
        return
    end, start = local_text(end_us, about.timezone), local_text(start_us, about.timezone)
    if end_us < start_us:
        message = f"nothing prices from {end}, where version {former.version} ends, to {start}, where version {latter.version} begins"
        yield warning("range-hole", place, message, "let the one begin when the other ends, or leave `effective_to` out")
    else:
        message = f"version {former.version} ends on {end}, but version {latter.version} takes its place on {start} already"
        yield warning("range-overlap", place, message, "let `effective_to` be the start of the next version, or leave it out")


def _sold(catalogue: Catalogue, plan: Plan, place: Place) -> Iterator[Warning]:
    """A plan that is not sold at any time at which its version prices."""
    start = local_date(catalogue.effective_from_us, catalogue.timezone)
    if plan.sold_to is not None and plan.sold_to < start:
        message = f"plan `{plan.name}` is sold to {plan.sold_to}, before the version takes effect on {start}"
        yield warning("range-hole", (*place, "sold_to"), message, "write the last day on which it is sold, or leave `sold_to` out")
    end_us = catalogue.effective_to_us
    if plan.sold_from is not None and end_us is not None and plan.sold_from >= local_date(end_us, catalogue.timezone):
        message = f"plan `{plan.name}` is sold from {plan.sold_from}, when the version has ended"
        yield warning("range-hole", (*place, "sold_from"), message, "write an earlier day, or a later `effective_to`")


def _discounts(catalogue: Catalogue, plan: Plan, place: Place) -> Iterator[Warning]:
    """Dated discounts of one scope that overlap (only the larger one acts), and those that are over before the version begins."""
    for number, discount in enumerate(plan.discounts):
        if discount.to_us is not None and discount.to_us <= catalogue.effective_from_us:
            message = f"discount `{discount.name}` of plan `{plan.name}` ends before the version takes effect"
            yield warning("range-hole", (*place, number, "to"), message, "write a later end, or take it out")
    for (_, former), (number, latter) in itertools.combinations(enumerate(plan.discounts), 2):
        shared = _shared(former, latter)
        if shared is not None:
            which = f"discounts `{former.name}` and `{latter.name}` of plan `{plan.name}`"
            since = "always" if shared == 0 else f"from {local_text(shared, catalogue.timezone)}"
            message = f"{which} are for the same usage and both hold {since}: only the larger acts"
            yield warning("range-overlap", (*place, number), message, "let one end when the other begins, or take one out")


def _shared(former: Discount, latter: Discount) -> int | None:
    """The instant from which both hold; None where they never do, or are not for the same usage."""
    if (former.services, sorted(former.zones), former.friends_only) != (latter.services, sorted(latter.zones), latter.friends_only):
        return None
    start = max(former.from_us or 0, latter.from_us or 0)
    end = min(NEVER if each.to_us is None else each.to_us for each in (former, latter))
    return start if start < end else None


def local_text(instant_us: int, timezone: str) -> str:
    """The date of an instant, with its time where that is not midnight."""
    local = local_time(instant_us, timezone)
    return f"{local:%Y-%m-%d}" if local.time() == dt.time() else f"{local:%Y-%m-%d %H:%M}"
