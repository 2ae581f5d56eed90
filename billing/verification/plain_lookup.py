"""The owner, the plan and the buckets of each event, looked up one event at a time, and priced by the plain twin.

The bill run does all of this on whole columns with compiled tables. Here it is done again with none of that code, for checks of a run and
explanations of a charge. Everything is as of the run's sequence number. Facts (`plain_facts`), computed periods (`plain_periods`) and
quantities left by earlier runs (`plain_lefts`) are read anew. `rerate_sample` lists what both share.

Events that draw on one bucket can only be priced together. Usually those are the events of one subscription and period. Some plans share
an allowance within an account, or have one that outlives its period. There they are the events of the whole account and of all that were
ever in a pool with it, in all their open periods: `PlainLookup.together` holds them. A charge says in which period late usage is billed.
"""

from __future__ import annotations

import collections
import datetime as dt
import functools
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from billing.catalogue import ever_billed_by_arrival
from billing.catalogue.in_force import in_force
from billing.charges.periods import Period, period_from, period_of
from billing.charges.rollover import SHARED, by_owner
from billing.intake import view
from billing.verification import plain_lefts, plain_sessions
from billing.verification.plain_buckets import Holder, PlainBuckets, Present, lefts_after
from billing.verification.plain_facts import PlainFacts, numbers
from billing.verification.plain_periods import PlainPeriods
from rating.model import LateUsage, Service
from rating.outcome import Event, Outcome
from rating.reference import Reference
from rating.schema import Direction

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    import sqlalchemy as sa

    from billing.store.home import Home
    from billing.verification.plain_facts import Subscription
    from billing.verification.plain_periods import Lefts
    from rating.model import Plan

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
NUMBER_DIGITS_MAX: Final = 15
DAY_US: Final = 86_400_000_000
_USAGE: Final = (
    "event_key", "served_id", "service", "direction", "other_e164", "other_raw", "start_us", "duration_us", "bytes_up", "bytes_down",
    "units", "source_amount_micros", "source_currency", "serving_plmn", "rating_group",
)  # fmt: skip


class Owner(NamedTuple):
    """Owner of an event: the subscription that pays, the plan that applies, and the holder it draws as."""

    subscription_key: int  # 0 nobody
    plan: str | None
    holder: Holder | None


NOBODY: Final = Owner(0, None, None)


class PlainLookup:
    """Looks everything up one event at a time, as a run (a row of bill_runs) knew it."""

    def __init__(self, home: Home, connection: sa.Connection, run: Any) -> None:  # noqa: ANN401 -- a row of bill_runs
        self.seq = seq = run.pinned_seq
        self._home, self._run = home, run
        self._facts = PlainFacts(connection, seq, dt.date.fromisoformat(run.bill_date))
        self._spans = numbers(connection, seq)
        catalogues = in_force(home, seq)
        newest = sorted(catalogues, key=lambda each: each.effective_from_us)
        self._newest = newest[::-1]
        self._currency = {each.identity: each.currency for each in newest}
        self._reference = Reference(catalogues)
        self._buckets = PlainBuckets(catalogues, bills_on_arrival=ever_billed_by_arrival(home))
        self.together = self._linked_accounts()
        self._members: dict[int, list[int]] = {}  # accounts by their number in `together`
        for key, number in self.together.items():
            self._members.setdefault(number, []).append(key)
        self._subscriptions_of = self._facts.subscriptions_of(self.together)
        self._periods = PlainPeriods(connection, run, self._facts, self.together)

    def outcomes(self, usage: Sequence[Mapping[str, Any]]) -> list[tuple[Owner, Outcome]]:
        """Owner and outcome by the twin, in the order given. `usage` (see `usage_of`) must hold all events that draw together."""
        owners = [self._owner(row) for row in usage]
        events = [self._event(row, owner) for row, owner in zip(usage, owners, strict=True)]
        rows_of: dict[Hashable, list[int]] = collections.defaultdict(list)
        for row, owner in enumerate(owners):
            rows_of[self._group(owner)].append(row)
        outcomes: dict[int, Outcome] = {}
        for rows in rows_of.values():
            holders = [owners[row].holder for row in rows]
            found = self._priced([events[row] for row in rows], holders)
            outcomes.update(zip(rows, found, strict=True))
        return [(owner, outcomes[row]) for row, owner in enumerate(owners)]

    def as_before(self, event_keys: set[bytes]) -> dict[bytes, dict[str, Any]]:
        """The rows of before of those of some events whose session was changed too late, their starts as integers."""
        found = plain_sessions.Sessions(self._home, self.seq, event_keys)
        return found.as_before(self._is_late) if found.changes else {}

    def _is_late(self, row: Mapping[str, Any], commit_seq: int, came_us: int) -> bool:
        """True where a row would be too late, or waived, if it had come with a commit."""
        subscription = self._facts.subscription(self._subscriber(row["served_id"], row["start_us"]))
        if subscription is None:
            return False
        account = self._facts.account(subscription.account_key)
        day = (EPOCH + dt.timedelta(microseconds=row["start_us"])).astimezone(ZoneInfo(account.timezone)).date()
        name = next((plan for from_date, plan in reversed(subscription.plans) if from_date <= day), None)
        rule = None if name is None else self._newest_plan(name)
        if rule is None:
            return False
        if rule.late_usage_days_max is not None and came_us > row["start_us"] + rule.late_usage_days_max * DAY_US:
            return True
        period = period_of(day, account.billed_from, account.all_bill_days, account.closed_on)
        if rule.late_usage is not LateUsage.WAIVE or period is None:
            return False
        with self._home.connect() as connection:
            billed = plain_lefts.first_billed(connection, self._run, account.account_key, period.end)
        return billed is not None and commit_seq > billed

    def _newest_plan(self, name: str) -> Plan | None:
        """The plan as the newest version has it that has it at all."""
        identity, _, plain_name = name.partition("/")
        return next((plan for each in self._newest if each.identity == identity for plan in each.plans if plan.name == plain_name), None)

    def with_others(self, account_keys: Iterable[int]) -> list[int]:
        """Some accounts, and all others whose events draw together with theirs."""
        keys = set(account_keys)
        numbers = {self.together[key] for key in keys if key in self.together}
        return sorted(keys | {key for key, number in self.together.items() if number in numbers})

    def account_key(self, subscription_key: int) -> int:
        """The account that a subscription is of."""
        return self._known(subscription_key).account_key

    def _known(self, subscription_key: int) -> Subscription:
        subscription = self._facts.subscription(subscription_key)
        assert subscription is not None
        return subscription

    def _linked_accounts(self) -> dict[int, int]:
        """A number for each account (key) whose events draw together: one for all that were ever in a pool with each other."""
        links = functools.cache(self._buckets.links)
        linked = {account_key for account_key, plans in self._facts.plans_ever() if any(links(plan) for plan in plans)}
        found = {key: key for key in sorted(linked)}
        for joined in self._facts.pooled():
            if not linked.isdisjoint(joined):
                found |= dict.fromkeys(sorted(joined), min(joined))
        return found

    def _group(self, owner: Owner) -> Hashable:
        """Events of one group draw together."""
        if owner.holder is None:
            return None
        account_key = self.account_key(owner.subscription_key)
        return self.together.get(account_key, (owner.subscription_key, owner.holder.period))

    def _priced(self, events: Sequence[Event], holders: Sequence[Holder | None]) -> list[Outcome]:
        """Outcomes of one group."""
        first = next((holder for holder in holders if holder is not None), None)
        if first is None:
            return self._reference.rate_in_order(events, holders, {}, {}).outcomes
        if self.account_key(first.subscription_key) in self.together:
            return self._priced_by_cycles(events, [holder for holder in holders if holder is not None])
        own = self._known(first.subscription_key)
        account = self._facts.account(own.account_key)
        drawing = self._buckets.drawing(account, [Present(account, own, first.period)], [])
        return self._reference.rate_in_order(events, holders, drawing.held, drawing.buckets).outcomes

    def _priced_by_cycles(self, events: Sequence[Event], holders: Sequence[Holder]) -> list[Outcome]:
        """Outcomes of all events of accounts that draw together: cycle by cycle, and in each pool by pool."""
        number = self.together[self.account_key(holders[0].subscription_key)]
        pools: dict[tuple[dt.date, int], list[Present]] = collections.defaultdict(list)
        for key, periods in self._periods_of(number, holders).items():
            account = self._facts.account(key)
            subscriptions = [self._known(each) for each in self._subscriptions_of[key]]
            for period in periods:
                pool = pools[period.cycle_end or period.end, account.root_on(period.start)]
                pool.extend(Present(account, each, period) for each in subscriptions)
        outcomes: dict[int, Outcome] = {}
        lefts: Lefts = {}
        for (_, root), present in sorted(pools.items(), key=lambda each: each[0]):
            owners = {(root, SHARED)}
            owners |= {(each.account.account_key, each.subscription.subscription_key) for each in present}
            begin = [left for owner in sorted(owners) for left in lefts.get(owner, self._periods.lefts.get(owner, []))]
            drawing = self._buckets.drawing(self._facts.account(root), present, begin)
            own = {(each.subscription.subscription_key, each.period) for each in present}
            rows = [row for row, holder in enumerate(holders) if (holder.subscription_key, holder.period) in own]
            some = [events[row] for row in rows], [holders[row] for row in rows]
            ordered = self._reference.rate_in_order(*some, drawing.held, drawing.buckets)
            outcomes.update(zip(rows, ordered.outcomes, strict=True))
            lefts |= {owner: [] for owner in owners} | by_owner(lefts_after(drawing, ordered.buckets))
        return [outcomes[row] for row in range(len(events))]

    def _periods_of(self, number: int, holders: Sequence[Holder]) -> dict[int, list[Period]]:
        """The computed periods of accounts that draw together, and those in which `holders` have events, which should be among them."""
        held: dict[int, set[Period]] = collections.defaultdict(set)
        for holder in holders:
            held[self.account_key(holder.subscription_key)].add(holder.period)
        first = min(holder.period.start for holder in holders)
        return {
            key: sorted(held[key].union(self._periods.of(key, first)), key=lambda each: each.start) for key in sorted(self._members[number])
        }

    def _owner(self, row: Mapping[str, Any]) -> Owner:
        start_us = row["start_us"]
        subscription = self._facts.subscription(self._subscriber(row["served_id"], start_us))
        if subscription is None:
            return NOBODY
        account = self._facts.account(subscription.account_key)
        day = (EPOCH + dt.timedelta(microseconds=start_us)).astimezone(ZoneInfo(account.timezone)).date()
        if day < subscription.active.start or (subscription.active.end is not None and day >= subscription.active.end):
            return NOBODY
        key = subscription.subscription_key
        plan = next((plan for from_date, plan in reversed(subscription.plans) if from_date <= day), None)
        if plan is None:
            return Owner(key, None, None)
        billed_on = max(day, row["period_from"]) if self._buckets.bills_on_arrival else day  # what came late is billed in a later one
        period = period_of(billed_on, account.billed_from, account.all_bill_days, account.closed_on)
        if period is None:  # before the account is billed, or after it was closed
            whole = period_from(day, account.all_bill_days[-1][1])
            period = Period(max(whole.cycle_start, account.billed_from), whole.end, whole.cycle_start)
        return Owner(key, plan, Holder(key, plan, period))

    def _subscriber(self, number: str, instant_us: int) -> int:
        """The subscription that had a number at an instant, 0 for none."""
        spans = self._spans.get(number, ())
        return next((key for from_us, to_us, key in spans if from_us <= instant_us and (to_us is None or instant_us < to_us)), 0)

    def _event(self, row: Mapping[str, Any], owner: Owner) -> Event:
        number = row["other_e164"]
        other = str(number) if number is not None and number > 0 else ""
        dialled = row["other_raw"] or ""
        is_code = dialled in self._buckets.short_codes(owner.plan, row["service"], row["start_us"])
        originating = row["direction"] == Direction.ORIGINATING
        payer = self._facts.subscription(owner.subscription_key)
        amount = row["source_amount_micros"]
        in_currency = owner.plan is not None and row["source_currency"] == self._currency.get(owner.plan.partition("/")[0], "")
        return Event(
            row["event_key"],
            row["start_us"],
            _quantity(row),
            row["service"],
            owner.plan,
            destination=dialled if is_code else "" if not number else None if number < 0 else other,
            origin=_number(row["served_id"]) if originating else other,
            direction=row["direction"],
            on_net=self._subscriber(other, row["start_us"]) > 0 if other else None,
            visited=row["serving_plmn"] or 0,
            rating_group=row["rating_group"] or 0,
            home_timezone=self._facts.account(payer.account_key).timezone if payer is not None else "",
            content_micros=amount if amount is not None and in_currency else -1,
        )


def usage_of(home: Home, plain: PlainLookup, chosen: pa.Table) -> list[dict[str, Any]]:
    """Usage rows of the `chosen` charges (event_key, start_us, period_from), instants as integers, each with its `period_from`.

    Of a session that was changed too late they are the rows of before.
    """
    keys: Any = chosen["event_key"].combine_chunks()
    start_us = chosen["start_us"].cast(pa.int64()).to_numpy()
    if not len(start_us):
        return []
    usage = view.usage(home, _USAGE, plain.seq, int(start_us.min()), int(start_us.max()) + 1)
    usage = usage.filter(pc.is_in(usage["event_key"], value_set=keys))
    place = usage.column_names.index("start_us")
    usage = usage.set_column(place, "start_us", usage["start_us"].cast(pa.int64()))
    period_from = dict(zip(keys.to_pylist(), chosen["period_from"].to_pylist(), strict=True))
    rows = {row["event_key"]: row for row in usage.to_pylist()} | plain.as_before(set(period_from))
    return [row | {"period_from": period_from[key]} for key, row in rows.items()]


def _quantity(row: Mapping[str, Any]) -> int:
    if row["service"] == Service.VOICE:
        return int(row["duration_us"] or 0)
    if row["service"] == Service.DATA:
        return (row["bytes_up"] or 0) + (row["bytes_down"] or 0)
    return 1 if row["units"] is None else row["units"]


def _number(served_id: str) -> str:
    """The served id where it is an E.164 number, else nothing."""
    is_number = served_id.isascii() and served_id.isdecimal() and len(served_id) <= NUMBER_DIGITS_MAX and served_id[0] != "0"
    return served_id if is_number else ""
