"""Changes between the rules of a plan: the price of each usage, and the effect on customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rating.model import ANY_ZONE, HOME_NETWORK, Catalogue, Price, Service
from tariffs.changes import prices
from tariffs.changes.change import Effect, Found, worst

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rating.model import UsageRule

NO_RULE: Final = "no rule of its own"
NOT_SOLD: Final = "not sold"
_DIRECTIONS: Final = {1: "originating", 2: "terminating"}


class Usage(NamedTuple):
    """Usage that a rule holds for: everything but its price."""

    service: Service
    zone: str
    conditions: tuple[str, ...]

    def text(self) -> str:
        """`voice to far, roaming in usa`."""
        where = "anywhere" if self.zone == ANY_ZONE else f"to {self.zone}"
        return ", ".join([f"{self.service.name.lower()} {where}", *self.conditions])


class Priced(NamedTuple):
    """The rules of a plan by what they hold for, with the prices of its catalogue."""

    rules: dict[Usage, list[str | None]]  # prices in order: the next one where the one before is not active
    by_zone: dict[str, list[Usage]]
    prices: dict[str, Price]
    catalogue: Catalogue

    def text(self, usage: Usage) -> str:
        """The prices of a usage in words."""
        if usage not in self.rules:
            return NO_RULE
        names = self.rules[usage]
        return ", else ".join(NOT_SOLD if name is None else prices.summary(self.prices[name], self.catalogue) for name in names)


def priced(rules: Sequence[UsageRule], catalogue: Catalogue) -> Priced:
    """Rules made ready to be compared."""
    by_usage: dict[Usage, list[str | None]] = {}
    for rule in rules:
        by_usage.setdefault(Usage(rule.service, rule.zone, tuple(asks(rule))), []).append(rule.price)
    by_zone: dict[str, list[Usage]] = {}
    for usage in by_usage:
        by_zone.setdefault(usage.zone, []).append(usage)
    return Priced(by_usage, by_zone, {price.name: price for price in catalogue.prices}, catalogue)


def compare(old: Priced, new: Priced) -> Iterator[tuple[int | None, Found]]:
    """Usage with another price, or with a rule that was not there, each with the id of the new price; then rules in another order."""
    for usage in dict.fromkeys([*new.rules, *old.rules]):
        before, after = old.rules.get(usage), new.rules.get(usage)
        if before == after:
            continue
        price = new.prices[after[0]] if after and after[0] is not None else None
        found = Found(usage.text(), old.text(usage), new.text(usage), _effect(old, new, usage))
        yield (None if price is None else price.price_id), found
    for (service, zone), told in _orders(old, new):
        what = f"order of the rules for {Usage(service, zone, ()).text()}"
        yield None, Found(what, told[0], told[1], Effect.MAY)


def zone_effect(old: Priced, new: Priced, left: str | None, joined: str | None) -> Effect | None:
    """Effect on customers when numbers of zone `left` are now of zone `joined`, by rules alone. None: they name neither."""
    shapes = [
        {(usage.service, usage.conditions): side.rules[usage] for usage in side.by_zone.get(zone or "", ())}
        for side, zone in ((old, left), (new, joined))
    ]
    if not any(shapes):
        return None
    if shapes[0].keys() != shapes[1].keys():
        return Effect.MAY
    if any(len(found) != 1 or found[0] is None for shape in shapes for found in shape.values()):
        return Effect.NONE if shapes[0] == shapes[1] else Effect.MAY
    pairs = [(old.prices[found[0] or ""], new.prices[shapes[1][key][0] or ""]) for key, found in shapes[0].items()]
    return worst([prices.effect(before, after, (old.catalogue, new.catalogue)) for before, after in pairs])


def _effect(old: Priced, new: Priced, usage: Usage) -> Effect:
    """A price in place of another is compared; usage that is sold or refused otherwise than before may cost more."""
    before, after = old.rules.get(usage), new.rules.get(usage)
    if before is None or after is None or len(before) != 1 or len(after) != 1 or before[0] is None or after[0] is None:
        return Effect.MAY
    return prices.effect(old.prices[before[0]], new.prices[after[0]], (old.catalogue, new.catalogue))


def _orders(old: Priced, new: Priced) -> Iterator[tuple[tuple[Service, str], tuple[str, str]]]:
    """Rules of one service and zone that are in another order; only those that both have."""
    shared = old.rules.keys() & new.rules.keys()
    orders: list[dict[tuple[Service, str], list[Usage]]] = [{}, {}]
    for side, rules in zip(orders, (old.rules, new.rules), strict=True):
        for usage in rules:
            if usage in shared:
                side.setdefault((usage.service, usage.zone), []).append(usage)
    for key, before in orders[0].items():
        after = orders[1][key]
        if before != after:
            yield key, (_told(before), _told(after))


def _told(usages: list[Usage]) -> str:
    return "; ".join(", ".join(usage.conditions) or "no condition" for usage in usages)


def asks(rule: UsageRule) -> Iterator[str]:
    """Conditions of a rule, in words."""
    if rule.direction is not None:
        yield _DIRECTIONS.get(rule.direction, str(rule.direction))
    if rule.origin is not None:
        yield f"from {rule.origin}"
    if rule.on_net is not None:
        yield "on-net" if rule.on_net else "off-net"
    if rule.roaming is not None:
        yield "at home" if rule.roaming == HOME_NETWORK else f"roaming in {rule.roaming}"
    if rule.rating_group is not None:
        yield f"rating group {rule.rating_group}"
    if rule.customer_group is not None:
        yield f"customer group {rule.customer_group}"
