"""Inputs that rules and prices of published tariffs need of an event, besides its service and destination."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rating.model import WallClock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rating.model import Catalogue, Price, UsageRule


class RuleInputs(NamedTuple):
    """The circumstances that the tariffs need."""

    direction: bool
    origin: bool
    on_net: bool
    visited: bool
    rating_group: bool
    content: bool
    home_clock: bool
    short_code: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of usage that are read for them, beyond those that every event needs."""
        wanted = {
            "source_amount_micros": self.content,
            "source_currency": self.content,
            "serving_plmn": self.visited,
            "rating_group": self.rating_group,
            "other_raw": self.short_code,
        }
        return tuple(name for name, asked in wanted.items() if asked)


def asked(catalogues: Iterable[Catalogue]) -> RuleInputs:
    """The circumstances that any rule or price of `catalogues` needs."""
    every = tuple(catalogues)
    rules, prices = list(_rules(every)), list(_prices(every))
    clocks = {each.clock for each in prices} | {each.clock for catalogue in every for plan in catalogue.plans for each in plan.day_passes}
    return RuleInputs(
        direction=any(rule.direction is not None for rule in rules),
        origin=any(rule.origin is not None for rule in rules),
        on_net=any(rule.on_net is not None for rule in rules),
        visited=any(rule.roaming is not None for rule in rules) or WallClock.VISITED in clocks,
        rating_group=any(rule.rating_group is not None for rule in rules),
        content=any(price.content_ppm for price in prices),
        home_clock=WallClock.HOME in clocks,
        short_code=any(zone.short_codes for catalogue in every for zone in catalogue.zones),
    )


def _rules(catalogues: tuple[Catalogue, ...]) -> Iterator[UsageRule]:
    return (rule for catalogue in catalogues for plan in catalogue.plans for rule in plan.rules)


def _prices(catalogues: tuple[Catalogue, ...]) -> Iterator[Price]:
    return (price for catalogue in catalogues for price in catalogue.prices)
