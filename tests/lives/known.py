"""What was told in a life so far, for the plain bill: changed with each act that the product took."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

from tests.lives import story
from tests.lives.late import Late
from tests.lives.tariff import RATES

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclasses.dataclass
class Sub:
    """A subscription. `served_to`: the day from which its number is no longer its own."""

    name: str
    account: str
    number: str
    start: dt.date
    plans: dict[dt.date, str]
    end: dt.date | None = None
    served_to: dt.date | None = None
    pauses: dict[dt.date, dt.date | None] = dataclasses.field(default_factory=dict)
    resumed: set[dt.date] = dataclasses.field(default_factory=set)  # pauses whose end was told later
    outages: dict[dt.date, dt.date | None] = dataclasses.field(default_factory=dict)
    discounts: list[story.Discount] = dataclasses.field(default_factory=list)
    taken_over: bool = False
    handed_over: bool = False

    def plan_on(self, day: dt.date) -> str:
        """The plan of a day."""
        return self.plans[max((each for each in self.plans if each <= day), default=self.start)]


@dataclasses.dataclass
class Known:
    """Everything that was told, in the order of telling where that matters."""

    opened: dt.date
    bill_day: int
    inclusive: bool
    versions: dict[dt.date, story.Version]
    numbers: dict[dt.date, int]  # of the version that stands for a date
    shared_rolls: bool
    accounts: tuple[str, ...] = ("A", "B", "C")
    bill_days: dict[str, dict[dt.date, int]] = dataclasses.field(default_factory=dict)
    exempt: dict[str, dict[dt.date, dt.date | None]] = dataclasses.field(default_factory=dict)
    discounts: dict[str, list[story.Discount]] = dataclasses.field(default_factory=dict)
    closed: dict[str, dt.date] = dataclasses.field(default_factory=dict)
    subscriptions: dict[str, Sub] = dataclasses.field(default_factory=dict)
    calls: dict[story.Call, dt.datetime] = dataclasses.field(default_factory=dict)  # with the instant at which each came first
    adjustments: dict[str, story.Adjustment] = dataclasses.field(default_factory=dict)
    pending: dict[str, story.Adjustment] = dataclasses.field(default_factory=dict)
    payers: list[story.Payer] = dataclasses.field(default_factory=list)
    pools: dict[str, dict[dt.date, tuple[dt.date | None, str]]] = dataclasses.field(default_factory=dict)  # end, and root
    approval: bool = False  # whether another person approves each run
    late: Late = dataclasses.field(default_factory=Late)

    def life(self) -> story.Life:
        """The same for the plain bill: without what people decided on as too late, and with what they bill instead."""
        whole, gone = self.whole(), self.late.calls()
        calls = tuple((call, came) for call, came in whole.calls if call not in gone)
        return whole._replace(calls=calls, adjustments=(*whole.adjustments, *self.late.adjustments()))

    def whole(self) -> story.Life:
        """The same with all usage, whatever people decided on it."""
        return story.Life(
            self.opened,
            self.inclusive,
            RATES,
            tuple(each for _, each in sorted(self.versions.items())),
            tuple(self.account(name) for name in self.accounts),
            tuple(_subscription(each) for each in self.subscriptions.values()),
            tuple(self.calls.items()),
            tuple(self.adjustments.values()),
            tuple(self.payers),
        )

    def account(self, name: str) -> story.Account:
        """An account as the plain bill sees it."""
        bill_days = ((dt.date.min, self.bill_day), *sorted(self.bill_days.get(name, {}).items()))
        pools = tuple((story.Span(start, end), root) for start, (end, root) in sorted(self.pools.get(name, {}).items()))
        agreed = _spans(self.exempt.get(name, {})), tuple(self.discounts.get(name, ()))
        return story.Account(name, bill_days, *agreed, self.closed.get(name), pools)

    def bill_dates(self, until: dt.date) -> list[dt.date]:
        """The dates at which a period of any account ends, up to one after `until`."""
        every = {period.end for name in self.accounts for period in story.periods(self.account(name), self.opened, until)}
        return sorted(every)


def _subscription(told: Sub) -> story.Subscription:
    return story.Subscription(
        told.name,
        told.account,
        story.Span(told.start, told.end),
        tuple(sorted(told.plans.items())),
        _spans(told.pauses),
        _spans(told.outages),
        tuple(told.discounts),
        ((told.number, story.Span(told.start, told.served_to)),),
        told.taken_over,
        told.handed_over,
    )


def _spans(told: Mapping[dt.date, dt.date | None]) -> tuple[story.Span, ...]:
    return tuple(story.Span(start, end) for start, end in sorted(told.items()))
