"""Who owned a number, which plan, which allowance: looked up one event at a time, and priced by the plain twin.

The bill run does all of this on whole columns with compiled tables. Here it is done again with none of that code, for those who check a
run or explain a charge. As of a sequence number, like the run.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing import catalogue
from billing.charges.periods import Period, period_from
from billing.charges.proration import clip
from billing.charges.recurring import grant, plan_spans
from billing.intake import view
from billing.runs import facts
from billing.store import tables
from rating.model import Service
from rating.reference import Event, Outcome, Reference

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from billing.store.home import Home
    from rating.model import Allowance, Catalogue, Plan

DAY_US: Final = 86_400_000_000
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_USAGE: Final = ("event_key", "served_id", "service", "other_e164", "start_us", "duration_us", "bytes_up", "bytes_down", "units")


class Owner(NamedTuple):
    """Who pays for an event, which plan applies, and from which bucket it draws."""

    subscription_key: int  # 0 nobody
    plan: str | None
    bucket: tuple[int, str, Period, int] | None


class PlainLookup:
    """Looks everything up one event at a time, as of a sequence number."""

    def __init__(self, home: Home, connection: sa.Connection, seq: int) -> None:
        self._facts = facts.load(connection, seq)
        self._subscriptions = {each.subscription_key: each for each in self._facts.subscriptions}
        self._spans = _spans_by_number(connection, seq)
        published = tables.publications.c
        rows = connection.execute(sa.select(published.identity, published.version).where(published.commit_seq <= seq))
        known = {(row.identity, row.version) for row in rows}
        self._catalogues = [each for each in catalogue.published(home) if (each.identity, each.version) in known]
        self._reference = Reference(self._catalogues)

    def outcomes(self, usage: Sequence[Mapping[str, Any]]) -> list[tuple[Owner, Outcome]]:
        """Who pays and what the twin says, for whole buckets of usage rows (see `usage_of`), in the order given."""
        owners = [self._owner(row) for row in usage]
        events = [_event(row, owner.plan) for row, owner in zip(usage, owners, strict=True)]
        buckets = [owner.bucket for owner in owners]
        openings: dict[Hashable, int] = {bucket: self._granted(*bucket) for bucket in set(buckets) if bucket is not None}
        outcomes = self._reference.rate_in_order(events, buckets, openings).outcomes
        return list(zip(owners, outcomes, strict=True))

    def _owner(self, row: Mapping[str, Any]) -> Owner:
        start_us = row["start_us"]
        spans = self._spans.get(row["served_id"], ())
        key = next((key for from_us, to_us, key in spans if from_us <= start_us and (to_us is None or start_us < to_us)), 0)
        subscription = self._subscriptions.get(key)
        if subscription is None:
            return Owner(0, None, None)
        account = self._facts.accounts[subscription.account]
        day = (EPOCH + dt.timedelta(microseconds=start_us)).astimezone(ZoneInfo(account.timezone)).date()
        if day < subscription.active.start or (subscription.active.end is not None and day >= subscription.active.end):
            return Owner(0, None, None)
        plan = next((plan for from_date, plan in reversed(subscription.plans) if from_date <= day), None)
        if plan is None:
            return Owner(key, None, None)
        whole = period_from(day, account.bill_day)
        period = Period(max(whole.cycle_start, account.billed_from), whole.end, whole.cycle_start)
        return Owner(key, plan, (key, plan, period, row["service"]))

    def _granted(self, key: int, plan: str, period: Period, service: int) -> int:
        subscription = self._subscriptions[key]
        spans = [each.span for each in plan_spans(subscription.plans, subscription.active) if each.plan == plan]
        parts = [part for span in spans if (part := clip(span, period)) is not None]
        zone = ZoneInfo(self._facts.accounts[subscription.account].timezone)
        allowance = self._allowance(plan, service, parts[0].start, zone)
        return grant(allowance, parts, period) if allowance is not None else 0

    def _allowance(self, plan: str, service: int, day: dt.date, zone: ZoneInfo) -> Allowance | None:
        """That of the plan as the day begins; where the plan is not to be had yet, as it comes into force within the day."""
        midnights = (dt.datetime(each.year, each.month, each.day, tzinfo=zone) for each in (day, day + dt.timedelta(days=1)))
        begin_us, end_us = ((each - EPOCH) // dt.timedelta(microseconds=1) for each in midnights)
        plan_of_day = self._plan_at(plan, begin_us) or self._plan_at(plan, end_us - 1)
        allowances = plan_of_day.allowances if plan_of_day is not None else ()
        return next((each for each in allowances if each.service == service), None)

    def _plan_at(self, plan: str, instant_us: int) -> Plan | None:
        identity, _, name = plan.partition("/")
        in_force: Catalogue | None = max(
            (each for each in self._catalogues if each.identity == identity and each.effective_from_us <= instant_us),
            key=lambda each: each.effective_from_us,
            default=None,
        )
        return next((each for each in in_force.plans if each.name == name), None) if in_force is not None else None


def usage_of(home: Home, seq: int, chosen: pa.Table) -> list[dict[str, Any]]:
    """Usage rows of the `chosen` charges (event_key, period_from), instants as integers."""
    keys: Any = chosen["event_key"].combine_chunks()
    day = chosen["period_from"].cast(pa.int32()).to_numpy()
    if not len(day):
        return []
    first_us = (int(day.min()) - 1) * DAY_US  # local days begin at most a day before those of UTC
    usage = view.usage(home, _USAGE, seq, first_us)
    usage = usage.filter(pc.is_in(usage["event_key"], value_set=keys))
    place = usage.column_names.index("start_us")
    return usage.set_column(place, "start_us", usage["start_us"].cast(pa.int64())).to_pylist()


def _spans_by_number(connection: sa.Connection, seq: int) -> dict[str, list[tuple[int, int | None, int]]]:
    fact = tables.guiding_facts.c
    spans: dict[str, dict[int, tuple[int, int | None, int]]] = {}
    query = sa.select(fact.served_id, fact.from_us, fact.to_us, fact.subscription_key).where(fact.commit_seq <= seq)
    for served_id, from_us, to_us, key in connection.execute(query.order_by(fact.commit_seq)):
        spans.setdefault(served_id, {})[from_us] = (from_us, to_us, key)  # one learned later tells the end
    return {served_id: list(by_start.values()) for served_id, by_start in spans.items()}


def _event(row: Mapping[str, Any], plan: str | None) -> Event:
    if row["service"] == Service.VOICE:
        quantity = row["duration_us"] or 0
    elif row["service"] == Service.DATA:
        quantity = (row["bytes_up"] or 0) + (row["bytes_down"] or 0)
    else:
        quantity = 1 if row["units"] is None else row["units"]
    number = row["other_e164"]
    destination = "" if not number else None if number < 0 else str(number)
    return Event(row["event_key"], row["start_us"], quantity, row["service"], plan, destination)
