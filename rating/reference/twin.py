"""The plain twin: prices one event by interpreting `rating.model` with Python integers, Fractions and wall-clock arithmetic.

It exists to be right and readable, and to disagree when the compiled kernel is wrong. It shares nothing with tables, compiler or
kernel, and follows "One event, exactly" in docs/rating-rules.md step by step: `rules` finds the rule (2, 3),
`walk` the increments (7), `buckets` what allowances, passes, counters and caps do (6, 8, 13, 14).
Units: those of `rating.outcome`. It refuses nothing by exception: a refused event gets a status and changes no bucket.
"""

from __future__ import annotations

from collections.abc import Hashable
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

import msgspec

from rating.model import PPM, Catalogue, Counting, Price, QuantityUnit
from rating.money import round_exact
from rating.outcome import COUNTER_MAX, Bucket, Event, Outcome
from rating.reference.buckets import Held, Usage, largest_discount
from rating.reference.clock import MICROSECONDS_PER_DAY, MICROSECONDS_PER_SECOND
from rating.reference.rules import Clocks, Match, Version, is_number
from rating.reference.walk import MICROSECONDS_PER_MILLISECOND, Begin, ceil_div, piece, walk
from rating.status import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

START_US_MIN: Final = 946_684_800 * MICROSECONDS_PER_SECOND  # 2000-01-01T00:00Z
START_US_LIMIT: Final = 3_155_760_000 * MICROSECONDS_PER_SECOND  # 2070-01-01T00:00Z, exclusive

# Step 4: the largest quantity of one event, in input units, and the largest content amount.
QUANTITY_MAX: Final = {
    QuantityUnit.MILLISECOND: 31 * MICROSECONDS_PER_DAY,
    QuantityUnit.BYTE: 2**40,
    QuantityUnit.MESSAGE: 1_000_000,
}
CONTENT_MICROS_MAX: Final = 10**12

_ZERO: Final = Fraction(0)

_Holder = TypeVar("_Holder", bound=Hashable)
_Key = TypeVar("_Key", bound=Hashable)


class Ordered(NamedTuple, Generic[_Key]):
    """Outcomes in the order of the events given, and every bucket after the last event."""

    outcomes: list[Outcome]
    buckets: dict[_Key, Bucket]


class Reference:
    """The published versions of all catalogues, ready to be asked about one event at a time.

    `ported`: whole number -> (from which instant, the number that stands for it), in any order.
    """

    def __init__(self, catalogues: Sequence[Catalogue], ported: Mapping[str, Sequence[tuple[int, str]]] | None = None) -> None:
        clocks = Clocks(catalogues)
        self._versions: dict[str, list[Version]] = {}  # newest first
        self._identities: dict[str, str] = {}  # full plan name -> identity of its catalogue
        self._ported = {number: sorted(entries, key=lambda entry: entry[0]) for number, entries in (ported or {}).items()}
        for catalogue in sorted(catalogues, key=lambda c: (c.effective_from_us, c.version), reverse=True):
            self._versions.setdefault(catalogue.identity, []).append(Version(catalogue, clocks))
            self._identities.update((f"{catalogue.identity}/{plan.name}", catalogue.identity) for plan in catalogue.plans)

    def rate(self, event: Event, buckets: Sequence[Bucket] = ()) -> Outcome:
        """Price `event`, whose holder has `buckets`. They come back in `Outcome.buckets` as they are after it, in the order given."""
        assert all(bucket.amount >= 0 for bucket in buckets), "a bucket cannot hold less than nothing"
        status = self._refused_unseen(event)
        if status is not None:
            return Outcome(event, status, buckets=tuple(buckets))
        version = self._in_force(event)
        if version is None:
            return Outcome(event, Status.NO_VERSION, buckets=tuple(buckets))
        return self._by_version(version, event, buckets)

    def rate_in_order(
        self,
        events: Sequence[Event],
        holders: Sequence[_Holder | None],
        held: Mapping[_Holder, Sequence[_Key]],
        buckets: Mapping[_Key, Bucket],
    ) -> Ordered[_Key]:
        """Price `events` (any order) in order of (start, event key).

        `holders`: the holder of each event, None for none; `held`: keys of the buckets of each holder, who may share some.
        """
        now = dict(buckets)
        outcomes: list[Outcome | None] = [None] * len(events)
        for row in sorted(range(len(events)), key=lambda i: (events[i].start_us, events[i].event_key)):
            holder = holders[row]
            keys = () if holder is None else held.get(holder, ())
            outcome = self.rate(events[row], [now[key] for key in keys])
            now.update(zip(keys, outcome.buckets, strict=True))
            outcomes[row] = outcome
        return Ordered([outcome for outcome in outcomes if outcome is not None], now)

    def _refused_unseen(self, event: Event) -> Status | None:
        """Refusals that need no tariff, in the order of `Status`."""
        if event.plan is None:
            return Status.UNKNOWN_SUBSCRIPTION
        if event.plan not in self._identities:
            return Status.UNKNOWN_PLAN
        if event.quantity < 0:
            return Status.NEGATIVE_QUANTITY
        if not START_US_MIN <= event.start_us < START_US_LIMIT:
            return Status.TIME_OUT_OF_RANGE
        if event.destination is None or (event.destination and not is_number(event.destination)):
            return Status.INVALID_NUMBER
        return None

    def _in_force(self, event: Event) -> Version | None:
        """The version of the plan's catalogue in force at the start of the event, if it holds the plan."""
        assert event.plan is not None, "an event without plan was refused before"
        versions = self._versions[self._identities[event.plan]]
        version = next((v for v in versions if v.catalogue.effective_from_us <= event.start_us), None)
        return version if version is not None and event.plan in version.plans else None

    def _by_version(self, version: Version, event: Event, buckets: Sequence[Bucket]) -> Outcome:
        """Steps 2 to 4, and the rest for an event that they do not refuse."""
        routed = self._routed(event)
        seen = version.circumstances(event)
        match = version.match(event, routed or event.destination or "", seen)
        known = msgspec.structs.replace(
            version.known if match is None else match.own.known,
            event=event,
            routed=routed,
            origin_zone=seen.origin_zone,
            origin_zone_title=version.zone_titles.get(seen.origin_zone, {}),
            roaming_zone=seen.roaming_zone,
            roaming_zone_title=version.roaming_titles.get(seen.roaming_zone, {}),
            prefix="" if match is None else match.found_by,
            short_code=match is not None and match.short_code,
            buckets=tuple(buckets),
        )
        if match is None:
            return known
        if match.own.terms is None or match.begin is None:
            return msgspec.structs.replace(known, status=Status.NOT_SOLD)
        if match.begin.clock is not None:
            known = msgspec.structs.replace(known, clock_timezone=match.begin.clock.zone.name)
        status = _refused_by_price(event, match.own.terms.price)
        if status is not None:
            return msgspec.structs.replace(known, status=status)
        return _priced(known, version, match, match.begin)

    def _routed(self, event: Event) -> str:
        """Step 2: the number that stands for a ported destination; "" where it is not ported (yet)."""
        newest = ""
        for from_us, number in self._ported.get(event.destination or "", ()):
            if from_us <= event.start_us:
                newest = number
        return newest


def _refused_by_price(event: Event, price: Price) -> Status | None:
    """Step 4: what is too large for the price, or lacks what it needs."""
    if event.quantity > QUANTITY_MAX[price.unit] or (price.content_ppm and event.content_micros > CONTENT_MICROS_MAX):
        return Status.QUANTITY_TOO_LARGE
    if price.content_ppm and event.content_micros < 0:
        return Status.CONTENT_AMOUNT_MISSING
    return None


def _priced(known: Outcome, version: Version, match: Match, begin: Begin) -> Outcome:
    """Steps 5 to 8: quantity, increments and what of them is free; the charge follows."""
    event, terms = known.event, match.own.terms
    assert event.plan is not None, "an event without plan was refused before"
    assert terms is not None, "an event that is not sold was refused before"
    price = terms.price
    if event.quantity == 0 and not price.charge_zero_usage:
        return msgspec.structs.replace(known, status=Status.ZERO_RATED)
    used = ceil_div(event.quantity, MICROSECONDS_PER_MILLISECOND) if price.unit is QuantityUnit.MILLISECOND else event.quantity
    quantity = max(used, price.minimum_qty) if used else 0
    usage = Usage(event, match.own.rule, version.plans[event.plan], version)
    held = Held(known.buckets, usage)
    line = held.line(price, quantity)
    runs = walk(price, terms.rates, begin, line)
    chargeable_qty = runs[-1].to_qty if runs else 0
    counter_after = 0 if price.counting is Counting.EVENT else min(line.base_qty + chargeable_qty, COUNTER_MAX)
    paid_after = line.paid_qty + chargeable_qty - quantity if price.counting is Counting.PACKAGE else 0
    held.count(price, counter_after, paid_after)
    head = held.free_head(price.unit, runs)
    known = msgspec.structs.replace(
        known,
        chargeable_qty=chargeable_qty,
        free_qty=head.free_qty,
        counter_before=line.base_qty,
        counter_after=counter_after,
        paid_before=line.paid_qty,
        paid_after=paid_after,
        minimum_qty_applied=quantity > used,
        pieces=tuple(piece(run, terms.rates[run.band], head.free_qty) for run in runs),
        taken=head.taken,
        pass_fees_micros=head.fees_micros,
    )
    charged = chargeable_qty > head.free_qty or quantity == 0 or head.connects
    known = _exact(known, begin.rate.connect_fee_micros, charged=charged)
    return _charge(known, held, usage)


def _exact(known: Outcome, connect_fee_micros: int, *, charged: bool) -> Outcome:
    """Step 9: the exact charge, raised to the minimum if something is charged, and cut to the maximum."""
    connect_fee_micros = connect_fee_micros if charged else 0
    content_share = Fraction(known.event.content_micros * known.content_ppm, PPM) if charged and known.content_ppm else _ZERO
    exact = sum((each.amount_micros for each in known.pieces), content_share) + connect_fee_micros
    minimum_applied = charged and exact < known.minimum_micros
    bounded = Fraction(known.minimum_micros) if minimum_applied else exact
    maximum_applied = known.maximum_micros is not None and bounded > known.maximum_micros
    return msgspec.structs.replace(
        known,
        connect_fee_micros=connect_fee_micros,
        content_share_micros=content_share,
        exact_micros=exact,
        minimum_applied=minimum_applied,
        maximum_applied=maximum_applied,
        bounded_micros=Fraction(known.maximum_micros or 0) if maximum_applied else bounded,
    )


def _charge(known: Outcome, held: Held, usage: Usage) -> Outcome:
    """Steps 10 to 15: discount, rounding, fees of passes, money, caps."""
    discount = largest_discount(usage)
    unrounded = known.bounded_micros if discount is None else known.bounded_micros * Fraction(PPM - discount.percent_ppm, PPM)
    rounded_micros = round_exact(unrounded, known.rounding_step_micros, known.rounding_mode)
    gross_micros = (
        rounded_micros if discount is None else round_exact(known.bounded_micros, known.rounding_step_micros, known.rounding_mode)
    )
    paid = held.pay(rounded_micros + known.pass_fees_micros)
    capped = held.cap(paid.amount_micros)
    return msgspec.structs.replace(
        known,
        status=Status.RATED if capped.amount_micros > 0 else Status.ZERO_RATED,
        charge_micros=capped.amount_micros,
        gross_micros=gross_micros + known.pass_fees_micros,
        taken=known.taken + paid.taken,
        discount_id=0 if discount is None else discount.discount_id,
        discount="" if discount is None else discount.name,
        discount_ppm=0 if discount is None else discount.percent_ppm,
        unrounded_micros=unrounded,
        rounded_micros=rounded_micros,
        caps=capped.caps,
        buckets=held.buckets(),
    )
