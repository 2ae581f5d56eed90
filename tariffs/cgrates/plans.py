"""RatingPlans: which rate a destination has when, as rules of ours.

All rates of a plan for one zone become one price: a band of a calendar for each rate, at the times of its timings, with the rank of its
weight. So a call that crosses a boundary is split there. Of equal weights the later start wins in both engines, then the first row.
Where a part of it cannot be said, the whole zone is refused in that plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.model import ANY_ZONE, Service
from tariffs.cgrates.carried import CarryError, Ledger
from tariffs.cgrates.destinations import Destinations
from tariffs.cgrates.prices import Binding
from tariffs.cgrates.rates import DestinationRate
from tariffs.cgrates.reading import ANY
from tariffs.cgrates.timings import Span, Timings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tariffs.cgrates.destinations import Zone
    from tariffs.cgrates.prices import PriceBook
    from tariffs.cgrates.reading import Row

_WEIGHT_DIGITS: Final = 30


class RatingPlans:
    """The plans of a folder by tag, rows in their order."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows: dict[str, list[Row]] = {}
        for row in rows:
            self.rows.setdefault(row.cells[0], []).append(row)

    def __contains__(self, tag: str) -> bool:
        return tag in self.rows

    def named(self, tags: Iterable[str], column: int) -> list[str]:
        """Names that the plans `tags` give in a column (1 destination rates, 2 timings), each once."""
        return list(dict.fromkeys(row.cells[column] for tag in tags for row in self.rows.get(tag, ())))


class Bound:
    """The bindings of one plan by destination."""

    def __init__(self, rows: Sequence[Row], sources: Sources) -> None:
        self.bindings: list[Binding] = [binding for row in rows for binding in _bindings(row, sources)]
        self._by_destination: dict[str, list[int]] = {}
        for position, binding in enumerate(self.bindings):
            self._by_destination.setdefault(binding.rate.destination, []).append(position)

    def rules(self, zones: Mapping[str, list[Zone]], service: Service | None, prices: PriceBook) -> list[dict[str, object]]:
        """Rules of ours, those for every destination last. `service` None: as the lengths of the rates say."""
        touched = {zone.zone_id: zone for tag in self._by_destination for zone in zones.get(tag, ())}
        found: list[dict[str, object]] = []
        made: dict[tuple[int, ...], tuple[Service, str | None] | None] = {}
        for name, tags in [*((touched[number].name, touched[number].tags) for number in sorted(touched)), (ANY_ZONE, (ANY,))]:
            positions = tuple(sorted(position for tag in tags for position in self._by_destination.get(tag, ())))
            if positions not in made:
                made[positions] = prices.price([self.bindings[position] for position in positions], service) if positions else None
            answer = made[positions]
            if answer is not None:
                found.append({"service": answer[0].name.lower(), "zone": name, "price": answer[1]})
        return found


class Sources(NamedTuple):
    """Objects that the rows of plans name, and the ledger."""

    destination_rates: Mapping[str, list[DestinationRate]]
    destinations: Destinations
    timings: Timings
    ledger: Ledger


def _bindings(row: Row, sources: Sources) -> list[Binding]:
    """One for each destination of the destination rate that a row names."""
    tag, rate_tag, timing, weight_text = row.cells
    if rate_tag not in sources.destination_rates:
        sources.ledger.add(row.place, tag, "the row is left out", f"there is no destination rate {rate_tag}")
        return []
    why_not, span, weight = "", Span(), Decimal(0)
    try:
        span, weight = sources.timings.span(timing), _weight(weight_text)
    except CarryError as error:
        why_not = str(error)
        sources.ledger.add(row.place, tag, f"usage at {rate_tag} is refused", why_not)
    if span.is_never:
        sources.ledger.add(row.place, tag, f"{rate_tag} at {timing} is left out", "it ends before it begins, or is on no day")
        return []
    found = []
    for rate in sources.destination_rates[rate_tag]:
        if rate.destination not in sources.destinations:
            sources.ledger.add(rate.place, rate_tag, "the row is left out", f"there is no destination {rate.destination}")
        else:
            found.append(Binding(rate, timing, span, weight, row.place, why_not or rate.why_not))
    return found


def _weight(text: str) -> Decimal:
    try:
        weight = Decimal((text or "0") if text.isascii() else "")  # Decimal reads digits of every script
    except InvalidOperation:
        raise CarryError(f'the weight "{text}" is not a number') from None
    if not weight.is_finite() or abs(weight.adjusted()) > _WEIGHT_DIGITS:
        raise CarryError(f"the weight {text} is out of range")
    return weight
