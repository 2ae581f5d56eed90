"""The days on which a fee is charged, when a subscription is paused or out of order for some of them.

A pause (`WhilePaused`): a fee is free on its days, charged all the same, or charged for them alone (to keep a number). An outage: its days
are not charged for fees with `outage_credit`. A day on which both hold is counted once. Pauses and outages may overlap, touch, repeat and
reach beyond the subscription: a day counts if it lies in any of them. All spans are local dates, half open, in whole days: the day on which
a pause begins is paused, the day of resuming is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from billing.charges.proration import Span
from rating.model import WhilePaused

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from rating.model import RecurringFee


class Breaks(NamedTuple):
    """The spans in which a subscription was paused, and those in which it was out of order."""

    pauses: tuple[Span, ...] = ()
    outages: tuple[Span, ...] = ()


NO_BREAKS: Final = Breaks()


def charged_spans(fee: RecurringFee, part: Span, breaks: Breaks) -> list[Span]:
    """The days of `part` (its end given) for which `fee` is charged, as spans in order of time that do not touch."""
    if not breaks.pauses and not breaks.outages:
        return [] if fee.while_paused is WhilePaused.ONLY else [part]
    if fee.while_paused is WhilePaused.FREE:
        spans = without(part, breaks.pauses)
    elif fee.while_paused is WhilePaused.ONLY:
        spans = within(part, breaks.pauses)
    else:
        spans = [part]
    if fee.outage_credit:
        spans = [rest for span in spans for rest in without(span, breaks.outages)]
    return spans


def within(part: Span, spans: Iterable[Span]) -> list[Span]:
    """The days of `part` that lie in any of `spans`."""
    assert part.end is not None
    found: list[tuple[dt.date, dt.date]] = []
    for start, end in sorted((max(span.start, part.start), _earlier(span.end, part.end)) for span in spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        elif start < end:
            found.append((start, end))
    return [Span(start, end) for start, end in found]


def without(part: Span, spans: Iterable[Span]) -> list[Span]:
    """The days of `part` that lie in none of `spans`."""
    assert part.end is not None
    found: list[Span] = []
    start = part.start
    for hole in within(part, spans):
        if start < hole.start:
            found.append(Span(start, hole.start))
        assert hole.end is not None
        start = hole.end
    if start < part.end:
        found.append(Span(start, part.end))
    return found


def touching(breaks: Breaks, start: dt.date, end: dt.date) -> Breaks:
    """The parts of `breaks` in `[start, end)`, cut to it: equal cases are then equal values."""
    window = Span(start, end)
    return Breaks(tuple(within(window, breaks.pauses)), tuple(within(window, breaks.outages)))


def days(spans: Sequence[Span]) -> int:
    """Days of spans whose ends are given."""
    return sum((span.end - span.start).days for span in spans if span.end is not None)


def _earlier(end: dt.date | None, bound: dt.date) -> dt.date:
    return bound if end is None else min(end, bound)
