"""The days on which an agreement between accounts is in effect: while it holds, and no later one about the same takes all of it. Pure.

Problem: B pays everything for A from January on, C usage from February on. B is not out of it: everything else stays with B. If C pays
everything, but from February to March alone, B pays again from March on. Both are what bills do, line by line
(`billing.runs.settlement.payers`): of the agreements of one kind about one account or subscription the newest holds that fits the line.

Choice: an agreement is over where those after it take all that it is about, kind of line by kind and charge code by code; a charge code
that none of them names represents all others. Left out: that a sponsor may take what a payer would have paid, which only makes the payer's
days longer than they are.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Final, NamedTuple

from billing.accounts.details import LINE_KINDS
from billing.accounts.facts import Fact
from billing.accounts.picture import Picture, Relation
from billing.charges.proration import Span

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

_PAID: Final = tuple(kind for kind in LINE_KINDS if kind != "discount")  # a discount is with who pays what it is off
_OTHER_CODE: Final = -1


class DatedAgreement(NamedTuple):
    """An agreement: its span, and the charges that it is about. Empty filters mean everything."""

    span: Span
    kinds: tuple[str, ...] = ()
    charge_codes: tuple[int, ...] = ()


class Reach(NamedTuple):
    """A relation (as `picture.Relation`) and the days on which it is in effect, in order of time; none after its member is closed."""

    member: int
    root: int | None
    fact: Fact
    subscription: int | None
    spans: tuple[Span, ...]

    def covers(self, day: dt.date) -> bool:
        """Return whether it is in effect on a day."""
        return any(span.holds_on(day) for span in self.spans)

    def first_within(self, start: dt.date, end: dt.date | None) -> dt.date | None:
        """The first day of `[start, end)` on which it is in effect; None where there is none."""
        days = (max(span.start, start) for span in self.spans)
        return next((day for day in days if self.covers(day) and (end is None or day < end)), None)

    def lasts(self, day: dt.date) -> bool:
        """Return whether it is in effect on that day or any later one."""
        return any(span.end is None or span.end > day for span in self.spans)


def of_picture(picture: Picture) -> list[Reach]:
    """All relations of a picture with the days on which they are in effect."""
    spans: dict[tuple[bool, int], tuple[Span, ...]] = {}
    contracts = {each.key: each for customer in picture.customers.values() for each in customer.contracts}
    for member, subscription in {(each.member, each.subscription) for each in picture.relations}:
        subject = picture.customers[member] if subscription is None else contracts[subscription]
        families: dict[str, list[Fact]] = collections.defaultdict(list)
        for fact in subject.of_kind("payer", "sponsor", "pool"):
            families[fact.kind].append(fact)
        closed_on = picture.customers[member].closed_on
        for facts in families.values():
            for fact, days in zip(facts, in_force([_told(fact) for fact in facts]), strict=True):
                spans[subscription is None, fact.fact_id] = tuple(_before(days, closed_on))
    return [Reach(*each, spans[each.subscription is None, each.fact.fact_id]) for each in picture.relations]


def related(picture: Picture, key: int, day: dt.date) -> set[int]:
    """An account and all others that are billed together with it on a day or later, by key."""
    lasting = [each for each in of_picture(picture) if each.lasts(day)]
    return Picture(picture.customers, [Relation(*each[:4]) for each in lasting]).unit_of(key)


def in_force(told: Sequence[DatedAgreement]) -> list[tuple[Span, ...]]:
    """The days on which each of the agreements of one kind about one subject is in effect. They are in order of time."""
    return [tuple(_left(each, told[place + 1 :])) for place, each in enumerate(told)]


def _told(fact: Fact) -> DatedAgreement:
    return DatedAgreement(Span(fact.from_date, fact.to_date), getattr(fact.detail, "kinds", ()), getattr(fact.detail, "charge_codes", ()))


def _left(one: DatedAgreement, later: Sequence[DatedAgreement]) -> Iterator[Span]:
    """The days of an agreement without those on which later ones take all of it."""
    edges = {day for each in later for day in each.span if day is not None and one.span.holds_on(day)}
    days = sorted({one.span.start, *edges})
    begun: dt.date | None = None
    for day in days if one.span.holds_on(one.span.start) else ():
        taken = _takes_all(one, [each for each in later if each.span.holds_on(day)])
        if taken and begun is not None:
            yield Span(begun, day)
        begun = None if taken else begun or day
    if begun is not None:
        yield Span(begun, one.span.end)


def _takes_all(one: DatedAgreement, others: Sequence[DatedAgreement]) -> bool:
    """Return whether others take everything that an agreement is about."""
    kinds = one.kinds or _PAID
    codes = one.charge_codes or (_OTHER_CODE, *(code for each in others for code in each.charge_codes))
    return all(any(_about(each, kind, code) for each in others) for kind in kinds for code in codes if kind in _PAID)


def _about(one: DatedAgreement, kind: str, code: int) -> bool:
    return (not one.kinds or kind in one.kinds) and (not one.charge_codes or code in one.charge_codes)


def _before(spans: Sequence[Span], closed_on: dt.date | None) -> Iterator[Span]:
    for span in spans:
        if closed_on is None or (span.end is not None and span.end <= closed_on):
            yield span
        elif span.start < closed_on:
            yield Span(span.start, closed_on)
